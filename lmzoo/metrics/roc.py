"""The exact area under the ROC curve, and what probabilities and labels are checked for."""

import math
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError


class RocAuc:
    """Area under the ROC curve, 0 to 1, exact: all rows are kept and sorted, none are binned.

    For more than two classes the mean over the classes, each against the rest. A class that all
    rows or none belong to has no area and is left out; if none has one, the result is NaN.

    Source: Fawcett 2006, https://doi.org/10.1016/j.patrec.2005.10.010

    Example:
        >>> import lmzoo
        >>> metric = lmzoo.metrics.RocAuc()
        >>> metric.add([1, 0, 1, 0], [[0.9], [0.2], [0.4], [0.6]])
        >>> metric.result()
        0.75
    """

    name = "roc_auc"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets all rows."""
        self._kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, labels: Any, probabilities: Any, weights: Any = None) -> None:
        """Adds rows.

        Args:
            labels: ints (batch,) or (batch, 1).
            probabilities: (batch,) or (batch, 1), of class 1 of two; or (batch, classes).
            weights: (batch,), 0 or more; None for ones.

        Raises:
            ArgumentError: NaN, numbers that are no probabilities, a label outside the classes, or
                other numbers of rows or of classes.
        """
        rows = checked_rows(labels, checked_probabilities(probabilities), weights)
        if self._kept and rows[1].shape[1] != self._kept[0][1].shape[1]:
            raise ArgumentError(
                f"probabilities of {rows[1].shape[1]} classes after some of "
                f"{self._kept[0][1].shape[1]}: call reset between models"
            )
        self._kept.append(rows)

    def result(self) -> float:
        """The area."""
        if not self._kept:
            raise ArgumentError("there is no row to score: call add first")
        labels, probabilities, weights = (np.concatenate(p) for p in zip(*self._kept, strict=True))
        classes = probabilities.shape[1]
        areas = [
            _area(labels == wanted, probabilities[:, wanted], weights)
            for wanted in ([1] if classes == 2 else range(classes))
        ]
        known = [area for area in areas if not math.isnan(area)]
        return sum(known) / len(known) if known else math.nan


def _area(positive: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Weighted share of (positive, negative) pairs in the right order; ties count half."""
    order = np.argsort(scores, kind="stable")
    scores, positive, weights = scores[order], positive[order], weights[order]
    starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    up = np.add.reduceat(np.where(positive, weights, 0.0), starts)
    down = np.add.reduceat(np.where(positive, 0.0, weights), starts)
    pairs = up.sum() * down.sum()
    if pairs == 0:
        return math.nan
    below = np.cumsum(down) - down
    return float((up * (below + 0.5 * down)).sum() / pairs)


def checked_probabilities(values: Any) -> np.ndarray:
    """Probabilities (batch, classes) in their own precision.

    Args:
        values: floats (batch,) or (batch, 1), of class 1 of two, or (batch, classes).

    Returns:
        (batch, classes).

    Raises:
        ArgumentError: NaN, or rows that are no probabilities.

    Example:
        >>> checked_probabilities([[0.25], [1.0]]).tolist()
        [[0.75, 0.25], [0.0, 1.0]]
    """
    found = np.asarray(values)
    if found.dtype.kind in "iub":
        found = found.astype("float32")
    if found.dtype.kind != "f":  # such as bfloat16, which is no dtype of NumPy's own
        found = found.astype("float32")
    if found.ndim not in (1, 2) or not found.size:
        raise ArgumentError(
            f"probabilities must be (batch,), (batch, 1) or (batch, classes), not of shape "
            f"{found.shape}"
        )
    if np.isnan(found).any():
        row = int(np.isnan(found.reshape(len(found), -1)).any(axis=1).argmax())
        raise ArgumentError(
            f"row {row} of the probabilities is NaN: the model has diverged, go back to a "
            "checkpoint from before"
        )
    if found.ndim == 1 or found.shape[1] == 1:
        found = found.reshape(-1, 1)
        found = np.concatenate([1 - found, found], axis=1)
    sums = np.abs(found.astype("float64").sum(axis=1) - 1.0)
    # bfloat16 probabilities sum to 1 within a few thousandths.
    wrong = (sums > 0.02) | (found < 0).any(axis=1) | (found > 1.001).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ArgumentError(
            f"row {row} holds no probabilities: {found[row]}; put logits through a softmax or "
            "sigmoid"
        )
    return found


def checked_rows(
    labels: Any, probabilities: np.ndarray, weights: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities and weights that fit each other.

    Args:
        labels: ints (batch,) or (batch, 1).
        probabilities: what `checked_probabilities` gives.
        weights: (batch,), or None for ones.

    Returns:
        int64 (batch,), the probabilities, float64 (batch,).

    Raises:
        ArgumentError: they do not fit, or a label is outside the classes.

    Example:
        >>> checked_rows([1], np.array([[0.5, 0.5]]), None)[2]
        array([1.])
    """
    found = np.asarray(labels)
    if found.ndim > 2 or (found.ndim == 2 and found.shape[1] != 1):
        raise ArgumentError(f"labels must be (batch,) or (batch, 1), not of shape {found.shape}")
    found = found.reshape(-1)
    rows, classes = probabilities.shape
    weight = np.ones(rows) if weights is None else np.asarray(weights, "float64").reshape(-1)
    if not len(found) == rows == len(weight):
        raise ArgumentError(
            f"{len(found)} labels, {rows} predictions and {len(weight)} weights: each row needs "
            "one of each"
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ArgumentError("weights must be finite and 0 or more")
    return known_ids(found, classes, "label"), probabilities, weight


def known_ids(ids: np.ndarray, classes: int, what: str = "prediction") -> np.ndarray:
    """Ids of classes as int64.

    Args:
        ids: numbers (batch,).
        classes: how many there are.
        what: the ids' name in an error.

    Returns:
        int64 (batch,).

    Raises:
        ArgumentError: a number that is no id of a class.

    Example:
        >>> known_ids(np.array([1.0, 0.0]), 2)
        array([1, 0])
    """
    if ids.dtype.kind not in "iub" and (ids.dtype.kind != "f" or (ids != np.floor(ids)).any()):
        raise ArgumentError(f"a {what} must be the id of a class, not {ids[0]!r}")
    ids = ids.astype("int64")
    outside = (ids < 0) | (ids >= classes)
    if outside.any():
        row = int(outside.argmax())
        raise ArgumentError(
            f"row {row} has {what} {ids[row]}, but there are {classes} classes, 0 to {classes - 1}"
        )
    return ids
