"""Token embedding with its positions."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.positions import sinusoidal_positions
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class TokenEmbedding(Layer):
    """Ids to vectors, with positions and dropout. An id outside the vocabulary gives NaN.

    Args:
        vocab_size: Number of ids.
        embed_dim: Width of a vector.
        positions: None, "learned" (Radford et al. 2019) or "sinusoidal" (Vaswani et al. 2017).
        max_length: Longest sequence, needed for learned positions.
        dropout: Dropout rate of the vectors, 0 to 1.
        variational: Drop the same features at every time step (Gal and Ghahramani 2016).
        initializer_range: Standard deviation of the initial weights.
    Raises: ArgumentError for other positions, no max_length for learned ones, or a longer sequence.
    Source: sinusoidal: https://arxiv.org/abs/1706.03762; variational: https://arxiv.org/abs/1512.05287

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.TokenEmbedding(50, 8)(keras.ops.ones((1, 3), "int32")).shape)
        (1, 3, 8)
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        *,
        positions: str | None = None,
        max_length: int | None = None,
        dropout: float = 0.0,
        variational: bool = False,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if positions not in (None, "learned", "sinusoidal"):
            raise ArgumentError(f"positions={positions!r}; use None, 'learned' or 'sinusoidal'.")
        if positions == "learned" and not max_length:
            raise ArgumentError("Learned positions need max_length, the longest sequence.")
        self.vocab_size = vocab_size
        self.embed_dim = embed_dim
        self.positions = positions
        self.max_length = max_length if positions == "learned" else None
        self.initializer = keras.initializers.RandomNormal(stddev=initializer_range)
        shape = (None, 1, embed_dim) if variational else None
        self.dropout = Dropout(dropout, noise_shape=shape, dtype=self.dtype_policy)

    def build(self, input_shape: tuple) -> None:
        self.embeddings = self.add_weight(
            (self.vocab_size, self.embed_dim), initializer=self.initializer, name="embeddings"
        )
        if self.positions == "learned":
            self.position_embeddings = self.add_weight(
                (self.max_length, self.embed_dim),
                initializer=self.initializer,
                name="position_embeddings",
            )

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        """Vectors (batch, time, embed_dim) of ids (batch, time)."""
        time = ids.shape[1]
        if isinstance(time, int) and time == 0:
            raise ArgumentError("The sequences have no token: give at least one id.")
        # JAX traces an unknown time as a symbol, which compares with nothing.
        if self.max_length and isinstance(time, int) and time > self.max_length:
            raise ArgumentError(
                f"A sequence of {time} ids is longer than max_length={self.max_length}: "
                "cut the sequence, or build the model with a larger max_length."
            )
        return self.dropout(self._embed(ids, 0), training=training)

    def compute_output_shape(self, ids_shape: tuple) -> tuple:
        return (*ids_shape, self.embed_dim)

    def step(self, ids: Tensor, position: Tensor) -> Tensor:
        """Vectors (batch, n, embed_dim) of n more ids from `position` on."""
        return self._embed(ids, position)

    def _embed(self, ids: Tensor, position: Tensor | int) -> Tensor:
        given = ops.convert_to_tensor(ids)
        ids = ops.cast(given, "int32")
        is_whole = ops.cast(ids, given.dtype) == given  # a fraction is no id
        known = (ids >= 0) & (ids < self.vocab_size) & is_whole
        # The product makes the gradient a dense one. From sparse slices Keras's Adam on TensorFlow
        # would add up the squares of a repeated id's gradients, not square their sum.
        table = ops.multiply(ops.cast(self.embeddings, self.compute_dtype), 1)
        x = ops.take(table, ops.clip(ids, 0, self.vocab_size - 1), axis=0)
        x = ops.where(known[..., None], x, float("nan"))  # (batch, time, embed_dim)
        time = ops.shape(ids)[1]
        if self.positions == "learned":
            table = ops.cast(self.position_embeddings, self.compute_dtype)
            x = x + ops.take(table, position + ops.arange(time), axis=0)
        elif self.positions == "sinusoidal":
            positions = ops.cast(position + ops.arange(time), "float32")
            x = x * self.embed_dim**0.5
            x = x + ops.cast(sinusoidal_positions(positions, self.embed_dim), x.dtype)
        return x
