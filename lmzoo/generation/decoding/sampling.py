"""From logits to the next token: the filters in their order, then argmax or a draw."""

import numpy as np
from keras import ops

from lmzoo.generation.decoding import filters
from lmzoo.generation.decoding.rules import Rules
from lmzoo.typing import Tensor

# The filters that sample from fewer tokens, in the order in which they are applied.
_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "eta_cutoff")
# Instead of a token: the rules leave none; the logits are NaN or infinite.
NO_TOKEN, UNSOUND = -1, -2


def choose(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules, uniform: Tensor) -> Tensor:
    """Chooses each row's next token from logits (batch, vocab); greedy without a temperature.

    It is NO_TOKEN where the rules remove every token, UNSOUND for logits that are not numbers.
    """
    kept = removed(adjusted(logits, ids, length, rules), ids, length, rules)
    if "temperature" in rules:
        chosen = draw(sampled(kept, rules), uniform)
    else:
        chosen = ops.cast(ops.argmax(kept, axis=-1), "int32")
    best = ops.max(kept, axis=-1)
    chosen = ops.where(best == -np.inf, NO_TOKEN, chosen)
    sound = ops.logical_and(are_sound(logits), ops.logical_not(ops.isnan(best)))
    return ops.where(ops.logical_and(sound, best < np.inf), chosen, UNSOUND)


def are_sound(logits: Tensor) -> Tensor:
    """Whether logits (..., vocab) have a distribution: no NaN, and a finite largest; (...)."""
    logits = ops.cast(logits, "float32")
    numbers = ops.logical_not(ops.any(ops.isnan(logits), axis=-1))
    return ops.logical_and(numbers, ops.isfinite(ops.max(logits, axis=-1)))


def adjusted(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules) -> Tensor:
    """Logits (batch, vocab) that the rules have changed, after ids whose first `length` count."""
    logits = ops.cast(logits, "float32")
    if "repetition_penalty" in rules:
        known = ops.arange(ids.shape[1], dtype="int32")[None, :] < length
        present = filters.mark(ids, ops.broadcast_to(known, ids.shape), logits.shape[-1])
        logits = filters.repetition_penalty(logits, present, rules["repetition_penalty"])
    return logits + rules["logit_bias"] if "logit_bias" in rules else logits


def removed(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules) -> Tensor:
    """Logits (batch, vocab) without the tokens that the text so far forbids."""
    for name in ("no_repeat_ngram", "bad_words"):
        if name in rules:
            logits = getattr(filters, name)(logits, ids, length, rules[name])
    return filters.allow_tokens(logits, rules["allowed"]) if "allowed" in rules else logits


def sampled(logits: Tensor, rules: Rules) -> Tensor:
    """Logits (batch, vocab) of the tokens among which is sampled."""
    for name in _SAMPLING:
        if name in rules:
            logits = getattr(filters, name)(logits, rules[name])
    return logits


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draws one token per row from softmax(logits) by inverting its distribution function."""
    weights = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    total = ops.cumsum(weights, axis=-1)  # (batch, vocab)
    target = uniform[:, None] * ops.max(total, axis=-1, keepdims=True)
    # A cumulative sum computed as a tree may rise by rounding where a weight is 0: check both.
    reached = ops.logical_and(total > target, weights > 0)
    first = ops.argmax(ops.cast(reached, "float32"), axis=-1)
    best = ops.argmax(weights, axis=-1)
    return ops.cast(ops.where(ops.any(reached, axis=-1), first, best), "int32")


def draw_uniforms(seed: int | None, batch: int, count: int, width: int) -> np.ndarray:
    """Uniform numbers (batch, width), 0 from `count` on; a row's depend on it and the seed only."""
    if seed is None:
        seed = int(np.random.default_rng().integers(2**63))
    uniforms = np.zeros((batch, width), "float32")
    for row in range(batch):
        generator = np.random.default_rng([seed, row])
        uniforms[row, :count] = generator.random(count, dtype="float32")
    return uniforms
