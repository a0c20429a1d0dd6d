"""Accuracy, F1, calibration and the confusion matrix of a text classifier."""

import functools
from typing import Any

import keras
import numpy as np

from lmzoo.evaluation.report import Report
from lmzoo.metrics import classification_report, draw_out_of_scope, out_of_scope_scores


def classification(
    model: keras.Model, data: Any, *, out_of_scope: str | None = None, threshold: float = 0.0
) -> Report:
    """Classifies the texts of the validation and the test split and scores the predictions.

    Args:
        model: a classifier of the zoo.
        data: its ClassificationData.
        out_of_scope: the label of texts that belong to no class, whose recall is told apart; None:
            there is none.
        threshold: least probability of a class, 0 to 1; a text that reaches it for none is
            out-of-scope.

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
    for split in ("valid", "test"):
        if getattr(data, split) is None:
            continue
        name = "val" if split == "valid" else split
        labels, logits = predictions(model, data, split)
        found = classification_report(labels, logits, names=data.labels)
        values = found.values()
        for key in ("loss", "accuracy", "f1_macro", "mcc", "calibration_error"):
            report.metrics[f"{name}_{key.removesuffix('_macro')}"] = values[key]
        if place is not None:
            scores = out_of_scope_scores(labels, logits, place, threshold)
            report.metrics |= {f"{name}_{key}": value for key, value in scores.items()}
            report.figures["out_of_scope.png"] = functools.partial(
                draw_out_of_scope, labels=labels, predictions=logits, out_of_scope=place,
                threshold=threshold,
            )  # fmt: skip
    report.metrics |= {key: report.metrics[f"{name}_{key}"] for key in ("accuracy", "f1")}
    report.figures["confusion.png"] = found.draw
    report.rows = [(str(found), "")]
    shown = [key for key in report.metrics if key.partition("_")[0] in ("val", "test")]
    report.rows += [(f"{key.replace('_', ' '):<28}", f"{report.metrics[key]:.4f}") for key in shown]
    return report


def predictions(model: keras.Model, data: Any, split: str) -> tuple[np.ndarray, np.ndarray]:
    """The labels of a split, and the model's logits for its texts.

    Args:
        model: a classifier of the zoo.
        data: its ClassificationData.
        split: "train", "valid" or "test".

    Returns:
        Class ids (texts,), and logits (texts, classes), or (texts, 1) of class 1 of two.
    """
    labels, logits = [], []
    for ids, truth, weights in getattr(data, split):
        real = weights.numpy() > 0
        logits.append(np.asarray(model.predict_on_batch(ids))[real])
        labels.append(truth.numpy()[real])
    return np.concatenate(labels), np.concatenate(logits)
