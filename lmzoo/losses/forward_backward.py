"""Sums over all tag sequences of a CRF and their gradients, by the forward-backward algorithm.

A step is one product exp(last) exp(T), or in logs where its terms may be lost; XLA compiles all.
"""

import functools
from collections.abc import Callable

import keras
from keras import ops

from lmzoo.typing import Tensor

# Terms below float32's smallest number are lost: one part in 10^8 of a sum of this size.
_SMALLEST_SUM = 1e-30


def compiled(function: Callable) -> Callable:
    """The function under XLA on TensorFlow; JAX compiles what it is part of."""
    if keras.backend.backend() != "tensorflow":
        return function
    return _compiled_by_tensorflow(function)


@functools.cache
def _compiled_by_tensorflow(function: Callable) -> Callable:
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)


def write(buffer: Tensor, time: Tensor | int, value: Tensor) -> Tensor:
    """The buffer (batch, time, ...) with (batch, ...) values in their place."""
    place = (0, time, *(0,) * (len(buffer.shape) - 2))
    written = ops.slice_update(buffer, place, value[:, None])
    return ops.reshape(written, ops.shape(buffer))  # (batch, time, ...): TensorFlow forgets it


def _powers(transitions: Tensor) -> tuple[Tensor, Tensor]:
    """exp(T - its columns' peaks), (tags, tags), and the peaks (1, tags)."""
    peaks = ops.max(transitions, axis=0, keepdims=True)
    return ops.exp(transitions - peaks), peaks


def _lost(sums: Tensor, is_real: Tensor) -> Tensor:
    """Whether some sum of a real word may have lost its terms."""
    return ops.any((sums < _SMALLEST_SUM) & is_real)


def forward(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, real: Tensor
) -> tuple[Tensor, Tensor]:
    """The log-partition (batch,), and logs of sums over all beginnings that end in a tag, less
    peaks."""
    powers, peaks = _powers(transitions)

    def in_logs(last: Tensor) -> Tensor:
        joined = last[:, :, None] + transitions  # (batch, tags, tags)
        peak = ops.max(joined, axis=1, keepdims=True)
        # Summed by a product: XLA would compute a branch without any at every step.
        ones = ops.ones_like(last)[:, None]  # (batch, 1, tags)
        return (ops.log(ops.matmul(ones, ops.exp(joined - peak))) + peak)[:, 0]

    def advance(last: Tensor, is_real: Tensor) -> Tensor:
        sums = ops.matmul(ops.exp(last), powers)
        lost = _lost(sums, is_real)
        return ops.cond(lost, lambda: in_logs(last), lambda: ops.log(sums) + peaks)

    def body(time: Tensor, state: tuple) -> tuple:
        logs, last, total = state
        is_real = real[:, time][:, None]
        found = advance(last, is_real) + emissions[:, time]
        peak = ops.max(found, axis=-1, keepdims=True)
        last = ops.where(is_real, found - peak, last)
        return write(logs, time, last), last, total + ops.where(is_real, peak, 0.0)

    first = start + emissions[:, 0]
    total = ops.max(first, axis=-1, keepdims=True)
    first = first - total
    logs = write(ops.zeros_like(emissions), 0, first)
    logs, last, total = ops.fori_loop(1, ops.shape(emissions)[1], body, (logs, first, total))
    value = total[:, 0] + ops.logsumexp(last + end, axis=-1)
    return ops.where(real[:, 0], value, 0.0), logs


def backward(
    transitions: Tensor, start: Tensor, end: Tensor, real: Tensor, logs: Tensor, upstream: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of all scores, of `upstream` (batch,) and `logs`, the second output of
    `forward`."""
    powers, _ = _powers(transitions)
    turned, weights = ops.transpose(powers), ops.exp(logs)
    sums = ops.matmul(weights, powers)  # (batch, time, tags), of the next step
    _, count, tags = ops.shape(logs)
    nothing = ops.zeros_like(transitions)

    def retreat(time: Tensor, now: Tensor, is_real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        def with_products() -> tuple[Tensor, Tensor, Tensor]:
            ratio = now / ops.maximum(sums[:, time - 1], _SMALLEST_SUM)
            return weights[:, time - 1] * ops.matmul(ratio, turned), ratio, nothing

        def in_logs() -> tuple[Tensor, Tensor, Tensor]:
            share = ops.softmax(logs[:, time - 1][:, :, None] + transitions, axis=1)
            pairs = share * now[:, None, :]
            return ops.sum(pairs, axis=-1), ops.zeros_like(now), ops.sum(pairs, axis=0)

        return ops.cond(_lost(sums[:, time - 1], is_real), in_logs, with_products)

    def body(index: Tensor, state: tuple) -> tuple:
        d_emissions, ratios, d_pairs, now = state
        time = count - 1 - index
        is_real = real[:, time][:, None]
        here = ops.where(is_real, now, 0.0)
        before, ratio, pairs = retreat(time, here, is_real)
        d_emissions, ratios = write(d_emissions, time, here), write(ratios, time, ratio)
        return d_emissions, ratios, d_pairs + pairs, ops.where(is_real, before, now)

    last = upstream[:, None] * ops.softmax(logs[:, -1] + end, axis=-1)
    last = ops.where(real[:, :1], last, 0.0)
    empty = ops.zeros_like(logs)
    state = (empty, empty, nothing, last)
    d_emissions, ratios, d_pairs, first = ops.fori_loop(0, count - 1, body, state)
    d_emissions = write(d_emissions, 0, first)
    rows = ops.reshape(weights[:, :-1], (-1, tags))  # (batch * (time - 1), tags)
    columns = ops.reshape(ratios[:, 1:], (-1, tags))  # (batch * (time - 1), tags)
    d_transitions = powers * ops.matmul(ops.transpose(rows), columns) + d_pairs
    return d_emissions, d_transitions, ops.sum(first, axis=0), ops.sum(last, axis=0)


def posteriors(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, real: Tensor
) -> Tensor:
    """Probability of each tag at each word, (batch, time, tags), of `forward`'s inputs."""
    _, logs = forward(emissions, transitions, start, end, real)
    ones = ops.ones_like(logs[:, 0, 0])
    return backward(transitions, start, end, real, logs, ones)[0]
