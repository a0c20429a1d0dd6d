"""The recurrences of SimpleRNN, GRU and LSTM over a whole sequence, with their own gradients.

The input projection is done before the loop and the weight gradient after it, each as one large
matrix product, so that the loop itself holds a single small product per step (Appleyard et al.
2016, https://arxiv.org/abs/1604.01946). Everything is time-major: (time, batch, features).
"""

from collections.abc import Callable

from keras import ops

from lmzoo.typing import Tensor


def run_rnn(x: Tensor, kernel: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """Elman recurrence h_t = tanh(x_t + h_{t-1} U).

    Args:
        x: Projected inputs with the bias added, (time, batch, hidden).
        kernel: U, (hidden, hidden).
        h: First state, (batch, hidden).

    Returns:
        All states (time, batch, hidden) and the last one (batch, hidden).
    """
    states = _rnn_loop(x, kernel, h)
    return states, states[-1]


def run_lstm(x: Tensor, kernel: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """LSTM recurrence with the gates in Keras's order: input, forget, candidate, output.

    Args:
        x: Projected inputs with the bias added, (time, batch, 4 * hidden).
        kernel: U, (hidden, 4 * hidden).
        h: First output, (batch, hidden).
        c: First cell, (batch, hidden).

    Returns:
        All outputs (time, batch, hidden), the last output and the last cell (batch, hidden).
    """
    outputs, last_cell = _lstm_loop(x, kernel, h, c)
    return outputs, outputs[-1], last_cell


def run_gru(x: Tensor, kernel: Tensor, bias: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """GRU recurrence, reset gate after the product, gates in Keras's order: update, reset, new.

    Args:
        x: Projected inputs with the input bias added, (time, batch, 3 * hidden).
        kernel: U, (hidden, 3 * hidden).
        bias: Recurrent bias, (3 * hidden,).
        h: First state, (batch, hidden).

    Returns:
        All states (time, batch, hidden) and the last one (batch, hidden).
    """
    states = _gru_loop(x, kernel, bias, h)
    return states, states[-1]


def lstm_step(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One LSTM step from the summed gates (batch, 4 * hidden): the new output and cell."""
    i, f, g, o = _lstm_gates(gates)
    c = f * c + i * g
    return o * ops.tanh(c), c


def gru_step(x: Tensor, inner: Tensor, h: Tensor) -> Tensor:
    """One GRU step from the projected input and state (batch, 3 * hidden): the new state."""
    z, _, n, _ = _gru_gates(x, inner)
    return z * h + (1 - z) * n


def _lstm_gates(gates: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    i, f, g, o = ops.split(gates, 4, axis=-1)
    return ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)


def _gru_gates(x: Tensor, inner: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    xz, xr, xn = ops.split(x, 3, axis=-1)
    hz, hr, hn = ops.split(inner, 3, axis=-1)
    r = ops.sigmoid(xr + hr)
    return ops.sigmoid(xz + hz), r, ops.tanh(xn + r * hn), hn


def _shift(first: Tensor, states: Tensor) -> Tensor:
    """States one step earlier: the first one, then all but the last."""
    return ops.concatenate([first[None], states[:-1]], axis=0)  # (time, batch, hidden)


def _kernel_gradient(previous: Tensor, d_gates: Tensor) -> Tensor:
    """Sum over time and batch of previous^T d_gates, as one product."""
    rows = ops.reshape(previous, (-1, previous.shape[-1]))  # (time * batch, hidden)
    columns = ops.reshape(d_gates, (-1, d_gates.shape[-1]))  # (time * batch, gates * hidden)
    return ops.matmul(ops.transpose(rows), columns)  # (hidden, gates * hidden)


def _upstream(arguments: tuple) -> tuple:
    """The gradients of several outputs: TensorFlow passes them apart, JAX as one tuple."""
    return arguments[0] if len(arguments) == 1 else arguments


def _scan(step: Callable, state: tuple, inputs: tuple, reverse: bool = False) -> tuple:
    """Every state that `step(state, inputs_t) -> state` runs through, stacked over time.

    Keras's scan on TensorFlow stacks only values shaped like the state, so what a step wants to
    keep is part of its state; and it takes one sequence only when the length is not known while
    tracing, so that sequence is the time.
    """

    def both(state: tuple, time: Tensor) -> tuple[tuple, tuple]:
        state = step(state, tuple(x[time] for x in inputs))
        return state, state

    times = ops.arange(ops.shape(inputs[0])[0], dtype="int32")
    return ops.scan(both, state, times, reverse=reverse)[1]


@ops.custom_gradient
def _rnn_loop(x: Tensor, kernel: Tensor, first: Tensor) -> tuple[Tensor, Callable]:
    def step(state: tuple, inputs: tuple) -> tuple:
        return (ops.tanh(inputs[0] + ops.matmul(state[0], kernel)),)

    (states,) = _scan(step, (first,), (x,))

    def gradient(d_states: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        turned = ops.transpose(kernel)

        def back(state: tuple, saved: tuple) -> tuple:
            d_out, h = saved
            d_gates = (d_out + ops.matmul(state[0], turned)) * (1 - h * h)
            return (d_gates,)

        (d_gates,) = _scan(back, (ops.zeros_like(first),), (d_states, states), reverse=True)
        d_first = ops.matmul(d_gates[0], turned)
        return d_gates, _kernel_gradient(_shift(first, states), d_gates), d_first

    return states, gradient


@ops.custom_gradient
def _lstm_loop(x: Tensor, kernel: Tensor, h0: Tensor, c0: Tensor) -> tuple[tuple, Callable]:
    def step(state: tuple, inputs: tuple) -> tuple:
        h, c, _ = state
        i, f, g, o = _lstm_gates(inputs[0] + ops.matmul(h, kernel))
        c = f * c + i * g
        return o * ops.tanh(c), c, ops.concatenate([i, f, g, o], axis=-1)

    outputs, cells, gates = _scan(step, (h0, c0, ops.zeros_like(x[0])), (x,))

    def gradient(*upstream: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        d_outputs, d_last_cell = _upstream(upstream)
        turned = ops.transpose(kernel)

        def back(state: tuple, saved: tuple) -> tuple:
            d_c, d_gates = state
            d_out, gates_t, c, c_before = saved
            i, f, g, o = ops.split(gates_t, 4, axis=-1)
            squashed = ops.tanh(c)
            d_h = d_out + ops.matmul(d_gates, turned)
            d_c = d_c + d_h * o * (1 - squashed * squashed)
            d_i = d_c * g * i * (1 - i)
            d_f = d_c * c_before * f * (1 - f)
            d_g = d_c * i * (1 - g * g)
            d_o = d_h * squashed * o * (1 - o)
            return d_c * f, ops.concatenate([d_i, d_f, d_g, d_o], axis=-1)

        start = (d_last_cell, ops.zeros_like(x[0]))
        saved = (d_outputs, gates, cells, _shift(c0, cells))
        d_cells, d_gates = _scan(back, start, saved, reverse=True)
        d_h0 = ops.matmul(d_gates[0], turned)
        return d_gates, _kernel_gradient(_shift(h0, outputs), d_gates), d_h0, d_cells[0]

    return (outputs, cells[-1]), gradient


@ops.custom_gradient
def _gru_loop(x: Tensor, kernel: Tensor, bias: Tensor, first: Tensor) -> tuple[Tensor, Callable]:
    def step(state: tuple, inputs: tuple) -> tuple:
        h = state[0]
        z, r, n, inner = _gru_gates(inputs[0], ops.matmul(h, kernel) + bias)
        return z * h + (1 - z) * n, ops.concatenate([z, r, n, inner], axis=-1)

    kept = ops.concatenate([ops.zeros_like(first)] * 4, axis=-1)
    states, gates = _scan(step, (first, kept), (x,))

    def gradient(d_states: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        turned = ops.transpose(kernel)

        def back(state: tuple, saved: tuple) -> tuple:
            d_h, _, d_inner = state
            d_out, gates_t, before = saved
            z, r, n, inner = ops.split(gates_t, 4, axis=-1)
            d_h = d_out + d_h + ops.matmul(d_inner, turned)
            d_n = d_h * (1 - z) * (1 - n * n)
            d_r = d_n * inner * r * (1 - r)
            d_z = d_h * (before - n) * z * (1 - z)
            d_inner = ops.concatenate([d_z, d_r, d_n * r], axis=-1)
            return d_h * z, ops.concatenate([d_z, d_r, d_n], axis=-1), d_inner

        before = _shift(first, states)
        start = (ops.zeros_like(first), ops.zeros_like(x[0]), ops.zeros_like(x[0]))
        d_h, d_x, d_inner = _scan(back, start, (d_states, gates, before), reverse=True)
        d_first = d_h[0] + ops.matmul(d_inner[0], turned)
        return d_x, _kernel_gradient(before, d_inner), ops.sum(d_inner, axis=(0, 1)), d_first

    return states, gradient
