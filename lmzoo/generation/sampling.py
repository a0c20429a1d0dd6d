"""From logits to the next token: the filters in their order, then arg-max or a draw."""

from typing import Any

import numpy as np
from keras import ops

from lmzoo.generation import filters
from lmzoo.generation.prompts import require, require_count
from lmzoo.typing import Tensor

Rules = dict[str, Tensor]


def choose(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules, uniform: Tensor) -> Tensor:
    """Choose each row's next token.

    The order: repetition penalty, no repeated n-grams, temperature, top_k, top_p, min_p. Without
    a temperature among the rules the most probable token is taken.

    Args:
        logits: (batch, vocab) of any float dtype.
        ids: (batch, time) int32, the row so far in its first `length` columns.
        length: int32 scalar.
        rules: values by name; which names are present is fixed when a loop is compiled, the
            values are not.
        uniform: (batch,) floats in [0, 1), one draw per row.

    Returns:
        (batch,) int32.
    """
    logits = filtered(logits, ids, length, rules)
    if "temperature" not in rules:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    return draw(logits, uniform)


def filtered(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules) -> Tensor:
    """Apply the rules to logits (batch, vocab); arguments as in `choose`."""
    logits = ops.cast(logits, "float32")
    if "repetition_penalty" in rules:
        known = ops.arange(ids.shape[1], dtype="int32")[None, :] < length
        seen = filters.mark(ids, ops.broadcast_to(known, ids.shape), logits.shape[-1])
        logits = filters.repetition_penalty(logits, seen, rules["repetition_penalty"])
    if "no_repeat_ngram" in rules:
        logits = filters.no_repeat_ngram(logits, ids, length, rules["no_repeat_ngram"])
    if "temperature" in rules:
        logits = filters.temperature(logits, rules["temperature"])
    if "top_k" in rules:
        logits = filters.top_k(logits, rules["top_k"])
    if "top_p" in rules:
        logits = filters.top_p(logits, rules["top_p"])
    if "min_p" in rules:
        logits = filters.min_p(logits, rules["min_p"])
    return logits


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Draw one token per row from softmax(logits) by inverting its distribution function.

    Args:
        logits: (batch, vocab) float32, -inf where a token is excluded.
        uniform: (batch,) floats in [0, 1).

    Returns:
        (batch,) int32.
    """
    weights = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    total = ops.cumsum(weights, axis=-1)  # (batch, vocab)
    target = uniform[:, None] * ops.max(total, axis=-1, keepdims=True)
    # A cumulative sum computed as a tree may rise by rounding where a weight is 0: look at both.
    reached = ops.logical_and(total > target, weights > 0)
    first = ops.argmax(ops.cast(reached, "float32"), axis=-1)
    best = ops.argmax(weights, axis=-1)
    return ops.cast(ops.where(ops.any(reached, axis=-1), first, best), "int32")


def draw_uniforms(seed: int | None, batch: int, count: int, width: int) -> np.ndarray:
    """Uniform numbers for a batch, the same on every backend.

    Each row has its own generator, so a row's draws depend on the seed and the row only.

    Args:
        seed: 0 or more; None draws anew each time.
        batch: number of rows.
        count: numbers drawn per row.
        width: columns of the answer; those from `count` on are 0.

    Returns:
        (batch, width) float32 in [0, 1).
    """
    if seed is None:
        seed = int(np.random.default_rng().integers(2**63))
    uniforms = np.zeros((batch, width), "float32")
    for row in range(batch):
        generator = np.random.default_rng([seed, row])
        uniforms[row, :count] = generator.random(count, dtype="float32")
    return uniforms


def check_sampling(sampling: dict[str, Any], max_new_tokens: int, seed: int | None) -> None:
    """Raise ArgumentError for a sampling argument outside its range."""
    require_count("max_new_tokens", max_new_tokens, 1)
    if seed is not None:
        require_count("seed", seed, 0)
    finite = "a finite number"
    require("temperature", sampling["temperature"], lambda v: 0 <= v < np.inf, f"0 or {finite} > 0")
    ranges = {
        "top_p": (lambda v: 0 < v <= 1, "above 0 and at most 1; 1 or None keeps every token"),
        "min_p": (lambda v: 0 <= v <= 1, "between 0 and 1; 0 or None keeps every token"),
        "repetition_penalty": (lambda v: 0 < v < np.inf, f"{finite} above 0; 1 changes nothing"),
    }
    for name, (holds, wanted) in ranges.items():
        if sampling[name] is not None:
            require(name, sampling[name], holds, wanted)
    for name in ("top_k", "no_repeat_ngram"):
        if sampling[name] is not None:
            require_count(name, sampling[name], 1)


def sampling_rules(sampling: dict[str, Any]) -> Rules:
    """The rules that `sampling.choose` applies; what changes nothing is left out."""
    names = ["repetition_penalty", "no_repeat_ngram"]
    if sampling["temperature"] > 0:
        names += ["temperature", "top_k", "top_p", "min_p"]
    idle = {"repetition_penalty": 1, "top_p": 1, "min_p": 0}
    given = {name: sampling[name] for name in names if sampling[name] is not None}
    kinds = {"top_k": np.int32, "no_repeat_ngram": np.int32}
    return {
        name: kinds.get(name, np.float32)(value)
        for name, value in given.items()
        if idle.get(name) != value
    }
