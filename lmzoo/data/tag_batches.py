"""Batches of tagged sentences of similar length."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.grouped import Group, GroupedBatches, choose_widths, gather
from lmzoo.data.sentences import Sentence
from lmzoo.data.store import TokenStore
from lmzoo.data.tagging_vocabulary import TaggingVocabulary, character_width

_MOST_FORMS = 1 << 31


class Forms:
    """The different words as they are written, numbered from 1; 0 is padding."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, words: Sequence[str]) -> np.ndarray:
        """The numbers of words, int32; new ones are added."""
        numbers = self.numbers
        return np.array([numbers.setdefault(w, len(numbers) + 1) for w in words], np.int32)


class FormTable:
    """The ids of each form.

    Args:
        forms: of all parts, complete.
        vocabulary: gives their ids.
    """

    def __init__(self, forms: Forms, vocabulary: TaggingVocabulary) -> None:
        words = list(forms.numbers)
        # (forms + 1,): row 0 is padding.
        self.word_ids = np.concatenate([np.zeros(1, np.int32), vocabulary.word_ids(words)])
        self.most = vocabulary.max_word_length
        lengths = [0, *(min(len(word), self.most) for word in words)]
        self.lengths = np.array(lengths, np.int32)
        self.is_cut = np.array([False, *(len(word) > self.most for word in words)])
        self.characters: np.ndarray | None = None
        if vocabulary.characters is not None:
            ids = vocabulary.character_ids(words)
            self.characters = np.concatenate([np.zeros((1, self.most), np.int32), ids])


@dataclass
class EncodedTags:
    """Tagged sentences of one part.

    Args:
        forms: the numbers of all words, one sentence after the other.
        tags: the ids of their tags.
        edges: where each sentence begins, and the end of the last: (sentences + 1,).
        intents: the id of each sentence's intent, (sentences,); None: there are none.
        counts: sentences and words, and what was left out.
    """

    forms: TokenStore
    tags: TokenStore
    edges: np.ndarray
    intents: np.ndarray | None
    counts: Counter[str]


def encode_tagged(
    sentences: Iterable[Sentence],
    forms: Forms,
    vocabulary: TaggingVocabulary,
    max_length: int | None,
) -> EncodedTags:
    """Numbers words, tags and intents; leaves out and counts sentences that are too long or empty.

    Args:
        sentences: of one part.
        forms: takes new words.
        vocabulary: holds all tags and intents that occur.
        max_length: most words of a sentence; None for any.

    Returns:
        The numbers.
    """
    tag_ids = {tag: index for index, tag in enumerate(vocabulary.tags)}
    intent_ids = {intent: index for index, intent in enumerate(vocabulary.intents or [])}
    stores = TokenStore(_MOST_FORMS), TokenStore(max(len(tag_ids), 1))
    edges, intents = [0], []
    counts: Counter[str] = Counter(sentences=0, words=0, empty=0, too_long=0)
    for sentence in sentences:
        counts["sentences"] += 1
        if not sentence.words:
            counts["empty"] += 1
        elif max_length is not None and len(sentence.words) > max_length:
            counts["too_long"] += 1
        else:
            stores[0].append(forms.number(sentence.words))
            stores[1].append(np.array([tag_ids[tag] for tag in sentence.tags], np.int32))
            edges.append(stores[0].size)
            if intent_ids:
                intents.append(intent_ids[sentence.intent])
    for store in stores:
        store.close()
    counts["words"] = stores[0].size
    found = np.array(intents, np.int32) if intent_ids else None
    return EncodedTags(*stores, np.array(edges), found, counts)


class TagBatches(GroupedBatches):
    """Batches of tagged sentences of similar length.

    Args:
        encoded: the sentences.
        table: ids of their words.
        size: sentences in a batch.
        seed: of the order in each epoch; None keeps one order.
    """

    def __init__(self, encoded: EncodedTags, table: FormTable, size: int, seed: int | None) -> None:
        self.encoded, self.table = encoded, table
        lengths = np.diff(encoded.edges)
        # A tagger with a CRF takes long to compile, and does so for each width.
        widths = choose_widths(lengths, most=3)
        longest = table.lengths[encoded.forms.ids].max()
        characters = character_width(longest, table.most)
        groups = []
        for number, width in enumerate(widths):
            rows = np.flatnonzero(np.searchsorted(widths, lengths) == number)
            if len(rows):
                groups.append(Group(rows, size, (int(width), characters)))
        super().__init__(groups, self._signature(), seed)

    def _signature(self) -> Any:
        words = tf.TensorSpec((None, None), tf.int32)
        weights = tf.TensorSpec((None, None), tf.float32)
        inputs: Any = words
        if self.table.characters is not None:
            inputs = (words, tf.TensorSpec((None, None, None), tf.int32))
        if self.encoded.intents is None:
            return inputs, words, weights
        intents = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None,), tf.float32)
        return inputs, (intents[0], words), (intents[1], weights)

    def fill(self, rows: np.ndarray, size: int, widths: tuple[int, ...]) -> Any:
        """One batch; rows that are missing weigh 0 and hold the end token as their only word."""
        encoded, table = self.encoded, self.table
        forms, real = gather(encoded.forms, encoded.edges, rows, size, widths[0])
        tags, _ = gather(encoded.tags, encoded.edges, rows, size, widths[0])
        words = table.word_ids[forms]
        words[len(rows) :, 0] = 3
        inputs: Any = words
        if table.characters is not None:
            inputs = words, table.characters[:, : widths[1]][forms]
        weights = real.astype(np.float32)
        if encoded.intents is None:
            return inputs, tags, weights
        missing = (0, size - len(rows))
        intents = np.pad(encoded.intents[rows], missing)
        return inputs, (intents, tags), (np.pad(np.ones(len(rows), np.float32), missing), weights)
