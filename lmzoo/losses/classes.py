"""Cross-entropy of classes and of tags over the rows or words that count."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.labels import as_ids, host_array, refuse_no_distribution, refuse_unknown
from lmzoo.losses.cross_entropy import known_logits, over_replicas, spread_weights
from lmzoo.typing import Tensor

# Probabilities below count as this: 69 nats.
_SMALLEST_PROBABILITY = 1e-30
# Half of the smallest step below 1 in float32: what may be left when 1 - p shows 0.
_SMALLEST_REST = 2.0**-25


def class_columns(y_pred: Tensor, *, from_logits: bool = True) -> Tensor:
    """Logits, or probabilities, with a column for every class: float32 (..., classes)."""
    if from_logits:
        y_pred, _ = known_logits(y_pred, from_logits)
    y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
    if y_pred.shape[-1] != 1:
        return y_pred
    other = ops.zeros_like(y_pred) if from_logits else 1 - y_pred
    return ops.concatenate([other, y_pred], axis=-1)


def class_distributions(y_pred: Tensor, *, from_logits: bool = True) -> Tensor:
    """Probabilities with a column for every class.

    Args:
        y_pred: (..., 1), of class 1 of two, or (..., classes).
        from_logits: whether they are logits; if not, probabilities.

    Returns:
        float32 (..., classes).

    Example:
        >>> class_distributions([[0.0]]).numpy().tolist()
        [[0.5, 0.5]]
    """
    columns = class_columns(y_pred, from_logits=from_logits)
    return ops.softmax(columns, axis=-1) if from_logits else columns


def class_targets(
    labels: Any, num_classes: int, rank: int, *, is_soft: bool = False, weight: Any = None
) -> Tensor:
    """Labels (ids or distributions) as distributions of that rank.

    If `is_soft`, which is for two classes, a label may be the probability of class 1. A label that
    counts by its weight and is none is refused, or in compiled code NaN.
    """
    labels, kind = _fitting(labels, num_classes, rank)
    if kind == "distributions":
        values = host_array(labels)
        if values is not None:
            refuse_no_distribution(values, weight=weight)
        return ops.cast(labels, "float32")
    if is_soft:
        values = host_array(labels)
        if values is not None:
            refuse_unknown(values, 2, weight=weight, soft=True)
        one = ops.cast(labels, "float32")
        one = ops.where((one >= 0) & (one <= 1), one, float("nan"))
        return ops.stack([1 - one, one], axis=-1)
    ids = as_ids(labels, num_classes, weight=weight)
    hot = ops.one_hot(ops.maximum(ids, 0), num_classes, dtype="float32")
    return ops.where(ids[..., None] >= 0, hot, float("nan"))


def class_ids(
    labels: Any, num_classes: int, rank: int, *, is_soft: bool = False, weight: Any = None
) -> Tensor:
    """The most probable class of labels as `class_targets` takes them: int32, -1 for NaN."""
    fitting, kind = _fitting(labels, num_classes, rank)
    if kind == "ids" and not is_soft:
        return as_ids(fitting, num_classes, weight=weight)
    targets = class_targets(labels, num_classes, rank, is_soft=is_soft, weight=weight)
    known = ops.logical_not(ops.isnan(ops.sum(targets, axis=-1)))
    return ops.where(known, ops.cast(ops.argmax(targets, axis=-1), "int32"), -1)


def _fitting(labels: Any, num_classes: int, rank: int) -> tuple[Any, str]:
    """Labels without an axis of one, and by their shape, whether they are ids or distributions."""
    values = host_array(labels)
    labels = ops.convert_to_tensor(labels) if values is None else values
    if len(labels.shape) == rank and labels.shape[-1] == num_classes:
        return labels, "distributions"
    if len(labels.shape) == rank and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if len(labels.shape) != rank - 1:
        raise ArgumentError(
            f"labels of shape {tuple(labels.shape)} do not fit {num_classes} classes: give ids "
            f"with {rank - 1} axes, or distributions with {rank}, the last of {num_classes}"
        )
    return labels, "ids"


def log_distributions(y_pred: Tensor, *, from_logits: bool = True) -> Tensor:
    """Logarithms of `class_distributions`, of which tiny ones keep right gradients; on TensorFlow
    by the logits that Keras's sigmoid or softmax remembers.
    """
    logits, are_logits = known_logits(y_pred, from_logits)
    if are_logits:
        logits = ops.cast(ops.convert_to_tensor(logits), "float32")
        if logits.shape[-1] != 1:
            return ops.log_softmax(logits, axis=-1)
        return ops.concatenate([-ops.softplus(logits), -ops.softplus(-logits)], axis=-1)
    y_pred = ops.convert_to_tensor(y_pred)
    two = [_SMALLEST_REST, _SMALLEST_PROBABILITY]
    smallest = two if y_pred.shape[-1] == 1 else two[1:]
    return ops.log(ops.maximum(class_columns(y_pred, from_logits=False), smallest))


class _DistributionLoss(keras.losses.Loss):
    """Weighted cross-entropy; `rank` is the number of axes of the predictions."""

    rank = 2
    predictions = "(batch, 1) or (batch, classes)"
    default_name = "class_cross_entropy"

    def __init__(
        self,
        from_logits: bool = True,
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
        class_weights: Sequence[float] | Mapping[int, float] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name or self.default_name, "mean_with_sample_weight", "float32")
        if not 0 <= label_smoothing < 1:
            raise ArgumentError(f"label_smoothing is {label_smoothing}; it must be 0 to below 1")
        if not 0 <= focal_gamma < float("inf"):
            raise ArgumentError(f"focal_gamma is {focal_gamma}; it must be 0 or above, and finite")
        if isinstance(class_weights, Mapping):
            if sorted(class_weights) != list(range(len(class_weights))):
                raise ArgumentError(f"class_weights names classes {list(class_weights)}, not 0 on")
            class_weights = [class_weights[place] for place in range(len(class_weights))]
        weights = None if class_weights is None else list(map(float, class_weights))
        if not all(0 <= w < float("inf") for w in weights or ()):
            raise ArgumentError(f"class_weights is {weights}; they must be 0 or above, and finite")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.focal_gamma = focal_gamma
        self.class_weights = weights

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Tensor:
        """Mean nats over what counts in a batch, a float32 scalar."""
        nats, weight = self._weighted(y_true, y_pred, sample_weight)
        return ops.divide_no_nan(ops.sum(nats), over_replicas(ops.sum(weight)))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Nats of every row or word, times its class's weight: the labels' shape, float32."""
        return self._weighted(y_true, y_pred, None)[0]

    def _weighted(self, y_true: Tensor, y_pred: Tensor, given: Any) -> tuple[Tensor, Tensor]:
        """Nats times weight, and the weight, of every row or word."""
        y_pred = ops.convert_to_tensor(y_pred)
        logs = log_distributions(y_pred, from_logits=self.from_logits)
        if len(logs.shape) != self.rank:
            raise ArgumentError(
                f"predictions of shape {tuple(logs.shape)} are not {self.predictions}, "
                f"which {type(self).__name__} takes"
            )
        classes = logs.shape[-1]
        weight = spread_weights(logs[..., 0], given, getattr(y_pred, "_keras_mask", None))
        is_soft = self.rank == 2 and y_pred.shape[-1] == 1
        targets = class_targets(y_true, classes, self.rank, is_soft=is_soft, weight=weight)
        # A NaN that counts for nothing would still spoil the gradient.
        targets = ops.where(weight[..., None] != 0, targets, 0.0)
        of_class = ops.ones_like(weight)
        if self.class_weights is not None:
            if len(self.class_weights) != classes:
                raise ArgumentError(
                    f"class_weights has {len(self.class_weights)} weights for {classes} classes: "
                    "give one for each class, in the order of their ids"
                )
            targets = targets * ops.convert_to_tensor(self.class_weights, "float32")
            of_class = ops.sum(targets, axis=-1)
        if self.label_smoothing:
            even = self.label_smoothing / classes * of_class
            targets = (1 - self.label_smoothing) * targets + even[..., None]
        if self.focal_gamma:
            rest = ops.maximum(1 - ops.exp(logs), _SMALLEST_REST)
            targets = targets * rest**self.focal_gamma
        nats = ops.where(weight != 0, -ops.sum(targets * logs, axis=-1) * weight, 0.0)
        return nats, weight * of_class

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this loss again."""
        names = ("from_logits", "label_smoothing", "focal_gamma", "class_weights", "name")
        return {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(package="lmzoo")
class ClassCrossEntropy(_DistributionLoss):
    """Cross-entropy of a text's class in nats: the mean over rows, each counted with its weight.

    It divides by the sum of the weights, over all replicas of a `tf.distribute` strategy; without
    any it is 0. A label that is none is refused, in compiled code NaN, unless its weight is 0.

    Args:
        from_logits: whether predictions are logits; False for a plain Keras model that ends in a
            sigmoid or softmax.
        label_smoothing: fraction of each label that is spread evenly over the classes, 0 to below
            1 (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567).
        focal_gamma: exponent of the focal loss, nats times (1 - p)^gamma; 0 for none, 2 in the
            paper (Lin et al. 2017, https://arxiv.org/abs/1708.02002).
        class_weights: one for each class, in the order of their ids, or by id as those of
            `lmzoo.data.class_weights`, or None; they multiply the rows' weights.

    Raises:
        ArgumentError: An argument is outside its range; in a call, shapes do not fit.

    Returns:
        float32 nats per row, of labels (ids (batch,) or (batch, 1), for (batch, 1) predictions also
        probabilities of class 1, or distributions), predictions ((batch, 1) of class 1, or (batch,
        classes)) and weights (batch,) or None.

    Example:
        >>> loss = ClassCrossEntropy()
        >>> round(float(loss([1, 0], [[0.0], [9.0]], sample_weight=[1.0, 0.0])), 3)
        0.693
    """


@keras.saving.register_keras_serializable(package="lmzoo")
class TagCrossEntropy(_DistributionLoss):
    """As ClassCrossEntropy, for a tag at each word: nats per word, the mean over words.

    `class_weights` are the tags': Keras's `class_weight` mistakes rows of tags for one-hot rows.
    Tags are ids (batch, time) or distributions (batch, time, tags), weights may be (batch,).

    Example:
        >>> loss = TagCrossEntropy(from_logits=False, class_weights=[1.0, 3.0])
        >>> round(float(loss([[0, 1]], [[[0.5, 0.5], [0.75, 0.25]]])), 3)
        1.213
    """

    rank = 3
    predictions = "(batch, time, tags)"
    default_name = "tag_cross_entropy"
