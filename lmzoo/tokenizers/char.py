"""Characters (Unicode code points) as tokens."""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.tokenizers.base import SPECIAL_TOKENS, Tokenizer
from lmzoo.tokenizers.checks import check_vocab_size, too_large
from lmzoo.tokenizers.texts import checked_texts
from lmzoo.typing import Tensor

FIRST = len(SPECIAL_TOKENS)


class CharTokenizer(Tokenizer):
    """One id for each character that training saw, in the order of their code points.

    Lossless on those characters; any other becomes the unknown id, which decodes to U+FFFD.

    Args:
        characters: the known ones, each once.
        lowercase: lower-case texts before looking them up.
        report: what training noticed.

    Example:
        >>> tokenizer = CharTokenizer("abc")
        >>> tokenizer.encode("cab!")
        [6, 4, 5, 1]
        >>> tokenizer.unknown("cab!")
        ['!']
    """

    kind = "char"

    def __init__(
        self, characters: str, *, lowercase: bool = False, report: dict[str, Any] | None = None
    ) -> None:
        characters = "".join(sorted(set(characters)))
        data = [character.encode() for character in characters]
        super().__init__(list(characters), data, lowercase=lowercase, report=report or {})
        self._characters = characters
        codes = _code_points(characters)
        # One entry more than the largest code point: all larger ones are looked up there.
        self._table = np.ones(int(codes[-1]) + 2, np.int32)
        self._table[codes] = np.arange(FIRST, FIRST + len(codes), dtype=np.int32)

    @classmethod
    def train(
        cls, texts: Iterable[str], *, vocab_size: int | None = None, lowercase: bool = False
    ) -> "CharTokenizer":
        """Count the characters and keep all of them, or the most frequent `vocab_size - 4`."""
        check_vocab_size(vocab_size, kind=cls.kind, smallest=FIRST + 1)
        counts: Counter[str] = Counter()
        for text in checked_texts(texts, lowercase=lowercase):
            counts.update(text)
        if vocab_size is not None and vocab_size > FIRST + len(counts):
            raise too_large(vocab_size, kind=cls.kind, largest=FIRST + len(counts))
        ranked = sorted(counts, key=lambda character: (-counts[character], character))
        kept = ranked if vocab_size is None else ranked[: vocab_size - FIRST]
        report = {"characters": len(counts), "characters_left_out": len(counts) - len(kept)}
        return cls("".join(kept), lowercase=lowercase, report=report)

    @classmethod
    def from_payload(
        cls, payload: Any, *, lowercase: bool, report: dict[str, Any]
    ) -> "CharTokenizer":
        return cls(str(payload), lowercase=lowercase, report=report)

    def _payload(self) -> str:
        return self._characters

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        codes = _code_points("".join(texts))
        ids = self._table[np.minimum(codes, len(self._table) - 1)]
        bounds = np.cumsum([0, *map(len, texts)]).tolist()
        return [ids[start:stop] for start, stop in pairwise(bounds)]

    def _unknown(self, text: str) -> list[str]:
        known = set(self._characters)
        return [character for character in dict.fromkeys(text) if character not in known]

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        table = self._constant("table", lambda: tf.constant(self._table))
        codes = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        codes = tf.minimum(codes.flat_values, len(self._table) - 1), codes.row_splits
        return tf.RaggedTensor.from_row_splits(tf.gather(table, codes[0]), codes[1], validate=False)


def _code_points(text: str) -> np.ndarray:
    """Code points uint32 (characters,)."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
