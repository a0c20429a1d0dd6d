"""What models that read a whole text add: a recurrent reader, and looks at what was read."""

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention import AdditiveAttention, MultiHeadAttention, softmax
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.recurrent import mean_over_keys
from lmzoo.layers.rnn import GRU, LSTM
from lmzoo.layers.scan import scan
from lmzoo.typing import Tensor

CELLS = {"gru": GRU, "lstm": LSTM}
SCORES = ("additive", "dot")


@keras.saving.register_keras_serializable(package="lmzoo")
class RecurrentEncoderBlock(keras.layers.Layer):
    """A recurrent layer over a text that is there as a whole, and one over the reversed text.

    Args:
        hidden_dim: Width of the output; with two directions even, half for each.
        cell: "lstm" or "gru".
        bidirectional: Whether the text is read backwards too.
        dropout: Share of the input dropped in training, 0 to 1.
        regularizer: Keras regularizer of all kernels.

    Raises:
        ArgumentError: If hidden_dim is odd for two directions, or the cell is another.

    Source: Schuster and Paliwal 1997, https://doi.org/10.1109/78.650093

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.RecurrentEncoderBlock(6)
        >>> tuple(block(keras.ops.ones((2, 5, 4))).shape)
        (2, 5, 6)
    """

    def __init__(
        self,
        hidden_dim: int,
        *,
        cell: str = "lstm",
        bidirectional: bool = True,
        dropout: float = 0.0,
        regularizer: keras.regularizers.Regularizer | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if bidirectional and hidden_dim % 2:
            raise ArgumentError(f"hidden_dim={hidden_dim} is odd: each direction has half of it.")
        if cell not in CELLS:
            raise ArgumentError(f"cell={cell!r}; use one of {', '.join(CELLS)}.")
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout)
        units = hidden_dim // 2 if bidirectional else hidden_dim
        reader = CELLS[cell](
            units,
            return_sequences=True,
            kernel_regularizer=regularizer,
            recurrent_regularizer=regularizer,
        )
        if bidirectional:
            reader = keras.layers.Bidirectional(reader, name="directions")
        self.reader = reader

    def build(self, x_shape: tuple) -> None:
        """Builds the directions."""
        self.reader.build(x_shape)
        self.built = True

    def call(self, x: Tensor, memory_mask: Tensor | None = None, training: bool = False) -> Tensor:
        """(batch, time, dim), and where it is real, (batch, time) -> (batch, time, hidden_dim)."""
        x = self.dropout(x, training=training)
        found = self.reader(x, mask=memory_mask, training=training)
        if memory_mask is None:
            return found
        return ops.where(memory_mask[..., None], found, 0.0)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        """(batch, time, hidden_dim)."""
        return (*x_shape[:-1], self.hidden_dim)


