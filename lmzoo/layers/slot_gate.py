"""The gate by which a sentence's intent informs its slots."""

from typing import Any

from keras import ops

from lmzoo.layers.dense import Dense
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class SlotGate(Layer):
    """Scales each word's vector by how it fits the sentence: h + h * g, g = v . tanh(h + W c).
    Source: without the attention of the slots, Goo et al. 2018, https://aclanthology.org/N18-2118

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.SlotGate()(keras.ops.ones((2, 5, 8)), keras.ops.ones((2, 6))).shape)
        (2, 5, 8)
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, x_shape: tuple, sentence_shape: tuple) -> None:
        self.projection = Dense(
            x_shape[-1], use_bias=False, name="projection", dtype=self.dtype_policy
        )
        self.projection.build(sentence_shape)
        self.score = Dense(1, use_bias=False, name="score", dtype=self.dtype_policy)
        self.score.build(x_shape)

    def call(self, x: Tensor, sentence: Tensor) -> Tensor:
        """(batch, time, dim) and (batch, sentence_dim) -> (batch, time, dim)."""
        together = ops.tanh(x + self.projection(sentence)[:, None])
        return x + x * self.score(together)

    def compute_output_shape(self, x_shape: tuple, sentence_shape: tuple) -> tuple:
        return x_shape
