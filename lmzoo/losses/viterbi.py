"""The best tag sequence of a conditional random field."""

from collections.abc import Callable

from keras import ops

from lmzoo.loops import without_gradient
from lmzoo.losses.crf import crf_inputs, move_words
from lmzoo.losses.forward_backward import put_first
from lmzoo.typing import Tensor


def crf_decode(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor | None = None
) -> Tensor:
    """The tag sequence of the highest score, by the Viterbi algorithm; without a gradient.

    Args:
        emissions, transitions, start, end, mask: As in `crf_log_partition`.

    Returns:
        Int32 (batch, time), 0 at padding; of equal scores the one whose later tags have lower ids.

    Source: Viterbi 1967, https://doi.org/10.1109/TIT.1967.1054010

    Example:
        >>> emissions = [[[0.0, 1.0], [0.5, 0.0]]]  # two words, two tags
        >>> transitions = [[0.0, 0.0], [-9.0, 0.0]]  # 0 hardly follows 1
        >>> crf_decode(emissions, transitions, [0.0, 0.0], [0.0, 0.0]).numpy().tolist()
        [[1, 1]]
    """
    inputs = crf_inputs(emissions, transitions, start, end, mask)
    # (batch, time), known where that of the mask is
    tags = ops.reshape(without_gradient(_viterbi, *inputs), ops.shape(inputs[-1]))
    return tags if mask is None else move_words(tags, mask, back=True)


def _viterbi(
    loop: Callable,
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    real: Tensor,
) -> Tensor:
    transposed = ops.transpose(transitions)

    def argmax(x: Tensor) -> Tensor:
        return ops.cast(ops.argmax(x, axis=-1), "int32")

    def advance(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (last,), (emission, is_real) = state, now
        scores = ops.max(last[:, :, None] + transitions, axis=1) + emission
        scores = scores - ops.max(scores, axis=-1, keepdims=True)
        last = ops.where(is_real[:, None], scores, last)
        return (last,), (last,)

    def trace(state: tuple, now: tuple) -> tuple[tuple, tuple]:
        (tag,), (best, is_real) = state, now
        before = argmax(best + ops.take(transposed, tag, axis=0))
        return (ops.where(is_real, before, tag),), (ops.where(is_real, tag, 0),)

    first, others = start + emissions[:, 0], real[:, 1:]
    xs, empty = (emissions[:, 1:], others), ops.zeros_like(emissions[:, 1:])
    (last,), (best,) = loop(advance, (first,), xs, (empty,))
    xs = (put_first(first, best)[:, :-1], others)
    empty = ops.zeros_like(others, dtype="int32")
    (tag,), (tags,) = loop(trace, (argmax(last + end),), xs, (empty,), reverse=True)
    return put_first(ops.where(real[:, 0], tag, 0), tags)
