"""Texts that belong to no class: what a threshold of confidence costs, and what it finds."""

import os
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.metrics.roc import checked_probabilities, checked_rows

THRESHOLDS = np.linspace(0.0, 1.0, 101)


def likeliest(probabilities: Any, outside: int | None = None, threshold: float = 0.0) -> np.ndarray:
    """The likeliest class of each row; the class `outside` where none reaches the threshold.

    Args:
        probabilities: (rows, classes).
        outside: id of the class of all that belongs nowhere; None: there is none.
        threshold: least probability of an answer, 0 to 1.

    Returns:
        Class ids, int64 (rows,).

    Raises:
        ArgumentError: a threshold without `outside`, or outside 0 to 1.

    Source: Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136

    Example:
        >>> likeliest([[0.9, 0.1, 0.0], [0.4, 0.3, 0.3]], outside=2, threshold=0.5).tolist()
        [0, 2]
    """
    if not 0 <= threshold <= 1:
        raise ArgumentError(f"threshold={threshold}: it is a probability, 0 to 1.")
    if threshold and outside is None:
        raise ArgumentError(
            f"threshold={threshold} without outside: name the label of what reaches none."
        )
    found = np.asarray(probabilities)
    chosen = found.argmax(axis=1)
    if outside is not None:
        chosen[found.max(axis=1) < threshold] = outside
    return chosen


def outside_scores(
    labels: Any, probabilities: Any, outside: int, threshold: float = 0.0
) -> dict[str, float]:
    """Accuracy on the texts that belong somewhere, and recall of those that do not.

    Args:
        labels: ints (rows,).
        probabilities: (rows, classes), or (rows, 1) of class 1 of two.
        outside: id of the class of all that belongs nowhere.
        threshold: least probability of an answer, 0 to 1; what has none is outside.

    Returns:
        "inside_accuracy" and "outside_recall", 0 to 1; 0 where there is no such row.

    Raises:
        ArgumentError: no rows, rows that do not fit, or a threshold outside 0 to 1.

    Source: Larson et al. 2019, https://aclanthology.org/D19-1131

    Example:
        >>> chances = [[0.9, 0.1, 0.0], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1]]
        >>> outside_scores([0, 2, 1], chances, outside=2, threshold=0.5)
        {'inside_accuracy': 1.0, 'outside_recall': 1.0}
    """
    rows = checked_rows(labels, checked_probabilities(probabilities), None)
    truth, chosen = rows[0], likeliest(rows[1], outside, threshold)
    is_outside = truth == outside
    return {
        "inside_accuracy": _mean((chosen == truth)[~is_outside]),
        "outside_recall": _mean((chosen == outside)[is_outside]),
    }


def draw_outside(
    path: str | os.PathLike, labels: Any, probabilities: Any, outside: int, threshold: float
) -> None:
    """Draws what every threshold gives, and marks one: for choosing it.

    Args:
        path: of the PNG.
        labels: ints (rows,).
        probabilities: as in `outside_scores`.
        outside: id of the class of all that belongs nowhere.
        threshold: what is marked.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> path = Path(tempfile.mkdtemp(), "outside.png")
        >>> draw_outside(path, [0, 1], [[0.9, 0.1], [0.4, 0.6]], outside=1, threshold=0.5)
        >>> path.exists()
        True
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    scores = [outside_scores(labels, probabilities, outside, float(t)) for t in THRESHOLDS]
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for name in ("inside_accuracy", "outside_recall"):
        axes.plot(THRESHOLDS, [score[name] for score in scores], label=name.replace("_", " "))
    axes.axvline(threshold, color="grey", linestyle=":", label=f"threshold {threshold:g}")
    axes.set(xlabel="threshold: least probability of an answer", ylim=(0, 1.02))
    axes.legend()
    figure.savefig(path, dpi=100)


def _mean(right: np.ndarray) -> float:
    return float(right.mean()) if right.size else 0.0
