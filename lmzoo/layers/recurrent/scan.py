"""A loop over time that the backend differentiates."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from lmzoo.typing import Tensor


def scan(step: Callable[[Tensor, tuple], tuple], state: tuple, x: Tensor) -> Tensor:
    """First part of the state after each `step` (inputs, state) over x (batch, time, dim)."""
    if keras.backend.backend() == "tensorflow":
        return _scan_tensorflow(step, state, x)

    def body(state: tuple, now: Tensor) -> tuple[tuple, Tensor]:
        new = step(now, state)
        return new, new[0]

    _, outputs = ops.scan(body, state, ops.swapaxes(x, 0, 1))
    return ops.swapaxes(outputs, 0, 1)


def _scan_tensorflow(step: Callable[[Tensor, tuple], tuple], state: tuple, x: Tensor) -> Tensor:
    """`scan` with the number of steps, which XLA must know for the gradient."""
    import tensorflow as tf

    time = tf.shape(x)[1]
    inputs = tf.TensorArray(x.dtype, size=time).unstack(tf.transpose(x, (1, 0, 2)))
    outputs = tf.TensorArray(state[0].dtype, size=time)

    def body(index: Tensor, outputs: Any, *state: Tensor) -> tuple:
        new = step(inputs.read(index), state)
        return (index + 1, outputs.write(index, new[0]), *new)

    values = (tf.constant(0), outputs, *state)
    values = tf.while_loop(lambda i, *_: i < time, body, values, maximum_iterations=time)
    return tf.transpose(values[1].stack(), (1, 0, 2))  # (batch, time, dim)
