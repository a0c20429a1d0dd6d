"""Filters: pure functions from logits (batch, vocab) to float32 logits, a removed token being -inf.

Sorting would cost more than a small model's step: thresholds are found by exact bisection.
"""

from keras import ops

from lmzoo.typing import Tensor

_REMOVED = float("-inf")


def temperature(logits: Tensor, value: Tensor) -> Tensor:
    """Divides logits by a scalar above 0, after shifting the largest to 0 against overflow."""
    logits = ops.convert_to_tensor(logits)
    return (logits - ops.max(logits, axis=-1, keepdims=True)) / value


def top_k(logits: Tensor, k: Tensor) -> Tensor:
    """Keeps the k largest logits of each row; of equal ones the lower ids (arXiv:1805.04833)."""
    logits = ops.cast(logits, "float32")
    size = ops.minimum(ops.cast(k, "float32"), logits.shape[-1])
    return ops.where(_largest(logits, ops.ones_like(logits), size), logits, _REMOVED)


def top_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keeps the fewest most probable tokens that together reach p in (0, 1] (arXiv:1904.09751)."""
    logits, p = ops.cast(logits, "float32"), ops.cast(p, "float32")
    kept = _largest(logits, ops.softmax(logits, axis=-1), p)
    return ops.where(ops.logical_or(kept, p >= 1.0), logits, _REMOVED)


def min_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keeps tokens at least p times as probable as the best one, p in [0, 1] (arXiv:2407.01082)."""
    logits = ops.cast(logits, "float32")
    floor = ops.max(logits, axis=-1, keepdims=True) + ops.log(ops.cast(p, "float32"))
    return ops.where(logits < floor, _REMOVED, logits)


def repetition_penalty(logits: Tensor, present: Tensor, penalty: Tensor) -> Tensor:
    """Divides present tokens' positive logits by penalty, multiplies others (arXiv:1909.05858)."""
    logits, penalty = ops.cast(logits, "float32"), ops.cast(penalty, "float32")
    return ops.where(present, ops.where(logits > 0, logits / penalty, logits * penalty), logits)


def no_repeat_ngram(logits: Tensor, ids: Tensor, length: Tensor, size: Tensor) -> Tensor:
    """Removes tokens that would repeat an n-gram of a row's first columns (arXiv:1705.04304)."""
    logits, ids = ops.cast(logits, "float32"), ops.cast(ids, "int32")
    length = ops.cast(length, "int32")
    size = ops.minimum(ops.cast(size, "int32"), ids.shape[1] + 1)
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


def typical_p(logits: Tensor, p: Tensor) -> Tensor:
    """Keeps the fewest tokens of the most typical information that reach p (arXiv:2202.00666)."""
    logits = ops.cast(logits, "float32")
    log_p, weights, entropy = _distribution(logits)
    kept = _largest(-ops.abs(log_p + entropy), weights, ops.cast(p, "float32"))
    return ops.where(kept, logits, _REMOVED)


def eta_cutoff(logits: Tensor, epsilon: Tensor) -> Tensor:
    """Keeps the best and all above min(epsilon, sqrt(epsilon) exp(-entropy)) (arXiv:2210.15191)."""
    logits, epsilon = ops.cast(logits, "float32"), ops.cast(epsilon, "float32")
    log_p, _, entropy = _distribution(logits)
    floor = ops.log(epsilon)
    floor = ops.minimum(floor, floor / 2 - entropy)  # (batch, 1)
    kept = ops.logical_or(log_p >= floor, logits == ops.max(logits, axis=-1, keepdims=True))
    return ops.where(kept, logits, _REMOVED)


def bad_words(logits: Tensor, ids: Tensor, length: Tensor, words: Tensor) -> Tensor:
    """Removes tokens that would end one of the words, ids (words, longest), -1 left of each."""
    logits, ids = ops.cast(logits, "float32"), ops.cast(ids, "int32")
    words = ops.cast(words, "int32")
    back = ops.arange(1 - words.shape[1], 0, dtype="int32")  # the columns before the new token
    columns = ops.cast(length, "int32") + back
    before = ops.take(ids, ops.maximum(columns, 0), axis=1)  # (batch, longest - 1)
    before = ops.where(columns < 0, -2, before)
    same = ops.logical_or(words[:, :-1] == before[:, None, :], words[:, :-1] < 0)
    ends = ops.logical_and(ops.all(same, axis=-1), words[:, -1] >= 0)  # (batch, words)
    last = ops.broadcast_to(ops.maximum(words[:, -1], 0)[None, :], ends.shape)
    return ops.where(mark(last, ends, logits.shape[-1]), _REMOVED, logits)


def allow_tokens(logits: Tensor, allowed: Tensor) -> Tensor:
    """Keeps the allowed tokens only, bool (vocab,) or (batch, vocab)."""
    return ops.where(allowed, ops.cast(logits, "float32"), _REMOVED)


def without(logits: Tensor, tokens: Tensor, rows: Tensor) -> Tensor:
    """Removes the tokens, ids (n,), -1 for none, from the rows of logits that are marked."""
    chosen = ops.logical_and(rows[:, None], (tokens >= 0)[None, :])  # (batch, n)
    ids = ops.broadcast_to(ops.maximum(tokens, 0)[None, :], chosen.shape)
    marked = mark(ids, chosen, logits.shape[-1])
    return ops.where(marked, _REMOVED, ops.cast(logits, "float32"))


def mark(ids: Tensor, chosen: Tensor, vocab_size: int) -> Tensor:
    """Marks, as bool (batch, vocab_size), the tokens at the chosen columns (bool) of each row."""
    ids = ops.cast(ids, "int32")
    rows = ops.broadcast_to(ops.arange(ids.shape[0], dtype="int32")[:, None], ids.shape)
    index = ops.reshape(rows * vocab_size + ids, (-1, 1))  # (batch * time, 1)
    hits = ops.reshape(ops.cast(chosen, "float32"), (-1,))  # (batch * time,)
    counts = ops.scatter(index, hits, (ids.shape[0] * vocab_size,))
    return ops.reshape(counts > 0, (ids.shape[0], vocab_size))  # (batch, vocab)


def _distribution(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities and probabilities (batch, vocab), and their entropy (batch, 1)."""
    log_p = ops.log_softmax(logits, axis=-1)
    p = ops.exp(log_p)
    products = ops.where(p > 0, p * log_p, 0.0)
    return log_p, p, -ops.sum(products, axis=-1, keepdims=True)


def _largest(logits: Tensor, weights: Tensor, target: Tensor) -> Tensor:
    """Marks the fewest largest logits whose weights reach `target`; of equal ones the lower ids."""
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
