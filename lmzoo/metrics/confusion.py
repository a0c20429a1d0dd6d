"""Scores of a confusion matrix, with `keras.ops` in a metric or with NumPy in a report."""

from typing import Any

import numpy as np
from keras import ops

from lmzoo.typing import Tensor

AVERAGES = ("micro", "macro", "weighted", "binary", None)
BINS = 15


def class_scores(matrix: Tensor, array: Any = ops) -> dict[str, Tensor]:
    """Precision, recall, F1 and support of each class; 0 instead of a division by 0.

    Args:
        matrix: float (classes, classes), the weight of the rows of a true class (first axis) that
            were predicted as a class (second axis).
        array: the module that computes: `keras.ops`, or NumPy in float64.

    Returns:
        precision, recall, f1 in [0, 1] and support, each (classes,).

    Example:
        >>> scores = class_scores(np.array([[3.0, 1.0], [0.0, 4.0]]), np)
        >>> {name: values.round(2).tolist() for name, values in scores.items()}
        {'precision': [1.0, 0.8], 'recall': [0.75, 1.0], 'f1': [0.86, 0.89], 'support': [4.0, 4.0]}
    """
    correct = array.diagonal(matrix)
    predicted, support = array.sum(matrix, axis=0), array.sum(matrix, axis=1)
    return {
        "precision": ratio(correct, predicted, array),
        "recall": ratio(correct, support, array),
        "f1": ratio(2.0 * correct, predicted + support, array),
        "support": support,
    }


def averaged(matrix: Tensor, value: str, average: str | None, array: Any = ops) -> Tensor:
    """The mean of one of `class_scores` over the classes.

    Args:
        matrix: as in `class_scores`.
        value: "precision", "recall" or "f1".
        average: see `Precision`.
        array: as in `class_scores`.

    Returns:
        A scalar, or (classes,) for average None.

    Example:
        >>> round(float(averaged(np.array([[3.0, 1.0], [0.0, 4.0]]), "recall", "macro", np)), 3)
        0.875
    """
    if average == "micro":
        return ratio(array.sum(array.diagonal(matrix)), array.sum(matrix), array)
    scores = class_scores(matrix, array)
    values, support = scores[value], scores["support"]
    if average == "macro":
        return array.mean(values)
    if average == "weighted":
        return ratio(array.sum(values * support), array.sum(support), array)
    return values[1] if average == "binary" else values


def matthews_correlation(matrix: Tensor, array: Any = ops) -> Tensor:
    """Matthews's correlation of true and predicted classes; 0 where either is constant.

    Args:
        matrix: as in `class_scores`.
        array: as in `class_scores`.

    Returns:
        A scalar in [-1, 1].

    Source: Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006

    Example:
        >>> float(matthews_correlation(np.array([[2.0, 0.0], [0.0, 2.0]]), np))
        1.0
    """
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


def calibration_edges() -> np.ndarray:
    """The 14 confidences between the 15 bins of the calibration error.

    Returns:
        float64 (14,): 1/15, 2/15, ... 14/15.

    Example:
        >>> calibration_edges().shape
        (14,)
    """
    return np.linspace(0.0, 1.0, BINS + 1)[1:-1]


def ratio(part: Tensor, whole: Tensor, array: Any = ops) -> Tensor:
    """A quotient that is 0 where it would divide by 0.

    Args:
        part: numbers.
        whole: numbers of the same shape.
        array: as in `class_scores`.

    Returns:
        part / whole, or 0; NaN stays NaN.

    Example:
        >>> ratio(np.array([1.0, 0.0]), np.array([2.0, 0.0]), np).tolist()
        [0.5, 0.0]
    """
    nothing = whole == 0
    return array.where(nothing, 0.0, part / array.where(nothing, 1.0, whole))
