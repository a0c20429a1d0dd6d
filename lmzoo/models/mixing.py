"""Texts mixed with each other: vectors, labels, and the shares of two texts."""

from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.losses.classes import class_targets
from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.typing import Tensor


class Mixing:
    """Rows of a batch mixed with other rows of it.

    Args:
        partner: int32 (batch,), with which row each is mixed.
        share: float32 (batch,), how much of its own a row keeps, 0 to 1.

    Source: Zhang et al. 2018, https://arxiv.org/abs/1710.09412; of vectors: Guo et al. 2019,
    https://arxiv.org/abs/1905.08941

    Example:
        >>> import numpy as np
        >>> mixing = Mixing(np.array([1, 0]), np.array([0.75, 1.0], "float32"))
        >>> vectors, real = np.array([[[4.0]], [[8.0]]], "float32"), np.ones((2, 1), "bool")
        >>> mixing.mix(vectors, real)[0].numpy().ravel().tolist()
        [5.0, 8.0]
    """

    def __init__(self, partner: Tensor, share: Tensor) -> None:
        self.partner, self.share = partner, share

    def mix(self, vectors: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (batch, ..., dim), 0 where a text is over, and where one of two is real."""
        per_token = len(vectors.shape) == 3
        if per_token:
            vectors = ops.where(real[..., None], vectors, 0.0)
        share = ops.cast(self.share, vectors.dtype)
        share = share[:, None, None] if per_token else share[:, None]
        mixed = share * vectors + (1 - share) * ops.take(vectors, self.partner, axis=0)
        both = ops.logical_and(ops.take(real, self.partner, axis=0), self.share[:, None] < 1)
        return mixed, ops.logical_or(real, both)

    def mix_labels(
        self, labels: Tensor, sample_weight: Tensor | None, y_pred: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Distributions over the classes (batch, classes), and weights (batch,).

        The loss of these is the mean over the two labels of each row, each counted with its share
        times its own row's weight.
        """
        classes = 2 if y_pred.shape[-1] == 1 else y_pred.shape[-1]
        weight = spread_weights(y_pred[:, 0], _only(sample_weight))
        targets = class_targets(_only(labels), classes, rank=2)
        targets = ops.where(weight[:, None] != 0, targets, 0.0)
        other = (1 - self.share) * ops.take(weight, self.partner, axis=0)
        own = self.share * weight
        both = own[:, None] * targets
        both = both + other[:, None] * ops.take(targets, self.partner, axis=0)
        return ops.divide_no_nan(both, (own + other)[:, None]), own + other


def larger_share(uniform: Tensor, alpha: float) -> Tensor:
    """The larger of x and 1 - x, where x is from Beta(alpha, alpha).

    Keras's own draw from this distribution is a loop that XLA does not compile.

    Args:
        uniform: Numbers drawn evenly from 0 to 1.
        alpha: Above 0.

    Returns:
        float32, of the shape of `uniform`, 0.5 to 1.

    Example:
        >>> larger_share([0.0, 0.5, 1.0], alpha=1.0).numpy().tolist()
        [1.0, 0.75, 0.5]
    """
    # In t = x**alpha, the density of the lower half is (1 - x)**(alpha - 1), which is smooth.
    x = np.linspace(0.0, 0.5, 4097)
    t, density = x**alpha, (1 - x) ** (alpha - 1)
    area = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) * np.diff(t))])
    steps = 1024
    quantiles = np.interp(np.linspace(0.0, area[-1], steps + 1), area, t).astype("float32")
    place = ops.cast(uniform, "float32") * steps
    below = ops.clip(ops.cast(ops.floor(place), "int32"), 0, steps - 1)
    rest = place - ops.cast(below, "float32")
    low = ops.take(quantiles, below, axis=0)
    found = low + rest * (ops.take(quantiles, below + 1, axis=0) - low)
    return 1 - found ** (1 / alpha)


def _only(value: Any) -> Any:
    """The one tensor of a structure; None of None."""
    return None if value is None else keras.tree.flatten(value)[0]
