"""Words as tokens: `word` for any text, `whitespace` for text that is already tokenized."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.errors import TokenizerError
from lmzoo.special_ids import UNK_ID
from lmzoo.tokenizers import splitting
from lmzoo.tokenizers.base import FIRST, UNKNOWN, Learned, Tokenizer
from lmzoo.tokenizers.texts import check_vocab_size, most_frequent
from lmzoo.typing import Tensor

CAPPED = "the vocabulary holds the {:,} most frequent of {:,} words; vocab_size allows more"


class WordVocabulary(Tokenizer):
    """Abstract base class: id 4 is the newline; decoding sets spaces by rule."""

    lossless = False
    concatenates = False

    def __init__(
        self, words: list[str], *, lowercase: bool = False, normalize: bool = False,
        report: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            [splitting.NEWLINE, *words], lowercase=lowercase, normalize=normalize, report=report
        )

    def _payload(self) -> list[str]:
        return self._content.tokens[FIRST + 1 :]


class WhitespaceTokenizer(WordVocabulary):
    r"""One id for each string between white space, for text that is already tokenized.

    A newline is a token of its own and decodes to "\n"; other white space is not kept. The word
    "<unk>", which such texts contain, is the unknown id. Words are ranked by frequency.
    """

    kind = "whitespace"
    _prose = False
    _pattern = staticmethod(splitting.blank_pattern)
    _lookup: Any = None

    @classmethod
    def _learn(cls, texts: Iterator[str], vocab_size: int | None) -> Learned:
        """Count the words, and keep all or the `vocab_size - 5` most frequent."""
        check_vocab_size(vocab_size, kind=cls.kind, smallest=FIRST + 2)
        counts = count_words(texts, cls._pattern(), kind=cls.kind)
        newlines = counts.pop(splitting.NEWLINE, 0)
        unknown = counts.pop(UNKNOWN, 0)
        kept = most_frequent(counts, vocab_size, kind=cls.kind, reserved=FIRST + 1)
        known = newlines + sum(counts[word] for word in kept)
        fraction = known / (newlines + unknown + counts.total())
        left_out = len(counts) - len(kept)
        report = {"words": len(counts), "words_left_out": left_out, "known_fraction": fraction}
        notes = [
            *([CAPPED.format(len(kept), len(counts))] if left_out and vocab_size is None else []),
            *cls._notes(counts),
        ]
        return kept, report | ({"note": "; ".join(notes)} if notes else {})

    @classmethod
    def _notes(cls, counts: Counter[str]) -> list[str]:
        """Further notes about the words."""
        return []

    def words(self, text: str) -> list[str]:
        """The words of a text, one for each id of `encode`, unknown ones unchanged."""
        return splitting.split(self.prepare(text), self._pattern())

    def join(self, words: Sequence[str], *, settled: bool = False) -> str:
        """The text of words, known or not, as `decode` sets spaces; `settled`: as that method."""
        return splitting.join(words, prose=self._prose, settled=settled)

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        pattern, index = self._pattern(), self._content.index.__getitem__
        rows = (splitting.tokens(text, pattern) for text in texts)
        return [np.fromiter(map(index, row), np.int32) for row in rows]

    def _unknown(self, text: str) -> list[str]:
        index, words = self._content.index, splitting.split(text, self._pattern())
        return [word for word in dict.fromkeys(words) if word not in index and word != UNKNOWN]

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        words = splitting.graph_split(texts, self._pattern())
        return words.with_flat_values(self._table().lookup(words.flat_values))

    def _table(self) -> Any:
        """From words to ids; an attribute, so that a SavedModel keeps it."""
        if self._lookup is None:
            with tf.init_scope():
                words = tf.constant(list(self._content.index), tf.string)
                ids = tf.range(FIRST, FIRST + len(self._content.index))
                pairs = tf.lookup.KeyValueTensorInitializer(words, ids)
                self._lookup = tf.lookup.StaticHashTable(pairs, default_value=UNK_ID)
        return self._lookup

    def _join(self, pieces: list[bytes], *, settled: bool = False) -> str:
        return self.join([piece.decode() for piece in pieces], settled=settled)

    def _graph_join(self, pieces: Tensor) -> Tensor:
        return splitting.graph_join(pieces, prose=self._prose)


class WordTokenizer(WhitespaceTokenizer):
    r"""One id for each word, number or punctuation mark.

    Words are letters with inner apostrophes ("don't"), numbers ("9:30", "1,000"), abbreviations
    ("p.m."), speakers ("<|user|>"); each punctuation mark and each newline is a token, and so is
    each character of scripts without spaces between words (Chinese, Japanese, Thai, ...);
    `report["note"]` is set where that is most of the text. Words are ranked by frequency.

    Decoding sets spaces by rule, as in printed prose: ordinary English and Chinese are restored
    exactly, while runs of spaces, spaces around dashes, and other unusual spacing are lost.
    """

    kind = "word"
    _prose = True
    _pattern = staticmethod(splitting.word_pattern)

    @classmethod
    def _notes(cls, counts: Counter[str]) -> list[str]:
        unspaced = sum(count for word, count in counts.items() if splitting.is_unspaced(word))
        letters = sum(count * len(word) for word, count in counts.items() if word[0].isalnum())
        note = "text without spaces between words (Chinese, ...): words are characters"
        return [note] if 2 * unspaced > letters else []


def count_words(texts: Iterable[str], pattern: str, *, kind: str) -> Counter[str]:
    """How often each word occurs; TokenizerError without any word."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(splitting.tokens(text, pattern))
    if not counts.keys() - {splitting.NEWLINE, UNKNOWN}:
        raise TokenizerError(f"nothing to train on: no word for kind {kind!r} in any text")
    return counts
