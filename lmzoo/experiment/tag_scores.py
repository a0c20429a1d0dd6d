"""What tags come to: span F1, accuracy, and those of each word's most frequent tag."""

from collections import Counter, defaultdict
from typing import Any

import keras
import numpy as np

from lmzoo.data.grouped import choose_widths
from lmzoo.experiment.deciding import PARTS
from lmzoo.metrics import SpanF1

SENTENCES = 64  # that are tagged at once


def predicted_tags(
    model: keras.Model, data: Any, part: str
) -> tuple[list[list[str]], list[str] | None]:
    """What a model says of a part, in the part's own order.

    Args:
        model: a TaggerModel.
        data: its TaggingData.
        part: "train", "valid" or "test".

    Returns:
        The tags of each sentence, and the intents, or None.
    """
    sentences = data.words(part)
    lengths = np.array([len(words) for words in sentences])
    widths = choose_widths(lengths, most=3)  # the model is compiled for each
    # Sentences of like length are tagged together; then they go back to their places.
    order = np.argsort(lengths, kind="stable")
    tags: list[list[str]] = [[]] * len(sentences)
    intents = [""] * len(sentences)
    for start in range(0, len(order), SENTENCES):
        rows = order[start : start + SENTENCES]
        # The last batch is filled up: another number of rows would be compiled anew.
        chosen = [sentences[row] for row in np.resize(rows, SENTENCES)]
        width = widths[np.searchsorted(widths, lengths[rows].max())]
        inputs = _padded(data.inputs(chosen), int(width), data.vocabulary.max_word_length)
        for row, found in zip(
            rows, data.vocabulary.tag_names(model.decode(inputs), chosen), strict=False
        ):
            tags[row] = found
        if data.intents is not None:
            for row, number in zip(rows, model.decode_intents(inputs), strict=False):
                intents[row] = data.intents[int(number)]
    return tags, None if data.intents is None else intents


def _padded(inputs: Any, width: int, characters: int) -> Any:
    """Inputs with so many words to a sentence, and characters to a word."""
    if not isinstance(inputs, tuple):
        return np.pad(inputs, ((0, 0), (0, width - inputs.shape[1])))
    words, letters = inputs
    more = width - words.shape[1]
    letters = np.pad(letters, ((0, 0), (0, more), (0, characters - letters.shape[2])))
    return np.pad(words, ((0, 0), (0, more))), letters


def scores(tags: list[list[str]], data: Any, part: str) -> dict[str, float]:
    """Accuracy of tags, and precision, recall and F1 of spans, all 0 to 100.

    Args:
        tags: of each sentence of the part.
        data: the TaggingData.
        part: "valid" or "test".

    Returns:
        `val_accuracy`, `val_f1`, ..., or the same with `test_`.
    """
    name, truth = PARTS[part], data.tag_lists(part)
    right = sum(a == b for one, two in zip(tags, truth, strict=True)
                for a, b in zip(one, two, strict=True))  # fmt: skip
    found = {f"{name}_accuracy": 100.0 * right / sum(map(len, truth))}
    if data.has_spans:
        metric = SpanF1()
        metric.add(tags, truth)
        found |= {f"{name}_{key}": value for key, value in metric.result().items()}
    return found


def measured(model: keras.Model, data: Any, part: str) -> dict[str, float]:
    """The scores of a model's tags, and with intents the share of sentences that are right.

    Args:
        model: a TaggerModel.
        data: its TaggingData.
        part: "valid" or "test".

    Returns:
        As `scores`; with intents also `val_intent_accuracy` and `val_sentence_accuracy`, intent
        and all slots right.
    """
    tags, intents = predicted_tags(model, data, part)
    found = scores(tags, data, part)
    if intents is not None:
        name, truth = PARTS[part], data.intent_list(part)
        right = np.array([a == b for a, b in zip(intents, truth, strict=True)])
        slots = np.array([a == b for a, b in zip(tags, data.tag_lists(part), strict=True)])
        found[f"{name}_intent_accuracy"] = 100.0 * float(right.mean())
        found[f"{name}_sentence_accuracy"] = 100.0 * float((right & slots).mean())
    return found


def most_frequent_tags(data: Any, part: str) -> list[list[str]]:
    """The baseline: each word has the tag that it has most often in training.

    Words that training lacks have the tag that most words of training have.

    Args:
        data: the TaggingData.
        part: "valid" or "test".

    Returns:
        The tags of each sentence.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for words, tags in zip(data.words("train"), data.tag_lists("train"), strict=True):
        for word, tag in zip(words, tags, strict=True):
            counts[word][tag] += 1
    total: Counter[str] = sum(counts.values(), Counter())
    usual = total.most_common(1)[0][0]
    best = {word: found.most_common(1)[0][0] for word, found in counts.items()}
    return [[best.get(word, usual) for word in words] for words in data.words(part)]
