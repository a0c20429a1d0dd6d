"""Cleaned, deduplicated texts, split into training, validation and test."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

import numpy as np

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.digests import buckets, digest
from lmzoo.data.splits import SPLITS, check_fraction, split_documents, split_point
from lmzoo.data.text.documents import (
    check_kind,
    cut_pieces,
    join_blocks,
    slice_characters,
    split_documents_at,
)
from lmzoo.data.text.duplicates import first_occurrences
from lmzoo.errors import DataError
from lmzoo.tokenizers.cleaning import Rule, apply_rules

DROPPED, TRAIN, VALID = 0, 1, 2
# Reads a split as cleaned documents, or as cleaned blocks of a stream, and counts the changes.
Reader = Callable[[str, Counter[str]], Iterator[str]]


@dataclass(frozen=True)
class CleanTexts:
    """Texts, or pieces of a stream, by split; `sizes` of splits in documents, or characters."""

    corpus: Corpus
    kind: str
    counts: Counter[str]
    sizes: dict[str, int]

    def read(self, split: str = "train") -> Iterator[str]:
        """Reads the texts of one split."""
        return (record["text"] for record in self.corpus.read(split))


def clean_and_split(
    corpus: Corpus,
    *,
    documents: str | None = None,
    rules: Mapping[str, Rule],
    valid_fraction: float,
    deduplicate: bool = True,
    seed: int = 0,
) -> CleanTexts:
    """Reads all texts once: cleans and counts, finds duplicates, chooses the validation texts.

    Documents of the source's own validation and test texts are dropped from training, but the
    duplicates of a sample of the grammar stay: see `prepare_lm`.
    """
    check_fraction(valid_fraction)
    firsts = [next(corpus.read(split), None) for split in corpus.splits]
    are_files = {"block" in first for first in firsts if first is not None}
    if len(are_files) > 1:
        raise DataError(f"{corpus.name} mixes files and documents; give all its splits in one form")
    kind = check_kind(documents, are_documents=are_files == {False})
    # The reader of files knows where a file starts.
    rules = {n: rule for n, rule in rules.items() if n != "bom" or are_files != {True}}
    counts: Counter[str] = Counter()

    def read(split: str, counts: Counter[str]) -> Iterator[str]:
        return _read(corpus.read(split), kind, are_files == {True}, rules, counts)

    given = [split for split in SPLITS if split in corpus.splits]
    if kind == "stream":
        splits, sizes = _split_stream(corpus, read, given, valid_fraction, counts)
    else:
        own = corpus.grammar is None
        sides, sizes = _choose_sides(
            {split: _digests(read(split, counts), seed) for split in given},
            valid_fraction, deduplicate and own, own, counts,
        )  # fmt: skip
        splits = {split: partial(_documents, read, split, given, sides) for split in sizes}
        _require_text(corpus, sizes)
    return CleanTexts(replace(corpus, splits=splits), kind, counts, sizes)


def _read(
    records: Iterator[Record], kind: str, are_files: bool, rules: dict[str, Rule],
    counts: Counter[str],
) -> Iterator[str]:  # fmt: skip
    """Cleans the texts of records and, unless they are a stream, splits them into documents."""

    def counted(record: Record) -> Record:
        counts.update(record.get("repaired", {}))
        return record

    given = map(counted, records)
    blocks = join_blocks(given, kind, counts) if are_files else (r["text"] for r in given)
    cleaned: Iterator[str] = (apply_rules(block, rules, counts) for block in blocks)
    if not are_files and kind != "document":
        cleaned = (text.removesuffix("\n") + "\n" for text in cleaned)
    return cleaned if kind == "stream" else split_documents_at(cleaned, kind, counts)


def _require_text(corpus: Corpus, sizes: Mapping[str, int]) -> None:
    for split, size in sizes.items():
        if not size:
            where = corpus.name if split == "train" else f"{corpus.name} ({split})"
            raise DataError(f"{where} holds no text for {split}; give a file that is not empty")


def _split_stream(
    corpus: Corpus, read: Reader, given: list[str], valid_fraction: float, counts: Counter[str]
) -> tuple[dict[str, Opener], dict[str, int]]:
    """Counts characters; validation is the last part of the training text, if there is no other."""
    sizes = {split: sum(map(len, read(split, counts))) for split in given}
    _require_text(corpus, sizes)
    ranges: dict[str, tuple[str, int, int | None]] = {split: (split, 0, None) for split in given}
    if "valid" not in given and valid_fraction:
        border = split_point(sizes["train"], valid_fraction)
        ranges |= {"train": ("train", 0, border), "valid": ("train", border, None)}
        sizes |= {"train": border, "valid": sizes["train"] - border}

    def pieces(source: str, start: int, stop: int | None) -> Iterator[Record]:
        blocks = slice_characters(read(source, Counter()), start, stop)
        return ({"text": piece} for piece in cut_pieces(blocks))

    return {split: partial(pieces, *where) for split, where in ranges.items()}, sizes


def _digests(documents: Iterable[str], seed: int) -> np.ndarray:
    return np.fromiter((digest(document, seed=seed) for document in documents), np.uint64)


def _choose_sides(
    digests: dict[str, np.ndarray], valid_fraction: float, deduplicate: bool, drop_known: bool,
    counts: Counter[str],
) -> tuple[np.ndarray, dict[str, int]]:  # fmt: skip
    """The side of each document that the source offers for training, and the sizes of splits."""
    sizes = {split: len(numbers) for split, numbers in digests.items()}
    own = digests.pop("train")
    sides = np.full(len(own), TRAIN, np.uint8)
    if deduplicate:
        repeated = ~first_occurrences(own)
        counts["duplicate_documents"] += int(repeated.sum())
        sides[repeated] = DROPPED
    for given in digests.values() if drop_known else ():
        for places in buckets(own):
            known = places[np.isin(own[places], given) & (sides[places] == TRAIN)]
            counts["training_documents_in_validation_or_test"] += len(known)
            sides[known] = DROPPED
    if "valid" not in digests and valid_fraction and len(own):
        # Equal documents are on one side, so that those already dropped change nothing.
        chosen = split_documents(own, valid_fraction) & (sides == TRAIN)
        sides[chosen] = VALID
        sizes["valid"] = int(chosen.sum())
    sizes["train"] = int((sides == TRAIN).sum())
    return sides, sizes


def _documents(read: Reader, split: str, given: list[str], sides: np.ndarray) -> Iterator[Record]:
    if split in given and split != "train":
        return ({"text": document} for document in read(split, Counter()))
    side = VALID if split == "valid" else TRAIN
    return _of_side(sides, side, read("train", Counter()))


def _of_side(sides: np.ndarray, side: int, documents: Iterator[str]) -> Iterator[Record]:
    for its, document in zip_longest(sides, documents):
        if its is None or document is None:
            raise DataError("the texts changed after they were first read; prepare the data anew")
        if its == side:
            yield {"text": document}
