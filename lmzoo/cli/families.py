"""The language-model families that are compared, and the width that gives each the same size."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.registry import build_model


class Family(NamedTuple):
    """A builder, its fixed arguments, those that follow from the width, and what divides it."""

    builder: str
    fixed: Mapping[str, Any]
    sizes: Callable[[int], dict[str, int]]
    multiple: int = 1


def _embed(width: int) -> dict[str, int]:
    return {"embed_dim": width}


def _recurrent(width: int) -> dict[str, int]:
    return {"embed_dim": width, "hidden_dim": width}


def _gated(width: int) -> dict[str, int]:
    return {"embed_dim": width, "hidden_dim": round(width * 8 / 3)}


_PROBES = (4, 8, 16)
_SHARED = {"dropout": 0.1, "tie_embeddings": True}
_ONE_LAYER = {**_SHARED, "num_layers": 1}
_ATTENTION = {**_SHARED, "num_layers": 4, "num_heads": 4}
FAMILIES = {
    "rnn": Family("rnn_lm", _ONE_LAYER, _recurrent),
    "lstm": Family("lstm_lm", _ONE_LAYER, _recurrent),
    "gru": Family("gru_lm", _ONE_LAYER, _recurrent),
    "cnn": Family("cnn_lm", {**_SHARED, "num_layers": 5, "kernel_size": 4}, _embed),
    "gpt2": Family("gpt2_lm", _ATTENTION, _embed, multiple=4),
    # rotary positions turn pairs of features in each of the four heads
    "llama": Family("llama_lm", _ATTENTION, _gated, multiple=8),
}


def build_family(
    name: str, parameters: int, *, vocab_size: int, max_length: int, num_layers: int | None = None
) -> keras.Model:
    """Builds a family's model with as nearly `parameters` weights as its width allows."""
    if name not in FAMILIES:
        raise ArgumentError(f"no family {name!r}; choose from {', '.join(FAMILIES)}")
    family = FAMILIES[name]
    arguments = {**family.fixed, "vocab_size": vocab_size}
    arguments |= {"max_length": max_length} if name == "gpt2" else {}
    arguments |= {"num_layers": num_layers} if num_layers else {}

    def build(width: int) -> keras.Model:
        return build_model(family.builder, **arguments, **family.sizes(width))

    return build(solve_width(lambda w: build(w).count_params(), parameters, family.multiple))


def solve_width(count: Callable[[int], int], target: int, multiple: int = 1) -> int:
    """Finds the width at which a growing count comes nearest to a target."""
    count = functools.lru_cache(maxsize=None)(count)

    # In multiples; the first guess takes counts as quadratic.
    width = _guess([count(probe * multiple) for probe in _PROBES], target)
    while count(width * multiple) < target:
        width += 1
    while width > 1 and count((width - 1) * multiple) >= target:
        width -= 1
    near = [multiple * max(width - 1, 1), multiple * width]
    return min(near, key=lambda width: abs(count(width) - target))


def _guess(counts: list[int], target: int) -> int:
    """Where the parabola through the counts at `_PROBES` reaches the target; 1 if nowhere."""
    parabola = np.polyfit(_PROBES, counts, 2) - [0, 0, target]
    roots = np.roots(np.where(np.abs(parabola) < 1e-6, 0, parabola))
    real = [root.real for root in roots if abs(root.imag) < 1e-6 and root.real > 1]
    return round(min(real)) if real else 1
