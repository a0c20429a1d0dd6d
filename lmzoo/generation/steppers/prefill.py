"""Prefill: the columns that all prompts have, many tokens a step, in one compiled loop."""

import functools
from typing import Any

from keras import ops

from lmzoo.generation.steppers.state import fold, unfold
from lmzoo.typing import Tensor


def chunk_sizes(length: int) -> tuple[int, int]:
    """How many tokens are prefilled in one step, for a cache of this length: large and small."""
    large = min(max(length // 8, 16), 128, length)
    return large, max(1, large // 4)


def prefill_chunks(stepper: Any, tokens: Tensor, state: Any, end: Tensor) -> tuple[Tensor, Any]:
    """Prefills whole chunks before column `end`; returns how many columns, and the state."""
    position, folded = ops.convert_to_tensor(0, dtype="int32"), fold(state)
    sizes = chunk_sizes(tokens.shape[1])
    overlaps = stepper.random_access_cache
    for size in sizes[:1] if overlaps else sizes:
        position, folded = stepper.loop(
            functools.partial(_fits, 1 if overlaps else size, end),
            functools.partial(_step, stepper, size, end, tokens, state),
            (position, folded),
        )
    return position, unfold(folded, state)


def _fits(size: int, end: Tensor, position: Tensor, folded: Any) -> Tensor:
    return position + size <= end


def _step(
    stepper: Any, size: int, end: Tensor, tokens: Tensor, like: Any, position: Tensor, folded: Any
) -> tuple[Tensor, Any]:
    """One chunk, moved back where fewer than `size` columns are left of the cache."""
    start = ops.minimum(position, tokens.shape[1] - size)
    ids = ops.take(tokens, start + ops.arange(size, dtype="int32"), axis=1)  # (batch, size)
    folded = fold(stepper.step(ids, unfold(folded, like), start)[1])
    return ops.minimum(start + size, end), folded
