"""Metrics of class probabilities, added up over all batches: what scikit-learn gives, in `fit`."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.metrics.confusion import (
    AVERAGES,
    BINS,
    averaged,
    calibration_edges,
    matthews_correlation,
    ratio,
)
from lmzoo.typing import Tensor


def _rows(
    y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Labels int32 (batch,), probabilities (batch, classes), weights (batch,), and a NaN or 0.

    The last is NaN if a counted row has a label outside the classes, or no probabilities.
    """
    y_pred, labels = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
    if len(y_pred.shape) != 2:
        raise ArgumentError(
            f"class probabilities must be (batch, 1) or (batch, classes), not of shape "
            f"{tuple(y_pred.shape)}"
        )
    probabilities = ops.cast(y_pred, "float32")
    if y_pred.shape[1] == 1:
        probabilities = ops.concatenate([1.0 - probabilities, probabilities], axis=1)
    classes = probabilities.shape[1]
    if len(labels.shape) == 2 and labels.shape[1] not in (1, classes):
        raise ArgumentError(
            f"labels of shape {tuple(labels.shape)} do not fit {classes} classes: give ints "
            "(batch,) or (batch, 1), or distributions (batch, classes)"
        )
    if len(labels.shape) == 2 and labels.shape[1] == classes:
        labels = ops.argmax(labels, axis=1)
    labels = ops.cast(ops.reshape(labels, (-1,)), "int32")  # (batch,)
    if sample_weight is None:
        weights = ops.ones_like(probabilities[:, 0])
    else:
        weights = ops.reshape(ops.cast(sample_weight, "float32"), (-1,))  # (batch,)
    known = (labels >= 0) & (labels < classes) & ops.isfinite(ops.sum(probabilities, axis=1))
    broken = ops.any((weights != 0) & ~known)
    return (
        ops.clip(labels, 0, classes - 1),
        probabilities,
        weights,
        ops.where(broken, float("nan"), 0.0),
    )


