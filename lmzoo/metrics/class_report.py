"""Everything there is to say of a classifier's answers, in one report."""

import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.metrics.confusion import (
    BINS,
    averaged,
    calibration_edges,
    class_scores,
    matthews_correlation,
)
from lmzoo.metrics.report import aligned
from lmzoo.metrics.roc import RocAuc, checked_probabilities, checked_rows, known_ids

AVERAGES = ("micro", "macro", "weighted")


@dataclasses.dataclass(frozen=True)
class ClassReport:
    """What `classification_report` found.

    Args:
        names: of the classes.
        confusion: float64 (classes, classes), the weight of a true class's rows that were taken
            for a class.
        loss: cross-entropy, nats per row; it, the next and the last are None if unknown.
        auc: area under ROC.
        calibration_error: expected calibration error.
    """

    names: list[str]
    confusion: np.ndarray
    loss: float | None = None
    auc: float | None = None
    calibration_error: float | None = None

    def values(self) -> dict[str, Any]:
        """All figures, 0 to 1 (mcc from -1, loss in nats), as JSON can hold them."""
        scores = class_scores(self.confusion, np)
        found: dict[str, Any] = {"accuracy": self._average("f1", "micro")}
        for value in ("precision", "recall", "f1"):
            for average in AVERAGES:
                found[f"{value}_{average}"] = self._average(value, average)
        found["mcc"] = float(matthews_correlation(self.confusion, np))
        found |= {name: getattr(self, name) for name in ("loss", "auc", "calibration_error")}
        found["per_class"] = {
            name: {value: float(numbers[place]) for value, numbers in scores.items()}
            for place, name in enumerate(self.names)
        }
        found["confusion"] = self.confusion.tolist()
        return found

    def __str__(self) -> str:
        found = self.values()
        rows = [["", "precision", "recall", "f1", "support"]]
        rows += [_row(name, figures) for name, figures in found["per_class"].items()]
        rows.append([])
        for average in AVERAGES:
            figures = {v: found[f"{v}_{average}"] for v in ("precision", "recall", "f1")}
            rows.append(_row(f"{average} avg", {**figures, "support": self.confusion.sum()}))
        rows.append([])
        for name in ("accuracy", "mcc", "loss", "auc", "calibration_error"):
            rows.append([name, "unknown" if found[name] is None else f"{found[name]:.4f}"])
        return aligned(rows)

    def draw(self, path: str | os.PathLike[str]) -> Path:
        """Draws the confusion matrix as a heat map; colours are shares of the true class.

        Names that the font has no letters for are replaced by the class's number, and cells hold
        their weight for up to 20 classes.

        Args:
            path: the PNG to write.

        Returns:
            The path.
        """
        # Imported here, and without pyplot: no window system is asked for, and no state kept.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        classes = len(self.names)
        side = min(max(4.0, 0.45 * classes + 2.5), 16.0)
        figure = Figure(figsize=(side + 0.8, side), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        support = self.confusion.sum(axis=1, keepdims=True)
        share = self.confusion / np.where(support == 0, 1.0, support)
        image = axes.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
        figure.colorbar(image, label="share of the true class")
        labels = _drawable(self.names)
        small = 9 if classes <= 20 else max(3, 180 // classes)
        axes.set_xticks(range(classes), labels, rotation=90, fontsize=small)
        axes.set_yticks(range(classes), labels, fontsize=small)
        axes.set(xlabel="predicted", ylabel="true")
        if classes <= 20:
            for (row, column), weight in np.ndenumerate(self.confusion):
                colour = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, f"{weight:g}", ha="center", va="center", color=colour)
        path = Path(path)
        temporary = path.with_name(f".{path.stem}.part.png")
        figure.savefig(temporary, dpi=120)
        os.replace(temporary, path)
        return path

    def _average(self, value: str, average: str) -> float:
        return float(averaged(self.confusion, value, average, np))


def classification_report(
    labels: Any,
    predictions: Any,
    names: Sequence[str] | None = None,
    *,
    weights: Any = None,
) -> ClassReport:
    """Scores a classifier's answers; `print` the report, `draw` it, or take its `values()`.

    All figures are those of scikit-learn with every class listed and `zero_division=0`; the
    calibration error is that of Guo et al. 2017 with 15 bins.

    Args:
        labels: ints (batch,) or (batch, 1).
        predictions: floats, probabilities (batch,) or (batch, 1) of class 1 of two or
            (batch, classes); or ints (batch,), the predicted classes, for which loss, area
            under ROC and calibration error are unknown.
        names: of the classes in the order of their ids; None for "0", "1", ...
        weights: (batch,), 0 or more; None for ones.

    Returns:
        The report.

    Raises:
        ArgumentError: no rows, NaN, numbers that are no probabilities, a label outside the
            classes, or other numbers of rows or of names.

    Example:
        >>> report = classification_report([1, 0, 1], [[0.9], [0.2], [0.4]], ["bad", "good"])
        >>> round(report.values()["accuracy"], 3), report.confusion.tolist()
        (0.667, [[1.0, 0.0], [1.0, 1.0]])
        >>> print(classification_report([1, 0, 1], [1, 0, 0], ["bad", "good"]))
                           precision  recall      f1  support
        bad                   0.5000  1.0000  0.6667        1
        good                  1.0000  0.5000  0.6667        2
        <BLANKLINE>
        micro avg             0.6667  0.6667  0.6667        3
        macro avg             0.7500  0.7500  0.6667        3
        weighted avg          0.8333  0.6667  0.6667        3
        <BLANKLINE>
        accuracy              0.6667
        mcc                   0.5000
        loss                 unknown
        auc                  unknown
        calibration_error    unknown
    """
    given = np.asarray(predictions)
    figures: dict[str, float | None] = {}
    if given.dtype.kind in "iu" and given.ndim == 1:
        chosen = given.astype("int64")
        classes = _number_of_classes(names, chosen, np.asarray(labels))
        labels, _, weights = checked_rows(
            labels, np.eye(classes)[known_ids(chosen, classes)], weights
        )
    else:
        probabilities = checked_probabilities(given)
        classes = probabilities.shape[1]
        labels, probabilities, weights = checked_rows(labels, probabilities, weights)
        chosen = probabilities.argmax(axis=1)
        figures = _of_probabilities(labels, probabilities, weights)
    if names is not None and len(names) != classes:
        raise ArgumentError(f"{len(names)} names for {classes} classes: give each class its name")
    counts = np.bincount(labels * classes + chosen, weights, minlength=classes**2)
    confusion = counts.reshape(classes, classes)  # (true, predicted)
    names = [str(place) for place in range(classes)] if names is None else list(names)
    return ClassReport(names, confusion, **figures)


def _number_of_classes(names: Sequence[str] | None, chosen: np.ndarray, labels: np.ndarray) -> int:
    if not chosen.size or not labels.size:
        raise ArgumentError("there is no row to score: give one label and prediction at the least")
    if names is not None:
        return len(names)
    return max(2, int(max(chosen.max(), labels.max())) + 1)


def _of_probabilities(
    labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray
) -> dict[str, float | None]:
    """Loss, area under ROC and calibration error."""
    total = weights.sum()
    if not total:
        return {}
    metric = RocAuc()
    metric.add(labels, probabilities, weights)
    area = metric.result()
    own = probabilities[np.arange(len(labels)), labels].astype("float64")
    confidence = probabilities.max(axis=1)
    bins = np.searchsorted(calibration_edges().astype(probabilities.dtype), confidence)
    gap = weights * (confidence - (probabilities.argmax(axis=1) == labels))
    return {
        "loss": float(-(weights * np.log(np.maximum(own, 1e-30))).sum() / total),
        "auc": None if math.isnan(area) else area,
        "calibration_error": float(np.abs(np.bincount(bins, gap, BINS)).sum() / total),
    }


def _drawable(names: Sequence[str]) -> list[str]:
    """The names, or their numbers where the font lacks a letter."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    letters = get_font(findfont(FontProperties())).get_charmap()
    return [
        name if all(ord(letter) in letters for letter in name) else str(place)
        for place, name in enumerate(names)
    ]


def _row(name: str, figures: dict[str, float]) -> list[str]:
    numbers = [f"{figures[value]:.4f}" for value in ("precision", "recall", "f1")]
    return [name, *numbers, f"{figures['support']:g}"]
