"""An n-gram model with modified Kneser-Ney smoothing, to measure neural models against.

    python benchmarks/reference/kneser_ney.py TRAIN VALID --documents paragraph --order 5

prints, as JSON, what the model pays for VALID in nats and bits per predicted symbol. Every symbol
of a document and the end symbol after it are predicted; what TRAIN lacks is one symbol, <unk>.

Source: Chen and Goodman (1998), An Empirical Study of Smoothing Techniques for Language Modeling,
https://dash.harvard.edu/handle/1/25104739 (section 3, "modified Kneser-Ney").
"""

import argparse
import gzip
import json
import math
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BEGIN, END, UNK = 0, 1, 2


@dataclass
class Level:
    """The n-grams of one order, and what the formula needs of them.

    Args:
        keys: sorted; `context * size + symbol`, where context is the index of the shorter n-gram.
        discounted: per n-gram, its count less the discount, at least 0.
        total: per context, the sum of its n-grams' counts.
        spared: per context, the counts that discounting took away: the share of shorter n-grams.
    """

    keys: np.ndarray
    discounted: np.ndarray
    total: np.ndarray
    spared: np.ndarray


class KneserNey:
    """Interpolated modified Kneser-Ney over documents of symbols.

    Shorter n-grams count the distinct symbols seen before them; an n-gram at the very start of a
    document keeps its plain count, since nothing can stand before it. The unigrams are interpolated
    with the uniform distribution over the vocabulary, which gives <unk> its probability.

    Args:
        documents: training documents, each a sequence of symbols (a string: its characters).
        order: length of the longest n-gram, at least 1.

    Raises:
        ValueError: if order is below 1, or there is no document.

    Source: Chen and Goodman (1998); document starts as in Heafield et al. (2013),
        https://aclanthology.org/P13-2121.

    Example:
        >>> model = KneserNey(["abab", "abba"], order=3)
        >>> round(sum(model.distribution("ab").values()), 9)
        1.0
    """

    def __init__(self, documents: Iterable[Sequence[str]], order: int = 5) -> None:
        documents = list(documents)
        if order < 1 or not documents:
            raise ValueError(f"order {order}, {len(documents)} documents: both must be at least 1")
        symbols = sorted({symbol for document in documents for symbol in document})
        self.index = {symbol: UNK + 1 + i for i, symbol in enumerate(symbols)}
        self.size = UNK + 1 + len(symbols)
        self.levels: list[Level] = []
        self._count(*self._encode(documents), order)

    def log_probabilities(self, documents: Iterable[Sequence[str]]) -> np.ndarray:
        """Return log p (nats) of every symbol and end, document after document, as float64."""
        return self._score(*self._encode(documents))

    def distribution(self, context: Sequence[str]) -> dict[str, float]:
        """Return p(next symbol | the document so far) for all symbols, "<end>" and "<unk>"."""
        names = {"<end>": END, "<unk>": UNK, **self.index}
        past = [BEGIN, *(self.index.get(symbol, UNK) for symbol in context)]
        rows = np.array([[*past, symbol] for symbol in names.values()])
        age = np.tile(np.arange(rows.shape[1]), len(rows))
        nats = self._score(rows.ravel(), age).reshape(len(rows), -1)  # (symbols, time)
        return dict(zip(names, np.exp(nats[:, -1]).tolist(), strict=True))

    def _encode(self, documents: Iterable[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of all documents in a row, and each id's distance from its BEGIN."""
        ids: list[int] = []
        age: list[int] = []
        for document in documents:
            ids += [BEGIN, *(self.index.get(symbol, UNK) for symbol in document), END]
            age += range(len(document) + 2)
        return np.array(ids, np.int64), np.array(age, np.int64)

    def _count(self, ids: np.ndarray, age: np.ndarray, order: int) -> None:
        """Build the levels 1 to order; a level is finished once the n-grams above it are known."""
        grams = np.zeros(len(ids), np.int64)
        contexts = 1
        below: tuple[np.ndarray, np.ndarray, np.ndarray, int] | None = None
        for n in range(1, order + 1):
            place = np.flatnonzero(age >= n - 1)
            if not len(place):
                break  # no document is this long
            before = np.roll(grams, 1)[place] if n > 1 else grams
            keys, first, inverse, count = np.unique(
                before * self.size + ids[place],
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            first = place[first]
            if below is not None:
                lower_keys, lower_count, lower_starts, lower_contexts = below
                kinds = np.bincount(grams[first], minlength=len(lower_keys))
                kinds = np.where(lower_starts, lower_count, kinds)
                self.levels.append(self._level(lower_keys, kinds, lower_contexts))
            grams = np.full(len(ids), -1)
            grams[place] = inverse
            below = keys, count, age[first] == n - 1, contexts
            contexts = len(keys)
        assert below is not None
        self.levels.append(self._level(below[0], below[1], below[3]))

    def _level(self, keys: np.ndarray, count: np.ndarray, contexts: int) -> Level:
        """Discount the counts of one order."""
        context, symbol = np.divmod(keys, self.size)
        count = np.where(symbol == BEGIN, 0, count)  # a context, never predicted
        discount = _discounts(count)[np.minimum(count, 3)]
        return Level(
            keys=keys,
            discounted=count - discount,
            total=np.bincount(context, count, contexts),
            spared=np.bincount(context, discount, contexts),
        )

    def _score(self, ids: np.ndarray, age: np.ndarray) -> np.ndarray:
        """Return log p of every id that is not BEGIN: each order mixes in the one below it."""
        p = np.full(len(ids), 1.0 / (self.size - 1))
        grams = np.zeros(len(ids), np.int64)
        for n, level in enumerate(self.levels, 1):
            context = np.where(age >= n - 1, np.roll(grams, 1), -1) if n > 1 else grams
            key = np.where(context >= 0, context * self.size + ids, -1)
            grams = np.minimum(np.searchsorted(level.keys, key), len(level.keys) - 1)
            grams = np.where(level.keys[grams] == key, grams, -1)
            use = np.flatnonzero((context >= 0) & (level.total[context] > 0))
            share = np.where(grams[use] >= 0, level.discounted[grams[use]], 0.0)
            p[use] = (share + level.spared[context[use]] * p[use]) / level.total[context[use]]
        return np.log(p[age > 0])


def _discounts(count: np.ndarray) -> np.ndarray:
    """Return the discounts for counts 0, 1, 2 and 3 or more, estimated from counts of counts.

    Where a text is too small for the estimate, 0.5, 1 and 1.5 stand in.
    """
    n1, n2, n3, n4 = (int((count == c).sum()) for c in (1, 2, 3, 4))
    discounts = [0.0, 0.5, 1.0, 1.5]
    for c, (here, above) in enumerate([(n1, n2), (n2, n3), (n3, n4)], 1):
        if n1 and here:
            estimate = c - (c + 1) * n1 / (n1 + 2 * n2) * above / here
            if 0 < estimate <= c:
                discounts[c] = estimate
    return np.array(discounts)


def read_documents(path: Path, borders: str) -> list[str]:
    """Read a UTF-8 text file, plain or .gz, and cut it into documents.

    Args:
        path: the file.
        borders: "paragraph" (blank lines part documents), "line", or "whole" (one document).

    Returns:
        The documents that are not blank, without the line ends around them.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        text = file.read()
    border = {"paragraph": r"\n\s*\n", "line": r"\n"}.get(borders)
    parts = re.split(border, text) if border else [text]
    return [part.strip("\n") if border else part for part in parts if part.strip()]


def main(arguments: list[str] | None = None) -> None:
    """Fit on one file, measure on another, print the figures as JSON."""
    parser = argparse.ArgumentParser(description="Kneser-Ney n-gram baseline")
    parser.add_argument("train", type=Path)
    parser.add_argument("valid", type=Path)
    parser.add_argument("--documents", choices=["paragraph", "line", "whole"], default="paragraph")
    parser.add_argument("--symbols", choices=["character", "word"], default="character")
    parser.add_argument("--order", type=int, default=5)
    options = parser.parse_args(arguments)

    started = time.perf_counter()
    words = options.symbols == "word"
    train, valid = (
        [text.split() if words else text for text in read_documents(path, options.documents)]
        for path in (options.train, options.valid)
    )
    model = KneserNey(train, options.order)
    nats = -model.log_probabilities(valid)
    symbols = sum(map(len, valid))
    figures = {
        "order": options.order,
        "documents": options.documents,
        "symbols": options.symbols,
        "train_documents": len(train),
        "train_predicted": sum(map(len, train)) + len(train),
        "vocabulary": model.size - 1,
        "valid_documents": len(valid),
        "valid_predicted": len(nats),
        "valid_unknown": sum(symbol not in model.index for text in valid for symbol in text),
        "total_nats": nats.sum(),
        "nats_per_predicted": nats.mean(),
        "bits_per_predicted": nats.mean() / math.log(2),
        "bits_per_symbol_without_ends": nats.sum() / math.log(2) / symbols,
        "perplexity": math.exp(nats.mean()),
        "seconds": round(time.perf_counter() - started, 2),
    }
    json.dump(figures, sys.stdout)
    print()


if __name__ == "__main__":
    main()
