"""Loops over time, and functions whose gradient is written by hand, on TensorFlow and JAX.

Under XLA a loop writes into buffers, which is fast and compiled for one length; elsewhere on
TensorFlow it reads and writes arrays of steps, which serve every length and can be differentiated.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor


def by_hand(
    forward: Callable,
    backward: Callable,
    inputs: tuple,
    fixed: tuple = (),
    *,
    plain: Callable | None = None,
    width: int | None = None,
) -> Any:
    """Outputs of a function of `inputs` whose gradient is `backward`; it may be differentiated.

    Args:
        forward: (loop, *inputs, *fixed) -> outputs, and what `backward` needs; `loop` is a `scan`.
        backward: (loop, needed, gradients of the outputs as a tuple, *fixed) -> those of `inputs`,
            in any dtype.
        inputs: Float tensors.
        fixed: Tensors without a gradient.
        plain: (*inputs, *fixed) -> outputs, which TensorFlow can differentiate twice, of functions
            that have no loop over time; None for those whose only loops are `loop`.
        width: What the functions must know of the last axes when they are traced.
    """
    if keras.backend.backend() == "tensorflow":
        run = functools.partial(_run, width) if plain is None else _as_it_stands
        plain = _Plain(forward, width) if plain is None else plain
        return _by_hand_tensorflow(forward, backward, inputs, fixed, plain, run)
    if keras.backend.backend() == "jax":
        from lmzoo.loops.jax_gradient import by_hand_jax

        return by_hand_jax(
            functools.partial(forward, _in_buffers),
            functools.partial(backward, _in_buffers),
            inputs,
            fixed,
        )
    raise ArgumentError(
        f"Keras's backend is {keras.backend.backend()!r}: set KERAS_BACKEND to tensorflow or jax."
    )


def without_gradient(function: Callable, *inputs: Tensor) -> Any:
    """function(loop, *inputs), of which no gradient is taken; the first is (batch, time, width)."""
    return _run(inputs[0].shape[-1], function, *map(ops.stop_gradient, inputs))


def scan(
    body: Callable, state: tuple, xs: tuple, buffers: tuple, *, reverse: bool = False
) -> tuple[tuple, tuple]:
    """`state, ys = body(state, now)` for each time of xs, the last first if `reverse`.

    It can be differentiated.

    Args:
        body: Takes and gives tuples of (batch, ...) tensors.
        state: The first state.
        xs: Inputs (batch, time, ...).
        buffers: Tensors of the shape and dtype of the outputs, which may overwrite them; the first
            one may be the first of `xs` itself.

    Returns:
        The last state, and the outputs of all times, (batch, time, ...).
    """
    loop = _in_arrays if keras.backend.backend() == "tensorflow" else _in_buffers
    return loop(body, state, xs, buffers, reverse=reverse)


def _in_buffers(
    body: Callable, state: tuple, xs: tuple, buffers: tuple, *, reverse: bool = False
) -> tuple[tuple, tuple]:
    """`scan` for XLA; on TensorFlow it cannot be differentiated."""
    count, is_shared = ops.shape(buffers[0])[1], buffers[0] is xs[0]

    def step(index: Tensor, carried: tuple) -> tuple:
        state, buffers = carried
        time = count - 1 - index if reverse else index
        # A buffer that is read and overwritten is copied unless the write depends on the reads.
        read = (buffers[0], *xs[1:]) if is_shared else xs
        state, ys = body(state, tuple(x[:, time] for x in read))
        return state, tuple(_write(b, time, y) for b, y in zip(buffers, ys, strict=True))

    return ops.fori_loop(0, count, step, (tuple(state), tuple(buffers)))


def _write(buffer: Tensor, time: Tensor, value: Tensor) -> Tensor:
    place = (0, time, *(0,) * (len(buffer.shape) - 2))
    written = ops.slice_update(buffer, place, value[:, None])
    return ops.reshape(written, ops.shape(buffer))  # (batch, time, ...): TensorFlow forgets it


def _in_arrays(
    body: Callable, state: tuple, xs: tuple, buffers: tuple, *, reverse: bool = False
) -> tuple[tuple, tuple]:
    """`scan` for TensorFlow without XLA, and where it is differentiated."""
    import tensorflow as tf

    count = tf.shape(buffers[0])[1]  # with the number of steps XLA can compile the gradient
    arrays = [tf.TensorArray(x.dtype, size=count).unstack(_swap(x)) for x in xs]
    outputs = tuple(_empty_array(buffer, count) for buffer in buffers)

    def step(index: Tensor, state: tuple, outputs: tuple) -> tuple:
        time = count - 1 - index if reverse else index
        new, ys = body(state, tuple(array.read(time) for array in arrays))
        for after, before in zip(new, state, strict=True):
            after.set_shape(before.shape)
        written = (array.write(time, y) for array, y in zip(outputs, ys, strict=True))
        return index + 1, tuple(new), tuple(written)

    _, state, outputs = tf.while_loop(
        lambda index, *_: index < count,
        step,
        (tf.constant(0), tuple(state), outputs),
        maximum_iterations=count,
    )
    stacked = tuple(_swap(array.stack()[:count]) for array in outputs)
    for found, buffer in zip(stacked, buffers, strict=True):
        found.set_shape(buffer.shape)
    return state, stacked


def _empty_array(buffer: Tensor, count: Tensor) -> Any:
    """An array of steps, with zeros behind the last: TensorFlow cannot stack none at all."""
    import tensorflow as tf

    shape = tf.shape(buffer)
    zeros = tf.zeros(tf.concat([shape[:1], shape[2:]], axis=0), buffer.dtype)
    return tf.TensorArray(buffer.dtype, size=count + 1).write(count, zeros)


def _swap(x: Tensor) -> Tensor:
    return ops.swapaxes(x, 0, 1)


def _by_hand_tensorflow(
    forward: Callable,
    backward: Callable,
    inputs: tuple,
    fixed: tuple,
    plain: Callable,
    run: Callable,
) -> Any:
    import tensorflow as tf

    @tf.custom_gradient
    def function(*inputs: Tensor) -> tuple[Any, Callable]:
        # A tape would otherwise ask for the gradient of what is inside.
        outputs, needed = run(forward, *map(tf.stop_gradient, inputs), *fixed)

        def gradient(*upstream: Tensor) -> Any:
            @tf.custom_gradient
            def first(*both: Tensor) -> tuple[Any, Callable]:
                stopped = tuple(map(tf.stop_gradient, both[len(inputs) :]))
                found = run(backward, needed, stopped, *fixed)
                found = tuple(ops.cast(g, x.dtype) for g, x in zip(found, inputs, strict=True))
                known = (both[: len(inputs)], fixed, both[len(inputs) :])
                return found, lambda *above: _second(plain, *known, above)

            return first(*inputs, *upstream)

        return outputs, gradient

    return function(*inputs)


def _second(plain: Callable, *known: tuple) -> list[Tensor]:
    if isinstance(plain, _Plain) and _is_in_xla():
        raise ArgumentError(
            "XLA cannot compile the derivative of a gradient through a loop over time: use "
            "jit_compile=False."
        )
    return _second_gradient(plain)(*known)


@functools.cache
def _second_gradient(plain: Callable) -> Callable:
    """Gradients in `inputs` and `upstream` of the gradients of `plain`, as one of TensorFlow's."""
    import tensorflow as tf

    # Of a graph of its own: in forward mode TensorFlow stops its tapes.
    gradients = functools.partial(tf.gradients, unconnected_gradients="zero")

    def second(inputs: tuple, fixed: tuple, upstream: tuple, above: tuple) -> list[Tensor]:
        outputs = keras.tree.flatten(plain(*inputs, *fixed))
        first = gradients(outputs, list(inputs), grad_ys=list(upstream))
        return gradients(first, [*inputs, *upstream], grad_ys=list(above))

    return tf.function(second, autograph=False, reduce_retracing=True)


