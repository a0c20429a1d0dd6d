"""Mix-up: texts mixed with each other, vectors and labels alike."""

from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses import ClassCrossEntropy
from lmzoo.losses.classes import class_targets
from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.training.vectors import VectorTraining
from lmzoo.typing import Tensor


class MixUp(VectorTraining):
    """`fit` mixes each text with another of its batch, vectors and labels alike.

    The rates are drawn from Beta(alpha, alpha); a row keeps the larger part of itself.

    Args:
        model: A classifier, or AdversarialTraining around one.
        alpha: Above 0; the larger, the more equal the two parts. The best in the paper is 1.

    Raises:
        ArgumentError: If alpha is not above 0, or as VectorTraining; from `compile`, if the loss
            is not `lmzoo.losses.ClassCrossEntropy`, which takes mixed labels.

    Source: Guo et al. 2019, https://arxiv.org/abs/1905.08941

    Example:
        >>> import lmzoo
        >>> model = lmzoo.build_bow_classifier(50, embed_dim=4, buckets=10)
        >>> lmzoo.training.MixUp(model, alpha=1.0).compile("adam")
    """

    def __init__(self, model: Any, alpha: float = 0.2, *, name: str | None = None) -> None:
        if not 0 < alpha < float("inf"):
            raise ArgumentError(f"alpha={alpha} must be above 0 and finite.")
        super().__init__(model, name=name)
        self.alpha = alpha
        self.seed_generator = keras.random.SeedGenerator()

    def _share_compiled(self) -> None:
        super()._share_compiled()
        if not isinstance(self.loss, ClassCrossEntropy):
            raise ArgumentError(
                f"MixUp makes labels of two classes, which the loss {self.loss!r} does not take: "
                "use lmzoo.losses.ClassCrossEntropy()."
            )

    def vector_loss(
        self, vectors: Tensor, mask: Tensor, y: Any, sample_weight: Any
    ) -> tuple[Tensor, Tensor]:
        """The loss of mixed vectors and labels."""
        mixing = self.draw_mixing(ops.shape(vectors)[0], sample_weight)
        vectors, mask = mixing.mix(vectors, mask)
        is_soft = self.outputs[0].shape[-1] == 1
        y, sample_weight = mixing.mix_labels(y, sample_weight, self.num_classes, is_soft)
        return self.inner_loss(vectors, mask, y, sample_weight)

    def draw_mixing(self, rows: Any, sample_weight: Any = None) -> "Mixing":
        """Draws a mixing of so many rows, in which rows of weight 0 take no part."""
        uniform = keras.random.uniform((rows + 1,), seed=self.seed_generator)
        others = ops.cast(rows - 1, "float32")
        distance = 1 + ops.cast(ops.floor(uniform[0] * others), "int32")
        partner = (ops.arange(rows) + distance) % rows
        rate = larger_part(uniform[1:], self.alpha)
        if sample_weight is not None:
            counts = ops.reshape(keras.tree.flatten(sample_weight)[0], (-1,)) != 0  # (batch,)
            rate = ops.where(counts & ops.take(counts, partner, axis=0), rate, 1.0)
        return Mixing(partner, rate)


class Mixing:
    """Rows mixed with those of `partner`, int32 (batch,); each keeps `rate` (batch,) of its own.

    Source: Zhang et al. 2018, https://arxiv.org/abs/1710.09412
    """

    def __init__(self, partner: Tensor, rate: Tensor) -> None:
        self.partner, self.rate = partner, rate

    def mix(self, vectors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (batch, ..., dim), of which padding counts as 0, and where one of two is real."""
        per_token = len(vectors.shape) == 3
        if per_token:
            vectors = ops.where(mask[..., None], vectors, 0.0)
        rate = ops.cast(self.rate, vectors.dtype)
        rate = rate[:, None, None] if per_token else rate[:, None]
        mixed = rate * vectors + (1 - rate) * ops.take(vectors, self.partner, axis=0)
        both = ops.logical_and(ops.take(mask, self.partner, axis=0), self.rate[:, None] < 1)
        return mixed, ops.logical_or(mask, both)

    def mix_labels(
        self, labels: Any, sample_weight: Any, num_classes: int, is_soft: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Distributions (batch, num_classes), and weights (batch,), whose loss is the mean over the
        two labels of each row, each counted with its rate times its own row's weight.
        """
        labels, weight = _only(labels), _only(sample_weight)
        targets = class_targets(labels, num_classes, rank=2, is_soft=is_soft, weight=weight)
        weight = spread_weights(targets[:, 0], weight)
        targets = ops.where(weight[:, None] != 0, targets, 0.0)
        other = (1 - self.rate) * ops.take(weight, self.partner, axis=0)
        own = self.rate * weight
        both = own[:, None] * targets
        both = both + other[:, None] * ops.take(targets, self.partner, axis=0)
        return ops.divide_no_nan(both, (own + other)[:, None]), own + other


def larger_part(uniform: Tensor, alpha: float) -> Tensor:
    """The larger of x and 1 - x, x from Beta(alpha, alpha), of uniform random numbers.

    Keras's own draw from this distribution is a loop that XLA does not compile.
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
    quantile = low + rest * (ops.take(quantiles, below + 1, axis=0) - low)
    return 1 - quantile ** (1 / alpha)


def _only(value: Any) -> Any:
    """The one tensor of a structure; None of None."""
    return None if value is None else keras.tree.flatten(value)[0]
