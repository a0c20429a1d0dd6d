"""Filters: pure functions from logits (batch, vocab) to logits, a removed token becoming -inf.

Sorting a large vocabulary for every token would cost more than a small model's step. `top_k` and
`top_p` therefore search for the threshold by bisection over the float32 numbers, which is exact.
"""

from keras import ops

from lmzoo.typing import Tensor

_REMOVED = float("-inf")


def temperature(logits: Tensor, value: Tensor) -> Tensor:
    """Divide logits by a temperature, after shifting the largest to 0 so that nothing overflows.

    Args:
        logits: (batch, vocab) floats.
        value: scalar above 0; below 1 sharpens, above 1 flattens.

    Returns:
        (batch, vocab) logits, the largest of each row 0.

    Example:
        >>> from lmzoo.generation import filters
        >>> print(filters.temperature([[1.0, 3.0]], 0.5).numpy().tolist())
        [[-4.0, 0.0]]
    """
    logits = ops.convert_to_tensor(logits)
    return (logits - ops.max(logits, axis=-1, keepdims=True)) / value


def top_k(logits: Tensor, k: Tensor) -> Tensor:
    """Keep the k largest logits of each row; of equal ones those with lower ids.

    Args:
        logits: (batch, vocab) floats.
        k: scalar, 1 or more; a k above the vocabulary's size keeps everything.

    Returns:
        (batch, vocab) logits with all but k of each row at -inf.

    Source: Fan et al. 2018, https://arxiv.org/abs/1805.04833

    Example:
        >>> from lmzoo.generation import filters
        >>> print(filters.top_k([[1.0, 3.0, 3.0, 2.0]], 2).numpy().tolist())
        [[-inf, 3.0, 3.0, -inf]]
    """
    logits = ops.cast(logits, "float32")
    size = ops.minimum(ops.cast(k, "float32"), logits.shape[-1])
    kept = _largest(logits, ops.ones_like(logits), size)
    return ops.where(kept, logits, _REMOVED)


def top_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keep each row's nucleus: the fewest most probable tokens that together reach p.

    At least one token stays; of equally probable ones those with lower ids come first.

    Args:
        logits: (batch, vocab) floats.
        p: scalar in (0, 1]; 1 keeps everything.

    Returns:
        (batch, vocab) logits with all outside the nucleus at -inf.

    Source: Holtzman et al. 2020, https://arxiv.org/abs/1904.09751

    Example:
        >>> from lmzoo.generation import filters
        >>> print(filters.top_p([[0.0, 2.0, 1.0]], 0.8).numpy().tolist())
        [[-inf, 2.0, 1.0]]
    """
    logits = ops.cast(logits, "float32")
    p = ops.cast(p, "float32")
    kept = _largest(logits, ops.softmax(logits, axis=-1), p)
    return ops.where(ops.logical_or(kept, p >= 1.0), logits, _REMOVED)


def min_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keep tokens at least p times as probable as the most probable one.

    Args:
        logits: (batch, vocab) floats.
        p: scalar in [0, 1]; 0 keeps everything.

    Returns:
        (batch, vocab) logits with the improbable tokens at -inf.

    Source: Nguyen et al. 2024, https://arxiv.org/abs/2407.01082

    Example:
        >>> from lmzoo.generation import filters
        >>> print(filters.min_p([[0.0, 2.0, 1.0]], 0.3).numpy().tolist())
        [[-inf, 2.0, 1.0]]
    """
    logits = ops.cast(logits, "float32")
    floor = ops.max(logits, axis=-1, keepdims=True) + ops.log(ops.cast(p, "float32"))
    return ops.where(logits < floor, _REMOVED, logits)


def repetition_penalty(logits: Tensor, seen: Tensor, penalty: Tensor) -> Tensor:
    """Make tokens that the row already holds less likely: positive logits / penalty, others * it.

    Args:
        logits: (batch, vocab) floats.
        seen: (batch, vocab) booleans, true for tokens of the prompt or the text so far.
        penalty: scalar above 0; above 1 discourages repetition, 1 changes nothing.

    Returns:
        (batch, vocab) logits.

    Source: Keskar et al. 2019 (CTRL), https://arxiv.org/abs/1909.05858

    Example:
        >>> from lmzoo.generation import filters
        >>> seen = [[True, True, False]]
        >>> print(filters.repetition_penalty([[2.0, -2.0, 2.0]], seen, 2.0).numpy().tolist())
        [[1.0, -4.0, 2.0]]
    """
    logits = ops.cast(logits, "float32")
    penalty = ops.cast(penalty, "float32")
    return ops.where(seen, ops.where(logits > 0, logits / penalty, logits * penalty), logits)