@dataclass(frozen=True)
class _Plain:
    """The outputs of a `forward`, which TensorFlow can differentiate."""

    forward: Callable
    width: int | None

    def __call__(self, *arguments: Tensor) -> Any:
        return self.forward(scan, *arguments)[0]


def _run(width: int | None, function: Callable, *arguments: Any) -> Any:
    """function(loop, *arguments), compiled by XLA where few lengths are to be expected."""
    if keras.backend.backend() != "tensorflow":
        return function(_in_buffers, *arguments)
    import tensorflow as tf

    if tf.executing_eagerly():  # every call may have another length
        return _traced(function, width, False)(arguments)
    if _is_in_xla():
        return function(_in_buffers, *arguments)
    first = next(x for x in keras.tree.flatten(arguments) if len(x.shape) > 2)
    if first.shape[1] is None:
        return function(_in_arrays, *arguments)
    return _traced(function, width, True)(arguments)


def _is_in_xla() -> bool:
    """Whether TensorFlow is tracing what XLA will compile."""
    import tensorflow as tf
    from tensorflow.python.ops import control_flow_util

    return bool(control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()))


def _as_it_stands(function: Callable, *arguments: Any) -> Any:
    return function(_in_buffers, *arguments)


@functools.cache
def _traced(function: Callable, width: int | None, for_one_length: bool) -> Callable:
    """The function as one of TensorFlow's; another for each width, which it would forget."""
    import tensorflow as tf

    loop = _in_buffers if for_one_length else _in_arrays

    def traced(arguments: tuple) -> Any:  # one argument: their number may vary
        return function(loop, *arguments)

    return tf.function(
        traced,
        jit_compile=for_one_length,
        autograph=False,
        reduce_retracing=not for_one_length,
    )
