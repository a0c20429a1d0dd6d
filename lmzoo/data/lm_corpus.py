"""The texts of a corpus, cleaned, without repetitions, and parted for training and validation."""

from array import array
from collections import Counter
from collections.abc import Iterator

import numpy as np

from lmzoo.data.borders import cut_pieces, end_lines, slice_characters, split_documents_at
from lmzoo.data.text.cleaning import Rule, apply_rules
from lmzoo.data.deduplicate import buckets, digest, first_occurrences
from lmzoo.data.files import LINE_LIMIT
from lmzoo.data.sources import Texts
from lmzoo.data.split import DROPPED, TRAIN, VALID, check_fraction, split_documents, split_point
from lmzoo.errors import DataError


class Corpus:
    """Cleaned texts by part; every pass reads the source anew, so that none is held in memory.

    Args:
        texts: the source.
        kind: "stream", "document", "line" or "paragraph".
        rules: cleaning rules by name.

    Attributes:
        counts: what was mended, cleaned and dropped, each change counted once.
        sizes: documents of each part; of a stream, characters.
    """

    def __init__(self, texts: Texts, kind: str, rules: dict[str, Rule]) -> None:
        self.texts, self.kind, self.rules = texts, kind, rules
        self.counts: Counter[str] = Counter()
        self.sizes: dict[str, int] = {}
        self._border: int | None = None  # characters before the validation text
        self._sides: np.ndarray | None = None  # of each document in the source's training part

    @property
    def parts(self) -> list[str]:
        """The parts that hold text: "train", and perhaps "valid" and "test"."""
        return list(self.sizes)

    def split(self, valid_fraction: float, *, deduplicate: bool, seed: int) -> None:
        """Reads everything once: counts it, finds repetitions, and chooses the validation texts.

        Validation and test texts that the source itself offers stay as they are; documents that
        stand in them are dropped from training.
        """
        check_fraction(valid_fraction)
        counted = [part for part in ("train", "valid", "test") if part in self.texts.openers]
        if self.kind == "stream":
            for part in counted:
                self.sizes[part] = sum(map(len, self._blocks(part, self.counts)))
            self._require_text()
            if "valid" not in counted and valid_fraction:
                whole = self.sizes["train"]
                self._border = split_point(whole, valid_fraction)
                self.sizes["train"] = self._border
                self.sizes["valid"] = whole - self._border
        else:
            self._split_documents(counted, valid_fraction, deduplicate, seed)

    def _split_documents(
        self, counted: list[str], valid_fraction: float, deduplicate: bool, seed: int
    ) -> None:
        """Gives each document of the training part its side."""
        digests = {}
        for part in counted:
            numbers = array("Q")
            for document in self._documents(part, self.counts):
                numbers.append(digest(document, seed=seed))
            digests[part] = np.frombuffer(numbers, np.uint64)
            self.sizes[part] = len(numbers)
        self._require_text()
        own = digests.pop("train")
        sides = np.full(len(own), TRAIN, np.uint8)
        if self.texts.grammar is None:  # a sample of the grammar keeps its distribution
            if deduplicate:
                repeated = ~first_occurrences(own)
                self.counts["duplicate_documents"] += int(repeated.sum())
                sides[repeated] = DROPPED
            for given in digests.values():
                for places in buckets(own):
                    leaking = places[np.isin(own[places], given) & (sides[places] == TRAIN)]
                    self.counts["training_documents_in_validation_or_test"] += len(leaking)
                    sides[leaking] = DROPPED
        if "valid" not in digests and valid_fraction:
            # Equal documents are on one side, so that those already dropped change nothing.
            chosen = split_documents(own, valid_fraction) & (sides == TRAIN)
            sides[chosen] = VALID
            self.sizes["valid"] = int(chosen.sum())
        self.sizes["train"] = int((sides == TRAIN).sum())
        self._sides = sides
        self._require_text()

    def _require_text(self) -> None:
        """Raises if a part holds nothing."""
        for part, size in self.sizes.items():
            if not size:
                where = self.texts.name if part == "train" else f"{self.texts.name} ({part})"
                raise DataError(f"{where} holds no text for {part}; give a file that is not empty")

    def read(self, part: str) -> Iterator[str]:
        """Reads one part: its documents, or pieces of a stream of some 16,000 characters."""
        if self.kind != "stream":
            return self._side(part)
        if self._border is None:
            return cut_pieces(self._blocks(part, Counter()))
        start, stop = (0, self._border) if part == "train" else (self._border, None)
        if part == "test":
            return cut_pieces(self._blocks(part, Counter()))
        return cut_pieces(slice_characters(self._blocks("train", Counter()), start, stop))

    def _side(self, part: str) -> Iterator[str]:
        """Reads the documents of one part."""
        if part in self.texts.openers and part != "train":
            yield from self._documents(part, Counter())
        elif self._sides is not None:
            wanted = VALID if part == "valid" else TRAIN
            for side, document in zip(
                self._sides, self._documents("train", Counter()), strict=True
            ):
                if side == wanted:
                    yield document

    def _blocks(self, part: str, counts: Counter[str]) -> Iterator[str]:
        """Reads one part of the source as one text, cleaned."""
        limit = LINE_LIMIT if self.kind == "stream" else None
        blocks = self.texts.openers[part](counts, limit)
        rules = self.rules
        if not self.texts.are_documents:  # the files' reader knows where a file starts
            rules = {name: rule for name, rule in rules.items() if name != "bom"}
        cleaned = (apply_rules(block, rules, counts) for block in blocks)
        if self.texts.are_documents and self.kind != "document":
            return end_lines(cleaned)
        return cleaned

    def _documents(self, part: str, counts: Counter[str]) -> Iterator[str]:
        """Reads one part of the source as documents, cleaned."""
        return split_documents_at(self._blocks(part, counts), self.kind, counts)
