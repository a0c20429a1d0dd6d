"""Convolution over a text with max-over-time pooling, and token vectors of two channels."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.layers.layer import Layer
from lmzoo.layers.pooling import max_over_time
from lmzoo.typing import Tensor

ACTIVATIONS = ("relu", "tanh")


class ConvolutionPooling(Layer):
    """Filters of several widths over a text, and of each filter the maximum over time.

    A text shorter than a filter is padded with zeros to the filter's width; no other padding is
    seen. Real positions come before padding. The kernels have the shape of `keras.layers.Conv1D`.

    Args:
        filters: Number of filters of each width.
        widths: Widths of the filters, in tokens.
        wide: Whether filters also reach over the text's ends, and so recognize its outer tokens.
        activation: "relu" or "tanh"; both increase, so that that of the maximum is taken.
        regularizer: Keras regularizer of the kernels.
    Raises: ArgumentError if there is no width, one is below 1, or the activation is another.
    Source: Kim 2014, https://arxiv.org/abs/1408.5882; wide: https://arxiv.org/abs/1404.2188

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.ConvolutionPooling(10, (2, 3))(keras.ops.ones((4, 7, 5))).shape)
        (4, 20)
    """

    def __init__(
        self,
        filters: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        activation: str = "relu",
        *,
        wide: bool = False,
        regularizer: keras.regularizers.Regularizer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if not widths or min(widths) < 1:
            raise ArgumentError(f"widths={list(widths)}: give at least one, each at least 1.")
        if activation not in ACTIVATIONS:
            raise ArgumentError(f"activation={activation!r}; use one of {', '.join(ACTIVATIONS)}.")
        self.filters = filters
        self.widths = tuple(widths)
        self.activation = keras.activations.get(activation)
        self.wide = wide
        self.regularizer = regularizer

    def build(self, x_shape: tuple) -> None:
        self.kernels = [
            self.add_weight(
                (width, x_shape[-1], self.filters),
                initializer="glorot_uniform",
                regularizer=self.regularizer,
                name=f"kernel_{i}",
            )
            for i, width in enumerate(self.widths)
        ]
        self.bias = self.add_weight(
            (len(self.widths) * self.filters,), initializer="zeros", name="bias"
        )

    def call(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(batch, time, dim), and where it is real -> (batch, filters * number of widths)."""
        real = ops.ones_like(x[..., 0], "bool")
        real = real if mask is None else ops.cast(mask, "bool")
        x = ops.where(real[..., None], x, 0.0)
        time, dim = ops.shape(x)[1], x.shape[-1]
        length = ops.sum(ops.cast(real, "int32"), axis=1, keepdims=True)
        # One product for all positions of all filters; the terms of each window are then added.
        flat = [
            ops.reshape(ops.transpose(k, (1, 0, 2)), (dim, -1))  # (dim, width * filters)
            for k in self.kernels
        ]
        parts = ops.matmul(x, ops.cast(ops.concatenate(flat, axis=-1), self.compute_dtype))
        border = max(self.widths) - 1
        parts = ops.pad(parts, ((0, 0), (border if self.wide else 0, border), (0, 0)))
        maxima, begin = [], 0
        for width in self.widths:
            before = width - 1 if self.wide else 0  # windows that begin before the text
            first, count = (border if self.wide else 0) - before, time + before
            outputs = 0.0
            for i in range(width):
                stop = begin + self.filters
                outputs = outputs + parts[:, first + i : first + i + count, begin:stop]
                begin = stop
            last = length + before - (1 if self.wide else width)
            inside = ops.arange(count) <= ops.maximum(last, 0)  # (batch, count)
            maxima.append(max_over_time(outputs, inside))
        pooled = ops.concatenate(maxima, axis=-1) + ops.cast(self.bias, self.compute_dtype)
        return self.activation(pooled)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """None: the output has no time axis."""

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (x_shape[0], self.filters * len(self.widths))


class TwoChannelEmbedding(TokenEmbedding):
    """Token vectors of two tables that begin alike: one is frozen, one is tuned; their sum.

    Filters of the sum are Kim's sums of filters; `embeddings` is tuned, not `frozen_embeddings`.

    Args:
        vocab_size: Number of ids.
        embed_dim: Width of a vector.
        dropout: Dropout rate of the vectors, 0 to 1.
        initializer_range: Standard deviation of the initial weights.
    Source: Kim 2014, section 2.1, https://arxiv.org/abs/1408.5882

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.TwoChannelEmbedding(50, 8)(keras.ops.ones((1, 3), "int32")).shape)
        (1, 3, 8)
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        *,
        dropout: float = 0.0,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            vocab_size,
            embed_dim,
            dropout=dropout,
            initializer_range=initializer_range,
            **kwargs,
        )

    def build(self, input_shape: tuple) -> None:
        """Makes the tables, the frozen one with the values of the tuned one."""
        super().build(input_shape)
        self.frozen_embeddings = self.add_weight(
            (self.vocab_size, self.embed_dim), trainable=False, name="frozen_embeddings"
        )
        self.frozen_embeddings.assign(ops.copy(self.embeddings))  # JAX would share its memory

    def set_table(self, table: Tensor) -> None:
        """Gives both channels the same vectors, float (vocab_size, embed_dim)."""
        self.embeddings.assign(table)
        self.frozen_embeddings.assign(ops.copy(table))

    def _embed(self, ids: Tensor, position: Tensor | int) -> Tensor:
        tuned = super()._embed(ids, position)
        ids = ops.clip(ops.cast(ids, "int32"), 0, self.vocab_size - 1)
        frozen = ops.cast(self.frozen_embeddings, self.compute_dtype)
        return tuned + ops.take(frozen, ids, axis=0)
