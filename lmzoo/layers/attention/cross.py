"""Decoder blocks that attend to a memory, the states of an encoder, and keep no state of theirs."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.multi_head import MultiHeadAttention
from lmzoo.layers.attention.scored import AdditiveAttention, DotProductAttention, ScoredAttention
from lmzoo.layers.attention.weights import Weights
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor

SCORES = {"additive": AdditiveAttention, "dot": DotProductAttention}


def make_attention(score: str, hidden_dim: int, dtype: Any) -> ScoredAttention:
    """The attention with a score of that name; hidden_dim is the additive score's."""
    if score not in SCORES:
        raise ArgumentError(f"score={score!r}; use one of {', '.join(SCORES)}.")
    if score == "additive":
        return AdditiveAttention(hidden_dim, dtype=dtype)
    return DotProductAttention(dtype=dtype)


class CrossAttending(Layer):
    """Abstract base class: `prepare_memory`, and `attend` from positions to what it gives."""

    cross_attends = True

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim), memory (batch, keys, memory_dim), its mask -> (batch, time, ...)."""
        return self.attend(x, self.prepare_memory(memory, memory_mask), training=training)

    def init_state(self, batch_size: int, length: int, memory_state: tuple = ()) -> tuple:
        """Empty: positions do not depend on each other."""
        return ()

    def step(
        self,
        x: Tensor,
        state: tuple,
        position: Tensor,
        memory_state: tuple[Tensor, ...],
        attention_weights: Weights = None,
    ) -> tuple[Tensor, tuple]:
        """`call` for n tokens x (batch, n, dim), and the state; appends to `attention_weights`."""
        return self.attend(x, memory_state, attention_weights), state

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """What `step` needs of a memory (batch, keys, memory_dim)."""
        raise AttributeError("CrossAttending is an abstract base class.")

    def attend(
        self, x: Tensor, memory_state: tuple, weights: Weights = None, training: bool = False
    ) -> Tensor:
        """`call` with the memory prepared; the attention weights are appended to `weights`."""
        raise AttributeError("CrossAttending is an abstract base class.")


class GlobalAttentionBlock(CrossAttending):
    """Attention to the whole memory from every position: tanh(W [context; x]).

    Args:
        hidden_dim: Width of the output, and of the additive score's network.
        score: "dot" (x A memory, Luong's general score) or "additive" (Bahdanau et al. 2015).
        dropout: Dropout rate of the output, 0 to 1.
    Raises: ArgumentError for another score.
    Source: Luong 2015, https://arxiv.org/abs/1508.04025; Bahdanau, https://arxiv.org/abs/1409.0473

    Example:
        >>> import keras, lmzoo
        >>> x = keras.ops.ones((2, 5, 4))
        >>> tuple(lmzoo.layers.GlobalAttentionBlock(6)(x, x).shape)
        (2, 5, 6)
    """

    def __init__(
        self, hidden_dim: int, *, score: str = "dot", dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        self.attention = make_attention(score, hidden_dim, self.dtype_policy)
        self.output_projection = keras.layers.Dense(
            hidden_dim, "tanh", name="output", dtype=self.dtype_policy
        )

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        self.output_projection.build((*x_shape[:-1], x_shape[-1] + memory_shape[-1]))
        self.attention.build(x_shape, memory_shape)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.hidden_dim)

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """The memory's keys, the memory itself, and its mask."""
        return self.attention.keys(memory), memory, memory_mask

    def attend(
        self, x: Tensor, memory_state: tuple, weights: Weights = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim) -> (batch, time, hidden_dim)."""
        context, own = self.attention.attend(x, *memory_state)
        if weights is not None:
            weights.append(ops.cast(own, "float32"))
        outputs = self.output_projection(ops.concatenate([context, x], axis=-1))
        return self.dropout(outputs, training=training)


class CrossAttentionBlock(CrossAttending):
    """Multi-head cross-attention with a residual: x + attention(norm(x), memory).

    Args:
        num_heads: Number of attention heads, a divisor of the width.
        dropout: Dropout rate of the attention weights and of the residual branch, 0 to 1.
    Source: Gehring et al. 2017 (with one head), https://arxiv.org/abs/1705.03122

    Example:
        >>> import keras, lmzoo
        >>> x = keras.ops.ones((2, 5, 4))
        >>> tuple(lmzoo.layers.CrossAttentionBlock(2)(x, x).shape)
        (2, 5, 4)
    """

    def __init__(self, num_heads: int = 1, *, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        dtype = self.dtype_policy
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype)
        self.attention = MultiHeadAttention(num_heads, cross=True, dropout=dropout, dtype=dtype)
        self.dropout = Dropout(dropout, dtype=dtype)

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        self.norm.build(x_shape)
        self.attention.build(x_shape, memory_shape)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        return x_shape

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """Keys and values of the memory, and its mask."""
        return (*self.attention.prepare_memory(memory), memory_mask)

    def attend(
        self, x: Tensor, memory_state: tuple, weights: Weights = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim) -> (batch, time, dim)."""
        y = self.attention.attend(self.norm(x), memory_state, weights, training)
        return x + self.dropout(y, training=training)