@keras.saving.register_keras_serializable(package="lmzoo")
class MemoryAttentionBlock(keras.layers.Layer):
    """Looks at the memory from every position: tanh(W [context; x]).

    Args:
        hidden_dim: Width of the output, and of the additive score's network.
        score: "dot" (x A memory, Luong et al. 2015's general score) or "additive" (Bahdanau et al.
            2015).
        dropout: Share of the output dropped in training, 0 to 1.

    Raises:
        ArgumentError: If the score is another.

    Source: Luong et al. 2015, https://arxiv.org/abs/1508.04025; Bahdanau et al. 2015,
    https://arxiv.org/abs/1409.0473

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.MemoryAttentionBlock(6)
        >>> memory, mask = keras.ops.ones((2, 7, 3)), keras.ops.ones((2, 7), "bool")
        >>> tuple(block(keras.ops.ones((2, 5, 4)), memory, memory_mask=mask).shape)
        (2, 5, 6)
    """

    needs_memory = True

    def __init__(
        self,
        hidden_dim: int,
        *,
        score: str = "dot",
        dropout: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if score not in SCORES:
            raise ArgumentError(f"score={score!r}; use one of {', '.join(SCORES)}.")
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout)
        self.additive = AdditiveAttention(hidden_dim) if score == "additive" else None
        self.output_projection = keras.layers.Dense(hidden_dim, "tanh", name="output")

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        """Makes the projections."""
        width = x_shape[-1] + memory_shape[-1]
        self.output_projection.build((*x_shape[:-1], width))
        if self.additive is not None:
            self.additive.build(x_shape, memory_shape)
        else:
            self.key_projection = keras.layers.Dense(x_shape[-1], use_bias=False, name="key")
            self.key_projection.build(memory_shape)
        self.built = True

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim), a memory (batch, keys, ..) and its mask -> (batch, time, hidden)."""
        return self._look(x, self.read_memory(memory, memory_mask), training)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        """(batch, time, hidden_dim)."""
        return (*x_shape[:-1], self.hidden_dim)

    def read_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """The memory's keys, the memory itself, and its mask."""
        if memory_mask is None:
            memory_mask = ops.ones(ops.shape(memory)[:2], "bool")
        keys = self.additive.keys(memory) if self.additive else self.key_projection(memory)
        return keys, memory, memory_mask

    def init_state(self, batch_size: int, length: int, read: tuple[Tensor, ...] = ()) -> tuple:
        """Nothing: a position's look does not depend on others'."""
        return ()

    def step(
        self,
        x: Tensor,
        state: tuple,
        position: Tensor,
        read: tuple[Tensor, ...],
        seen: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple]:
        """n more tokens: x (batch, n, dim) -> (batch, n, hidden_dim).

        With `seen`, the weights (batch, n, keys) are appended to it.
        """
        return self._look(x, read, False, seen), state

    def _look(
        self,
        x: Tensor,
        read: tuple[Tensor, ...],
        training: bool,
        seen: list[Tensor] | None = None,
    ) -> Tensor:
        keys, memory, mask = read
        if self.additive is not None:
            context, weights = self.additive.attend(x, keys, memory, mask)
        else:
            scores = ops.matmul(x, ops.transpose(keys, (0, 2, 1)))  # (batch, time, keys)
            weights = softmax(ops.where(mask[:, None, :], ops.cast(scores, "float32"), -1e9))
            context = ops.matmul(ops.cast(weights, memory.dtype), memory)
        if seen is not None:
            seen.append(ops.cast(weights, "float32"))
        found = self.output_projection(ops.concatenate([context, x], axis=-1))
        return self.dropout(found, training=training)


