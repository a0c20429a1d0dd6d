"""Pooling: from the vectors of a text's tokens to one vector of the text."""

from typing import Any

from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.weights import softmax
from lmzoo.layers.dense import Dense
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor

KINDS = ("last", "first", "ends", "mean", "max", "attention")


def max_over_time(x: Tensor, real: Tensor) -> Tensor:
    """The largest value of each feature, (batch, dim), at the positions that are `real`."""
    # The gradient of `ops.max` is 0 / 0 where XLA rounds differently (on a CPU): here the first
    # of the largest gets all of it.
    values = ops.where(real[..., None], ops.stop_gradient(x), -1e9)
    place = ops.argmax(values, axis=1)[:, None, :]  # (batch, 1, dim)
    is_largest = ops.arange(ops.shape(x)[1], dtype=place.dtype)[None, :, None] == place
    largest = ops.sum(ops.where(is_largest, x, 0.0), axis=1)
    # Changes nothing but that a NaN, which is never the largest, shows.
    return largest + ops.stop_gradient(ops.max(values, axis=1) - largest)


class Pooling(Layer):
    """One vector of a text, without its padding. A text without tokens gives zeros.

    "last" or "first": the vector of the last or first real position; "ends": the final states of a
    bidirectional layer, half of the last one's features and half of the first one's; "mean" or
    "max" over the real positions; "attention": a mean weighted by softmax(context . tanh(W x + b)).

    Args:
        kind: One of these names; others raise an ArgumentError.
    Source: attention: Yang et al. 2016, https://aclanthology.org/N16-1174

    Example:
        >>> import keras, lmzoo
        >>> x, mask = keras.ops.ones((2, 5, 4)), keras.ops.ones((2, 5), "bool")
        >>> tuple(lmzoo.layers.Pooling("max")(x, mask).shape)
        (2, 4)
    """

    def __init__(self, kind: str = "mean", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if kind not in KINDS:
            raise ArgumentError(f"kind={kind!r}; use one of {', '.join(KINDS)}.")
        self.kind = kind

    def build(self, x_shape: tuple) -> None:
        if self.kind == "attention":
            self.projection = Dense(x_shape[-1], "tanh", name="projection", dtype=self.dtype_policy)
            self.projection.build(x_shape)
            self.context = self.add_weight(
                (x_shape[-1], 1), initializer="glorot_uniform", name="context"
            )

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, time, dim), and where it is real, bool (batch, time) -> (batch, dim)."""
        real = ops.ones_like(x[..., 0], "bool")
        real = real if mask is None else ops.cast(mask, "bool")
        if self.kind in ("first", "last", "ends"):
            return self._at_ends(x, real)
        if self.kind == "max":
            return ops.where(ops.any(real, axis=1, keepdims=True), max_over_time(x, real), 0.0)
        return _weighted_sum(x, self._weights(x, real))

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """None: the output has no time axis."""

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (x_shape[0], x_shape[-1])

    def _at_ends(self, x: Tensor, real: Tensor) -> Tensor:
        places = ops.arange(ops.shape(x)[1])
        # Of a text without tokens: -1, and the length of the row.
        last = ops.max(ops.where(real, places, -1), axis=1)
        first = ops.min(ops.where(real, places, ops.shape(x)[1]), axis=1)
        if self.kind == "first":
            return _weighted_sum(x, places == first[:, None])
        if self.kind == "last":
            return _weighted_sum(x, places == last[:, None])
        half = x.shape[-1] // 2
        ahead = _weighted_sum(x[..., :half], places == last[:, None])
        back = _weighted_sum(x[..., half:], places == first[:, None])
        return ops.concatenate([ahead, back], axis=-1)

    def _weights(self, x: Tensor, real: Tensor) -> Tensor:
        """The weight of each position, float32 (batch, time)."""
        kept = ops.cast(real, "float32")
        if self.kind == "mean":
            return kept / ops.maximum(ops.sum(kept, axis=1, keepdims=True), 1.0)
        scores = ops.matmul(self.projection(x), ops.cast(self.context, self.compute_dtype))
        scores = ops.where(real, ops.cast(scores[..., 0], "float32"), -1e9)
        return softmax(scores) * kept


def _weighted_sum(x: Tensor, weights: Tensor) -> Tensor:
    """Vectors (batch, time, dim) times weights (batch, time), added up in float32."""
    weights = ops.cast(weights, "float32")[..., None]  # (batch, time, 1)
    # Padding may be anything: 0 times NaN is not 0.
    kept = ops.where(weights != 0, ops.cast(x, "float32"), 0.0)
    return ops.cast(ops.sum(kept * weights, axis=1), x.dtype)
