"""The k best tag sequences of a conditional random field."""

import functools
from collections.abc import Callable

from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.crf import crf_inputs, move_words
from lmzoo.losses.forward_backward import compiled, write
from lmzoo.typing import Tensor


def crf_k_best(
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    k: int,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The k tag sequences of the highest scores; without a gradient.

    Args:
        emissions, transitions, start, end, mask: As in `crf_log_partition`.
        k: Number of sequences, at least 1.

    Returns:
        Int32 (batch, k, time), the best first, 0 at padding; and their scores (see `crf_score`),
        float32 (batch, k), -inf where a row has fewer than k sequences. Less `crf_log_partition`,
        a score is the sequence's log-probability.

    Raises:
        ArgumentError: k is below 1, or shapes do not fit.

    Source: Seshadri and Sundberg 1994, https://doi.org/10.1109/26.280210

    Example:
        >>> scores = [[[0.0, 1.0]]], ops.zeros((2, 2)), ops.zeros(2), ops.zeros(2)
        >>> tags, best = crf_k_best(*scores, k=2)  # one word, two tags
        >>> tags.numpy().tolist(), best.numpy().tolist()
        ([[[1], [0]]], [[1.0, 0.0]])
    """
    if k < 1:
        raise ArgumentError(f"k is {k}; it must be at least 1")
    inputs = [ops.stop_gradient(x) for x in crf_inputs(emissions, transitions, start, end, mask)]
    tags, scores = compiled(_k_best_of(int(k)))(*inputs)
    if mask is not None:
        columns = ops.transpose(tags, (0, 2, 1))  # (batch, time, k)
        tags = ops.transpose(move_words(columns, mask, back=True), (0, 2, 1))  # (batch, k, time)
    return tags, scores


@functools.cache
def _k_best_of(k: int) -> Callable:
    return functools.partial(_k_best, k=k)


def _k_best(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, real: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    """A state is a tag and a rank among the paths that end in it: tag * k + rank."""
    count, size = ops.shape(emissions)[1], transitions.shape[0]
    rows = ops.shape(emissions)[0]
    same = ops.broadcast_to(ops.arange(size * k, dtype="int32")[None], (rows, size * k))

    def advance(time: Tensor, state: tuple) -> tuple:
        back, last = state
        is_real = real[:, time][:, None]
        joined = last[:, None] + ops.repeat(ops.transpose(transitions), k, axis=1)
        scores, origin = ops.top_k(joined, k)  # of (batch, to, from * k): (batch, to, k)
        scores = ops.reshape(scores + emissions[:, time][..., None], (-1, size * k))
        origin = ops.reshape(ops.cast(origin, "int32"), (-1, size * k))
        back = write(back, time, ops.where(is_real, origin, same))
        return back, ops.where(is_real, scores, last)

    def trace(index: Tensor, state: tuple) -> tuple:
        tags, now = state
        time = count - 1 - index
        tags = write(tags, time, ops.where(real[:, time][:, None], now // k, 0))
        return tags, ops.take_along_axis(back[:, time], now, axis=1)

    first = (start + emissions[:, 0])[..., None]
    rest = ops.full_like(ops.repeat(first, k, axis=2)[..., 1:], float("-inf"))
    last = ops.reshape(ops.concatenate([first, rest], axis=2), (-1, size * k))
    back = ops.cast(ops.repeat(ops.zeros_like(emissions), k, axis=2), "int32")
    back, last = ops.fori_loop(1, count, advance, (back, last))
    scores, now = ops.top_k(last + ops.repeat(end, k)[None], k)
    tags = ops.cast(ops.repeat(ops.zeros_like(emissions[..., :1]), k, axis=2), "int32")
    tags, now = ops.fori_loop(0, count - 1, trace, (tags, ops.cast(now, "int32")))
    tags = write(tags, 0, ops.where(real[:, :1], now // k, 0))
    # A row without words has one sequence, the empty one.
    empty = ops.where(ops.arange(k) == 0, 0.0, float("-inf"))
    return ops.transpose(tags, (0, 2, 1)), ops.where(real[:, :1], scores, empty)
