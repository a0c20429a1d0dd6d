"""Accuracy, F1, calibration and the confusion matrix of a text classifier."""

import functools
from typing import Any

import keras
import numpy as np

from lmzoo.evaluation.report import DIVERGED, Report, evaluated_splits, split_rows
from lmzoo.metrics import classification_report, draw_out_of_scope, out_of_scope_scores

KEYS = ("loss", "accuracy", "f1", "mcc", "calibration_error")


def classification(
    model: keras.Model, data: Any, *, out_of_scope: str | None = None, threshold: float = 0.0
) -> Report:
    """Classifies the texts of the validation and the test split and scores the predictions.

    Args:
        model: a classifier of the zoo.
        data: its ClassificationData.
        out_of_scope: the label of texts of no class, whose recall is told apart; None: none.
        threshold: least probability of a class, 0 to 1; other texts are out-of-scope.

    Returns:
        A report of `accuracy` and `f1` (macro) of the last split, and for each split (`val_`,
        `test_`) `loss` (nats per text), `accuracy`, `f1`, `mcc`, `calibration_error`, all but the
        loss up to 1; with `out_of_scope` also its scores. Its figure is the confusion matrix.

    Example:
        >>> import lmzoo
        >>> texts = [("a fine film", "good"), ("a dull film", "bad")] * 8
        >>> data = lmzoo.data.prepare_classification({"train": texts, "valid": texts})
        >>> model = lmzoo.build_bow_classifier(data.vocab_size, embed_dim=4)
        >>> report = lmzoo.evaluation.classification(model, data)
        >>> 0 <= report.metrics["val_accuracy"] <= 1
        True
    """
    report = Report({})
    place = None if out_of_scope is None else data.labels.index(out_of_scope)
    for split, name in evaluated_splits(data):
        pieces = []
        for ids, truth, weights in getattr(data, split):
            real = weights.numpy() > 0
            pieces.append((truth.numpy()[real], np.asarray(model.predict_on_batch(ids))[real]))
        labels, logits = map(np.concatenate, zip(*pieces, strict=True))
        if not np.isfinite(logits).all():
            report.metrics |= dict.fromkeys((f"{name}_{key}" for key in KEYS), None)
            report.metrics |= {"accuracy": None, "f1": None}
            report.rows = [DIVERGED, *split_rows(report.metrics)]
            return report
        found = classification_report(labels, logits, names=data.labels)
        values = found.values()
        for key in KEYS:
            report.metrics[f"{name}_{key}"] = values["f1_macro" if key == "f1" else key]
        if place is not None:
            scores = out_of_scope_scores(labels, logits, place, threshold)
            report.metrics |= {f"{name}_{key}": value for key, value in scores.items()}
            report.figures["out_of_scope.png"] = functools.partial(
                draw_out_of_scope, labels=labels, predictions=logits, out_of_scope=place,
                threshold=threshold,
            )  # fmt: skip
    report.metrics |= {key: report.metrics[f"{name}_{key}"] for key in ("accuracy", "f1")}
    report.figures["confusion.png"] = found.draw
    report.rows = [(str(found), ""), *split_rows(report.metrics)]
    return report
