"""The language-model families that are compared, and the width that gives each the same size."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.registry import build_model


@dataclasses.dataclass(frozen=True)
class Family:
    """A builder, its fixed arguments, and those that follow from the width."""

    builder: str
    fixed: Mapping[str, Any]
    sizes: Callable[[int], dict[str, int]]
    multiple: int = 1


def _recurrent(width: int) -> dict[str, int]:
    return {"embed_dim": width, "hidden_dim": width}


DROPOUT = 0.1
_PROBES = (4, 8, 16)
_SHARED = {"dropout": DROPOUT, "tie_embeddings": True}
_ONE_LAYER = {**_SHARED, "num_layers": 1}
_ATTENTION = {**_SHARED, "num_layers": 4, "num_heads": 4}
FAMILIES = {
    "rnn": Family("rnn_lm", _ONE_LAYER, _recurrent),
    "lstm": Family("lstm_lm", _ONE_LAYER, _recurrent),
    "gru": Family("gru_lm", _ONE_LAYER, _recurrent),
    "cnn": Family(
        "cnn_lm", {**_SHARED, "num_layers": 5, "kernel_size": 4}, lambda w: {"embed_dim": w}
    ),
    "gpt2": Family("gpt2_lm", _ATTENTION, lambda w: {"embed_dim": w}, multiple=4),
    "llama": Family(  # rotary positions turn pairs of features in each of the four heads
        "llama_lm",
        _ATTENTION,
        lambda w: {"embed_dim": w, "hidden_dim": round(w * 8 / 3)},
        multiple=8,
    ),
}


def build_family(
    name: str,
    parameters: int,
    *,
    vocab_size: int,
    max_length: int,
    num_layers: int | None = None,
) -> keras.Model:
    """Builds a family's model with as nearly `parameters` weights as its width allows.

    Args:
        name: a key of `FAMILIES`.
        parameters: number of weights wanted, embeddings included.
        vocab_size: number of ids.
        max_length: longest sequence, for learned positions.
        num_layers: number of layers; None takes the family's own.

    Returns:
        A language model, not compiled.

    Raises:
        ArgumentError: an unknown family.

    Example:
        >>> import lmzoo
        >>> model = build_family("lstm", 20_000, vocab_size=100, max_length=32)
        >>> 19_000 < model.count_params() < 21_000
        True
    """
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
    """Finds the width at which a growing count comes nearest to a target.

    Args:
        count: the number of weights at a width; it grows with the width.
        target: the number wanted; at least 1.
        multiple: the width is a multiple of this.

    Returns:
        The width, `multiple` at the least.

    Example:
        >>> solve_width(lambda width: width * width, 1000)
        32
    """
    count = functools.lru_cache(maxsize=None)(count)

    def short(width: int) -> bool:
        return count(width * multiple) < target

    # In multiples; the answer lies in [low, high]. The first guess takes counts as quadratic.
    low = high = _guess([count(width * multiple) for width in _PROBES], target)
    step = 1
    while short(high):
        low, high, step = high, high + step, 2 * step
    while low > 1 and not short(low):
        low, high, step = max(low - step, 1), low, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if short(middle) else (low, middle)
    return multiple * min(low, high, key=lambda width: abs(count(width * multiple) - target))


def _guess(counts: list[int], target: int) -> int:
    """Where the parabola through the counts at `_PROBES` reaches the target; 1 if nowhere."""
    parabola = np.polyfit(_PROBES, counts, 2) - [0, 0, target]
    roots = np.roots(np.where(np.abs(parabola) < 1e-6, 0, parabola))
    real = [root.real for root in roots if abs(root.imag) < 1e-6 and root.real > 1]
    return round(min(real)) if real else 1
