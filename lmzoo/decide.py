"""Labels for texts and tags for words, from trained models."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lmzoo.errors import ArgumentError, PromptError

BATCH = 64


def classify(
    model: keras.Model,
    texts: str | Sequence[str],
    *,
    tokenizer: Any,
    labels: Sequence[str],
    max_length: int = 512,
    probabilities: bool = False,
    outside: str | None = None,
    threshold: float = 0.0,
) -> Any:
    """Sorts texts into classes.

    Args:
        model: from ids (batch, time) to class probabilities, (batch, 1) or (batch, classes).
        texts: one text or several.
        tokenizer: the model's.
        labels: names of the classes, in their order; see `ClassificationData.labels`.
        max_length: tokens of a text that are read; the rest is left out.
        probabilities: whether to give every label's probability instead of the likeliest label.
        outside: the label of all that belongs nowhere.
        threshold: least probability of an answer, 0 to 1; a text that has none is `outside`.

    Returns:
        A label, or {label: probability}; for several texts a list of them.

    Raises:
        ArgumentError: the labels are not as many as the model's classes, `outside` is none of
            them, or a threshold without it or outside 0 to 1.
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
    if isinstance(texts, str):
        return classify(
            model,
            [texts],
            tokenizer=tokenizer,
            labels=labels,
            max_length=max_length,
            probabilities=probabilities,
            outside=outside,
            threshold=threshold,
        )[0]
    from lmzoo.data import encode_texts  # here: lmzoo.data loads what it needs at first use
    from lmzoo.metrics import likeliest

    if outside is not None and outside not in labels:
        raise ArgumentError(f"outside={outside!r} is none of the {len(labels)} labels")
    place = None if outside is None else list(labels).index(outside)
    found = []
    for start in range(0, len(texts), BATCH):
        ids = encode_texts(tokenizer, list(texts[start : start + BATCH]), max_length)
        found.append(np.asarray(model.predict_on_batch(ids)))
    rows = np.concatenate(found) if found else np.zeros((0, len(labels)))
    if rows.shape[1] == 1:
        rows = np.concatenate([1 - rows, rows], axis=1)  # (texts, 2)
    if rows.shape[1] != len(labels):
        raise ArgumentError(
            f"{len(labels)} labels for a model of {rows.shape[1]} classes: give the names of its "
            "classes in their order, as data.labels holds them"
        )
    if probabilities:
        return [dict(zip(labels, map(float, row), strict=True)) for row in rows]
    return [labels[int(chosen)] for chosen in likeliest(rows, place, threshold)]


def tag(model: Any, sentences: Any, *, vocabulary: Any) -> Any:
    """Tags the words of sentences.

    Args:
        model: a TaggerModel.
        sentences: a text, whose words are parted by spaces, or a list of words; or several.
        vocabulary: what the words and tags are called; see `TaggingData.vocabulary`.

    Returns:
        Words and tags, two lists; with intents also the intent. For several sentences a list of
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
    if isinstance(sentences, str) or (sentences and _is_sentence(sentences)):
        return tag(model, [sentences], vocabulary=vocabulary)[0]
    rows = [_words(sentence) for sentence in sentences]
    for start in range(0, len(rows), BATCH):
        if any(not words for words in rows[start : start + BATCH]):
            raise PromptError("a sentence has no word: give words parted by spaces, or lists")
    found: list[Any] = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        inputs = vocabulary.inputs(part)
        tags = vocabulary.tag_names(model.decode(inputs), part)
        if vocabulary.intents is None:
            found += zip(part, tags, strict=True)
        else:
            intents = [vocabulary.intents[int(i)] for i in model.decode_intents(inputs)]
            found += zip(part, tags, intents, strict=True)
    return found


def _is_sentence(item: Any) -> bool:
    """Whether a list holds words, and not sentences: no word of it has a space."""
    return all(isinstance(word, str) and not word.count(" ") for word in item)


def _words(sentence: Any) -> list[str]:
    return sentence.split() if isinstance(sentence, str) else list(sentence)


COLORS = ("cyan", "magenta", "yellow", "green", "blue", "red")


def colored(words: Sequence[str], tags: Sequence[str], intent: str | None = None) -> str:
    """A tagged sentence for the terminal: spans in colors with their types behind them.

    Args:
        words: of the sentence.
        tags: of the words.
        intent: of the sentence, or None.

    Returns:
        Text with colors where the terminal has them.

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
