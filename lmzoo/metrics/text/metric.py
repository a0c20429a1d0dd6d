"""What scores of texts share: pairs of hypotheses and references."""

import itertools
from collections.abc import Sequence
from typing import Any

from lmzoo.errors import ArgumentError

Texts = Sequence[str]


class TextMetric:
    """Abstract base class of scores of texts, `hypotheses` with one or more `references` each."""

    name = "score"

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forgets all texts."""
        self.hypotheses: list[str] = []
        self.references: list[list[str]] = []

    def add(self, hypotheses: Texts, references: Sequence[str | Sequence[str]]) -> None:
        """Adds generated texts, and for each of them a reference, or several."""
        if isinstance(hypotheses, str) or isinstance(references, str):
            raise ArgumentError("add takes lists of texts: write [hypothesis], [reference]")
        if len(hypotheses) != len(references):
            two = f"{len(hypotheses)} hypotheses and {len(references)} references"
            raise ArgumentError(f"{two}: each hypothesis needs its reference")
        given = [[text] if isinstance(text, str) else list(text) for text in references]
        missing = [number for number, texts in enumerate(given) if not texts]
        if missing:
            raise ArgumentError(f"hypothesis {missing[0]} has no reference: give at least one")
        self.hypotheses += list(hypotheses)
        self.references += given

    def result(self) -> Any:
        """The score of all texts so far."""
        raise AttributeError("TextMetric is abstract: use Bleu, Ter, Rouge, ...")

    def _streams(self) -> list[list[Any]]:
        """References as sacreBLEU takes them: first ones, second ones, ... None where none is."""
        if not self.references:
            raise ArgumentError("there is no text to score: call add first")
        return list(map(list, itertools.zip_longest(*self.references)))
