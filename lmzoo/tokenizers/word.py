"""Words as tokens: `word` for any text, `whitespace` for text that is already tokenized."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers import splitting
from lmzoo.tokenizers.base import SPECIAL_TOKENS, Tokenizer
from lmzoo.tokenizers.checks import check_vocab_size, too_large
from lmzoo.tokenizers.lowercase import lower
from lmzoo.tokenizers.texts import checked_texts
from lmzoo.typing import Tensor

FIRST = len(SPECIAL_TOKENS)
UNKNOWN = SPECIAL_TOKENS[1]


class WhitespaceTokenizer(Tokenizer):
    r"""One id for each string between white space, for text whose words are already separate.

    A newline is a token of its own and decodes to "\n"; other white space is not kept. The word
    "<unk>", which such texts hold, is the unknown id. Words are ranked by frequency, the newline
    first (id 4).

    Args:
        words: the known ones, each once, without the newline and "<unk>".
        lowercase: lower-case texts before splitting them.
        report: what training noticed.

    Example:
        >>> tokenizer = WhitespaceTokenizer(["red", "boat"])
        >>> tokenizer.encode("red  boat\n<unk> red")
        [5, 6, 4, 1, 5]
        >>> tokenizer.decode([5, 6, 4, 1, 5])
        'red boat\n<unk> red'
    """

    kind = "whitespace"
    lossless = False
    concatenates = False
    _prose = False

    def __init__(
        self,
        words: list[str],
        *,
        lowercase: bool = False,
        report: dict[str, Any] | None = None,
    ) -> None:
        tokens = [splitting.NEWLINE, *words]
        data = [token.encode() for token in tokens]
        super().__init__(tokens, data, lowercase=lowercase, report=report or {})
        self._content.index.update({token: FIRST + rank for rank, token in enumerate(tokens)})
        self._lookup: Any = None

    @classmethod
    def train(
        cls, texts: Iterable[str], *, vocab_size: int | None = None, lowercase: bool = False
    ) -> "WhitespaceTokenizer":
        """Count the words and keep all, or the newline and the `vocab_size - 5` most frequent.

        Holds every distinct word once in memory (about 100 bytes each), but not the texts.
        """
        check_vocab_size(vocab_size, kind=cls.kind, smallest=FIRST + 2)
        counts = count_words(texts, cls._pattern(), lowercase=lowercase, kind=cls.kind)
        newlines = counts.pop(splitting.NEWLINE, 0)
        unknown = counts.pop(UNKNOWN, 0)
        if vocab_size is not None and vocab_size > FIRST + 1 + len(counts):
            raise too_large(vocab_size, kind=cls.kind, largest=FIRST + 1 + len(counts))
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        kept = ranked if vocab_size is None else ranked[: vocab_size - FIRST - 1]
        known = newlines + sum(counts[word] for word in kept)
        report: dict[str, Any] = {
            "words": len(counts),
            "words_left_out": len(counts) - len(kept),
            "share_known": known / (newlines + unknown + counts.total()),
        }
        return cls(kept, lowercase=lowercase, report=report | cls._notes(counts))

    @classmethod
    def from_payload(
        cls, payload: Any, *, lowercase: bool, report: dict[str, Any]
    ) -> "WhitespaceTokenizer":
        return cls(list(payload), lowercase=lowercase, report=report)

    @classmethod
    def _pattern(cls) -> str:
        return splitting.blank_pattern()

    @classmethod
    def _notes(cls, counts: Counter[str]) -> dict[str, Any]:
        """More to report about the words."""
        return {}

    def words(self, text: str) -> list[str]:
        """The words of a text, one for each id of `encode`, unknown ones as they stand there.

        Args:
            text: a string.

        Returns:
            A list of words.
        """
        return splitting.split(lower(text) if self.lowercase else text, self._pattern())

    def join(self, words: Sequence[str]) -> str:
        """The text of words, spaces set as `decode` sets them.

        Args:
            words: any words, known or not.

        Returns:
            A string.
        """
        return splitting.join(words, prose=self._prose)

    def _payload(self) -> list[str]:
        return self._content.tokens[FIRST + 1 :]

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        pattern, index = self._pattern(), self._content.index.__getitem__
        return [
            np.array([index(word) for word in splitting.split(text, pattern)], np.int32)
            for text in texts
        ]

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
                self._lookup = tf.lookup.StaticHashTable(pairs, default_value=1)
        return self._lookup

    def _join(self, pieces: list[bytes]) -> str:
        return splitting.join([piece.decode() for piece in pieces], prose=self._prose)

    def _graph_join(self, pieces: Tensor) -> Tensor:
        return splitting.graph_join(pieces, prose=self._prose)


class WordTokenizer(WhitespaceTokenizer):
    r"""One id for each word, number or mark of punctuation.

    Words are letters with inner apostrophes ("don't"), numbers ("9:30", "1,000"), abbreviations
    ("p.m."), speakers ("<|user|>"); each mark of punctuation and each newline stands
    alone, and in scripts that put no space between words (Chinese, Japanese, Thai, ...) each
    character does; `report["note"]` says so where that is most of the text. Words are ranked by
    frequency, the newline first (id 4).

    Spaces are not tokens. Decoding puts them back by rule, as printed prose has them: ordinary
    English and Chinese come back as they were, while runs of spaces, spaces around dashes, and
    other unusual spacing are lost.

    Args:
        words: the known ones, each once, without the newline.
        lowercase: lower-case texts before splitting them.
        report: what training noticed.

    Example:
        >>> text = "The old man, who sells red boats, left at half past nine."
        >>> tokenizer = WordTokenizer.train([text])
        >>> len(tokenizer.encode(text))
        15
        >>> tokenizer.decode(tokenizer.encode(text)) == text
        True
        >>> tokenizer.unknown("The new boats")
        ['new']
    """

    kind = "word"
    _prose = True

    @classmethod
    def _pattern(cls) -> str:
        return splitting.word_pattern()

    @classmethod
    def _notes(cls, counts: Counter[str]) -> dict[str, Any]:
        unspaced = sum(count for word, count in counts.items() if splitting.is_unspaced(word))
        letters = sum(count * len(word) for word, count in counts.items() if word[0].isalnum())
        if 2 * unspaced <= letters:
            return {}
        return {"note": "text without spaces between words (Chinese, ...): words are characters"}


def count_words(texts: Iterable[str], pattern: str, *, lowercase: bool, kind: str) -> Counter[str]:
    """How often each word occurs.

    Raises:
        TokenizerError: there is no text, or no word in it.
    """
    counts: Counter[str] = Counter()
    for text in checked_texts(texts, lowercase=lowercase):
        counts.update(splitting.split(text, pattern))
    if not counts.keys() - {splitting.NEWLINE, UNKNOWN}:
        raise TokenizerError(f"nothing to train on: no word for kind {kind!r} in any text")
    return counts
