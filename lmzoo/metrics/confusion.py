"""Scores of a confusion matrix: float (true class, predicted class), the weight of such rows.

`array` is the module that computes: `keras.ops` in a metric, or NumPy in float64 in a report.
"""

from typing import Any

import numpy as np
from keras import ops

from lmzoo.typing import Tensor

AVERAGES = ("micro", "macro", "weighted", "binary", None)
BINS = 15  # of the calibration error
CALIBRATION_EDGES = np.linspace(0.0, 1.0, BINS + 1)[1:-1]  # between the bins


def class_scores(matrix: Tensor, array: Any = ops) -> dict[str, Tensor]:
    """Precision, recall, F1 and support of each class, (classes,) each."""
    correct = array.diagonal(matrix)
    predicted, support = array.sum(matrix, axis=0), array.sum(matrix, axis=1)
    return {
        "precision": ratio(correct, predicted, array),
        "recall": ratio(correct, support, array),
        "f1": ratio(2.0 * correct, predicted + support, array),
        "support": support,
    }


def averaged(
    matrix: Tensor, value: str, average: str | None, array: Any = ops, beta: float = 1.0
) -> Tensor:
    """The mean of one of `class_scores`, or of "f_beta": a scalar, or (classes,) for average
    None."""
    if average == "micro":
        return ratio(array.sum(array.diagonal(matrix)), array.sum(matrix), array)
    scores = class_scores(matrix, array)
    support = scores["support"]
    if value == "f_beta":
        whole = array.sum(matrix, axis=0) + beta**2 * support
        values = ratio((1 + beta**2) * array.diagonal(matrix), whole, array)
    else:
        values = scores[value]
    if average == "macro":
        return array.mean(values)
    if average == "weighted":
        return ratio(array.sum(values * support), array.sum(support), array)
    return values[1] if average == "binary" else values


def matthews_correlation(matrix: Tensor, array: Any = ops) -> Tensor:
    """Matthews's correlation of true and predicted classes, -1 to 1; 0 where either is constant."""
    # Each class against the rest, from counts: float32 loses nothing by cancellation then.
    total = array.sum(matrix)
    correct = array.diagonal(matrix)
    true, predicted = array.sum(matrix, axis=1), array.sum(matrix, axis=0)
    missed, wrong = true - correct, predicted - correct
    scale = ratio(1.0, total, array)

    def product(first: Tensor, second: Tensor) -> Tensor:
        return array.sum((first * scale) * (second * scale))

    covariance = product(correct, total - true - wrong) - product(missed, wrong)
    spread = array.sqrt(product(true, total - true) * product(predicted, total - predicted))
    return ratio(covariance, spread, array)


def ratio(part: Tensor, whole: Tensor, array: Any = ops) -> Tensor:
    """A quotient that is 0 instead of a division by 0; NaN stays NaN."""
    nothing = whole == 0
    return array.where(nothing, 0.0, part / array.where(nothing, 1.0, whole))
