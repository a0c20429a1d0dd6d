"""Tokenizes the texts of a corpus, in large batches, into token stores."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np

from lmzoo.data.batching.packing import DocumentPacker, packing_order
from lmzoo.data.batching.token_store import TokenStore
from lmzoo.errors import DataError

Item = TypeVar("Item")

BATCH_CHARACTERS = 1 << 20
BATCH_TEXTS = 4096
LONG = 1 << 16  # characters of a text
CHECKED_TEXTS = 50  # decoded again, to see whether the tokenizer is lossless
_CJK = (
    "\u2e80-\u2fff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_HAS_CJK = re.compile(f"[{_CJK}]")
_CJK_WORDS = re.compile(rf"[{_CJK}]|(?:(?![{_CJK}])\w)+")


def in_chunks(items: Iterable[Item], size: int = BATCH_TEXTS) -> Iterator[list[Item]]:
    """Collects items into lists of `size`, the last one as it comes."""
    source = iter(items)
    while chunk := list(islice(source, size)):
        yield chunk


def count_words(text: str) -> int:
    """Counts words, split at white space; in Chinese and Japanese, each character is a word."""
    has_cjk = bool(_HAS_CJK.search(text))
    if not has_cjk and len(text) < LONG:
        return len(text.split())
    # Not as a list, which would take much memory.
    words = (match[0] for match in re.finditer(r"\S+", text))
    return sum(
        sum(1 for _ in _CJK_WORDS.finditer(word)) if has_cjk and _HAS_CJK.search(word) else 1
        for word in words
    )


@dataclass
class Encoded:
    """One split of a corpus as tokens; documents as `eos document eos document eos`."""

    store: TokenStore
    counts: dict[str, int]  # tokens with end tokens
    packer: DocumentPacker | None = None  # rows of whole documents; None for a stream
    first: dict[str, int] = field(default_factory=dict)  # of a stream's first, unpredicted token
    changed: tuple[str, str] | None = None  # a text that decoding does not restore; decoded


class Encoder:
    """Turns the texts of one split into tokens; decodes the first few, or all, to compare."""

    def __init__(
        self, tokenizer: Any, *, count_text: bool = False, check_all: bool = False
    ) -> None:
        self.tokenizer, self.count_text, self.check_all = tokenizer, count_text, check_all
        names = ("texts", "characters", "unknown_tokens")
        self._counts = dict.fromkeys(names + ("bytes", "words") * count_text, 0)
        self._changed: tuple[str, str] | None = None
        self._store = TokenStore(tokenizer.vocab_size)

    def encode_stream(self, pieces: Iterable[str]) -> Encoded:
        """Encodes one text given in pieces."""
        first: dict[str, int] = {}
        for texts, parts in self._batches(pieces):
            first = first or self._count_first(texts[0], parts[0])
            self._store.append(np.concatenate(parts))
        self._counts["tokens"] = self._store.size
        return Encoded(self._store, self._counts, first=first, changed=self._changed)

    def encode_documents(
        self, documents: Iterable[str], packer: DocumentPacker, *, reorder: bool = False
    ) -> Encoded:
        """Encodes documents with end tokens into rows; `reorder` fills these better."""
        store, end = self._store, np.array([self.tokenizer.eos_id], np.int32)
        store.append(end)
        for _, parts in self._batches(documents):
            lengths = np.array([len(part) + 1 for part in parts], np.int64)
            if reorder:
                order = packing_order(lengths, packer.sequence_length)
                parts, lengths = [parts[i] for i in order], lengths[order]
            packer.add(lengths.tolist())
            store.append(np.concatenate([ids for part in parts for ids in (part, end)]))
        self._counts |= {"tokens": store.size - 1, "cut_documents": packer.cut}
        return Encoded(store, self._counts, packer, changed=self._changed)

    def _batches(self, texts: Iterable[str]) -> Iterator[tuple[list[str], list[np.ndarray]]]:
        """Encodes texts, about a million characters at once, and counts."""
        batch: list[str] = []
        size = 0
        ended: Iterable[str | None] = chain(texts, [None])
        for text in ended:
            if batch and (text is None or size >= BATCH_CHARACTERS):
                parts = self.tokenizer.encode_batch(batch)
                self._count(batch, parts)
                yield batch, parts
                batch, size = [], 0
            if text is not None:
                batch.append(text)
                size += len(text)

    def _count(self, batch: list[str], parts: list[np.ndarray]) -> None:
        counts, before = self._counts, self._counts["texts"]
        counts["texts"] += len(batch)
        counts["characters"] += sum(map(len, batch))
        if self.tokenizer.unk_id is not None:
            unknown = np.concatenate(parts) == self.tokenizer.unk_id
            counts["unknown_tokens"] += int(np.count_nonzero(unknown))
        if self.count_text:
            counts["words"] += sum(map(count_words, batch))
            counts["bytes"] += sum(len(text.encode("utf-8", "surrogatepass")) for text in batch)
        checked = None if self.check_all else max(0, CHECKED_TEXTS - before)
        for text, part in islice(zip(batch, parts, strict=True), checked):
            if self._changed is None and (decoded := self.tokenizer.decode(part)) != text:
                self._changed = (text, decoded)

    def _count_first(self, text: str, ids: np.ndarray) -> dict[str, int]:
        first = self.tokenizer.decode(ids[:1])
        if not text.startswith(first):
            first = text[: max(1, len(first))]
        return {
            "words": count_words(text) - count_words(text[len(first) :]),
            "characters": len(first),
            "bytes": len(first.encode("utf-8", "surrogatepass")),
        }


def predicted_counts(encoded: Encoded) -> dict[str, int]:
    """Counts the text that the targets of weight 1 cover: all but a stream's first token."""
    tokens = encoded.counts["tokens"] - (encoded.packer is None)
    if tokens < 1:
        raise DataError(
            "the validation text has no token to predict; give more text or a larger valid_fraction"
        )
    names = ("words", "characters", "bytes")
    text = {name: encoded.counts[name] - encoded.first.get(name, 0) for name in names}
    return {"tokens": tokens} | text
