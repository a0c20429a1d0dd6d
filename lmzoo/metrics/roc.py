"""The exact area under the ROC curve, and the checks of predictions and labels."""

import math
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError


class RocAuc:
    """Area under the ROC curve, 0 to 1, exact: all rows are kept and sorted, none are binned.

    For more than two classes the mean over the classes, each against the rest. A class that all
    rows or none belong to has no area and is left out; if none has one, the result is NaN.

    Args:
        from_logits: whether predictions are logits; if not, probabilities.

    Source: Fawcett 2006, https://doi.org/10.1016/j.patrec.2005.10.010

    Example:
        >>> metric = RocAuc()
        >>> metric.add([1, 0, 1, 0], [[2.2], [-1.4], [-0.4], [0.4]])
        >>> metric.result()
        0.75
    """

    name = "roc_auc"

    def __init__(self, from_logits: bool = True) -> None:
        self.from_logits = from_logits
        self.reset()

    def reset(self) -> None:
        """Forgets all rows."""
        self._kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(self, labels: Any, predictions: Any, weights: Any = None) -> None:
        """Adds rows.

        Args:
            labels, predictions, weights: as in `classification_report`; predictions are floats.

        Raises:
            ArgumentError: NaN, no probabilities, unknown labels, or numbers that differ.
        """
        probabilities = checked_probabilities(predictions, from_logits=self.from_logits)
        rows = checked_rows(labels, probabilities, weights)
        if self._kept and rows[1].shape[1] != self._kept[0][1].shape[1]:
            raise ArgumentError(
                f"predictions of {rows[1].shape[1]} classes after some of "
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
    """Weighted fraction of (positive, negative) pairs in the right order; ties count half."""
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


def checked_probabilities(predictions: Any, *, from_logits: bool) -> np.ndarray:
    """Probabilities (batch, classes), or an ArgumentError; those of logits are float64."""
    values = np.asarray(predictions)
    if values.dtype.kind != "f":  # such as bfloat16, which is not a dtype of NumPy's own
        values = values.astype("float32")
    if values.ndim not in (1, 2) or not values.size:
        raise ArgumentError(
            f"predictions must be (batch,), (batch, 1) or (batch, classes), not of shape "
            f"{values.shape}"
        )
    values = values.reshape(len(values), -1)
    if np.isnan(values).any():
        row = int(np.isnan(values).any(axis=1).argmax())
        raise ArgumentError(
            f"row {row} of the predictions is NaN: the model has diverged, go back to an earlier "
            "checkpoint"
        )
    if values.shape[1] == 1:
        other = np.zeros_like(values) if from_logits else 1 - values
        values = np.concatenate([other, values], axis=1)
    if from_logits:
        powers = np.exp(values.astype("float64") - values.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    sums = np.abs(values.astype("float64").sum(axis=1) - 1.0)
    # bfloat16 probabilities sum to 1 within a few thousandths.
    wrong = (sums > 0.02) | (values < 0).any(axis=1) | (values > 1.001).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ArgumentError(
            f"row {row} holds {values[row]}, which are not probabilities: of logits say "
            "from_logits=True"
        )
    return values


def checked_rows(
    labels: Any, probabilities: np.ndarray, weights: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels int64 (batch,), probabilities, and weights float64 (batch,), which fit."""
    ids = np.asarray(labels)
    if ids.ndim > 2 or (ids.ndim == 2 and ids.shape[1] != 1):
        raise ArgumentError(f"labels must be (batch,) or (batch, 1), not of shape {ids.shape}")
    ids = ids.reshape(-1)
    rows, classes = probabilities.shape
    weight = np.ones(rows) if weights is None else np.asarray(weights, "float64").reshape(-1)
    if not len(ids) == rows == len(weight):
        raise ArgumentError(
            f"{len(ids)} labels, {rows} predictions and {len(weight)} weights: each row needs "
            "one of each"
        )
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ArgumentError("weights must be finite and 0 or more")
    return known_ids(ids, classes, "label"), probabilities, weight


def known_ids(ids: np.ndarray, classes: int, what: str = "prediction") -> np.ndarray:
    """Ids of classes as int64; a number that is not an id raises an ArgumentError."""
    broken = ids[ids != np.floor(ids)] if ids.dtype.kind == "f" else ids
    if ids.dtype.kind not in "iub" and broken.size:
        raise ArgumentError(f"a {what} must be the id of a class, not {broken[0]!r}")
    ids = ids.astype("int64")
    outside = (ids < 0) | (ids >= classes)
    if outside.any():
        row = int(outside.argmax())
        raise ArgumentError(
            f"row {row} has {what} {ids[row]}, but there are {classes} classes, 0 to {classes - 1}"
        )
    return ids
