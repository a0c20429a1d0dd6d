"""States as a compiled loop carries them: with batch and heads as one axis.

XLA writes into a cache in its place only if no reshaping stands between the loop and the write.
"""

from typing import Any

import keras
from keras import ops

from lmzoo.typing import Tensor


def fold(state: Any) -> Any:
    """The first two axes of every tensor of three axes and more as one."""
    return keras.tree.map_structure(_fold, state)


def unfold(folded: Any, like: Any) -> Any:
    """A folded state with the shapes of `like`."""
    return keras.tree.map_structure(_unfold, folded, like)


def _fold(part: Tensor) -> Tensor:
    shape: tuple[int, ...] = tuple(getattr(part, "shape", ()))
    if len(shape) < 3:
        return part
    return ops.reshape(part, (shape[0] * shape[1], *shape[2:]))  # (batch * heads, ...)


def _unfold(part: Tensor, like: Tensor) -> Tensor:
    return part if len(getattr(like, "shape", ())) < 3 else ops.reshape(part, like.shape)
