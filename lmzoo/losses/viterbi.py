"""The best tag sequence of a conditional random field."""

from keras import ops

from lmzoo.losses.crf import crf_inputs, move_words
from lmzoo.losses.forward_backward import compiled, write
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
    inputs = [ops.stop_gradient(x) for x in crf_inputs(emissions, transitions, start, end, mask)]
    # (batch, time), known where that of the mask is
    tags = ops.reshape(compiled(_viterbi)(*inputs), ops.shape(inputs[-1]))
    return tags if mask is None else move_words(tags, mask, back=True)


def _viterbi(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, real: Tensor
) -> Tensor:
    count, transposed = ops.shape(emissions)[1], ops.transpose(transitions)

    def argmax(x: Tensor) -> Tensor:
        return ops.cast(ops.argmax(x, axis=-1), "int32")

    def advance(time: Tensor, state: tuple) -> tuple:
        best, last = state
        scores = ops.max(last[:, :, None] + transitions, axis=1) + emissions[:, time]
        scores = scores - ops.max(scores, axis=-1, keepdims=True)
        last = ops.where(real[:, time][:, None], scores, last)
        return write(best, time, last), last

    def trace(index: Tensor, state: tuple) -> tuple:
        tags, now = state
        time = count - 1 - index
        is_real = real[:, time]
        tags = write(tags, time, ops.where(is_real, now, 0))
        before = argmax(best[:, time - 1] + ops.take(transposed, now, axis=0))
        return tags, ops.where(is_real, before, now)

    first = start + emissions[:, 0]
    best = write(ops.zeros_like(emissions), 0, first)
    best, last = ops.fori_loop(1, count, advance, (best, first))
    tags = ops.zeros_like(real, dtype="int32")
    tags, now = ops.fori_loop(0, count - 1, trace, (tags, argmax(last + end)))
    return write(tags, 0, ops.where(real[:, 0], now, 0))
