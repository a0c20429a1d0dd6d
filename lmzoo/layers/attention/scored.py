"""Attention with one head whose values are the memory itself: additive, and by a dot product."""

from typing import Any

import keras
from keras import ops

from lmzoo.layers.attention.weights import masked, softmax
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class ScoredAttention(Layer):
    """Abstract base class: `keys` of a memory, and `scores` of queries with these keys."""

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """-> context (batch, time, memory_dim), weights (batch, time, keys); mask (batch, keys)."""
        return self.attend(x, self.keys(memory), memory, memory_mask)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple[tuple, tuple]:
        return (*x_shape[:-1], memory_shape[-1]), (*x_shape[:-1], memory_shape[1])

    def attend(
        self, x: Tensor, keys: Tensor, memory: Tensor, memory_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`call`, with the memory's `keys` known."""
        mask = None if memory_mask is None else memory_mask[:, None, :]
        weights = ops.cast(softmax(masked(self.scores(x, keys), mask)), self.compute_dtype)
        return ops.matmul(weights, ops.cast(memory, self.compute_dtype)), weights

    def keys(self, memory: Tensor) -> Tensor:
        """The keys of a memory (batch, keys, memory_dim)."""
        return self.key_projection(memory)

    def scores(self, x: Tensor, keys: Tensor) -> Tensor:
        """The score of each query with each key, (batch, time, keys)."""
        raise AttributeError("ScoredAttention is an abstract base class: use AdditiveAttention.")


class AdditiveAttention(ScoredAttention):
    """Attention by a small network: score = v^T tanh(W query + U key).

    Args:
        hidden_dim: Width of the network.
    Source: Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473

    Example:
        >>> import keras, lmzoo
        >>> x = keras.ops.ones((2, 3, 4))
        >>> [tuple(y.shape) for y in lmzoo.layers.AdditiveAttention(hidden_dim=8)(x, x)]
        [(2, 3, 4), (2, 3, 3)]
    """

    def __init__(self, hidden_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        dtype = self.dtype_policy
        self.query_projection = keras.layers.Dense(hidden_dim, use_bias=False, dtype=dtype)
        self.key_projection = keras.layers.Dense(hidden_dim, dtype=dtype)

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        self.query_projection.build(x_shape)
        self.key_projection.build(memory_shape)
        initializer = keras.initializers.RandomNormal(stddev=self.hidden_dim**-0.5)
        self.score = self.add_weight((self.hidden_dim,), initializer=initializer, name="score")

    def scores(self, x: Tensor, keys: Tensor) -> Tensor:
        query = self.query_projection(x)[:, :, None, :]  # (batch, time, 1, hidden)
        scores = ops.tanh(query + keys[:, None, :, :]) * ops.cast(self.score, self.compute_dtype)
        return ops.sum(scores, axis=-1)


class DotProductAttention(ScoredAttention):
    """Attention by score = query^T A key: the general score of https://arxiv.org/abs/1508.04025."""

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        self.key_projection = keras.layers.Dense(
            x_shape[-1], use_bias=False, name="key", dtype=self.dtype_policy
        )
        self.key_projection.build(memory_shape)

    def scores(self, x: Tensor, keys: Tensor) -> Tensor:
        return ops.matmul(x, ops.transpose(keys, (0, 2, 1)))  # (batch, time, keys)
