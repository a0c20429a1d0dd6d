"""The recurrences of SimpleRNN, GRU, LSTM and coverage over a whole sequence, with their gradients.

The input projection is one large product before the loop, the weight gradient one after it
(Appleyard et al. 2016, https://arxiv.org/abs/1604.01946), and so is what the gradient needs of all
steps. Forward, the gates overwrite the projected inputs; backward, XLA would copy that buffer at
each step. sigmoid(x) is tanh(x / 2) / 2 + 1/2. A mask is (batch, time, 1), 1 where a step is real,
at 0 states (batch, hidden) stay; `loop` is a `lmzoo.loops.scan`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from lmzoo.loops import by_hand
from lmzoo.typing import Tensor


def run_rnn(
    x: Tensor, kernel: Tensor, h: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """h_t = tanh(x_t + h_{t-1} U), projected x (batch, time, hidden) -> all states, last one."""
    states = _run(_rnn_forward, _rnn_backward, (x, kernel, h), mask)
    return states, states[:, -1]


def run_lstm(
    x: Tensor, kernel: Tensor, h: Tensor, c: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """Projected x (batch, time, 4 * hidden): input, forget, candidate, output -> hs, h, c."""
    outputs, last_cell = _run(_lstm_forward, _lstm_backward, (x, kernel, h, c), mask)
    return outputs, outputs[:, -1], last_cell


def run_gru(
    x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Projected x (batch, time, 3 * hidden): update, reset, new; recurrent bias -> hs, h."""
    states = _run(_gru_forward, _gru_backward, (x, kernel, bias, h), mask)
    return states, states[:, -1]


def run_coverage(scores: Tensor, weight: Tensor, covered: Tensor) -> Tensor:
    """a_t = softmax(s_t + w (a_1 + ... + a_{t-1})) of scores (batch, time, keys) and w ()."""
    return by_hand(_coverage_forward, _coverage_backward, (scores, weight, covered))


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


def _run(forward: Callable, backward: Callable, inputs: tuple, mask: Tensor | None) -> Any:
    masks = () if mask is None else (mask,)
    return by_hand(forward, backward, inputs, masks, width=inputs[1].shape[0])


def _shift(first: Tensor, states: Tensor) -> Tensor:
    """States one step earlier: the first one, then all but the last."""
    return ops.concatenate([first[:, None], states[:, :-1]], axis=1)  # (batch, time, hidden)


def _kernel_gradient(previous: Tensor, d_gates: Tensor) -> Tensor:
    """Sum over time and batch of previous^T d_gates, as one product."""
    rows = ops.reshape(previous, (-1, previous.shape[-1]))  # (batch * time, hidden)
    columns = ops.reshape(d_gates, (-1, d_gates.shape[-1]))  # (batch * time, gates * hidden)
    return ops.matmul(ops.transpose(rows), columns)  # (hidden, gates * hidden)


def _keep(real: list[Tensor], new: Tensor, old: Tensor) -> Tensor:
    """The new state where the step is real, else the old one."""
    return ops.where(real[0] != 0, new, old) if real else new


def _kept(real: list[Tensor], gradient: Tensor) -> Tensor | float:
    """The gradient of a state that was kept because the step is not real."""
    return gradient * (1 - real[0]) if real else 0.0


def _rnn_forward(
    loop: Callable, x: Tensor, kernel: Tensor, h: Tensor, *mask: Tensor
) -> tuple[Tensor, tuple]:
    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (last,), (x, *real) = state, now
        new = _keep(real, ops.tanh(x + ops.matmul(last, kernel)), last)
        return (new,), (new,)

    _, (states,) = loop(body, (h,), (x, *mask), (x,))
    return states, (states, kernel, h)


def _rnn_backward(
    loop: Callable, needed: tuple, upstream: tuple, *mask: Tensor
) -> tuple[Tensor, ...]:
    states, kernel, first = needed
    kernel_t = ops.transpose(kernel)

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (d_h,), (d_state, h, *real) = state, now
        d_h = d_h + d_state
        d_gates = d_h * (1 - h * h)
        if real:
            d_gates = d_gates * real[0]
        return (ops.matmul(d_gates, kernel_t) + _kept(real, d_h),), (d_gates,)

    xs, start = (upstream[0], states, *mask), (ops.zeros_like(first),)
    (d_first,), (d_gates,) = loop(body, start, xs, (ops.zeros_like(states),), reverse=True)
    return d_gates, _kernel_gradient(_shift(first, states), d_gates), d_first


def _coverage_forward(
    loop: Callable, scores: Tensor, weight: Tensor, covered: Tensor
) -> tuple[Tensor, tuple]:
    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (before,), (score,) = state, now
        new = ops.softmax(score + weight * before, axis=-1)
        return (before + new,), (new,)

    _, (weights,) = loop(body, (covered,), (scores,), (ops.zeros_like(scores),))
    return weights, (weights, weight, covered)


