"""Span F1, accuracy and intents of a tagger, beside each word's most frequent tag."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from lmzoo.evaluation.report import DIVERGED, Report, evaluated_splits, split_rows
from lmzoo.metrics import SpanF1, span_report

Tags = list[list[str]]


def tagging(model: keras.Model, data: Any) -> Report:
    """Decodes the tags of the validation and the test split and scores them.

    Args:
        model: a compiled TaggerModel.
        data: its TaggingData.

    Returns:
        A report of `accuracy` and, for spans, `f1` of the last split; for each split (`val_`,
        `test_`) the `loss` (nats per word) and the scores of `score_tags`; with intents also
        `intent_accuracy`, `sentence_accuracy` (intent and all slots right); and scores of the
        baseline of each word's most frequent tag in training (`baseline_val_f1`, ...).

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_tagging("grammar", grammar_size=60, characters=False)
        >>> model = lmzoo.build_bilstm_crf_tagger(data.vocab_size, num_tags=data.num_tags,
        ...                                       embed_dim=4, hidden_dim=4)
        >>> model.compile("adam")
        >>> report = lmzoo.evaluation.tagging(model, data)
        >>> 0 < report.metrics["baseline_val_f1"] <= 1
        True
    """
    metrics: dict[str, Any] = {}
    for split, name in evaluated_splits(data):
        found = model.evaluate(getattr(data, split), verbose=0, return_dict=True)
        metrics[f"{name}_loss"] = float(found["loss"])
        if math.isnan(metrics[f"{name}_loss"]):
            metrics |= {"accuracy": None, "f1": None} if data.has_spans else {"accuracy": None}
            return Report(metrics, [DIVERGED, *split_rows(metrics)])
        rows = list(_decoded(model, data, split))
        metrics |= {f"{name}_{key}": value for key, value in _scores(rows, data).items()}
        usual, truth = most_frequent_tags(data, split), data.tag_lists(split)
        baseline = score_tags(usual, truth, data.has_spans)
        metrics |= {f"baseline_{name}_{key}": value for key, value in baseline.items()}
    metrics["accuracy"] = metrics[f"{name}_tag_accuracy"]
    report = Report(metrics)
    if data.has_spans:
        metrics["f1"] = metrics[f"{name}_f1"]
        report.files["spans.txt"] = span_report([row[0] for row in rows], [row[1] for row in rows])
        report.rows.append((report.files["spans.txt"], ""))
    report.rows += split_rows(metrics)
    return report


def tag_scores(model: keras.Model, data: Any, split: str = "valid") -> dict[str, float]:
    """Scores of decoded tags as `score_tags`, and of intents where there are such."""
    return _scores(list(_decoded(model, data, split)), data)


def most_frequent_tags(data: Any, split: str) -> Tags:
    """The baseline: each word's most frequent tag in training, or that of all words."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for words, tags in zip(data.words("train"), data.tag_lists("train"), strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts[word][tag] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    usual = total.most_common(1)[0][0]
    best = {word: found.most_common(1)[0][0] for word, found in counts.items()}
    return [[best.get(word, usual) for word in words] for words in data.words(split)]


def _decoded(
    model: keras.Model, data: Any, split: str
) -> Iterator[tuple[list[str], list[str], tuple[int, int] | None]]:
    """Predicted and true tags of each sentence, and predicted and true intent, by batches."""
    names = np.array(data.tags)
    for inputs, targets, weights in getattr(data, split):
        outputs = model.predict_on_batch(inputs)
        intents: Any = None
        if data.intents is not None:
            intents = np.argmax(outputs[0], axis=-1), targets[0].numpy()
            outputs, targets, weights = outputs[1], targets[1], weights[1]
        real = weights.numpy() > 0
        tags, truth = names[model.best_tags(outputs, real)], names[targets.numpy()]
        for row, is_word in enumerate(real):
            if is_word.any():
                intent = None if intents is None else (int(intents[0][row]), int(intents[1][row]))
                yield tags[row][is_word].tolist(), truth[row][is_word].tolist(), intent


def _scores(rows: list[Any], data: Any) -> dict[str, float]:
    predicted, truth = [row[0] for row in rows], [row[1] for row in rows]
    scores = score_tags(predicted, truth, data.has_spans)
    if data.intents is not None:
        right = np.array([intent[0] == intent[1] for _, _, intent in rows])
        slots = np.array([tags == wanted for tags, wanted, _ in rows])
        scores["intent_accuracy"] = float(right.mean())
        scores["sentence_accuracy"] = float((right & slots).mean())
    return scores


def score_tags(predicted: Tags, truth: Tags, has_spans: bool) -> dict[str, float]:
    """Scores tags against the true ones.

    Args:
        predicted, truth: tags of each sentence.
        has_spans: whether tags mark spans.

    Returns:
        "tag_accuracy"; with spans also "precision", "recall" and "f1". All 0 to 1.

    Example:
        >>> score_tags([["B-PER", "O"]], [["B-PER", "O"]], True)["f1"]
        1.0
    """
    right, counted = 0, 0
    for tags, wanted in zip(predicted, truth, strict=True):
        right += sum(a == b for a, b in zip(tags, wanted, strict=True))
        counted += len(tags)
    scores = {"tag_accuracy": right / counted}
    if has_spans:
        metric = SpanF1()
        metric.add(predicted, truth)
        scores |= metric.result()
    return scores