@keras.saving.register_keras_serializable(package="lmzoo")
class ClassAccuracy(keras.metrics.Metric):
    """Share of rows whose most probable class is the right one, 0 to 1.

    Pass it in `weighted_metrics=`, as all metrics of this file: Keras gives metrics in `metrics=`
    no weights. y_true: ints (batch,) or (batch, 1), or distributions (batch, classes), whose
    largest part counts; y_pred: probabilities (batch, 1) of class 1, right above 0.5, or
    (batch, classes). A label outside the classes, or a probability that is NaN, makes the result
    NaN.

    Args:
        name: the metric's name in the logs.
        dtype: kept for Keras; the counters are always float32, as all metrics' of this file: exact
            for some 16 million rows.

    Example:
        >>> metric = ClassAccuracy()
        >>> metric.update_state([1, 0], [[0.9], [0.8]])
        >>> float(metric.result())
        0.5
    """

    _direction = "up"

    def __init__(self, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.right = self.add_variable((), initializer="zeros", name="right")
        self.total = self.add_variable((), initializer="zeros", name="total")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch."""
        labels, probabilities, weights, broken = _rows(y_true, y_pred, sample_weight)
        right = ops.cast(ops.argmax(probabilities, axis=1), "int32") == labels
        self.right.assign(self.right + ops.sum(ops.where(right, weights, 0.0)) + broken)
        self.total.assign(self.total + ops.sum(weights))

    def result(self) -> Tensor:
        """The share, a float32 scalar; 0 without rows."""
        return ratio(ops.convert_to_tensor(self.right), ops.convert_to_tensor(self.total))

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {"name": self.name}


class _ConfusionMetric(keras.metrics.Metric):
    """Adds up a confusion matrix, (true class, predicted class)."""

    _direction = "up"

    def __init__(self, num_classes: int, name: str) -> None:
        super().__init__(name=name, dtype="float32")
        if num_classes < 2:
            raise ArgumentError(f"num_classes is {num_classes}; it must be at least 2")
        self.num_classes = num_classes
        shape = (num_classes, num_classes)
        self.confusion = self.add_variable(shape, initializer="zeros", name="confusion")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch; shapes as in `ClassAccuracy`."""
        labels, probabilities, weights, broken = _rows(y_true, y_pred, sample_weight)
        classes = probabilities.shape[1]
        if classes != self.num_classes:
            raise ArgumentError(
                f"{self.name} is for {self.num_classes} classes, but the model gives {classes}"
            )
        predicted = ops.cast(ops.argmax(probabilities, axis=1), "int32")
        # Not a product of one-hot rows: a GPU would round the weights.
        cells = ops.segment_sum(weights, labels * classes + predicted, num_segments=classes**2)
        cells = ops.reshape(cells, (classes, classes))  # (true, predicted)
        self.confusion.assign(self.confusion + cells + broken)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {"num_classes": self.num_classes, "name": self.name}


class _Averaged(_ConfusionMetric):
    """One figure of each class, averaged."""

    value = ""

    def __init__(
        self,
        num_classes: int,
        average: str | None = "macro",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_classes, name or self.value)
        if average not in AVERAGES:
            raise ArgumentError(f"average must be one of {AVERAGES}, not {average!r}")
        if average == "binary" and num_classes != 2:
            raise ArgumentError(
                f'average "binary" is that of class 1 of 2, but num_classes is {num_classes}: '
                'choose "micro", "macro" or "weighted"'
            )
        self.average = average

    def result(self) -> Tensor:
        """A float32 scalar, or (classes,) for average None."""
        return averaged(ops.convert_to_tensor(self.confusion), self.value, self.average)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {**super().get_config(), "average": self.average}


@keras.saving.register_keras_serializable(package="lmzoo")
class Precision(_Averaged):
    """Share of the rows taken for a class that belong to it, 0 to 1; 0 if none was taken for it.

    Args:
        num_classes: 2 or more.
        average: "macro", the classes' mean (a class that never occurs counts 0 too, as in
            scikit-learn with `labels=range(num_classes)`); "weighted", by the classes' true rows;
            "micro", of all rows together, which is the accuracy; "binary", that of class 1 of 2;
            None, each class's own, an array, which `fit` cannot log.
        name: the metric's name in the logs.
        dtype: as in `ClassAccuracy`.

    Raises:
        ArgumentError: an argument is out of its range, or outputs have another number of classes.

    Example:
        >>> metric = Precision(2, average="binary")
        >>> metric.update_state([1, 0], [[0.9], [0.8]])
        >>> float(metric.result())
        0.5
    """

    value = "precision"


@keras.saving.register_keras_serializable(package="lmzoo")
class Recall(_Averaged):
    """Share of a class's rows that were taken for it, 0 to 1; 0 if it has no rows.

    Args:
        num_classes: 2 or more.
        average: as in `Precision`.
        name: the metric's name in the logs.
        dtype: as in `ClassAccuracy`.

    Raises:
        ArgumentError: as `Precision`.

    Example:
        >>> metric = Recall(2, average="binary")
        >>> metric.update_state([1, 0], [[0.9], [0.8]])
        >>> float(metric.result())
        1.0
    """

    value = "recall"


@keras.saving.register_keras_serializable(package="lmzoo")
class F1(_Averaged):
    """Harmonic mean of a class's precision and recall, 0 to 1.

    Args:
        num_classes: 2 or more.
        average: as in `Precision`: the average of the classes' F1.
        name: the metric's name in the logs.
        dtype: as in `ClassAccuracy`.

    Raises:
        ArgumentError: as `Precision`.

    Example:
        >>> metric = F1(2, average="binary")
        >>> metric.update_state([1, 0], [[0.9], [0.8]])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    value = "f1"


@keras.saving.register_keras_serializable(package="lmzoo")
class MatthewsCorrelation(_ConfusionMetric):
    """Correlation of true and predicted classes, -1 to 1: honest where one class is rare.

    Args:
        num_classes: 2 or more.
        name: the metric's name in the logs.
        dtype: as in `ClassAccuracy`.

    Raises:
        ArgumentError: as `Precision`.

    Source: Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006

    Example:
        >>> metric = MatthewsCorrelation(2)
        >>> metric.update_state([1, 0, 0], [[0.9], [0.2], [0.1]])
        >>> float(metric.result())
        1.0
    """

    def __init__(self, num_classes: int, name: str = "mcc", dtype: str | None = None) -> None:
        super().__init__(num_classes, name)

    def result(self) -> Tensor:
        """A float32 scalar."""
        return matthews_correlation(ops.convert_to_tensor(self.confusion))


@keras.saving.register_keras_serializable(package="lmzoo")
class CalibrationError(keras.metrics.Metric):
    """Expected calibration error, 0 to 1: how far confidence is from accuracy, in 15 equal bins.

    A row's confidence is the probability of its most probable class; each bin, open below and
    closed above, counts the distance of its mean confidence from its accuracy by its rows.

    Args:
        name: the metric's name in the logs.
        dtype: as in `ClassAccuracy`.

    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599

    Example:
        >>> metric = CalibrationError()
        >>> metric.update_state([1, 0], [[0.75], [0.75]])
        >>> float(metric.result())
        0.25
    """

    _direction = "down"

    def __init__(self, name: str = "calibration_error", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.gap = self.add_variable((BINS,), initializer="zeros", name="gap")
        self.total = self.add_variable((), initializer="zeros", name="total")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch; shapes as in `ClassAccuracy`."""
        labels, probabilities, weights, broken = _rows(y_true, y_pred, sample_weight)
        confidence = ops.max(probabilities, axis=1)
        right = ops.cast(ops.argmax(probabilities, axis=1), "int32") == labels
        above = confidence[:, None] > calibration_edges().astype("float32")
        bins = ops.sum(ops.cast(above, "int32"), axis=1)
        gap = weights * (confidence - ops.cast(right, "float32"))
        gap = ops.where(weights == 0, 0.0, gap)  # a row that does not count may hold NaN
        gaps = ops.segment_sum(gap, bins, num_segments=BINS)
        self.gap.assign(self.gap + gaps + broken)
        self.total.assign(self.total + ops.sum(weights))

    def result(self) -> Tensor:
        """The error, a float32 scalar; 0 without rows."""
        return ratio(ops.sum(ops.abs(self.gap)), ops.convert_to_tensor(self.total))

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {"name": self.name}
