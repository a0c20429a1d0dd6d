"""Training, validation and test: by names, by hash, by cut, stratified, and in folds."""

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

from lmzoo.data.corpus import Corpus, Record

SPLITS = ("train", "valid", "test")


def split_by_hash(
    corpus: Corpus, valid_fraction: float, *, key: Callable[[Record], str], seed: int = 0
) -> Corpus:
    """Gives a corpus validation records where it has none: those whose key has a small hash."""
    raise NotImplementedError


def stratified_split(
    labels: Sequence[Hashable],
    fraction: float,
    seed: int = 0,
    *,
    texts: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """Chooses examples to hold out, of each label the same share (as today)."""
    raise NotImplementedError


def folds(corpus: Corpus, k: int = 10, *, seed: int = 0) -> Iterator[Corpus]:
    """Cross-validation: for each fold a corpus with "train" and "test"."""
    raise NotImplementedError
