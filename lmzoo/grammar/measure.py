"""Exact figures of a grammar by recursion over its symbols: entropy, lengths, counts."""

import math
from collections.abc import Callable
from typing import Any

from lmzoo.grammar.rules import Grammar, Rule


def _fold(grammar: Grammar, value: Callable[[Rule, dict[str, Any]], Any]) -> dict[str, Any]:
    """Of every symbol the sum of its rules' values, which may use those of their children."""
    values: dict[str, Any] = {}
    for symbol in grammar.symbols:
        values[symbol] = sum(value(rule, values) for rule in grammar.rules[symbol])
    return values


def derivation_entropy(grammar: Grammar) -> float:
    """Entropy in nats of one derivation; of its strings an upper bound, equal if unambiguous."""

    def value(rule: Rule, entropy: dict[str, Any]) -> float:
        below = sum(entropy[child] for child in rule.children)
        return rule.probability * (below - math.log(rule.probability))

    return float(_fold(grammar, value)[grammar.start])


def expected_units(grammar: Grammar, language: str) -> float:
    """Mean number of units of a document, without its end."""

    def value(rule: Rule, mean: dict[str, Any]) -> float:
        side = rule.side(language)
        lengths = (1.0 if isinstance(item, str) else mean[rule.children[item]] for item in side)
        return rule.probability * sum(lengths)

    return float(_fold(grammar, value)[grammar.start])


def count_derivations(grammar: Grammar) -> dict[str, int]:
    """Exact number of derivations of every symbol."""
    return _fold(grammar, lambda rule, counts: math.prod(counts[c] for c in rule.children))
