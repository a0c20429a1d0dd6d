"""Sampling of derivations, and their text in English or Chinese."""

import math
import random
from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate

from lmzoo.grammar.rules import Grammar, Rule

_Table = tuple[list[float], list[tuple[str, tuple[str, ...]]]]


@dataclass(frozen=True, slots=True)
class Derivation:
    """A tree: a rewritten symbol.

    Args:
        rule, children: the rule that rewrote it, and a derivation for each of `rule.children`.
    """

    rule: Rule
    children: tuple["Derivation", ...]

    @property
    def name(self) -> str:
        """The symbol without its features."""
        return self.rule.symbol.partition("[")[0]

    @property
    def features(self) -> list[str]:
        """The features of the symbol."""
        return self.rule.symbol.rstrip("]").partition("[")[2].split(",")

    def units(self, language: str) -> list[str]:
        """The string in `language`: English words and punctuation marks, or Chinese characters."""
        units: list[str] = []
        for item in self.rule.side(language):
            units += [item] if isinstance(item, str) else self.children[item].units(language)
        return units

    def probability(self) -> float:
        """The probability of this one derivation: the product of its rules' probabilities."""
        return math.prod([self.rule.probability, *(c.probability() for c in self.children)])


class Sampler:
    """Draws from a grammar; the same generator state gives the same derivation in any language."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._cumulative: dict[str, list[float]] = {}
        self._tables: dict[str, dict[str, _Table]] = {"en": {}, "zh": {}}
        for symbol, rules in grammar.rules.items():
            sums = list(accumulate(rule.probability for rule in rules))
            sums[-1] = 1.0
            self._cumulative[symbol] = sums
            for language, table in self._tables.items():
                sides = [(_template(rule, language), rule.children) for rule in rules]
                table[symbol] = sums, sides

    def draw(self, rng: random.Random, symbol: str | None = None) -> Derivation:
        """Draw a derivation of `symbol` (the start symbol if None)."""
        symbol = symbol or self._grammar.start
        rule = self._grammar.rules[symbol][bisect(self._cumulative[symbol], rng.random())]
        return Derivation(rule, tuple(self.draw(rng, child) for child in rule.children))

    def text(self, rng: random.Random, language: str) -> str:
        """Draw a derivation and return only its string, units separated by spaces in English."""
        table, uniform = self._tables[language], rng.random

        def expand(symbol: str) -> str:
            sums, sides = table[symbol]
            template, children = sides[bisect(sums, uniform())]
            return template.format(*map(expand, children)) if children else template

        return expand(self._grammar.start)


def _template(rule: Rule, language: str) -> str:
    """A right side as a format string over its children; English words end in a space."""
    gap = " " if language == "en" else ""
    return "".join(
        f"{{{item}}}" if isinstance(item, int) else item + gap for item in rule.side(language)
    )
