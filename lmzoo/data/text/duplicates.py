"""Texts that occur more than once."""

from collections.abc import Iterable, Iterator

import numpy as np

from lmzoo.data.digests import buckets, digest


def drop_duplicates(texts: Iterable[str]) -> Iterator[str]:
    """Lets each text pass once, the first time that it comes.

    Args:
        texts: texts in any number; only their digests are held in memory.

    Yields:
        The texts without exact duplicates, in their order.

    Example:
        >>> list(drop_duplicates(["to be", "or not", "to be"]))
        ['to be', 'or not']
    """
    seen: set[int] = set()
    for text in texts:
        number = digest(text)
        if number not in seen:
            seen.add(number)
            yield text


def first_occurrences(digests: np.ndarray) -> np.ndarray:
    """Marks the first of equal digests, in a tenth of the memory that a set of them takes."""
    first = np.zeros(len(digests), bool)
    for places in buckets(digests):
        _, index = np.unique(digests[places], return_index=True)
        first[places[index]] = True
    return first
