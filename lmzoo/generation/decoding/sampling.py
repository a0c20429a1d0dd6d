"""From logits to the next token: the filters in their order, then argmax or a draw."""

from typing import NamedTuple

import numpy as np
from keras import ops

from lmzoo.generation.decoding import filters
from lmzoo.generation.prompts import require, require_count
from lmzoo.typing import Tensor

Rules = dict[str, Tensor]

# In the order in which they are applied, each with its value that changes nothing.
FILTERS = {
    "repetition_penalty": 1,
    "no_repeat_ngram": None,
    "temperature": None,
    "top_k": None,
    "top_p": 1,
    "min_p": 0,
}


class Sampling(NamedTuple):
    """How the next token is chosen; see `lmzoo.generate`."""

    temperature: float
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    no_repeat_ngram: int | None

    def check(self) -> None:
        """Raises ArgumentError for a value outside its range."""
        finite = "a finite number"
        require("temperature", self.temperature, lambda v: 0 <= v < np.inf, f"0 or {finite} > 0")
        ranges = {
            "top_p": (lambda v: 0 < v <= 1, "above 0 and at most 1; 1 or None keeps every token"),
            "min_p": (lambda v: 0 <= v <= 1, "between 0 and 1; 0 or None keeps every token"),
            "repetition_penalty": (lambda v: 0 < v < np.inf, f"{finite} above 0; 1 for none"),
        }
        for name, (holds, wanted) in ranges.items():
            if getattr(self, name) is not None:
                require(name, getattr(self, name), holds, wanted)
        for name in ("top_k", "no_repeat_ngram"):
            if getattr(self, name) is not None:
                require_count(name, getattr(self, name), 1)

    def rules(self) -> Rules:
        """The rules of `choose`, without those that change nothing."""
        names = list(FILTERS) if self.temperature > 0 else list(FILTERS)[:2]
        values = {name: getattr(self, name) for name in names}
        return {
            name: (np.int32 if name in ("top_k", "no_repeat_ngram") else np.float32)(value)
            for name, value in values.items()
            if value is not None and value != FILTERS[name]
        }


def choose(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules, uniform: Tensor) -> Tensor:
    """Chooses each row's next token from logits (batch, vocab); greedy without a temperature."""
    logits = filtered(logits, ids, length, rules)
    if "temperature" not in rules:
        return ops.cast(ops.argmax(logits, axis=-1), "int32")
    return draw(logits, uniform)


def filtered(logits: Tensor, ids: Tensor, length: Tensor, rules: Rules) -> Tensor:
    """Logits (batch, vocab) after the filters; arguments as in `choose`."""
    logits = ops.cast(logits, "float32")
    for name in FILTERS:
        if name not in rules:
            continue
        if name == "repetition_penalty":
            known = ops.arange(ids.shape[1], dtype="int32")[None, :] < length
            present = filters.mark(ids, ops.broadcast_to(known, ids.shape), logits.shape[-1])
            logits = filters.repetition_penalty(logits, present, rules[name])
        elif name == "no_repeat_ngram":
            logits = filters.no_repeat_ngram(logits, ids, length, rules[name])
        else:
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
