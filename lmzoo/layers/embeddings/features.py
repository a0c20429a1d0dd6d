"""Features (of speech, of images) to vectors, with positions."""

from typing import Any

from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.positions import sinusoidal_positions
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class FeatureEmbedding(Layer):
    """Projects features to the width of a model, adds positions, and drops out.

    Args:
        embed_dim: Width of a vector.
        positions: None or "sinusoidal" (Vaswani et al. 2017); others raise an ArgumentError.
        dropout: Dropout rate of the vectors, 0 to 1.

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.FeatureEmbedding(8)(keras.ops.ones((2, 5, 3))).shape)
        (2, 5, 8)
    """

    def __init__(
        self, embed_dim: int, *, positions: str | None = None, dropout: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if positions not in (None, "sinusoidal"):
            raise ArgumentError(f"positions={positions!r}; use None or 'sinusoidal'.")
        self.embed_dim = embed_dim
        self.positions = positions
        self.projection = Dense(embed_dim, dtype=self.dtype_policy, name="projection")
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)

    def build(self, features_shape: tuple) -> None:
        self.projection.build(features_shape)

    def call(self, features: Tensor, training: bool = False) -> Tensor:
        """(batch, time, feature_dim) -> (batch, time, embed_dim)."""
        x = self.projection(features)
        if self.positions is not None:
            places = ops.cast(ops.arange(ops.shape(x)[1]), "float32")
            x = x + ops.cast(sinusoidal_positions(places, self.embed_dim), x.dtype)
        return self.dropout(x, training=training)

    def compute_output_shape(self, features_shape: tuple) -> tuple:
        return (*features_shape[:-1], self.embed_dim)
