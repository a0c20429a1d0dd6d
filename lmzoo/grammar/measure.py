"""Exact figures of a grammar by recursion over its symbols: entropy, lengths, counts."""

import math

from lmzoo.grammar.rules import Grammar


def derivation_entropy(grammar: Grammar) -> float:
    """Entropy in nats of one derivation drawn from the start symbol.

    An upper bound of the entropy of its strings, and equal to it in a language in which no
    string has two derivations.

    Example:
        >>> from lmzoo.grammar.rules import Rule
        >>> coins = [Rule("S", 1.0, ("C", "C"), (0, 1), (0, 1)),
        ...          Rule("C", 1.0, (), ("h",), ("正",)), Rule("C", 1.0, (), ("t",), ("反",))]
        >>> round(derivation_entropy(Grammar(coins, "S")) / math.log(2), 9)
        2.0
    """
    entropy: dict[str, float] = {}
    for symbol in grammar.symbols:
        entropy[symbol] = sum(
            rule.probability
            * (sum(entropy[child] for child in rule.children) - math.log(rule.probability))
            for rule in grammar.rules[symbol]
        )
    return entropy[grammar.start]


def expected_units(grammar: Grammar, language: str) -> float:
    """Mean number of units (English words and marks, Chinese characters) of a document.

    Example:
        >>> from lmzoo.grammar.rules import Rule
        >>> coin = [Rule("S", 1.0, (), ("good", "luck"), ()), Rule("S", 1.0, (), ("bad",), ())]
        >>> expected_units(Grammar(coin, "S"), "en")
        1.5
    """
    mean: dict[str, float] = {}
    for symbol in grammar.symbols:
        mean[symbol] = sum(
            rule.probability
            * sum(
                1.0 if isinstance(item, str) else mean[rule.children[item]]
                for item in rule.side(language)
            )
            for rule in grammar.rules[symbol]
        )
    return mean[grammar.start]


def count_derivations(grammar: Grammar) -> dict[str, int]:
    """Exact number of derivations of every symbol.

    Example:
        >>> from lmzoo.grammar.rules import Rule
        >>> coins = [Rule("S", 1.0, ("C", "C"), (0, 1), (0, 1)),
        ...          Rule("C", 1.0, (), ("h",), ("正",)), Rule("C", 1.0, (), ("t",), ("反",))]
        >>> count_derivations(Grammar(coins, "S"))["S"]
        4
    """
    count: dict[str, int] = {}
    for symbol in grammar.symbols:
        count[symbol] = sum(
            math.prod(count[child] for child in rule.children) for rule in grammar.rules[symbol]
        )
    return count
