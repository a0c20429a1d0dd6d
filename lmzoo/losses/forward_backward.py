"""Sums over all tag sequences of a CRF and their gradients, by the forward-backward algorithm.

A step is one product exp(last) exp(T), or in logs where its terms may be lost; `loop` is a
`lmzoo.loops.scan`.
"""

from collections.abc import Callable

from keras import ops

from lmzoo.typing import Tensor

# Terms below float32's smallest number are lost: one part in 10^8 of a sum of this size.
_SMALLEST_SUM = 1e-30


def put_first(first: Tensor, others: Tensor) -> Tensor:
    """Values of the first word (batch, ...) before those of the others (batch, time - 1, ...)."""
    return ops.concatenate([first[:, None], others], axis=1)  # (batch, time, ...)


def _powers(transitions: Tensor) -> tuple[Tensor, Tensor]:
    """exp(T - its columns' peaks), (tags, tags), and the peaks (1, tags)."""
    peaks = ops.max(transitions, axis=0, keepdims=True)
    return ops.exp(transitions - peaks), peaks


def _lost(sums: Tensor, is_real: Tensor) -> Tensor:
    """Whether some sum of a real word may have lost its terms."""
    return ops.any((sums < _SMALLEST_SUM) & is_real)


def forward(
    loop: Callable,
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    real: Tensor,
) -> tuple[Tensor, tuple]:
    """The log-partition (batch,), and what `backward` needs: among it logs of sums over all
    beginnings that end in a tag, less peaks."""
    powers, peaks = _powers(transitions)

    def in_logs(last: Tensor) -> Tensor:
        joined = last[:, :, None] + transitions  # (batch, tags, tags)
        peak = ops.max(joined, axis=1, keepdims=True)
        # Summed by a product: XLA would compute a branch without any at every step.
        ones = ops.ones_like(last)[:, None]  # (batch, 1, tags)
        return (ops.log(ops.matmul(ones, ops.exp(joined - peak))) + peak)[:, 0]

    def advance(last: Tensor, is_real: Tensor) -> Tensor:
        sums = ops.matmul(ops.exp(last), powers)
        logs = ops.log(ops.maximum(sums, _SMALLEST_SUM)) + peaks
        return ops.cond(_lost(sums, is_real), lambda: in_logs(last), lambda: logs)

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (last, total), (scores, is_real) = state, now
        is_real = is_real[:, None]
        found = advance(last, is_real) + scores
        peak = ops.max(found, axis=-1, keepdims=True)
        last = ops.where(is_real, found - peak, last)
        return (last, total + ops.where(is_real, peak, 0.0)), (last,)

    first = start + emissions[:, 0]
    total = ops.max(first, axis=-1, keepdims=True)
    first = first - total
    xs = (emissions[:, 1:], real[:, 1:])
    (last, total), (logs,) = loop(body, (first, total), xs, (ops.zeros_like(xs[0]),))
    value = total[:, 0] + ops.logsumexp(last + end, axis=-1)
    logs = put_first(first, logs)
    return ops.where(real[:, 0], value, 0.0), (logs, transitions, end)


def backward(
    loop: Callable, needed: tuple, upstream: tuple, real: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of all scores, of `upstream`, one tensor (batch,), and what `forward` gave."""
    logs, transitions, end = needed
    powers, _ = _powers(transitions)
    turned, before = ops.transpose(powers), logs[:, :-1]
    weights = ops.exp(before)
    sums = ops.matmul(weights, powers)  # (batch, time - 1, tags), of the next step

    def retreat(now: Tensor, known: tuple) -> tuple[Tensor, Tensor, Tensor]:
        logs, weights, sums, is_real = known
        nothing = ops.zeros_like(transitions)

        def with_products() -> tuple[Tensor, Tensor, Tensor]:
            ratio = now / ops.maximum(sums, _SMALLEST_SUM)
            return weights * ops.matmul(ratio, turned), ratio, nothing

        def in_logs() -> tuple[Tensor, Tensor, Tensor]:
            share = ops.softmax(logs[:, :, None] + transitions, axis=1)
            pairs = share * now[:, None, :]
            return ops.sum(pairs, axis=-1), ops.zeros_like(now), ops.sum(pairs, axis=0)

        return ops.cond(_lost(sums, is_real), in_logs, with_products)

    def body(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (after, d_pairs), (*known, is_real) = state, now
        is_real = is_real[:, None]
        here = ops.where(is_real, after, 0.0)
        before, ratio, pairs = retreat(here, (*known, is_real))
        return (ops.where(is_real, before, after), d_pairs + pairs), (here, ratio)

    last = upstream[0][:, None] * ops.softmax(logs[:, -1] + end, axis=-1)
    last = ops.where(real[:, :1], last, 0.0)
    xs, empty = (before, weights, sums, real[:, 1:]), ops.zeros_like(before)
    state = (last, ops.zeros_like(transitions))
    state, (d_emissions, ratios) = loop(body, state, xs, (empty, empty), reverse=True)
    (first, d_pairs), tags = state, transitions.shape[0]
    rows = ops.reshape(weights, (-1, tags))  # (batch * (time - 1), tags)
    columns = ops.reshape(ratios, (-1, tags))  # (batch * (time - 1), tags)
    d_transitions = powers * ops.matmul(ops.transpose(rows), columns) + d_pairs
    d_emissions = put_first(first, d_emissions)
    return d_emissions, d_transitions, ops.sum(first, axis=0), ops.sum(last, axis=0)


def posteriors(
    loop: Callable,
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    real: Tensor,
) -> Tensor:
    """Probability of each tag at each word, (batch, time, tags), of `forward`'s inputs."""
    value, needed = forward(loop, emissions, transitions, start, end, real)
    return backward(loop, needed, (ops.ones_like(value),), real)[0]
