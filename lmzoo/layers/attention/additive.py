"""Additive attention."""

import keras
from keras import ops

from lmzoo.layers.attention.weights import softmax
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class AdditiveAttention(keras.layers.Layer):
    """Attention by a small network: score = v^T tanh(W query + U key).

    Args:
        hidden_dim: Width of the network.

    Source: Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473

    Example:
        >>> import keras, lmzoo
        >>> layer = lmzoo.layers.AdditiveAttention(hidden_dim=8)
        >>> context, weights = layer(keras.ops.ones((2, 3, 4)), keras.ops.ones((2, 5, 6)))
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 6), (2, 3, 5))
    """

    def __init__(self, hidden_dim: int, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.hidden_dim = hidden_dim
        self.query_projection = keras.layers.Dense(hidden_dim, use_bias=False)
        self.key_projection = keras.layers.Dense(hidden_dim)

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        """Makes the projections and the scoring vector."""
        self.query_projection.build(x_shape)
        self.key_projection.build(memory_shape)
        initializer = keras.initializers.RandomNormal(stddev=self.hidden_dim**-0.5)
        self.score = self.add_weight((self.hidden_dim,), initializer=initializer, name="score")
        self.built = True

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attends from x to a memory.

        Args:
            x: Queries, (batch, time, dim).
            memory: Keys and values, (batch, keys, memory_dim).
            memory_mask: bool (batch, keys), True where the memory is real.

        Returns:
            The context (batch, time, memory_dim) and the weights (batch, time, keys).
        """
        return self.attend(x, self.keys(memory), memory, memory_mask)

    def keys(self, memory: Tensor) -> Tensor:
        """What the score needs of the memory: (batch, keys, hidden)."""
        return self.key_projection(memory)

    def attend(
        self, x: Tensor, keys: Tensor, memory: Tensor, memory_mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`call`, with the memory's `keys` known."""
        query = self.query_projection(x)[:, :, None, :]  # (batch, time, 1, hidden)
        key = keys[:, None, :, :]  # (batch, 1, keys, hidden)
        scores = ops.tanh(query + key) * ops.cast(self.score, self.compute_dtype)
        scores = ops.cast(ops.sum(scores, axis=-1), "float32")  # (batch, time, keys)
        if memory_mask is not None:
            scores = ops.where(memory_mask[:, None, :], scores, -1e9)
        weights = ops.cast(softmax(scores), self.compute_dtype)
        return ops.matmul(weights, ops.cast(memory, self.compute_dtype)), weights
