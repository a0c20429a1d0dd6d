"""Rotary positions, and the ways to stretch them beyond the length that was trained."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

# What each kind of scaling needs, and what it may leave out: Hugging Face's names and defaults.
SETTINGS: dict[str, tuple[set[str], dict[str, float]]] = {
    "linear": ({"factor"}, {}),
    "ntk": ({"factor"}, {}),
    "yarn": (
        {"factor", "original_max_position_embeddings"},
        {"beta_fast": 32.0, "beta_slow": 1.0},
    ),
    "llama3": (
        {"factor", "original_max_position_embeddings"},
        {"low_freq_factor": 1.0, "high_freq_factor": 4.0},
    ),
}


def apply_rotary(
    x: Tensor,
    positions: Tensor,
    *,
    base: float = 10000.0,
    scaling: dict[str, Any] | None = None,
) -> Tensor:
    """Rotates each feature pair (i, i + half) of a query or key by an angle of its position.

    Args:
        x: (batch, heads, time, head_dim), head_dim even.
        positions: int32 (time,), or (batch, time) where rows differ, counted from 0.
        base: The slowest rotation has a wave length of about 2 pi * base positions.
        scaling: As `rotary_frequencies`.

    Returns: The rotated x, of the same shape and dtype.
    Raises: ArgumentError as `rotary_frequencies`.
    Source: Su et al. 2021, https://arxiv.org/abs/2104.09864

    Example:
        >>> import keras, lmzoo
        >>> x = keras.ops.ones((1, 1, 3, 4))
        >>> tuple(lmzoo.layers.apply_rotary(x, keras.ops.arange(3)).shape)
        (1, 1, 3, 4)
    """
    half = x.shape[-1] // 2
    frequencies, factor = rotary_frequencies(x.shape[-1], base=base, scaling=scaling)
    positions = ops.cast(positions, "float32")
    if len(positions.shape) == 2:
        positions = positions[:, None]  # (batch, 1, time)
    angles = positions[..., None] * frequencies  # (time, half) or (batch, 1, time, half)
    cos = ops.cast(ops.cos(angles) * factor, x.dtype)
    sin = ops.cast(ops.sin(angles) * factor, x.dtype)
    first, second = x[..., :half], x[..., half:]
    rotated = [first * cos - second * sin, second * cos + first * sin]
    return ops.concatenate(rotated, axis=-1)  # (batch, heads, time, head_dim)


def rotary_frequencies(
    head_dim: int, *, base: float = 10000.0, scaling: dict[str, Any] | None = None
) -> tuple[np.ndarray, float]:
    """The angle of each feature pair per position, and a factor of what is rotated.

    Args:
        head_dim: Width of a head, even.
        base: Base of the geometric series of the frequencies, above 1.
        scaling: None, or a dict as `rope_scaling` in Hugging Face's config.json: a `rope_type`,
            "linear" (all positions divided by `factor`), "ntk" (a larger base), "yarn" or
            "llama3" (only slow rotations divided), `factor` (how much longer texts may be, at
            least 1), and for the last two `original_max_position_embeddings` (tokens).

    Returns: float32 (head_dim / 2,), and the factor, 1 but for "yarn".
    Raises: ArgumentError for another type or factor, and for settings that lack or do not exist.
    Source: linear: https://arxiv.org/abs/2306.15595; NTK and YaRN: https://arxiv.org/abs/2309.00071;
    Llama 3: https://arxiv.org/abs/2407.21783

    Example:
        >>> import lmzoo
        >>> scaling = {"rope_type": "linear", "factor": 4.0}
        >>> lmzoo.layers.rotary_frequencies(4, scaling=scaling)[0].tolist()
        [0.25, 0.0024999999441206455]
    """
    half = head_dim // 2
    frequencies = base ** (-np.arange(half) / half)
    if scaling is None or scaling.get("rope_type", scaling.get("type")) == "default":
        return frequencies.astype("float32"), 1.0
    kind, settings = _settings(scaling)
    stretches: dict[str, Callable[..., np.ndarray]] = {
        "linear": _linear,
        "ntk": _ntk,
        "yarn": _yarn,
        "llama3": _llama3,
    }
    attention = 1.0
    if kind == "yarn":  # softer attention would follow from more keys
        default = 0.1 * math.log(settings["factor"]) + 1
        attention = settings.get("attention_factor") or default
    return stretches[kind](frequencies, base, **settings).astype("float32"), float(attention)


def _settings(scaling: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The type of scaling and its settings, checked and completed."""
    given = dict(scaling)
    kind = given.pop("rope_type", given.pop("type", None))
    if kind not in SETTINGS:
        raise ArgumentError(
            f"The rotary scaling has rope_type={kind!r}; use one of {', '.join(SETTINGS)}."
        )
    needed, defaults = SETTINGS[kind]
    allowed = needed | defaults.keys() | ({"attention_factor"} if kind == "yarn" else set())
    if missing := needed - given.keys():
        raise ArgumentError(f"rope_type={kind!r} needs {', '.join(sorted(missing))} as well.")
    if unknown := given.keys() - allowed:
        raise ArgumentError(
            f"rope_type={kind!r} has no {', '.join(sorted(unknown))}; it knows "
            f"{', '.join(sorted(allowed))}."
        )
    if not given["factor"] >= 1:
        raise ArgumentError(f"factor={given['factor']!r} of the rotary scaling: at least 1.")
    return kind, {**defaults, **given}


def _linear(frequencies: np.ndarray, base: float, *, factor: float) -> np.ndarray:
    return frequencies / factor


def _ntk(frequencies: np.ndarray, base: float, *, factor: float) -> np.ndarray:
    """A base at which the slowest rotation, and it alone, is `factor` times slower."""
    half = len(frequencies)
    longer = base * factor ** (half / max(half - 1, 1))
    return longer ** (-np.arange(half) / half)


def _yarn(
    frequencies: np.ndarray,
    base: float,
    *,
    factor: float,
    original_max_position_embeddings: int,
    beta_fast: float,
    beta_slow: float,
    attention_factor: float | None = None,
) -> np.ndarray:
    """Pairs that turn over beta_fast times in the trained length stay, below beta_slow they are
    divided by the factor; between those two pairs lies a ramp."""
    half, length = len(frequencies), original_max_position_embeddings

    def pair_of(turns: float) -> float:
        return half * math.log(length / (turns * 2 * math.pi)) / math.log(base)

    first = max(math.floor(pair_of(beta_fast)), 0)
    last = min(math.ceil(pair_of(beta_slow)), 2 * half - 1)
    ramp = np.clip((np.arange(half) - first) / max(last - first, 1e-3), 0, 1)
    return frequencies * (1 - ramp) + frequencies / factor * ramp


def _llama3(
    frequencies: np.ndarray,
    base: float,
    *,
    factor: float,
    original_max_position_embeddings: int,
    low_freq_factor: float,
    high_freq_factor: float,
) -> np.ndarray:
    """Wave lengths over length / low_freq_factor are stretched, below length / high_freq_factor
    they stay; between them the share that stays rises linearly with the turns."""
    turns = original_max_position_embeddings * frequencies / (2 * math.pi)
    kept = np.clip((turns - low_freq_factor) / (high_freq_factor - low_freq_factor), 0, 1)
    return frequencies * kept + frequencies / factor * (1 - kept)
