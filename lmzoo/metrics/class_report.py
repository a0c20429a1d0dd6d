"""All scores of a classifier's predictions in one report."""

import dataclasses
import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.files import replacing
from lmzoo.metrics.confusion import (
    BINS,
    CALIBRATION_EDGES,
    averaged,
    class_scores,
    matthews_correlation,
)
from lmzoo.metrics.report import SCORES, aligned, new_figure, score_rows
from lmzoo.metrics.roc import RocAuc, checked_probabilities, checked_rows, known_ids

AVERAGES = ("micro", "macro", "weighted")
MOST_DRAWN = 60  # classes; names of more cannot be read


@dataclasses.dataclass(frozen=True)
class ClassReport:
    """The scores that `classification_report` gives.

    Args:
        names: of the classes.
        confusion: float64 (true class, predicted class), the weight of such rows.
        loss, auc, calibration_error: nats per row, area under ROC, ECE; None if unknown.
    """

    names: list[str]
    confusion: np.ndarray
    loss: float | None = None
    auc: float | None = None
    calibration_error: float | None = None

    def values(self) -> dict[str, Any]:
        """All scores, 0 to 1 (mcc from -1, loss in nats), as JSON values."""
        scores = class_scores(self.confusion, np)
        values: dict[str, Any] = {"accuracy": float(averaged(self.confusion, "f1", "micro", np))}
        for score, average in itertools.product(SCORES, AVERAGES):
            values[f"{score}_{average}"] = float(averaged(self.confusion, score, average, np))
        values["mcc"] = float(matthews_correlation(self.confusion, np))
        values |= {name: getattr(self, name) for name in ("loss", "auc", "calibration_error")}
        values["per_class"] = {
            name: {score: float(numbers[place]) for score, numbers in scores.items()}
            for place, name in enumerate(self.names)
        }
        values["confusion"] = self.confusion.tolist()
        return values

    def __str__(self) -> str:
        values = self.values()
        averages = {
            f"{average} avg": {score: values[f"{score}_{average}"] for score in SCORES}
            | {"support": self.confusion.sum()}
            for average in AVERAGES
        }
        rows = score_rows(values["per_class"], averages, lambda score: f"{score:.4f}")
        rows.append([])
        for name in ("accuracy", "mcc", "loss", "auc", "calibration_error"):
            rows.append([name, "unknown" if values[name] is None else f"{values[name]:.4f}"])
        return aligned(rows)

    def draw(self, path: str | os.PathLike[str]) -> Path:
        """Draws the matrix as a heat map of fractions of the true class; returns the path.

        Of more than 60 classes, the 60 most frequent ones are drawn.
        """
        shown = np.sort(np.argsort(-self.confusion.sum(axis=1), kind="stable")[:MOST_DRAWN])
        classes = len(shown)
        side = min(max(4.0, 0.45 * classes + 2.5), 16.0)
        figure = new_figure(side + 0.8, side)
        axes = figure.add_subplot()
        support = self.confusion.sum(axis=1, keepdims=True)
        fraction = (self.confusion / np.where(support == 0, 1.0, support))[np.ix_(shown, shown)]
        image = axes.imshow(fraction, cmap="Blues", vmin=0.0, vmax=1.0)
        figure.colorbar(image, label="fraction of the true class")
        labels = _drawable([self.names[number] for number in shown])
        if classes < len(self.names):
            axes.set_title(f"the {classes} most frequent of {len(self.names):,} classes")
        small = 9 if classes <= 20 else max(3, 180 // classes)
        axes.set_xticks(range(classes), labels, rotation=90, fontsize=small)
        axes.set_yticks(range(classes), labels, fontsize=small)
        axes.set(xlabel="predicted", ylabel="true")
        if classes <= 20:
            for (row, column), weight in np.ndenumerate(self.confusion[np.ix_(shown, shown)]):
                color = "white" if fraction[row, column] > 0.5 else "black"
                axes.text(column, row, f"{weight:g}", ha="center", va="center", color=color)
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=120)
        return Path(path)


