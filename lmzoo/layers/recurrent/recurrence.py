"""The recurrences of SimpleRNN, GRU, LSTM and coverage over a whole sequence, with their gradients.

The input projection is one large product before the loop, the weight gradient one after it
(Appleyard et al. 2016, https://arxiv.org/abs/1604.01946), and so is what the gradient needs of all
steps. Forward, the gates overwrite the projected inputs; backward, XLA would copy that buffer at
each step. sigmoid(x) is tanh(x / 2) / 2 + 1/2. On TensorFlow the loops run under XLA.
A mask is (batch, time, 1), 1 where a step is real, at 0 states (batch, hidden) stay.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.typing import Tensor


def run_rnn(
    x: Tensor, kernel: Tensor, h: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """h_t = tanh(x_t + h_{t-1} U), projected x (batch, time, hidden) -> all states, last one."""
    states = _with_gradient(_rnn_forward, _rnn_backward, mask)(x, kernel, h)
    return states, states[:, -1]


def run_lstm(
    x: Tensor, kernel: Tensor, h: Tensor, c: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Projected x (batch, time, 4 * hidden): input, forget, candidate, output -> hs, h, c."""
    outputs, last_cell = _with_gradient(_lstm_forward, _lstm_backward, mask)(x, kernel, h, c)
    return outputs, outputs[:, -1], last_cell


def run_gru(
    x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Projected x (batch, time, 3 * hidden): update, reset, new; recurrent bias -> hs, h."""
    states = _with_gradient(_gru_forward, _gru_backward, mask)(x, kernel, bias, h)
    return states, states[:, -1]


def run_coverage(scores: Tensor, weight: Tensor, covered: Tensor) -> Tensor:
    """a_t = softmax(s_t + w (a_1 + ... + a_{t-1})) of scores (batch, time, keys) and w ()."""
    return _with_gradient(_coverage_forward, _coverage_backward, None)(scores, weight, covered)


def sum_before(weights: Tensor, covered: Tensor) -> Tensor:
    """Coverage before each step (batch, time, keys): `covered` and earlier weights."""
    return covered[:, None] + ops.cumsum(weights, axis=1) - weights


def lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One LSTM step from the summed gates (batch, 4 * hidden): the new output and cell."""
    i, f, g, o = _lstm_gates(ops.tanh(gates * _lstm_scale(gates)))
    c = f * c + i * g
    return o * ops.tanh(c), c


def gru_step(x: Tensor, inner: Tensor, h: Tensor) -> Tensor:
    """One GRU step from the projected input and state (batch, 3 * hidden): the new state."""
    z, r, inner_n = _gru_gates(x, inner)
    n = ops.tanh(x[:, 2 * h.shape[-1] :] + r * inner_n)
    return n + z * (h - n)


def _with_gradient(forward: Callable, backward: Callable, mask: Tensor | None) -> Callable:
    """The loop with its gradient: `forward` gives outputs and what `backward` needs."""
    masks = () if mask is None else (mask,)

    @ops.custom_gradient
    def loop(*inputs: Tensor) -> tuple[Any, Callable]:
        # An eager tape would otherwise ask for the gradient of the compiled function itself.
        stopped = [ops.stop_gradient(x) for x in inputs]
        outputs, needed = _compiled(forward)(*stopped, *masks)

        def gradient(*upstream: Any) -> tuple[Tensor, ...]:
            # TensorFlow passes the gradients of several outputs apart, JAX as one tuple.
            flat = upstream[0] if isinstance(upstream[0], tuple) else upstream
            return _compiled(backward)(needed, tuple(flat), *masks)

        return outputs, gradient

    return loop


@functools.cache
def _compiled(function: Callable) -> Callable:
    """The function under XLA on TensorFlow; JAX compiles what it is part of."""
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)


def _loop(body: Callable, count: int, state: tuple, reverse: bool = False) -> tuple:
    """`state = body(time, *state)` for each time, the last first if `reverse`."""

    def step(i: Tensor, state: tuple) -> tuple:
        return tuple(body(count - 1 - i if reverse else i, *state))

    return ops.fori_loop(0, count, step, state)


def _write(buffer: Tensor, time: Tensor, value: Tensor, column: int = 0) -> Tensor:
    """The buffer with (batch, n) values in their place."""
    return ops.slice_update(buffer, (0, time, column), value[:, None])


def _shift(first: Tensor, states: Tensor) -> Tensor:
    """States one step earlier: the first one, then all but the last."""
    return ops.concatenate([first[:, None], states[:, :-1]], axis=1)  # (batch, time, hidden)


