"""Bytes as tokens: no training, no unknown characters, 260 ids."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers.base import FIRST, Tokenizer, split_rows
from lmzoo.typing import Tensor


class ByteTokenizer(Tokenizer):
    """One id for each UTF-8 byte: byte b has id b + 4. Lossless on every text."""

    kind = "byte"
    unk_id = None

    def __init__(
        self, content: None = None, *, lowercase: bool = False, normalize: bool = False,
        report: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        tokens = [f"<0x{value:02X}>" for value in range(256)]
        data = [bytes([value]) for value in range(256)]
        super().__init__(tokens, data, lowercase=lowercase, normalize=normalize, report=report)

    @classmethod
    def _learn(cls, texts: Iterator[str], vocab_size: int | None) -> tuple[None, dict[str, Any]]:
        """Nothing; only the first of the texts is read."""
        if vocab_size not in (None, FIRST + 256):
            raise TokenizerError(
                f"vocab_size={vocab_size!r}, but kind 'byte' always has 260 ids "
                "(4 special ones and 256 bytes); leave vocab_size out"
            )
        next(texts)
        return None, {}

    def _payload(self) -> None:
        return None

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        encoded = [text.encode() for text in texts]
        ids = np.frombuffer(b"".join(encoded), np.uint8).astype(np.int32) + FIRST
        return split_rows(ids, map(len, encoded))

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        joined = tf.io.decode_raw(tf.strings.reduce_join(texts), tf.uint8)
        lengths = tf.cast(tf.strings.length(texts), tf.int64)
        ids = tf.cast(joined, tf.int32) + FIRST
        return tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)
