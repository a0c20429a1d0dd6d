"""Cleaned, deduplicated texts, split into training, validation and test."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lmzoo.data.corpus import Corpus
from lmzoo.data.text.cleaning import Rule


@dataclass(frozen=True)
class CleanTexts:
    """What `clean_and_split` gives.

    Args:
        corpus: {"text"} by split: whole documents, or pieces of a stream (some 16,000 characters).
        kind: "stream", "document", "line" or "paragraph".
        counts: what was repaired, cleaned and dropped, each change counted once.
        sizes: documents of each split; of a stream, characters.
    """

    corpus: Corpus
    kind: str
    counts: Counter[str]
    sizes: Mapping[str, int]


def clean_and_split(
    corpus: Corpus,
    *,
    documents: str | None = None,
    rules: Mapping[str, Rule],
    valid_fraction: float,
    deduplicate: bool = True,
    seed: int = 0,
) -> CleanTexts:
    """Reads all texts once: cleans and counts, drops duplicates, chooses the validation texts."""
    raise NotImplementedError
