"""Labels of texts and tags of words, from trained models."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lmzoo.data.records import split_blanks
from lmzoo.errors import ArgumentError, PromptError, listed

BATCH = 64
COLORS = ("cyan", "magenta", "yellow", "green", "blue", "red")


def classify(
    model: keras.Model,
    texts: str | Sequence[str],
    *,
    tokenizer: Any,
    labels: Sequence[str],
    max_length: int | None = None,
    probabilities: bool = False,
    out_of_scope: str | None = None,
    threshold: float = 0.0,
    from_logits: bool = True,
) -> Any:
    """Predicts the labels of texts.

    Args:
        model: ids (batch, time) -> predictions of classes, (batch, 1) or (batch, classes).
        texts: one text, or several.
        tokenizer: the model's.
        labels: names of the classes, in their order; see `ClassificationData.labels`.
        max_length: tokens of a text that are used; the rest is cut. None: as many as
            `prepare_classification` uses by default.
        probabilities: whether to return every label's probability instead of the best label.
        out_of_scope, threshold: see `lmzoo.evaluation.classification`.
        from_logits: False for a plain Keras model that ends in a sigmoid or softmax.

    Returns:
        A label, or {label: probability}; for several texts a list of them.

    Raises:
        ArgumentError: another number of labels than of classes; a wrong label or threshold.
        DataError: a text without a token.

    Example:
        >>> import lmzoo
        >>> texts = [("a fine film", "good"), ("a dull film", "bad")] * 8
        >>> data = lmzoo.data.prepare_classification(texts, tokenizer="word", valid_fraction=0.0)
        >>> model = lmzoo.build_bow_classifier(data.vocab_size, embed_dim=4)
        >>> label = lmzoo.classify(model, "fine", tokenizer=data.tokenizer, labels=data.labels)
        >>> label in ("good", "bad")
        True
    """
    # here: lmzoo.data loads what it needs at first use
    from lmzoo.data.tasks.classification import MAX_LENGTH, encode_texts
    from lmzoo.metrics import predicted_classes
    from lmzoo.metrics.roc import checked_probabilities

    labels = listed(labels, "labels")
    if out_of_scope is not None and out_of_scope not in labels:
        raise ArgumentError(f"out_of_scope={out_of_scope!r} is not one of the {len(labels)} labels")
    place = None if out_of_scope is None else labels.index(out_of_scope)
    longest = MAX_LENGTH if max_length is None else max_length
    several = [texts] if isinstance(texts, str) else listed(texts, "texts")
    batches = [
        model.predict_on_batch(encode_texts(tokenizer, several[start : start + BATCH], longest))
        for start in range(0, len(several), BATCH)
    ]
    if not batches:
        return []
    rows = checked_probabilities(np.concatenate(batches), from_logits=from_logits)
    if rows.shape[1] != len(labels):
        raise ArgumentError(
            f"{len(labels)} labels for a model of {rows.shape[1]} classes: give the names of its "
            "classes in their order, as data.labels holds them"
        )
    ids = predicted_classes(rows, place, threshold, from_logits=False)
    predictions: list[Any] = [labels[i] for i in ids]
    if probabilities:
        predictions = [dict(zip(labels, map(float, row), strict=True)) for row in rows]
    return predictions[0] if isinstance(texts, str) else predictions


def tag(model: Any, sentences: Any, *, vocabulary: Any) -> Any:
    """Tags the words of sentences.

    Args:
        model: a TaggerModel.
        sentences: one sentence, whose words are separated by spaces; or a list of sentences, each
            such a string or a list of words.
        vocabulary: of words and tags; see `TaggingData.vocabulary`.

    Returns:
        Words and tags, two lists; with intents also the intent. For a list of sentences a list of
        such tuples.

    Raises:
        PromptError: a sentence without a word.

    Example:
        >>> import lmzoo
        >>> examples = [(["Ann", "slept"], ["B-PER", "O"]), (["Bob", "ran"], ["B-PER", "O"])] * 4
        >>> data = lmzoo.data.prepare_tagging(examples, characters=False, valid_fraction=0.0)
        >>> model = lmzoo.build_bilstm_crf_tagger(data.vocab_size, num_tags=2, embed_dim=4,
        ...                                       hidden_dim=4)
        >>> words, tags = lmzoo.tag(model, "Ann ran", vocabulary=data.vocabulary)
        >>> words, len(tags)
        (['Ann', 'ran'], 2)
    """
    if isinstance(sentences, str):
        return tag(model, [sentences], vocabulary=vocabulary)[0]
    rows = [_words(sentence) for sentence in listed(sentences, "sentences")]
    tagged: list[Any] = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        inputs = vocabulary.inputs(batch)
        tags = vocabulary.tag_names(model.decode(inputs), batch)
        if vocabulary.intents is None:
            tagged += zip(batch, tags, strict=True)
        else:
            intents = [vocabulary.intents[int(i)] for i in model.decode_intents(inputs)]
            tagged += zip(batch, tags, intents, strict=True)
    return tagged


def _words(sentence: Any) -> list[str]:
    """The words of a sentence, a text or a list."""
    words = split_blanks(sentence) if isinstance(sentence, str) else listed(sentence, "a sentence")
    wrong = [word for word in words if not isinstance(word, str) or not split_blanks(word)]
    if wrong:
        raise PromptError(f"a sentence holds {wrong[0]!r:.60}, which is no word: leave it out")
    if not words:
        raise PromptError("a sentence has no word: give words separated by spaces, or lists")
    return words


def colored(words: Sequence[str], tags: Sequence[str], intent: str | None = None) -> str:
    """A tagged sentence for the terminal: spans in colors with their types after them.

    Args:
        words, tags: of the sentence.
        intent: of the sentence, or None.

    Returns:
        Text, with colors where the terminal has them.

    Example:
        >>> colored(["Ann", "slept"], ["B-PER", "O"])
        'Ann[PER] slept'
    """
    from rich.console import Console
    from rich.text import Text

    text = Text(end="")
    kinds = [mark.partition("-")[2] or mark for mark in tags]
    for place, (word, mark, kind) in enumerate(zip(words, tags, kinds, strict=True)):
        text.append(" " if place else "")
        if mark == "O":
            text.append(word)
            continue
        style = COLORS[sum(map(ord, kind)) % len(COLORS)]
        goes_on = place + 1 < len(tags) and tags[place + 1] in (f"I-{kind}", f"E-{kind}")
        text.append(word, style=style).append("" if goes_on else f"[{kind}]", style=f"dim {style}")
    text.append("" if intent is None else f"  ({intent})", style="bold")
    console = Console(soft_wrap=True)
    with console.capture() as captured:
        console.print(text)
    return captured.get().rstrip("\n")
