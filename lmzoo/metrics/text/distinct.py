"""Diversity of texts: distinct n-grams."""

import collections

from lmzoo.errors import ArgumentError
from lmzoo.metrics.text.metric import TextMetric
from lmzoo.metrics.text.scripts import split_tokens


class DistinctN(TextMetric):
    """Percentage of distinct n-grams among all of the texts: their diversity.

    Words are separated by spaces; in scripts without spaces, characters count as words.

    Args:
        n: length of the n-grams, 1 or more.

    Source: Li et al. 2016, https://aclanthology.org/N16-1014

    Example:
        >>> distinct = DistinctN(1)
        >>> distinct.add(["no no no yes"], [""])
        >>> distinct.result()
        50.0
    """

    def __init__(self, n: int = 2) -> None:
        super().__init__()
        if n < 1:
            raise ArgumentError(f"n is {n}; it must be at least 1")
        self.n, self.name = n, f"distinct_{n}"

    def result(self) -> float:
        """The percentage, 0 where there are no n-grams."""
        counts: collections.Counter[tuple[str, ...]] = collections.Counter()
        for text in self.hypotheses:
            counts.update(ngrams(split_tokens(text), self.n))
        return 100.0 * len(counts) / max(counts.total(), 1)


def ngrams(words: list[str], n: int) -> collections.Counter[tuple[str, ...]]:
    """How often each sequence of n words occurs."""
    return collections.Counter(zip(*(words[i:] for i in range(n)), strict=False))
