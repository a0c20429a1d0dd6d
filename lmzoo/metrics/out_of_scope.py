"""Out-of-scope texts, which belong to no class: what a threshold of confidence costs and finds."""

import os
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.files import replacing
from lmzoo.metrics.report import new_figure
from lmzoo.metrics.roc import checked_probabilities, checked_rows

THRESHOLDS = np.linspace(0.0, 1.0, 101)


def predicted_classes(
    predictions: Any,
    out_of_scope: int | None = None,
    threshold: float = 0.0,
    *,
    from_logits: bool = True,
) -> np.ndarray:
    """The most probable class of each row, or out of scope where none is probable enough.

    Args:
        predictions: (rows, classes), or (rows, 1) of class 1 of two.
        out_of_scope: id of the class of out-of-scope texts; None: there is none.
        threshold: least probability of a prediction, 0 to 1.
        from_logits: whether predictions are logits; if not, probabilities.

    Returns:
        Class ids, int64 (rows,).

    Raises:
        ArgumentError: a threshold without `out_of_scope`, or outside 0 to 1; NaN.

    Source: Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136

    Example:
        >>> predicted_classes([[3.0, 0.0], [0.2, 0.0]], 1, threshold=0.7).tolist()
        [0, 1]
    """
    probabilities = checked_probabilities(predictions, from_logits=from_logits)
    return _predicted(probabilities, out_of_scope, threshold)


def out_of_scope_scores(
    labels: Any,
    predictions: Any,
    out_of_scope: int,
    threshold: float = 0.0,
    *,
    from_logits: bool = True,
) -> dict[str, float]:
    """Accuracy on in-scope texts, and recall of out-of-scope texts.

    Args:
        labels: ints (rows,).
        predictions, out_of_scope, threshold, from_logits: as in `predicted_classes`.

    Returns:
        "in_scope_accuracy" and "out_of_scope_recall", 0 to 1; 0 where there is no such row.

    Raises:
        ArgumentError: no rows, numbers of rows that differ, or a threshold outside 0 to 1.

    Source: Larson et al. 2019, https://aclanthology.org/D19-1131

    Example:
        >>> out_of_scope_scores([0, 1], [[3.0, 0.0], [0.2, 0.0]], 1, threshold=0.7)
        {'in_scope_accuracy': 1.0, 'out_of_scope_recall': 1.0}
    """
    probabilities = checked_probabilities(predictions, from_logits=from_logits)
    labels = checked_rows(labels, probabilities, None)[0]
    return _scores(labels, probabilities, out_of_scope, threshold)


def draw_out_of_scope(
    path: str | os.PathLike,
    labels: Any,
    predictions: Any,
    out_of_scope: int,
    threshold: float,
    *,
    from_logits: bool = True,
) -> None:
    """Draws the scores of every threshold, and marks one.

    Args:
        path: of the PNG.
        labels, predictions, out_of_scope, from_logits: as in `out_of_scope_scores`.
        threshold: the one to mark.

    Example:
        >>> scores = [[0, 1], [[2.0, 0.0], [0.0, 1.0]]]
        >>> draw_out_of_scope("out_of_scope.png", *scores, 1, threshold=0.5)
    """
    probabilities = checked_probabilities(predictions, from_logits=from_logits)
    labels = checked_rows(labels, probabilities, None)[0]
    scores = [_scores(labels, probabilities, out_of_scope, float(t)) for t in THRESHOLDS]
    figure = new_figure(6, 4)
    axes = figure.subplots()
    for name in scores[0]:
        axes.plot(THRESHOLDS, [score[name] for score in scores], label=name.replace("_", " "))
    axes.axvline(threshold, color="grey", linestyle=":", label=f"threshold {threshold:g}")
    axes.set(xlabel="threshold: least probability of a prediction", ylim=(0, 1.02))
    axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)


def _predicted(probabilities: np.ndarray, out_of_scope: int | None, threshold: float) -> np.ndarray:
    if not 0 <= threshold <= 1:
        raise ArgumentError(f"threshold={threshold}: it is a probability, 0 to 1.")
    if threshold and out_of_scope is None:
        raise ArgumentError(f"threshold={threshold} without out_of_scope: name that class.")
    predicted = probabilities.argmax(axis=1)
    if out_of_scope is not None:
        predicted[probabilities.max(axis=1) < threshold] = out_of_scope
    return predicted


def _scores(
    labels: np.ndarray, probabilities: np.ndarray, out_of_scope: int, threshold: float
) -> dict[str, float]:
    correct = _predicted(probabilities, out_of_scope, threshold) == labels
    is_outside = labels == out_of_scope
    rows = {"in_scope_accuracy": correct[~is_outside], "out_of_scope_recall": correct[is_outside]}
    return {name: float(row.mean()) if row.size else 0.0 for name, row in rows.items()}
