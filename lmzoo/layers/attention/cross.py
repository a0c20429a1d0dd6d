"""Blocks that attend from a decoder to a memory: the states of an encoder."""

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.additive import AdditiveAttention
from lmzoo.layers.attention.multi_head import MultiHeadAttention
from lmzoo.layers.attention.weights import softmax
from lmzoo.layers.dropout import Dropout
from lmzoo.typing import Tensor

SCORES = ("additive", "dot")


@keras.saving.register_keras_serializable(package="lmzoo")
class GlobalAttentionBlock(keras.layers.Layer):
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
        >>> block = lmzoo.layers.GlobalAttentionBlock(6)
        >>> memory, mask = keras.ops.ones((2, 7, 3)), keras.ops.ones((2, 7), "bool")
        >>> tuple(block(keras.ops.ones((2, 5, 4)), memory, memory_mask=mask).shape)
        (2, 5, 6)
    """

    cross_attends = True

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
        return self._look(x, self.prepare_memory(memory, memory_mask), training)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        """(batch, time, hidden_dim)."""
        return (*x_shape[:-1], self.hidden_dim)

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """The memory's keys, the memory itself, and its mask."""
        if memory_mask is None:
            memory_mask = ops.ones(ops.shape(memory)[:2], "bool")
        keys = self.additive.keys(memory) if self.additive else self.key_projection(memory)
        return keys, memory, memory_mask

    def init_state(
        self, batch_size: int, length: int, memory_state: tuple[Tensor, ...] = ()
    ) -> tuple:
        """Nothing: a position's look does not depend on others'."""
        return ()

    def step(
        self,
        x: Tensor,
        state: tuple,
        position: Tensor,
        memory_state: tuple[Tensor, ...],
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple]:
        """n more tokens: x (batch, n, dim) -> (batch, n, hidden_dim).

        With `attention_weights`, the weights (batch, n, keys) are appended to it.
        """
        return self._look(x, memory_state, False, attention_weights), state

    def _look(
        self,
        x: Tensor,
        memory_state: tuple[Tensor, ...],
        training: bool,
        attention_weights: list[Tensor] | None = None,
    ) -> Tensor:
        keys, memory, mask = memory_state
        if self.additive is not None:
            context, weights = self.additive.attend(x, keys, memory, mask)
        else:
            scores = ops.matmul(x, ops.transpose(keys, (0, 2, 1)))  # (batch, time, keys)
            weights = softmax(ops.where(mask[:, None, :], ops.cast(scores, "float32"), -1e9))
            context = ops.matmul(ops.cast(weights, memory.dtype), memory)
        if attention_weights is not None:
            attention_weights.append(ops.cast(weights, "float32"))
        found = self.output_projection(ops.concatenate([context, x], axis=-1))
        return self.dropout(found, training=training)


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

    cross_attends = True

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

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of the memory, and its mask."""
        return (*self.attention.prepare_memory(memory), memory_mask)

    def init_state(
        self, batch_size: int, length: int, memory_state: tuple[Tensor, ...] = ()
    ) -> tuple:
        """Nothing: a position's look does not depend on others'."""
        return ()

    def step(
        self,
        x: Tensor,
        state: tuple,
        position: Tensor,
        memory_state: tuple[Tensor, ...],
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple]:
        """n more tokens: x (batch, n, dim) -> (batch, n, dim).

        With `attention_weights`, the weights (batch, n, keys) are appended to it.
        """
        found = self.attention.step_memory(
            self.norm(x), memory_state[:2], memory_state[2], attention_weights
        )
        return x + found, state
