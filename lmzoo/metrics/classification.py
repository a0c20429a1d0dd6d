"""Metrics of classes as in scikit-learn, 0 to 1, added up over all batches.

Pass them in `weighted_metrics=`: Keras gives metrics in `metrics=` no weights.
"""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.classes import class_columns, class_distributions, class_ids
from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.metrics.confusion import (
    AVERAGES,
    BINS,
    CALIBRATION_EDGES,
    averaged,
    matthews_correlation,
    ratio,
)
from lmzoo.typing import Tensor


class _ClassMetric(keras.metrics.Metric):
    """Metric of rows; labels, predictions and weights are checked here."""

    _direction = "up"  # tells Keras's EarlyStopping and ModelCheckpoint what is better
    arguments: tuple[str, ...] = ("from_logits", "name")

    def __init__(self, name: str, from_logits: bool) -> None:
        super().__init__(name=name, dtype="float32")
        self.from_logits = from_logits

    def _rows(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any) -> tuple[Tensor, ...]:
        """Labels, predictions, weights, and NaN for counted rows that are not valid, or 0."""
        y_pred = ops.convert_to_tensor(y_pred)
        if len(y_pred.shape) != 2:
            raise ArgumentError(
                f"predictions of classes must be (batch, 1) or (batch, classes), not of shape "
                f"{tuple(y_pred.shape)}"
            )
        columns = class_columns(y_pred, from_logits=self.from_logits)
        weights = spread_weights(columns[:, 0], sample_weight)  # (batch,)
        is_soft = y_pred.shape[1] == 1
        labels = class_ids(y_true, columns.shape[1], 2, is_soft=is_soft, weight=weights)  # (batch,)
        known = (labels >= 0) & ops.isfinite(ops.sum(columns, axis=1))
        broken = ops.where(ops.any((weights != 0) & ~known), float("nan"), 0.0)
        return ops.maximum(labels, 0), columns, weights, broken

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {name: getattr(self, name) for name in self.arguments}


@keras.saving.register_keras_serializable(package="lmzoo")
class ClassAccuracy(_ClassMetric):
    """Fraction of rows whose most probable class is the label, 0 to 1.

    y_true: ids (batch,) or (batch, 1), or distributions (batch, classes), of which the largest part
    counts; y_pred: (batch, 1) of class 1, for which labels may also be its probability, or (batch,
    classes). A label that is none is refused; in compiled code it, and a NaN, makes the result NaN.

    Args:
        from_logits: whether y_pred are logits; if not, probabilities.
        name, dtype: as in Keras; float32 counters, exact for some 16 million rows.

    Example:
        >>> metric = ClassAccuracy()
        >>> metric.update_state([1, 0], [[2.2], [1.4]])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self, from_logits: bool = True, name: str = "accuracy", dtype: str | None = None
    ) -> None:
        super().__init__(name, from_logits)
        self.correct = self.add_variable((), initializer="zeros", name="correct")
        self.total = self.add_variable((), initializer="zeros", name="total")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Counts a batch."""
        labels, columns, weights, broken = self._rows(y_true, y_pred, sample_weight)
        correct = ops.cast(ops.argmax(columns, axis=1), "int32") == labels
        self.correct.assign(self.correct + ops.sum(ops.where(correct, weights, 0.0)) + broken)
        self.total.assign(self.total + ops.sum(weights))

    def result(self) -> Tensor:
        """The accuracy, a float32 scalar; 0 without rows."""
        return ratio(ops.convert_to_tensor(self.correct), ops.convert_to_tensor(self.total))


class _ConfusionMetric(_ClassMetric):
    """Adds up a confusion matrix, (true class, predicted class)."""

    arguments: tuple[str, ...] = ("from_logits", "name", "num_classes")

    def __init__(self, num_classes: int, name: str, from_logits: bool) -> None:
        super().__init__(name, from_logits)
        if num_classes < 2:
            raise ArgumentError(f"num_classes is {num_classes}; it must be at least 2")
        self.num_classes = num_classes
        shape = (num_classes, num_classes)
        self.confusion = self.add_variable(shape, initializer="zeros", name="confusion")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Counts a batch; shapes as in `ClassAccuracy`."""
        labels, columns, weights, broken = self._rows(y_true, y_pred, sample_weight)
        classes = self.num_classes
        if columns.shape[1] != classes:
            given = columns.shape[1]
            raise ArgumentError(
                f"{self.name} is for {classes} classes, but the model gives {given}"
            )
        predicted = ops.cast(ops.argmax(columns, axis=1), "int32")
        # Not a product of one-hot rows: a GPU would round the weights.
        cells = ops.segment_sum(weights, labels * classes + predicted, num_segments=classes**2)
        cells = ops.reshape(cells, (classes, classes))  # (true, predicted)
        self.confusion.assign(self.confusion + cells + broken)


class _Averaged(_ConfusionMetric):
    """A figure of each class, `value`, averaged over the classes."""

    arguments: tuple[str, ...] = ("from_logits", "name", "num_classes", "average")
    value = ""

    def __init__(
        self,
        num_classes: int,
        average: str | None = "macro",
        from_logits: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_classes, name or self.value, from_logits)
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


@keras.saving.register_keras_serializable(package="lmzoo")
class Precision(_Averaged):
    """Fraction of the rows predicted as a class that belong to it, 0 to 1; 0 if there is none.

    Args:
        num_classes: 2 or more.
        average: "macro", the mean of all classes, absent ones too (scikit-learn with
            `labels=range(num_classes)`); "weighted", by true rows; "micro", of all rows together,
            the accuracy; "binary", class 1 of 2; None, each class's, which `fit` cannot log.
        from_logits, name, dtype: as in `ClassAccuracy`.

    Raises:
        ArgumentError: an argument is out of its range, or outputs have another number of classes.

    Example:
        >>> metric = Precision(2, average="binary")
        >>> metric.update_state([1, 0], [[2.2], [1.4]])
        >>> float(metric.result())
        0.5
    """

    value = "precision"


@keras.saving.register_keras_serializable(package="lmzoo")
class Recall(_Averaged):
    """Fraction of a class's rows that were predicted as it, 0 to 1; arguments as `Precision`."""

    value = "recall"