def classification_report(
    labels: Any,
    predictions: Any,
    names: Sequence[str] | None = None,
    *,
    from_logits: bool = True,
    weights: Any = None,
) -> ClassReport:
    """Scores a classifier's predictions; `print` the report, `draw` it, or take its `values()`.

    All scores are those of scikit-learn with every class listed and `zero_division=0`; the
    calibration error is that of Guo et al. 2017 with 15 bins.

    Args:
        labels: ints (batch,) or (batch, 1).
        predictions: floats (batch,) or (batch, 1) of class 1 of two or (batch, classes); or ints
            (batch,), the predicted classes (loss, auc and calibration error are then unknown).
        names: of the classes in the order of their ids; None for "0", "1", ...
        from_logits: whether floats are logits; if not, probabilities.
        weights: (batch,), 0 or more; None for ones.

    Returns:
        The report.

    Raises:
        ArgumentError: no rows, NaN, no probabilities, unknown labels, or numbers that differ.

    Example:
        >>> report = classification_report([1, 0, 1], [1, 0, 0], ["bad", "good"])
        >>> print(report)  # doctest: +ELLIPSIS
                           precision  recall      f1  support
        bad                   0.5000  1.0000  0.6667        1
        good                  1.0000  0.5000  0.6667        2
        ...
    """
    given = np.asarray(predictions)
    scores: dict[str, float | None] = {}
    if given.dtype.kind in "iu" and given.ndim == 1:
        predicted = given.astype("int64")
        if not predicted.size or not np.size(labels):
            raise ArgumentError("there is no row to score: give at least one label and prediction")
        largest = int(max(predicted.max(), np.max(labels)))
        classes = max(2, largest + 1) if names is None else len(names)
        certain = np.eye(classes)[known_ids(predicted, classes)]
        labels, _, weights = checked_rows(labels, certain, weights)
    else:
        probabilities = checked_probabilities(given, from_logits=from_logits)
        classes = probabilities.shape[1]
        labels, probabilities, weights = checked_rows(labels, probabilities, weights)
        predicted = probabilities.argmax(axis=1)
        smallest = 1e-300 if from_logits else 1e-30
        scores = _of_probabilities(labels, probabilities, weights, smallest)
    if names is not None and len(names) != classes:
        raise ArgumentError(f"{len(names)} names for {classes} classes: give each class its name")
    counts = np.bincount(labels * classes + predicted, weights, minlength=classes**2)
    confusion = counts.reshape(classes, classes)  # (true, predicted)
    names = [str(place) for place in range(classes)] if names is None else list(names)
    return ClassReport(names, confusion, **scores)


def _of_probabilities(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, smallest: float
) -> dict[str, float | None]:
    """Loss, area under ROC and calibration error."""
    total = weights.sum()
    if not total:
        return {}
    metric = RocAuc(from_logits=False)
    metric.add(labels, probabilities, weights)
    area = metric.result()
    own = probabilities[np.arange(len(labels)), labels].astype("float64")
    confidence = probabilities.max(axis=1)
    bins = np.searchsorted(CALIBRATION_EDGES.astype(probabilities.dtype), confidence)
    gap = weights * (confidence - (probabilities.argmax(axis=1) == labels))
    return {
        "loss": float(-(weights * np.log(np.maximum(own, smallest))).sum() / total),
        "auc": None if math.isnan(area) else area,
        "calibration_error": float(np.abs(np.bincount(bins, gap, BINS)).sum() / total),
    }


def _drawable(names: Sequence[str]) -> list[str]:
    """The names, or their numbers where the font lacks a character."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    known = get_font(findfont(FontProperties())).get_charmap()
    return [
        name if all(ord(character) in known for character in name) else str(place)
        for place, name in enumerate(names)
    ]
