"""Exact figures of a grammar by recursion over its symbols: entropy, lengths, counts."""

import math
from collections.abc import Callable

from lmzoo.grammar.rules import Grammar, Rule


def _fold(grammar: Grammar, value: Callable[[Rule, dict[str, float]], float]) -> dict[str, float]:
    """Of every symbol the sum of its rules' values, which may use those of their children."""
    values: dict[str, float] = {}
    for symbol in grammar.symbols:
        values[symbol] = sum(value(rule, values) for rule in grammar.rules[symbol])
    return values


def derivation_entropy(grammar: Grammar) -> float:
    """Entropy in nats of one derivation drawn from the start symbol.

    An upper bound of the entropy of its strings, and equal to it in a language in which no
    string has two derivations.
    """

    def value(rule: Rule, entropy: dict[str, float]) -> float:
        below = sum(entropy[child] for child in rule.children)
        return rule.probability * (below - math.log(rule.probability))

    return _fold(grammar, value)[grammar.start]


def expected_units(grammar: Grammar, language: str) -> float:
    """Mean number of units of a document, without its end."""

    def value(rule: Rule, mean: dict[str, float]) -> float:
        side = rule.side(language)
        lengths = (1.0 if isinstance(item, str) else mean[rule.children[item]] for item in side)
        return rule.probability * sum(lengths)

    return _fold(grammar, value)[grammar.start]


def count_derivations(grammar: Grammar) -> dict[str, int]:
    """Exact number of derivations of every symbol."""
    counts: dict[str, int] = {}
    for symbol in grammar.symbols:
        rules = grammar.rules[symbol]
        counts[symbol] = sum(math.prod(counts[child] for child in rule.children) for rule in rules)
    return counts