@keras.saving.register_keras_serializable(package="lmzoo")
class InputFeedingBlock(keras.layers.Layer):
    """A recurrent layer that looks at the memory, and reads with each token what it found last.

    One step needs the one before it, attention included, so that training is several times slower
    than with a recurrent block and a MemoryAttentionBlock behind it.

    Args:
        hidden_dim: Width of the state and of the output.
        cell: "lstm" or "gru".
        score: "dot" or "additive"; see MemoryAttentionBlock.
        dropout: Share of the input dropped in training, 0 to 1.

    Raises:
        ArgumentError: If cell or score is another.

    Source: Luong et al. 2015, section 3.3, https://arxiv.org/abs/1508.04025

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.InputFeedingBlock(6)
        >>> memory, mask = keras.ops.ones((2, 7, 3)), keras.ops.ones((2, 7), "bool")
        >>> tuple(block(keras.ops.ones((2, 5, 4)), memory, memory_mask=mask).shape)
        (2, 5, 6)
    """

    needs_memory = True

    def __init__(
        self,
        hidden_dim: int,
        *,
        cell: str = "lstm",
        score: str = "dot",
        dropout: float = 0.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if cell not in CELLS:
            raise ArgumentError(f"cell={cell!r}; use one of {', '.join(CELLS)}.")
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout)
        self.cell = (keras.layers.LSTMCell if cell == "lstm" else keras.layers.GRUCell)(hidden_dim)
        self.num_states = 2 if cell == "lstm" else 1
        self.attention = MemoryAttentionBlock(hidden_dim, score=score)
        self.bridge = keras.layers.Dense(self.num_states * hidden_dim, "tanh", name="bridge")

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        """Builds the cell, the attention, and the projection to the first state."""
        self.cell.build((None, x_shape[-1] + self.hidden_dim))
        self.attention.build((None, None, self.hidden_dim), memory_shape)
        self.bridge.build((None, memory_shape[-1]))
        self.built = True

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim), a memory (batch, keys, ..) and its mask -> (batch, time, hidden)."""
        x = self.dropout(x, training=training)
        read = self.read_memory(memory, memory_mask)

        def step(now: Tensor, state: tuple) -> tuple:
            return self._step(now, state, read, None)

        return scan(step, (ops.zeros_like(read[3]), *read[3:]), x)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        """(batch, time, hidden_dim)."""
        return (*x_shape[:-1], self.hidden_dim)

    def read_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """What the attention has read, and the first states, each (batch, hidden_dim)."""
        states = self.bridge(mean_over_keys(memory, memory_mask))
        states = ops.split(states, self.num_states, axis=-1)
        return (*self.attention.read_memory(memory, memory_mask), *states)

    def init_state(
        self, batch_size: int, length: int, read: tuple[Tensor, ...] = ()
    ) -> tuple[Tensor, ...]:
        """What was found last, nothing at first, and the states that were read from the memory."""
        return (ops.zeros((batch_size, self.hidden_dim), self.compute_dtype), *read[3:])

    def step(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        position: Tensor,
        read: tuple[Tensor, ...],
        seen: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """n more tokens: x (batch, n, dim) -> (batch, n, hidden_dim), and the new state.

        With `seen`, the weights (batch, n, keys) are appended to it.
        """
        found: list[Tensor] = []
        weights: list[Tensor] = []
        for place in range(x.shape[1]):
            state = self._step(x[:, place], state, read, weights)
            found.append(state[0])
        if seen is not None:
            seen.append(ops.concatenate(weights, axis=1))
        return ops.stack(found, axis=1), state

    def _step(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        read: tuple[Tensor, ...],
        seen: list[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        """One token (batch, dim): what was found (batch, hidden_dim), and the cell's states."""
        output, states = self.cell(ops.concatenate([x, state[0]], axis=-1), list(state[1:]))
        found, _ = self.attention.step(output[:, None], (), 0, read[:3], seen)
        states = states if isinstance(states, list | tuple) else [states]
        return (found[:, 0], *states)


@keras.saving.register_keras_serializable(package="lmzoo")
class CrossAttentionBlock(keras.layers.Layer):
    """Attention to the memory with a residual: x + attention(norm(x), memory).

    Args:
        num_heads: Number of attention heads, a divisor of the width.
        dropout: Share dropped of the attention weights and of the residual branch, 0 to 1.

    Source: Gehring et al. 2017 (with one head), https://arxiv.org/abs/1705.03122

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.CrossAttentionBlock(2)
        >>> memory, mask = keras.ops.ones((2, 7, 3)), keras.ops.ones((2, 7), "bool")
        >>> tuple(block(keras.ops.ones((2, 5, 4)), memory, memory_mask=mask).shape)
        (2, 5, 4)
    """

    needs_memory = True

    def __init__(
        self, num_heads: int = 1, *, dropout: float = 0.0, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.attention = MultiHeadAttention(num_heads, cross=True, dropout=dropout)
        self.dropout = Dropout(dropout)

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        """Builds norm and attention."""
        self.norm.build(x_shape)
        self.attention.build(x_shape, memory_shape)
        self.built = True

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim), a memory (batch, keys, ..) and its mask -> (batch, time, dim)."""
        found = self.attention(self.norm(x), memory, memory_mask=memory_mask, training=training)
        return x + self.dropout(found, training=training)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        """(batch, time, dim)."""
        return x_shape

    def read_memory(self, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of the memory, and its mask."""
        return (*self.attention.read_memory(memory), memory_mask)

    def init_state(self, batch_size: int, length: int, read: tuple[Tensor, ...] = ()) -> tuple:
        """Nothing: a position's look does not depend on others'."""
        return ()

    def step(
        self,
        x: Tensor,
        state: tuple,
        position: Tensor,
        read: tuple[Tensor, ...],
        seen: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple]:
        """n more tokens: x (batch, n, dim) -> (batch, n, dim).

        With `seen`, the weights (batch, n, keys) are appended to it.
        """
        found = self.attention.step_memory(self.norm(x), read[:2], read[2], seen)
        return x + found, state
