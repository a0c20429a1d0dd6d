"""Dense layers whose products of a single row use all cores."""

import functools
from typing import Any

import keras
from keras import ops

from lmzoo.typing import Tensor

# Smaller matrices fit a cache, where nothing is gained.
_SMALLEST = 2**16


@keras.saving.register_keras_serializable(package="lmzoo")
class Dense(keras.layers.Dense):
    """`keras.layers.Dense`, but a product of one row, as in decoding, runs on all cores.

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.Dense(4)(keras.ops.ones((2, 3))).shape)
        (2, 4)
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """(..., dim) -> (..., units)."""
        plain = not self.lora_enabled and self.quantization_mode is None
        if not plain or _blocks(inputs, self._kernel) == 1:
            return super().call(inputs, training=training)
        x = product(inputs, self._kernel, self.compute_dtype)
        x = x if self.bias is None else x + ops.cast(self.bias, self.compute_dtype)
        return x if self.activation is None else self.activation(x)

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Keras's `quantize`, without its refusal of derived classes."""
        super().quantize(mode, type_check=type_check and type(self) is not Dense, config=config)


def product(x: Tensor, weight: keras.Variable, dtype: str) -> Tensor:
    """x (..., dim) times weight (dim, units); one row as a batch, for all cores."""
    weight, blocks = ops.cast(weight, dtype), _blocks(x, weight)
    if blocks == 1:
        return ops.matmul(x, weight)
    dim, units = weight.shape
    parts = ops.reshape(weight, (blocks, dim // blocks, units))  # (blocks, dim / blocks, units)
    row = ops.reshape(x, (blocks, 1, dim // blocks))  # (blocks, 1, dim / blocks)
    y = ops.sum(ops.matmul(row, parts), axis=0)  # (1, units)
    return ops.reshape(y, (*x.shape[:-1], units))  # (..., units)


def _blocks(x: Tensor, weight: keras.Variable) -> int:
    """The number of partial products; 1 unless x is a single row and the weight large."""
    dim, units = weight.shape
    if any(size != 1 for size in x.shape[:-1]) or dim * units < _SMALLEST or _is_on_gpu():
        return 1
    return next((blocks for blocks in range(8, 1, -1) if dim % blocks == 0), 1)


@functools.cache
def _is_on_gpu() -> bool:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    return True
