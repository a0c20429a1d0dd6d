"""Gated convolution, causal or over the whole sequence."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class GatedConvolutionBlock(Layer):
    """Convolution with a gated linear unit and a residual: x + (A + a) * sigmoid(B + b).

    It is one product over the joined window, which is what the CPU does fastest. The input is
    layer-normalized in place of the paper's weight normalization.

    Args:
        kernel_size: Width of the window that ends at the position, or, odd, has it in the middle.
        dropout: Dropout rate of the input, 0 to 1.
        regularizer: Keras regularizer of the kernel.
        causal: Whether the window ends at its position.
    Raises: ArgumentError for an even kernel_size if not causal.
    Source: Dauphin et al. 2017, https://arxiv.org/abs/1612.08083

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.GatedConvolutionBlock(3)(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    def __init__(
        self,
        kernel_size: int,
        *,
        dropout: float = 0.0,
        regularizer: keras.regularizers.Regularizer | None = None,
        causal: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not causal and kernel_size % 2 == 0:
            raise ArgumentError(f"kernel_size={kernel_size} is even: no position is its middle.")
        self.causal = causal
        self.kernel_size = kernel_size
        self.regularizer = regularizer
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=self.dtype_policy)
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        self.supports_masking = True

    def build(self, x_shape: tuple) -> None:
        self.dim = x_shape[-1]
        self.norm.build(x_shape)
        self.convolution = Dense(
            2 * self.dim,
            kernel_regularizer=self.regularizer,
            name="convolution",
            dtype=self.dtype_policy,
        )
        self.convolution.build((*x_shape[:-1], self.kernel_size * self.dim))

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """(batch, time, dim), and where it is real, bool (batch, time) -> (batch, time, dim)."""
        inner = self.dropout(self.norm(x), training=training)
        if mask is not None:
            inner = ops.where(mask[..., None], inner, 0.0)
        before = self.kernel_size - 1 if self.causal else self.kernel_size // 2
        padding = (before, self.kernel_size - 1 - before)
        return x + self._convolve(ops.pad(inner, ((0, 0), padding, (0, 0))))

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return x_shape

    def init_state(self, batch_size: int, length: int) -> Tensor:
        """The window before the first token: zeros (batch, kernel_size - 1, dim)."""
        return ops.zeros((batch_size, self.kernel_size - 1, self.dim), self.compute_dtype)

    def step(self, x: Tensor, state: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """n more tokens: x (batch, n, dim), and the window before them."""
        window = ops.concatenate([state, self.norm(x)], axis=1)
        return x + self._convolve(window), window[:, ops.shape(x)[1] :]

    def _convolve(self, window: Tensor) -> Tensor:
        time = ops.shape(window)[1] - self.kernel_size + 1
        shifted = [window[:, i : i + time] for i in range(self.kernel_size)]
        joined = ops.concatenate(shifted, axis=-1)  # (batch, time, kernel_size * dim)
        linear, gate = ops.split(self.convolution(joined), 2, axis=-1)
        return linear * ops.sigmoid(gate)