def _kernel_gradient(previous: Tensor, d_gates: Tensor) -> Tensor:
    """Sum over time and batch of previous^T d_gates, as one product."""
    rows = ops.reshape(previous, (-1, previous.shape[-1]))  # (batch * time, hidden)
    columns = ops.reshape(d_gates, (-1, d_gates.shape[-1]))  # (batch * time, gates * hidden)
    return ops.matmul(ops.transpose(rows), columns)  # (hidden, gates * hidden)


def _keep(mask: tuple, time: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """The new state where the step is real, else the old one."""
    return ops.where(mask[0][:, time] != 0, new, old) if mask else new


def _kept(mask: tuple, time: Tensor, gradient: Tensor) -> Tensor | float:
    """The gradient of a state that was kept because the step is not real."""
    return gradient * (1 - mask[0][:, time]) if mask else 0.0


def _rnn_forward(x: Tensor, kernel: Tensor, h: Tensor, *mask: Tensor) -> tuple[Tensor, tuple]:
    def body(time: Tensor, buffer: Tensor, last: Tensor) -> tuple:
        new = ops.tanh(buffer[:, time] + ops.matmul(last, kernel))
        new = _keep(mask, time, new, last)
        return _write(buffer, time, new), new

    states, _ = _loop(body, ops.shape(x)[1], (x, h))
    return states, (states, kernel, h)


def _rnn_backward(needed: tuple, upstream: tuple, *mask: Tensor) -> tuple[Tensor, ...]:
    states, kernel, first = needed
    d_states, kernel_t = upstream[0], ops.transpose(kernel)

    def body(time: Tensor, buffer: Tensor, d_h: Tensor) -> tuple:
        d_h, h = d_h + d_states[:, time], states[:, time]
        d_gates = d_h * (1 - h * h)
        if mask:
            d_gates = d_gates * mask[0][:, time]
        return _write(buffer, time, d_gates), ops.matmul(d_gates, kernel_t) + _kept(mask, time, d_h)

    start = (ops.zeros_like(states), ops.zeros_like(first))
    d_gates, d_first = _loop(body, ops.shape(states)[1], start, reverse=True)
    return d_gates, _kernel_gradient(_shift(first, states), d_gates), d_first


def _coverage_forward(scores: Tensor, weight: Tensor, covered: Tensor) -> tuple[Tensor, tuple]:
    def body(time: Tensor, weights: Tensor, before: Tensor) -> tuple:
        new = ops.softmax(scores[:, time] + weight * before, axis=-1)
        return _write(weights, time, new), before + new

    weights, _ = _loop(body, ops.shape(scores)[1], (ops.zeros_like(scores), covered))
    return weights, (weights, weight, covered)


def _coverage_backward(needed: tuple, upstream: tuple) -> tuple[Tensor, ...]:
    weights, weight, covered = needed
    d_weights = upstream[0]

    def body(time: Tensor, buffer: Tensor, d_before: Tensor) -> tuple:
        now, d_now = weights[:, time], d_weights[:, time] + d_before
        d_scores = now * (d_now - ops.sum(now * d_now, axis=-1, keepdims=True))
        return _write(buffer, time, d_scores), d_before + weight * d_scores

    start = (ops.zeros_like(weights), ops.zeros_like(covered))
    d_scores, d_covered = _loop(body, ops.shape(weights)[1], start, reverse=True)
    return d_scores, ops.sum(d_scores * sum_before(weights, covered)), d_covered


def _lstm_scale(gates: Tensor) -> Tensor:
    """1/2 for the sigmoids, 1 for the candidate: (4 * hidden,)."""
    scale = np.repeat([0.5, 0.5, 1.0, 0.5], gates.shape[-1] // 4)
    return ops.convert_to_tensor(scale, dtype=gates.dtype)


def _lstm_gates(squashed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    i, f, g, o = ops.split(squashed, 4, axis=-1)
    return 0.5 * i + 0.5, 0.5 * f + 0.5, g, 0.5 * o + 0.5


def _lstm_forward(
    x: Tensor, kernel: Tensor, h: Tensor, c: Tensor, *mask: Tensor
) -> tuple[tuple, tuple]:
    scale = _lstm_scale(x)

    def body(
        time: Tensor, buffer: Tensor, outputs: Tensor, cells: Tensor, h: Tensor, c: Tensor
    ) -> tuple:
        squashed = ops.tanh((buffer[:, time] + ops.matmul(h, kernel)) * scale)
        i, f, g, o = _lstm_gates(squashed)
        new = f * c + i * g
        h = _keep(mask, time, o * ops.tanh(new), h)
        c = _keep(mask, time, new, c)
        buffer = _write(buffer, time, squashed)
        return buffer, _write(outputs, time, h), _write(cells, time, c), h, c

    empty = ops.zeros_like(x[..., : h.shape[-1]])
    gates, outputs, cells, _, last = _loop(body, ops.shape(x)[1], (x, empty, empty, h, c))
    return (outputs, last), (gates, outputs, cells, kernel, h, c)


def _lstm_backward(needed: tuple, upstream: tuple, *mask: Tensor) -> tuple[Tensor, ...]:
    gates, outputs, cells, kernel, h0, c0 = needed
    d_outputs, d_last = upstream
    kernel_t = ops.transpose(kernel)
    factors, through, keep = _lstm_factors(gates, cells, _shift(c0, cells), *mask)

    def body(time: Tensor, buffer: Tensor, d_h: Tensor, d_c: Tensor) -> tuple:
        d_h = d_h + d_outputs[:, time]
        d_c = d_c + d_h * through[:, time]
        d_gates = ops.concatenate([d_c, d_c, d_c, d_h], axis=-1) * factors[:, time]
        d_before = ops.matmul(d_gates, kernel_t) + _kept(mask, time, d_h)
        return _write(buffer, time, d_gates), d_before, d_c * keep[:, time]

    start = (ops.zeros_like(gates), ops.zeros_like(h0), d_last)
    d_gates, d_h0, d_c0 = _loop(body, ops.shape(gates)[1], start, reverse=True)
    return d_gates, _kernel_gradient(_shift(h0, outputs), d_gates), d_h0, d_c0


def _lstm_factors(
    gates: Tensor, cells: Tensor, before: Tensor, *mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """All steps' factors of gradients: to the gates, from output to cell, from cell to cell."""
    i, f, g, o = _lstm_gates(gates)
    squashed = ops.tanh(cells)
    parts = [g * i * (1 - i), before * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)]
    factors = ops.concatenate(parts, axis=-1)
    through = o * (1 - squashed * squashed)
    if not mask:
        return factors, through, f
    return factors * mask[0], through * mask[0], f * mask[0] + (1 - mask[0])


def _gru_gates(x: Tensor, inner: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Update and reset gate, and the inner part of the candidate."""
    width = inner.shape[-1] // 3
    squashed = ops.tanh(0.5 * (x[:, : 2 * width] + inner[:, : 2 * width]))
    z, r = ops.split(0.5 * squashed + 0.5, 2, axis=-1)
    return z, r, inner[:, 2 * width :]


def _gru_forward(
    x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, *mask: Tensor
) -> tuple[Tensor, tuple]:
    width = h.shape[-1]

    def body(time: Tensor, buffer: Tensor, inners: Tensor, states: Tensor, h: Tensor) -> tuple:
        now = buffer[:, time]
        z, r, inner = _gru_gates(now, ops.matmul(h, kernel) + bias)
        n = ops.tanh(now[:, 2 * width :] + r * inner)
        new = _keep(mask, time, n + z * (h - n), h)
        buffer = _write(buffer, time, ops.concatenate([z, r, n], axis=-1))
        return buffer, _write(inners, time, inner), _write(states, time, new), new

    empty = ops.zeros_like(x[..., :width])
    gates, inners, states, _ = _loop(body, ops.shape(x)[1], (x, empty, empty, h))
    return states, (gates, inners, states, kernel, h)


def _gru_backward(needed: tuple, upstream: tuple, *mask: Tensor) -> tuple[Tensor, ...]:
    gates, inners, states, kernel, first = needed
    d_states, kernel_t = upstream[0], ops.transpose(kernel)
    before = _shift(first, states)
    z, r, n = ops.split(gates, 3, axis=-1)
    real = mask[0] if mask else 1.0
    of_n = (1 - z) * (1 - n * n) * real
    of_z, of_r = (before - n) * z * (1 - z) * real, of_n * inners * r * (1 - r)
    factors = ops.concatenate([of_z, of_r, of_n * r], axis=-1)  # of the new state's gradient

    def body(time: Tensor, buffer: Tensor, d_h: Tensor) -> tuple:
        d_h = d_h + d_states[:, time]
        d_inner = ops.concatenate([d_h, d_h, d_h], axis=-1) * factors[:, time]
        keep = d_h * z[:, time]
        if mask:
            keep = keep * mask[0][:, time] + _kept(mask, time, d_h)
        return _write(buffer, time, d_h), keep + ops.matmul(d_inner, kernel_t)

    start = (ops.zeros_like(states), ops.zeros_like(first))
    d_h, d_first = _loop(body, ops.shape(gates)[1], start, reverse=True)
    d_inner = ops.concatenate([d_h, d_h, d_h], axis=-1) * factors
    d_x = ops.concatenate([d_h * of_z, d_h * of_r, d_h * of_n], axis=-1)
    return d_x, _kernel_gradient(before, d_inner), ops.sum(d_inner, axis=(0, 1)), d_first
