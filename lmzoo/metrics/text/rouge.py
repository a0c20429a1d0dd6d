"""ROUGE: what a summary shares with its references."""

import collections
from collections.abc import Callable
from typing import Any

from lmzoo.errors import ArgumentError
from lmzoo.metrics.text.distinct import ngrams
from lmzoo.metrics.text.metric import TextMetric
from lmzoo.metrics.text.scripts import split_words

NAMES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


class Rouge(TextMetric):
    """ROUGE-1, ROUGE-2, ROUGE-L and ROUGE-Lsum (of the lines of a text): means of the best
    reference, 0 to 100.

    Args:
        split: text -> tokens: `split_words`, `split_characters`, or your own function.
        use_stemmer: whether English words of more than 3 letters are cut to their stems, by the
            Porter stemmer of the package nltk.

    Raises:
        ArgumentError: a stemmer is asked for, and nltk is not installed.

    Source: Lin 2004, https://aclanthology.org/W04-1013

    Example:
        >>> rouge = Rouge()
        >>> rouge.add(["the cat sat"], ["the cat slept"])
        >>> {name: round(value, 1) for name, value in rouge.result().items()}
        {'rouge1': 66.7, 'rouge2': 50.0, 'rougeL': 66.7, 'rougeLsum': 66.7}
    """

    name = "rouge"

    def __init__(
        self, split: Callable[[str], list[str]] = split_words, *, use_stemmer: bool = False
    ) -> None:
        super().__init__()
        self.split = split
        self._stem = _porter() if use_stemmer else None

    def result(self) -> dict[str, float]:
        """The mean F1 of each."""
        return {name: scores["f1"] for name, scores in self.details().items()}

    def details(self) -> dict[str, dict[str, float]]:
        """The mean "precision", "recall" and "f1" of each."""
        self._streams()  # raises if there is no text
        totals = {name: [0.0, 0.0, 0.0] for name in NAMES}
        for hypothesis, references in zip(self.hypotheses, self.references, strict=True):
            found = [self._scores(hypothesis, reference) for reference in references]
            for place, name in enumerate(NAMES):
                best = max((scores[place] for scores in found), key=lambda score: score[2])
                totals[name] = [a + b for a, b in zip(totals[name], best, strict=True)]
        scale = 100.0 / len(self.hypotheses)
        parts = ("precision", "recall", "f1")
        return {
            name: dict(zip(parts, (scale * total for total in totals[name]), strict=True))
            for name in NAMES
        }

    def _words(self, text: str) -> list[str]:
        words = self.split(text)
        if self._stem is None:
            return words
        return [self._stem(word) if len(word) > 3 else word for word in words]

    def _scores(self, hypothesis: str, reference: str) -> list[tuple[float, float, float]]:
        """Precision, recall and F1 of single words, of pairs, and of common subsequences."""
        words, wanted = self._words(hypothesis), self._words(reference)
        scores = []
        for n in (1, 2):
            own, other = ngrams(words, n), ngrams(wanted, n)
            scores.append(_score((own & other).total(), own.total(), other.total()))
        scores.append(_score(len(_common_places(wanted, words)), len(words), len(wanted)))
        lines, others = (
            [self._words(line) for line in text.split("\n")] for text in (hypothesis, reference)
        )
        counts = [sum(map(len, text)) for text in (lines, others)]
        return [*scores, _score(_common_of_lines(lines, others), *counts)]


def _score(common: int, predicted: int, wanted: int) -> tuple[float, float, float]:
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / predicted, common / wanted
    # As rouge-score rounds it: of equally good references the same one is the best.
    return precision, recall, 2 * precision * recall / (precision + recall)


def _common_places(reference: list[str], words: list[str]) -> list[int]:
    """Places in the reference of a longest common subsequence."""
    table = [[0] * (len(words) + 1)]
    for word in reference:
        above, row = table[-1], [0]
        for place, other in enumerate(words):
            row.append(above[place] + 1 if word == other else max(above[place + 1], row[place]))
        table.append(row)
    places, i, j = [], len(reference), len(words)
    while i and j:
        if reference[i - 1] == words[j - 1]:
            i, j = i - 1, j - 1
            places.append(i)
        elif table[i][j - 1] > table[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places


def _common_of_lines(lines: list[list[str]], references: list[list[str]]) -> int:
    """Words of the references' lines that are in subsequences common with any line, each word as
    often as both texts hold it."""
    rest = collections.Counter(w for line in lines for w in line)
    rest &= collections.Counter(w for line in references for w in line)
    hits = 0
    for reference in references:
        for place in sorted({p for line in lines for p in _common_places(reference, line)}):
            if rest[reference[place]] > 0:
                rest[reference[place]] -= 1
                hits += 1
    return hits


def _porter() -> Callable[[str], Any]:
    try:
        from nltk.stem.porter import PorterStemmer
    except ImportError:
        raise ArgumentError(
            "use_stemmer=True needs the package nltk: pip install nltk, or leave the stemmer out"
        ) from None
    return PorterStemmer().stem
