"""The copying head: the next token is generated, or copied from the source."""

from typing import Any

import keras
from keras import ops

from lmzoo.layers.attention.scored import DotProductAttention
from lmzoo.layers.attention.weights import masked, softmax
from lmzoo.layers.dense import Dense
from lmzoo.layers.heads.head import Preparation
from lmzoo.layers.layer import Layer
from lmzoo.layers.recurrent.recurrence import run_coverage, sum_before
from lmzoo.typing import Tensor

# Probabilities below this one count as this one.
_SMALLEST = 1e-30


class CopyHead(Layer):
    """Log-probabilities of a mixture: a softmax over the vocabulary, and a copy from the source.

    p(w) = g softmax(x W)[w] + (1 - g) (attention to the source positions that hold w), where
    the gate g depends on the position and on its context. Source and target share one vocabulary.

    Args:
        vocab_size: Number of ids.
        norm: A normalization layer that comes first, or None.
        dropout: Dropout rate of the hidden state, 0 to 1.
        coverage: Weight of the loss of attending again; above 0, attention depends on what it saw.
    Source: See et al. 2017, https://aclanthology.org/P17-1099

    Example:
        >>> import keras, lmzoo
        >>> x, source = keras.ops.ones((1, 2, 8)), keras.ops.convert_to_tensor([[5, 6]])
        >>> mask = keras.ops.ones((1, 2), "bool")
        >>> tuple(lmzoo.layers.CopyHead(9)(x, x, memory_mask=mask, source=source).shape)
        (1, 2, 9)
    """

    cross_attends = True

    def __init__(
        self,
        vocab_size: int,
        *,
        norm: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        coverage: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.coverage = coverage
        self.prepare = Preparation(norm, dropout, dtype=self.dtype_policy)
        self.attention = DotProductAttention(dtype=self.dtype_policy)

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        self.prepare.build(x_shape)
        self.projection = Dense(self.vocab_size, name="projection", dtype=self.dtype_policy)
        self.projection.build(x_shape)
        self.attention.build(x_shape, memory_shape)
        self.gate = Dense(1, name="gate", dtype=self.dtype_policy)
        self.gate.build((*x_shape[:-1], x_shape[-1] + memory_shape[-1]))
        if self.coverage:
            # Below 0: attention turns away from what is covered.
            initializer = keras.initializers.Constant(-1.0)
            self.coverage_weight = self.add_weight(
                (), initializer=initializer, name="coverage_weight"
            )

    def call(
        self,
        x: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        source: Tensor | None = None,
        target_mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """x (batch, time, dim), memory (batch, keys, memory_dim) of ids `source` (batch, keys)
        -> log-probabilities float32 (batch, time, vocab_size); coverage counts at `target_mask`."""
        x = self.prepare(x, training=training)
        memory_state = self.prepare_memory(memory, memory_mask, source)
        covered = ops.zeros_like(source, dtype="float32") if self.coverage else None
        weights = self._attention_weights(x, memory_state, covered)
        if self.coverage and target_mask is not None:
            repeated = ops.sum(ops.minimum(weights, sum_before(weights, covered)), axis=-1)
            real = ops.cast(target_mask, "float32")
            repeated = ops.sum(repeated * real) / ops.maximum(ops.sum(real), 1.0)
            self.add_loss(self.coverage * repeated)
        return self._mix(x, memory_state, weights)

    def compute_output_spec(self, x: Tensor, *args: Any, **kwargs: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*x.shape[:-1], self.vocab_size), dtype="float32")

    def prepare_memory(
        self, memory: Tensor, memory_mask: Tensor | None, source: Tensor
    ) -> tuple[Tensor, ...]:
        """The memory's keys, the memory, its mask and its ids."""
        source = ops.cast(source, "int32")
        mask = ops.ones_like(source, "bool") if memory_mask is None else memory_mask
        return self.attention.keys(memory), memory, mask, source

    def step(
        self,
        x: Tensor,
        memory_state: tuple[Tensor, ...],
        attention_weights: list[Tensor] | None = None,
        covered: Tensor | None = None,
    ) -> Tensor:
        """`call` for n tokens; appends to `attention_weights`, whose sum so far is `covered`."""
        x = self.prepare(x)
        weights = self._attention_weights(x, memory_state, covered if self.coverage else None)
        if attention_weights is not None:
            attention_weights.append(weights)
        return self._mix(x, memory_state, weights)

    def _attention_weights(
        self, x: Tensor, memory_state: tuple[Tensor, ...], covered: Tensor | None
    ) -> Tensor:
        """The weight of each source position, float32 (batch, time, keys)."""
        keys, _, mask, _ = memory_state
        scores = self.attention.scores(x * x.shape[-1] ** -0.5, keys)  # (batch, time, keys)
        scores = masked(scores, mask[:, None, :])
        if covered is None:
            return softmax(scores)
        return run_coverage(scores, ops.cast(self.coverage_weight, "float32"), covered)

    def _mix(self, x: Tensor, memory_state: tuple[Tensor, ...], weights: Tensor) -> Tensor:
        _, memory, _, source = memory_state
        context = ops.matmul(ops.cast(weights, memory.dtype), memory)
        gate = ops.sigmoid(self.gate(ops.concatenate([context, x], axis=-1)))
        gate = ops.cast(gate, "float32")  # (batch, time, 1)
        generated = softmax(ops.cast(self.projection(x), "float32"))
        copied = self._by_id(weights, source)
        return ops.log(ops.maximum(gate * generated + (1 - gate) * copied, _SMALLEST))

    def _by_id(self, weights: Tensor, source: Tensor) -> Tensor:
        """Weights of positions (batch, time, keys), added up by id: (batch, time, vocab)."""
        batch, time = ops.shape(weights)[0], ops.shape(weights)[1]
        rows = ops.reshape(ops.arange(batch * time), (batch, time, 1))  # (batch, time, 1)
        index = rows * self.vocab_size + source[:, None, :]  # (batch, time, keys)
        index = ops.reshape(index, (-1, 1))  # (batch * time * keys, 1)
        weights = ops.reshape(weights, (-1,))  # (batch * time * keys,)
        flat = ops.scatter(index, weights, (batch * time * self.vocab_size,))
        return ops.reshape(flat, (batch, time, self.vocab_size))  # (batch, time, vocab)