def no_repeat_ngram(logits: Tensor, ids: Tensor, length: Tensor, size: Tensor) -> Tensor:
    """Remove the tokens that would complete an n-gram which the row already holds.

    Args:
        logits: (batch, vocab) floats for the token after the first `length` ones.
        ids: (batch, time) integers; columns from `length` on are not looked at.
        length: scalar, how many tokens of each row are known (1 or more).
        size: scalar n, 1 or more.

    Returns:
        (batch, vocab) logits.

    Source: Paulus et al. 2017, https://arxiv.org/abs/1705.04304

    Example:
        >>> from lmzoo.generation import filters
        >>> ids = [[1, 2, 1, 0, 0]]
        >>> print(filters.no_repeat_ngram([[0.0, 0.0, 0.0]], ids, 3, 2).numpy().tolist())
        [[0.0, 0.0, -inf]]
    """
    logits = ops.cast(logits, "float32")
    ids = ops.cast(ids, "int32")
    length, size = ops.cast(length, "int32"), ops.cast(size, "int32")
    columns = ops.arange(ids.shape[1], dtype="int32")
    # An n-gram ending at a column needs n - 1 columns before it.
    inside = ops.logical_and(columns >= size - 1, columns < length)
    match = ops.broadcast_to(inside[None, :], ids.shape)  # (batch, time)

    def body(back: Tensor, match: Tensor) -> tuple[Tensor, Tensor]:
        earlier = ops.take(ids, ops.maximum(columns - back, 0), axis=1)
        latest = ops.take(ids, ops.maximum(length - back, 0), axis=1)
        return back + 1, ops.logical_and(match, earlier == latest[:, None])

    start = ops.convert_to_tensor(1, dtype="int32")
    _, match = ops.while_loop(lambda back, match: back < size, body, (start, match))
    return ops.where(mark(ids, match, logits.shape[-1]), _REMOVED, logits)


def allow_tokens(logits: Tensor, allowed: Tensor) -> Tensor:
    """Keep the allowed tokens only.

    Args:
        logits: (batch, vocab) floats.
        allowed: (vocab,) or (batch, vocab) booleans.

    Returns:
        (batch, vocab) logits with all others at -inf.

    Example:
        >>> from lmzoo.generation import filters
        >>> print(filters.allow_tokens([[1.0, 2.0]], [True, False]).numpy().tolist())
        [[1.0, -inf]]
    """
    return ops.where(allowed, ops.cast(logits, "float32"), _REMOVED)


def mark(ids: Tensor, chosen: Tensor, vocab_size: int) -> Tensor:
    """Tell which tokens of the vocabulary stand at the chosen places of each row.

    Args:
        ids: (batch, time) integers in [0, vocab_size).
        chosen: (batch, time) booleans.
        vocab_size: size of the vocabulary.

    Returns:
        (batch, vocab_size) booleans.

    Example:
        >>> from lmzoo.generation import filters
        >>> print(filters.mark([[2, 0]], [[True, False]], 3).numpy().tolist())
        [[False, False, True]]
    """
    ids = ops.cast(ids, "int32")
    rows = ops.broadcast_to(ops.arange(ids.shape[0], dtype="int32")[:, None], ids.shape)
    places = ops.reshape(rows * vocab_size + ids, (-1, 1))  # (batch * time, 1)
    hits = ops.reshape(ops.cast(chosen, "float32"), (-1,))  # (batch * time,)
    counts = ops.scatter(places, hits, (ids.shape[0] * vocab_size,))
    return ops.reshape(counts > 0, (ids.shape[0], vocab_size))  # (batch, vocab)


def _largest(logits: Tensor, weights: Tensor, target: Tensor) -> Tensor:
    """Mask the fewest largest logits whose weights reach `target`, lower ids first among equals."""
    keys = _ordered(logits)  # (batch, vocab)

    def body(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        # The mean of two integers, rounded down, without overflow.
        middle = ops.bitwise_and(low, high) + ops.right_shift(ops.bitwise_xor(low, high), 1)
        enough = ops.sum(ops.where(keys >= middle, weights, 0.0), axis=-1, keepdims=True) >= target
        return ops.where(enough, middle, low), ops.where(enough, high, middle)

    low = ops.min(keys, axis=-1, keepdims=True)  # (batch, 1)
    high = ops.max(keys, axis=-1, keepdims=True) + 1  # (batch, 1)
    low, _ = ops.while_loop(lambda low, high: ops.any(low + 1 < high), body, (low, high))
    above = keys > low
    equal = ops.where(keys == low, weights, 0.0)
    before = ops.cumsum(equal, axis=-1) - equal
    mass = ops.sum(ops.where(above, weights, 0.0), axis=-1, keepdims=True)
    return ops.logical_or(above, ops.logical_and(keys == low, mass + before < target))


def _ordered(x: Tensor) -> Tensor:
    """Integers in the same order as the float32 numbers x (the trick of radix sorts)."""
    x = ops.where(x == 0, 0.0, x)  # -0.0 equals 0.0
    bits = ops.view(ops.cast(x, "float32"), "int32")
    return ops.bitwise_xor(bits, ops.bitwise_and(ops.right_shift(bits, 31), 0x7FFFFFFF))
