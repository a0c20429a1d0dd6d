"""The copying head: the next token is generated, or copied from the source."""

import keras
from keras import ops

from lmzoo.layers.attention.weights import softmax
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.recurrent.recurrence import covered_before, run_coverage
from lmzoo.typing import Tensor

# The smallest probability that is told from 0.
_SMALLEST = 1e-30


@keras.saving.register_keras_serializable(package="lmzoo")
class CopyHead(keras.layers.Layer):
    """Log-probabilities of a mixture: a softmax over the vocabulary, and a place in the source.

    p(w) = g softmax(x W)[w] + (1 - g) (attention on the places of the source that hold w), where
    the gate g depends on the position and on what it attends to. Source and target share one
    vocabulary.

    Args:
        vocab_size: Number of ids.
        norm: A normalization layer that comes first, or None.
        dropout: Share of the hidden state dropped in training, 0 to 1.
        coverage: Weight of the coverage loss: looking again at what was looked at before costs so
            many times as much attention as falls there twice, per target token. Above 0 the
            attention also sees what it looked at before.

    Source: See et al. 2017, https://aclanthology.org/P17-1099

    Example:
        >>> import keras, lmzoo
        >>> head = lmzoo.layers.CopyHead(9)
        >>> memory, mask = keras.ops.ones((1, 3, 4)), keras.ops.ones((1, 3), "bool")
        >>> source = keras.ops.convert_to_tensor([[5, 6, 5]])
        >>> x = keras.ops.ones((1, 2, 8))
        >>> logits = head(x, memory, memory_mask=mask, source=source)
        >>> tuple(logits.shape), round(float(keras.ops.sum(keras.ops.exp(logits[0, 0]))), 4)
        ((1, 2, 9), 1.0)
    """

    cross_attends = True

    def __init__(
        self,
        vocab_size: int,
        *,
        norm: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        coverage: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.coverage = coverage
        self.norm = norm
        self.dropout = Dropout(dropout)

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        """Makes the projections and the gate."""
        dim, memory_dim = x_shape[-1], memory_shape[-1]
        if self.norm is not None:
            self.norm.build(x_shape)
        self.projection = Dense(self.vocab_size, name="projection")
        self.projection.build(x_shape)
        self.key_projection = Dense(dim, use_bias=False, name="key")
        self.key_projection.build(memory_shape)
        self.gate = Dense(1, name="gate")
        self.gate.build((*x_shape[:-1], dim + memory_dim))
        if self.coverage:
            # Below 0: what was looked at is looked at less.
            initializer = keras.initializers.Constant(-1.0)
            self.again = self.add_weight((), initializer=initializer, name="again")
        self.built = True

    def call(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        source: Tensor | None = None,
        target_mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """Log-probabilities (batch, time, vocab_size).

        Args:
            x: Hidden states, (batch, time, dim).
            memory: (batch, keys, memory_dim).
            memory_mask: bool (batch, keys), where the memory is real.
            source: The ids that the memory was made of, int32 (batch, keys).
            target_mask: bool (batch, time), where the target is real: what counts in the coverage
                loss.
            training: Whether dropout is on.

        Returns:
            float32 (batch, time, vocab_size); exp of them adds up to 1.
        """
        if self.norm is not None:
            x = self.norm(x)
        x = self.dropout(x, training=training)
        memory_state = self.prepare_memory(memory, memory_mask, source)
        covered = ops.zeros_like(source, dtype="float32") if self.coverage else None
        places = self._places(x, memory_state, covered)
        if self.coverage and target_mask is not None:
            again = ops.minimum(places, covered_before(places, covered))
            real = ops.cast(target_mask, "float32")
            again = ops.sum(ops.sum(again, axis=-1) * real) / ops.maximum(ops.sum(real), 1.0)
            self.add_loss(self.coverage * again)
        return self._mix(x, memory_state, places)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        """(batch, time, vocab_size)."""
        return (*x_shape[:-1], self.vocab_size)

    def prepare_memory(
        self, memory: Tensor, memory_mask: Tensor, source: Tensor
    ) -> tuple[Tensor, ...]:
        """The memory's keys, the memory, its mask and its ids."""
        return self.key_projection(memory), memory, memory_mask, ops.cast(source, "int32")

    def step(
        self,
        x: Tensor,
        memory_state: tuple[Tensor, ...],
        attention_weights: list[Tensor] | None = None,
        covered: Tensor | None = None,
    ) -> Tensor:
        """`call` for n tokens, with the memory read.

        Args:
            x: (batch, n, dim).
            memory_state: What `prepare_memory` gave.
            attention_weights: The weights (batch, n, keys) are appended to it.
            covered: What was looked at before, (batch, keys); for `coverage` only.

        Returns:
            Log-probabilities (batch, n, vocab_size).
        """
        if self.norm is not None:
            x = self.norm(x)
        places = self._places(x, memory_state, covered if self.coverage else None)
        if attention_weights is not None:
            attention_weights.append(places)
        return self._mix(x, memory_state, places)

    def _places(
        self, x: Tensor, memory_state: tuple[Tensor, ...], covered: Tensor | None
    ) -> Tensor:
        """How much each position looks at each place of the source: (batch, time, keys)."""
        keys, _, mask, _ = memory_state
        keys = ops.transpose(keys, (0, 2, 1))  # (batch, dim, keys)
        scores = ops.matmul(x * x.shape[-1] ** -0.5, keys)
        scores = ops.where(mask[:, None, :], ops.cast(scores, "float32"), -1e9)
        if covered is None:
            return softmax(scores)
        return run_coverage(scores, ops.cast(self.again, "float32"), covered)

    def _mix(self, x: Tensor, memory_state: tuple[Tensor, ...], places: Tensor) -> Tensor:
        _, memory, _, source = memory_state
        context = ops.matmul(ops.cast(places, memory.dtype), memory)
        gate = ops.sigmoid(self.gate(ops.concatenate([context, x], axis=-1)))
        gate = ops.cast(gate, "float32")  # (batch, time, 1)
        written = softmax(ops.cast(self.projection(x), "float32"))
        copied = self._by_id(places, source)
        return ops.log(ops.maximum(gate * written + (1 - gate) * copied, _SMALLEST))

    def _by_id(self, places: Tensor, source: Tensor) -> Tensor:
        """Probabilities of places (batch, time, keys), added up by id: (batch, time, vocab)."""
        batch, time = ops.shape(places)[0], ops.shape(places)[1]
        rows = ops.reshape(ops.arange(batch * time), (batch, time, 1))  # (batch, time, 1)
        index = rows * self.vocab_size + source[:, None, :]  # (batch, time, keys)
        index = ops.reshape(index, (-1, 1))  # (batch * time * keys, 1)
        places = ops.reshape(places, (-1,))  # (batch * time * keys,)
        flat = ops.scatter(index, places, (batch * time * self.vocab_size,))
        return ops.reshape(flat, (batch, time, self.vocab_size))  # (batch, time, vocab)
