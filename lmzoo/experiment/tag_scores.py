"""What tags come to: span F1, accuracy, and those of each word's most frequent tag."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from lmzoo.data.grouped import choose_widths
from lmzoo.experiment.deciding import PARTS
from lmzoo.losses import CRFLoss, TagCrossEntropy
from lmzoo.metrics import SpanF1

SENTENCES = 64  # that are tagged at once


@dataclass
class TaggedPart:
    """What a model says of a part, in the part's own order.

    Args:
        tags: of each sentence.
        intents: of each sentence; None: there are none.
        loss: the mean nats of a word's tag, and of a sentence's intent, added up.
    """

    tags: list[list[str]]
    intents: list[str] | None
    loss: float


def tag_part(model: keras.Model, data: Any, part: str) -> TaggedPart:
    """Tags the sentences of a part.

    Args:
        model: a TaggerModel.
        data: its TaggingData.
        part: "train", "valid" or "test".

    Returns:
        Tags, intents and the loss.
    """
    sentences, truth = data.words(part), data.tag_lists(part)
    lengths = np.array([len(words) for words in sentences])
    widths = choose_widths(lengths, most=3)  # the model is compiled for each
    # Sentences of like length are tagged together; then they go back to their places.
    order = np.argsort(lengths, kind="stable")
    tags: list[list[str]] = [[]] * len(sentences)
    intents = [""] * len(sentences)
    meant = [] if data.intents is None else data.intent_list(part)
    nats = intent_nats = 0.0
    for start in range(0, len(order), SENTENCES):
        rows = order[start : start + SENTENCES]
        # The last batch is filled up: another number of rows would be compiled anew.
        chosen = np.resize(rows, SENTENCES)
        words = [sentences[row] for row in chosen]
        width = int(widths[np.searchsorted(widths, lengths[rows].max())])
        inputs = _padded(data.inputs(words), width, data.vocabulary.max_word_length)
        outputs = model.predict_on_batch(inputs)
        scores = outputs[-1] if data.intents is not None else outputs
        real = np.arange(width) < lengths[chosen][:, None]
        found = data.vocabulary.tag_names(model.best_tags(scores, real), words)
        real[len(rows) :] = False
        nats += _nats(model, data, [truth[row] for row in chosen], scores, real)
        for row, names in zip(rows, found, strict=False):
            tags[row] = names
        if data.intents is not None:
            for row, chances in zip(rows, outputs[0], strict=False):
                intents[row] = data.intents[int(np.argmax(chances))]
                place = data.intents.index(meant[row])
                intent_nats -= float(np.log(max(chances[place], 1e-30)))
    loss = nats / lengths.sum() + intent_nats / len(sentences)
    return TaggedPart(tags, None if data.intents is None else intents, float(loss))


def _nats(
    model: keras.Model, data: Any, truth: list[list[str]], scores: Any, real: np.ndarray
) -> float:
    """The nats of all real words of some sentences."""
    ids = {name: number for number, name in enumerate(data.tags)}
    wanted = np.zeros(real.shape, np.int32)
    for row, names in zip(wanted, truth, strict=True):
        row[: len(names)] = [ids[name] for name in names]
    loss = CRFLoss() if model.crf is not None else TagCrossEntropy()
    return float(loss(wanted, scores, sample_weight=real.astype(np.float32))) * real.sum()


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


def measured(told: TaggedPart, data: Any, part: str) -> dict[str, float]:
    """The scores of a model's tags, and with intents the share of sentences that are right.

    Args:
        told: what the model says of the part.
        data: the TaggingData.
        part: "valid" or "test".

    Returns:
        As `scores`, and `val_loss`; with intents also `val_intent_accuracy` and
        `val_sentence_accuracy`, intent and all slots right.
    """
    name = PARTS[part]
    found = {f"{name}_loss": told.loss} | scores(told.tags, data, part)
    if told.intents is not None:
        truth, tags = data.intent_list(part), data.tag_lists(part)
        right = np.array([a == b for a, b in zip(told.intents, truth, strict=True)])
        slots = np.array([a == b for a, b in zip(told.tags, tags, strict=True)])
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
