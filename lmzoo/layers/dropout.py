"""Dropout whose mask costs a few integer operations per value."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

# Odd multipliers and shifts of a 32-bit mixing function with low bias:
# https://github.com/skeeto/hash-prospector
_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
_SHIFTS = (16, 15, 16)


@keras.saving.register_keras_serializable(package="lmzoo")
class Dropout(keras.layers.Dropout):
    """Keras's Dropout, with a mask from hashes of each value's index and the seed.

    On a CPU, the cryptographic generator of Keras's own mask takes longer than an LSTM forward and
    backward. Saving and seeding are Keras's too; the masks of a seed differ from Keras's.

    Args:
        rate: Fraction of the values dropped in training, 0 to 1; others grow by 1 / (1 - rate).
        noise_shape: Shape of the mask, 1 where broadcast, None where the input's; None for all.
        seed: Integer, or None for one from Keras's global generator.
    Raises: ArgumentError for a rate outside 0 to 1.
    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html

    Example:
        >>> import keras, lmzoo
        >>> y = lmzoo.layers.Dropout(0.5, seed=1)(keras.ops.ones((1000,)), training=True)
        >>> sorted({float(value) for value in y})
        [0.0, 2.0]
    """

    def __init__(
        self,
        rate: float,
        noise_shape: tuple[int | None, ...] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if not 0 <= rate <= 1:
            raise ArgumentError(f"dropout={rate}: give a fraction between 0 (none) and 1 (all).")
        super().__init__(rate, noise_shape, seed, **kwargs)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """The same shape; in training some values are 0, the others scaled."""
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return ops.zeros_like(inputs)
        if self.noise_shape and len(self.noise_shape) != len(inputs.shape):
            raise ArgumentError(
                f"noise_shape={tuple(self.noise_shape)} for an input of shape "
                f"{tuple(inputs.shape)}: give a number, or None, for each of its axes."
            )
        shape = tuple(
            given if wanted is None else wanted
            for given, wanted in zip(
                ops.shape(inputs), self.noise_shape or (None,) * len(inputs.shape), strict=True
            )
        )
        keep = random_bits(shape, self.seed_generator.next()) >= _uint32(int(self.rate * 2**32))
        scale = ops.cast(1 / (1 - self.rate), inputs.dtype)
        return ops.where(keep, inputs * scale, ops.zeros((), inputs.dtype))


def random_bits(shape: tuple, seed: Tensor) -> Tensor:
    """uint32 values of a shape, each a hash of its index and of a seed of two integers."""
    seed = ops.cast(seed, "uint32")
    key = _mix(seed[0] + _mix(seed[1] + _uint32(0x9E3779B9)))
    count = 1
    for size in shape:
        count = count * size
    index = ops.cast(ops.arange(count, dtype="int32"), "uint32")
    # The second key keeps the streams of two seeds apart where their first keys overlap.
    return ops.reshape(_mix(index + key, _mix(key)), shape)  # (shape)


def _mix(x: Tensor, key: Tensor | None = None) -> Tensor:
    """A bijection of 32-bit integers whose every input bit flips each output bit half the time."""
    for shift, multiplier in zip(_SHIFTS, _MULTIPLIERS, strict=False):
        x = ops.bitwise_xor(x, ops.bitwise_right_shift(x, _uint32(shift)))
        x = x * _uint32(multiplier)
        if key is not None:
            x = ops.bitwise_xor(x, key)
            key = None
    return ops.bitwise_xor(x, ops.bitwise_right_shift(x, _uint32(_SHIFTS[-1])))


def _uint32(value: int) -> Tensor:
    return ops.convert_to_tensor(value, dtype="uint32")
