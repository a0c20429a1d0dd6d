"""Characters (Unicode code points) as tokens."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.special_ids import UNK_ID
from lmzoo.tokenizers.base import FIRST, Tokenizer, split_rows
from lmzoo.tokenizers.texts import check_vocab_size, most_frequent
from lmzoo.typing import Tensor


class CharTokenizer(Tokenizer):
    """One id for each character of the training texts, in the order of their code points.

    Lossless on those characters; any other becomes the unknown id, which decodes to U+FFFD.
    """

    kind = "char"

    def __init__(
        self, characters: str, *, lowercase: bool = False, normalize: bool = False,
        report: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._characters = "".join(sorted(set(characters)))
        super().__init__(
            list(self._characters), lowercase=lowercase, normalize=normalize, report=report
        )
        codes = _code_points(self._characters)
        # One entry more than the largest code point: all larger ones are looked up there.
        self._table = np.full(int(codes[-1]) + 2, UNK_ID, np.int32)
        self._table[codes] = np.arange(FIRST, FIRST + len(codes), dtype=np.int32)

    @classmethod
    def _learn(cls, texts: Iterator[str], vocab_size: int | None) -> tuple[str, dict[str, Any]]:
        """Count the characters and keep all of them, or the most frequent `vocab_size - 4`."""
        check_vocab_size(vocab_size, kind=cls.kind, smallest=FIRST + 1)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(text)
        kept = most_frequent(counts, vocab_size, kind=cls.kind, reserved=FIRST)
        report = {"characters": len(counts), "characters_left_out": len(counts) - len(kept)}
        return "".join(kept), report

    def _payload(self) -> str:
        return self._characters

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        codes = _code_points("".join(texts))
        ids = self._table[np.minimum(codes, len(self._table) - 1)]
        return split_rows(ids, map(len, texts))

    def _unknown(self, text: str) -> list[str]:
        return [c for c in dict.fromkeys(text) if c not in self._content.index]

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        table = self._constant("table", lambda: tf.constant(self._table))
        codes = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
        known = tf.minimum(codes.flat_values, len(self._table) - 1)
        return codes.with_flat_values(tf.gather(table, known))


def _code_points(text: str) -> np.ndarray:
    """Code points uint32 (characters,)."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
