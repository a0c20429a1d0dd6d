"""Exact probability of a string: the sum over all its derivations, by dynamic programming."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lmzoo.grammar.rules import Grammar

Ends = tuple[tuple[int, float], ...]


@dataclass(slots=True)
class _Node:
    """A state of a symbol's prefix tree: its successors, and the mass of rules that end here."""

    final: float = 0.0
    units: dict[str, "_Node"] = field(default_factory=dict)
    symbols: dict[str, "_Node"] = field(default_factory=dict)
    ready: dict[str, list[tuple[str, "_Node"]]] = field(default_factory=dict)


class Inside:
    """Probabilities of strings under a grammar, in the language "en" or "zh".

    The right sides of each symbol are a prefix tree; spans are computed once per position.
    """

    def __init__(self, grammar: Grammar, language: str) -> None:
        self._start = grammar.start
        self._trees: dict[str, _Node] = {}
        self._first: dict[str, set[str]] = {}
        self._nullable: set[str] = set()
        for symbol in grammar.symbols:
            tree = _Node()
            for rule in grammar.rules[symbol]:
                node = tree
                for item in rule.side(language):
                    if isinstance(item, str):
                        node = node.units.setdefault(item, _Node())
                    else:
                        node = node.symbols.setdefault(rule.children[item], _Node())
                node.final += rule.probability
            self._trees[symbol] = tree
            self._first[symbol] = set()
            if self._begin(tree, self._first[symbol]):
                self._nullable.add(symbol)
        sides = (rule.side(language) for rules in grammar.rules.values() for rule in rules)
        self.units = sorted({item for side in sides for item in side if isinstance(item, str)})

    def probability(self, units: Sequence[str]) -> float:
        """The probability of a string of units, its end included; 0 without a derivation."""
        chart: dict[tuple[str, int], Ends] = {}
        spans = self._spans(self._start, 0, [*units, ""], chart)
        return sum(p for end, p in spans if end == len(units))

    def _begin(self, node: _Node, first: set[str]) -> bool:
        """Collect the units that may follow `node`; return whether the end may, too."""
        empty = node.final > 0
        first.update(node.units)
        for symbol, after in node.symbols.items():
            first |= self._first[symbol]
            if symbol in self._nullable:
                empty |= self._begin(after, first)
        return empty

    def _spans(
        self, symbol: str, start: int, units: list[str], chart: dict[tuple[str, int], Ends]
    ) -> Ends:
        """Where `symbol` can end when it begins at `start`, with the inside probability of each."""
        known = chart.get((symbol, start))
        if known is not None:
            return known
        found: dict[int, float] = {}
        agenda = [(self._trees[symbol], start, 1.0)]
        while agenda:
            node, here, p = agenda.pop()
            if node.final:
                found[here] = found.get(here, 0.0) + p * node.final
            unit = units[here]
            after = node.units.get(unit)
            if after is not None:
                agenda.append((after, here + 1, p))
            if node.symbols:
                ready = node.ready.get(unit)
                if ready is None:
                    ready = node.ready[unit] = [
                        (child, after)
                        for child, after in node.symbols.items()
                        if unit in self._first[child] or child in self._nullable
                    ]
                for child, after in ready:
                    for end, q in self._spans(child, here, units, chart):
                        agenda.append((after, end, p * q))
        spans = chart[symbol, start] = tuple(found.items())
        return spans
