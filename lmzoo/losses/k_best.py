"""The k best tag sequences of a conditional random field."""

import functools
from collections.abc import Callable

from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.loops import without_gradient
from lmzoo.losses.crf import crf_inputs, move_words
from lmzoo.losses.forward_backward import put_first
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
    inputs = crf_inputs(emissions, transitions, start, end, mask)
    tags, scores = without_gradient(_k_best_of(int(k)), *inputs)
    if mask is not None:
        columns = ops.transpose(tags, (0, 2, 1))  # (batch, time, k)
        tags = ops.transpose(move_words(columns, mask, back=True), (0, 2, 1))  # (batch, k, time)
    return tags, scores


@functools.cache
def _k_best_of(k: int) -> Callable:
    return functools.partial(_k_best, k=k)


def _k_best(
    loop: Callable,
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    real: Tensor,
    k: int,
) -> tuple[Tensor, Tensor]:
    """A state is a tag and a rank among the paths that end in it: tag * k + rank."""
    size = transitions.shape[0]
    before = ops.repeat(ops.transpose(transitions), k, axis=1)  # (to, from * k)

    def advance(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (last,), (emission, is_real) = state, now
        is_real = is_real[:, None]
        scores, origin = ops.top_k(last[:, None] + before, k)  # (batch, to, k)
        scores = ops.reshape(scores + emission[..., None], (-1, size * k))  # (batch, states)
        origin = ops.reshape(ops.cast(origin, "int32"), (-1, size * k))  # (batch, states)
        same = ops.zeros_like(origin) + ops.arange(size * k, dtype="int32")
        new = ops.where(is_real, scores, last)
        return (new,), (ops.where(is_real, origin, same),)

    def trace(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (rank,), (origin, is_real) = state, now
        tags = ops.where(is_real[:, None], rank // k, 0)
        return (ops.take_along_axis(origin, rank, axis=1),), (tags,)

    first = (start + emissions[:, 0])[..., None]
    rest = ops.full_like(ops.repeat(first, k, axis=2)[..., 1:], float("-inf"))
    last = ops.reshape(ops.concatenate([first, rest], axis=2), (-1, size * k))  # (batch, states)
    others = ops.zeros_like(emissions[:, 1:], dtype="int32")
    xs = (emissions[:, 1:], real[:, 1:])
    (last,), (origins,) = loop(advance, (last,), xs, (ops.repeat(others, k, axis=2),))
    scores, rank = ops.top_k(last + ops.repeat(end, k)[None], k)
    xs, empty = (origins, real[:, 1:]), ops.repeat(others[..., :1], k, axis=2)
    (rank,), (tags,) = loop(trace, (ops.cast(rank, "int32"),), xs, (empty,), reverse=True)
    tags = put_first(ops.where(real[:, :1], rank // k, 0), tags)
    # A row without words has one sequence, the empty one.
    none = ops.where(ops.arange(k) == 0, 0.0, float("-inf"))
    return ops.transpose(tags, (0, 2, 1)), ops.where(real[:, :1], scores, none)