def _coverage_backward(loop: Callable, needed: tuple, upstream: tuple) -> tuple[Tensor, ...]:
    weights, weight, covered = needed

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (d_before,), (weights, d_weights) = state, now
        d_now = d_weights + d_before
        d_scores = weights * (d_now - ops.sum(weights * d_now, axis=-1, keepdims=True))
        return (d_before + weight * d_scores,), (d_scores,)

    start, empty = (ops.zeros_like(covered),), (ops.zeros_like(weights),)
    (d_covered,), (d_scores,) = loop(body, start, (weights, upstream[0]), empty, reverse=True)
    return d_scores, ops.sum(d_scores * sum_before(weights, covered)), d_covered


def _lstm_scale(gates: Tensor) -> Tensor:
    """1/2 for the sigmoids, 1 for the candidate: (4 * hidden,)."""
    scale = np.repeat([0.5, 0.5, 1.0, 0.5], gates.shape[-1] // 4)
    return ops.convert_to_tensor(scale, dtype=gates.dtype)


def _lstm_gates(squashed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    i, f, g, o = ops.split(squashed, 4, axis=-1)
    return 0.5 * i + 0.5, 0.5 * f + 0.5, g, 0.5 * o + 0.5


def _lstm_forward(
    loop: Callable, x: Tensor, kernel: Tensor, h: Tensor, c: Tensor, *mask: Tensor
) -> tuple[tuple, tuple]:
    scale = _lstm_scale(x)

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (h, c), (x, *real) = state, now
        squashed = ops.tanh((x + ops.matmul(h, kernel)) * scale)
        i, f, g, o = _lstm_gates(squashed)
        new = f * c + i * g
        h = _keep(real, o * ops.tanh(new), h)
        c = _keep(real, new, c)
        return (h, c), (squashed, h, c)

    empty = ops.zeros_like(x[..., : h.shape[-1]])
    (_, last), (gates, outputs, cells) = loop(body, (h, c), (x, *mask), (x, empty, empty))
    return (outputs, last), (gates, outputs, cells, kernel, h, c)


def _lstm_backward(
    loop: Callable, needed: tuple, upstream: tuple, *mask: Tensor
) -> tuple[Tensor, ...]:
    gates, outputs, cells, kernel, h0, c0 = needed
    d_outputs, d_last = upstream
    kernel_t = ops.transpose(kernel)
    factors = _lstm_factors(gates, cells, _shift(c0, cells), *mask)

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (d_h, d_c), (d_output, factors, through, keep, *real) = state, now
        d_h = d_h + d_output
        d_c = d_c + d_h * through
        d_gates = ops.concatenate([d_c, d_c, d_c, d_h], axis=-1) * factors
        d_before = ops.matmul(d_gates, kernel_t) + _kept(real, d_h)
        return (d_before, d_c * keep), (d_gates,)

    xs, start = (d_outputs, *factors, *mask), (ops.zeros_like(h0), d_last)
    (d_h0, d_c0), (d_gates,) = loop(body, start, xs, (ops.zeros_like(gates),), reverse=True)
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
    loop: Callable, x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor, *mask: Tensor
) -> tuple[Tensor, tuple]:
    width = h.shape[-1]

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (h,), (x, *real) = state, now
        z, r, inner = _gru_gates(x, ops.matmul(h, kernel) + bias)
        n = ops.tanh(x[:, 2 * width :] + r * inner)
        new = _keep(real, n + z * (h - n), h)
        return (new,), (ops.concatenate([z, r, n], axis=-1), inner, new)

    empty = ops.zeros_like(x[..., :width])
    _, (gates, inners, states) = loop(body, (h,), (x, *mask), (x, empty, empty))
    return states, (gates, inners, states, kernel, h)


def _gru_backward(
    loop: Callable, needed: tuple, upstream: tuple, *mask: Tensor
) -> tuple[Tensor, ...]:
    gates, inners, states, kernel, first = needed
    kernel_t = ops.transpose(kernel)
    before = _shift(first, states)
    z, r, n = ops.split(gates, 3, axis=-1)
    real = mask[0] if mask else 1.0
    of_n = (1 - z) * (1 - n * n) * real
    of_z, of_r = (before - n) * z * (1 - z) * real, of_n * inners * r * (1 - r)
    factors = ops.concatenate([of_z, of_r, of_n * r], axis=-1)  # of the new state's gradient

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (d_h,), (d_state, factors, z, *real) = state, now
        d_h = d_h + d_state
        d_inner = ops.concatenate([d_h, d_h, d_h], axis=-1) * factors
        keep = d_h * z
        if real:
            keep = keep * real[0] + _kept(real, d_h)
        return (keep + ops.matmul(d_inner, kernel_t),), (d_h,)

    xs, start = (upstream[0], factors, z, *mask), (ops.zeros_like(first),)
    (d_first,), (d_h,) = loop(body, start, xs, (ops.zeros_like(states),), reverse=True)
    d_inner = ops.concatenate([d_h, d_h, d_h], axis=-1) * factors
    d_x = ops.concatenate([d_h * of_z, d_h * of_r, d_h * of_n], axis=-1)
    return d_x, _kernel_gradient(before, d_inner), ops.sum(d_inner, axis=(0, 1)), d_first
