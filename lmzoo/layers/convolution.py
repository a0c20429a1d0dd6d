"""Causal gated convolution."""

import keras
from keras import ops

from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class GatedConvolutionBlock(keras.layers.Layer):
    """Causal convolution with a gated linear unit and a residual: x + (A + a) * sigmoid(B + b).

    The convolution is written as one product over the joined window, which is what the CPU does
    fastest. The input is layer-normalised in place of the paper's weight normalisation.

    Args:
        kernel_size: Number of positions that one output sees: itself and those before it.
        dropout: Share of the input dropped in training.
        regularizer: Keras regulariser of the kernel.

    Source: Dauphin et al. 2017, https://arxiv.org/abs/1612.08083

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.GatedConvolutionBlock(kernel_size=3)
        >>> tuple(block(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    def __init__(
        self,
        kernel_size: int,
        *,
        dropout: float = 0.0,
        regularizer: keras.regularizers.Regularizer | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.kernel_size = kernel_size
        self.regularizer = regularizer
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5)
        self.dropout = Dropout(dropout)

    def build(self, input_shape: tuple) -> None:
        """Makes the kernel: (kernel_size * dim, 2 * dim)."""
        self.dim = input_shape[-1]
        self.norm.build(input_shape)
        self.convolution = Dense(
            2 * self.dim, kernel_regularizer=self.regularizer, name="convolution"
        )
        self.convolution.build((*input_shape[:-1], self.kernel_size * self.dim))
        self.built = True

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """(batch, time, dim) -> (batch, time, dim)."""
        inner = self.dropout(self.norm(x), training=training)
        past = ops.zeros_like(inner[:, :1])
        past = ops.repeat(past, self.kernel_size - 1, axis=1)
        return x + self._convolve(ops.concatenate([past, inner], axis=1))

    def init_state(self, batch_size: int, length: int) -> Tensor:
        """The window before the text: zeros (batch, kernel_size - 1, dim)."""
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