@keras.saving.register_keras_serializable(package="lmzoo")
class F1(_Averaged):
    """Harmonic mean of a class's precision and recall, 0 to 1; arguments as `Precision`."""

    value = "f1"


@keras.saving.register_keras_serializable(package="lmzoo")
class FBeta(_Averaged):
    """Mean of precision and recall in which recall counts beta times as much, 0 to 1.

    Args:
        num_classes, average, from_logits, name, dtype: as in `Precision`.
        beta: above 0; 1 is F1, 2 prefers recall, 0.5 precision.

    Raises:
        ArgumentError: as `Precision`; beta is not above 0.

    Source: van Rijsbergen 1979, http://www.dcs.gla.ac.uk/Keith/Preface.html

    Example:
        >>> metric = FBeta(2, beta=2.0, average="binary")
        >>> metric.update_state([1, 0], [[2.2], [1.4]])
        >>> round(float(metric.result()), 4)
        0.8333
    """

    arguments = (*_Averaged.arguments, "beta")
    value = "f_beta"

    def __init__(
        self,
        num_classes: int,
        beta: float = 1.0,
        average: str | None = "macro",
        from_logits: bool = True,
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_classes, average, from_logits, name, dtype)
        if not 0 < beta < float("inf"):
            raise ArgumentError(f"beta is {beta}; it must be above 0, and finite")
        self.beta = float(beta)

    def result(self) -> Tensor:
        """A float32 scalar, or (classes,) for average None."""
        confusion = ops.convert_to_tensor(self.confusion)
        return averaged(confusion, self.value, self.average, beta=self.beta)


@keras.saving.register_keras_serializable(package="lmzoo")
class MatthewsCorrelation(_ConfusionMetric):
    """Correlation of true and predicted classes, -1 to 1: honest where one class is rare.

    Args:
        num_classes, from_logits, name, dtype: as in `Precision`.

    Source: Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006

    Example:
        >>> metric = MatthewsCorrelation(2)
        >>> metric.update_state([1, 0, 0], [[2.2], [-1.4], [-2.2]])
        >>> float(metric.result())
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        from_logits: bool = True,
        name: str = "mcc",
        dtype: str | None = None,
    ) -> None:
        super().__init__(num_classes, name, from_logits)

    def result(self) -> Tensor:
        """A float32 scalar."""
        return matthews_correlation(ops.convert_to_tensor(self.confusion))


@keras.saving.register_keras_serializable(package="lmzoo")
class CalibrationError(_ClassMetric):
    """Expected calibration error, 0 to 1: how far confidence is from accuracy, in 15 equal bins.

    Confidence is the largest probability; bins, open below, closed above, count by their rows.

    Args:
        from_logits, name, dtype: as in `ClassAccuracy`.

    Source: Guo et al. 2017, https://arxiv.org/abs/1706.04599

    Example:
        >>> metric = CalibrationError(from_logits=False)
        >>> metric.update_state([1, 0], [[0.75], [0.75]])
        >>> float(metric.result())
        0.25
    """

    _direction = "down"

    def __init__(
        self, from_logits: bool = True, name: str = "calibration_error", dtype: str | None = None
    ) -> None:
        super().__init__(name, from_logits)
        self.gap = self.add_variable((BINS,), initializer="zeros", name="gap")
        self.total = self.add_variable((), initializer="zeros", name="total")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Counts a batch; shapes as in `ClassAccuracy`."""
        labels, columns, weights, broken = self._rows(y_true, y_pred, sample_weight)
        probabilities = class_distributions(columns, from_logits=self.from_logits)
        confidence = ops.max(probabilities, axis=1)
        correct = ops.cast(ops.argmax(columns, axis=1), "int32") == labels
        above = confidence[:, None] > CALIBRATION_EDGES.astype("float32")
        bins = ops.sum(ops.cast(above, "int32"), axis=1)
        gap = weights * (confidence - ops.cast(correct, "float32"))
        gap = ops.where(weights == 0, 0.0, gap)  # a row that does not count may hold NaN
        gaps = ops.segment_sum(gap, bins, num_segments=BINS)
        self.gap.assign(self.gap + gaps + broken)
        self.total.assign(self.total + ops.sum(weights))

    def result(self) -> Tensor:
        """The error, a float32 scalar; 0 without rows."""
        return ratio(ops.sum(ops.abs(self.gap)), ops.convert_to_tensor(self.total))
