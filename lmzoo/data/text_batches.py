"""Batches of labeled texts of similar length."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.grouped import Group, GroupedBatches, choose_widths, gather, round_up
from lmzoo.data.store import TokenStore
from lmzoo.errors import ArgumentError, DataError

ENCODED_AT_ONCE = 4096


@dataclass
class EncodedTexts:
    """Labeled texts of one part as tokens.

    Args:
        store: ids of all texts, one after the other.
        edges: where each text begins, and the end of the last: (texts + 1,).
        labels: class of each text: int32 (texts,).
        kept: places of the texts among the examples; those without a token are dropped.
        counts: texts read, dropped and cut, tokens.
    """

    store: TokenStore
    edges: np.ndarray
    labels: np.ndarray
    kept: list[int]
    counts: dict[str, int]


def encode_examples(
    examples: Sequence[tuple[str, str]], tokenizer: Any, labels: Sequence[str], max_length: int
) -> EncodedTexts:
    """Tokenizes labeled texts; drops and counts those without a token, cuts and counts long ones.

    Args:
        examples: (text, label).
        tokenizer: turns texts into ids.
        labels: names of the classes.
        max_length: most tokens of a text.

    Returns:
        The tokens.
    """
    store, edges, kept = TokenStore(tokenizer.vocab_size), [0], []
    counts = dict.fromkeys(("texts", "empty", "cut", "tokens", "unknown_tokens"), 0)
    for start in range(0, len(examples), ENCODED_AT_ONCE):
        chunk = [text for text, _ in examples[start : start + ENCODED_AT_ONCE]]
        for place, ids in enumerate(tokenizer.encode_batch(chunk), start):
            counts["texts"] += 1
            if not len(ids):
                counts["empty"] += 1
                continue
            counts["cut"] += len(ids) > max_length
            counts["unknown_tokens"] += int(np.count_nonzero(ids[:max_length] == 1))
            store.append(ids[:max_length])
            edges.append(store.size)
            kept.append(place)
    store.close()
    counts["tokens"] = store.size
    of = {label: number for number, label in enumerate(labels)}
    classes = np.array([of[examples[place][1]] for place in kept], np.int32)
    return EncodedTexts(store, np.array(edges), classes, kept, counts)


class TextBatches(GroupedBatches):
    """Batches of labeled texts of similar length.

    Args:
        encoded: the texts.
        size: texts in a batch.
        seed: of the order in each epoch; None keeps one order.
    """

    def __init__(self, encoded: EncodedTexts, size: int, seed: int | None) -> None:
        self.encoded = encoded
        lengths = np.diff(encoded.edges)
        widths = choose_widths(lengths, most=4)
        padded = widths[np.searchsorted(widths, lengths)]
        groups = [
            Group(np.flatnonzero(padded == width), size, (int(width),))
            for width in np.unique(padded)
        ]
        signature = (
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.float32),
        )
        super().__init__(groups, signature, seed)

    def fill(self, rows: np.ndarray, size: int, widths: tuple[int, ...]) -> Any:
        """One batch; rows that are missing weigh 0."""
        encoded = self.encoded
        ids, _ = gather(encoded.store, encoded.edges, rows, size, widths[0])
        # Missing rows read an end token: the mean of no word would be NaN.
        ids[len(rows) :, 0] = 3
        missing = (0, size - len(rows))
        labels = np.pad(encoded.labels[rows], missing)
        return ids, labels, np.pad(np.ones(len(rows), np.float32), missing)


def encode_texts(tokenizer: Any, texts: Sequence[str], max_length: int = 256) -> np.ndarray:
    """Texts as padded ids, for `predict`.

    Args:
        tokenizer: that of the training.
        texts: at least one, each with a token.
        max_length: most tokens of a text, as in training; a longer one is cut.

    Returns:
        int32 (texts, time), 0 behind each text.

    Raises:
        DataError: no text, or one without a token.
        ArgumentError: `max_length` below 1, a string instead of a list.

    Example:
        >>> import lmzoo
        >>> tokenizer = lmzoo.data.train_tokenizer(["a b c"], kind="word")
        >>> lmzoo.data.encode_texts(tokenizer, ["a", "c b a"]).tolist()
        [[5, 0, 0, 0], [7, 6, 5, 0]]
    """
    if max_length < 1:
        raise ArgumentError(f"max_length is {max_length}; it must be at least 1")
    if isinstance(texts, str):
        raise ArgumentError(f"texts is the string {texts[:40]!r}; give a list of strings")
    if not len(texts):
        raise DataError("there are no texts to encode; give at least one")
    found = [ids[:max_length] for ids in tokenizer.encode_batch(list(texts))]
    rows = np.zeros((len(found), round_up(max(map(len, found)))), np.int32)
    for number, ids in enumerate(found):
        if not len(ids):
            raise DataError(
                f"text {number} is {str(texts[number])[:40]!r}: it has no token; leave it out"
            )
        rows[number, : len(ids)] = ids
    return rows
