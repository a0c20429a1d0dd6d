"""Exact probabilities of texts, the floor of a sample, and the entropy of the language."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from lmzoo.errors import listed
from lmzoo.grammar.language import check_language, world
from lmzoo.grammar.orthography import read_english
from lmzoo.grammar.parse import Inside
from lmzoo.grammar.rules import Grammar, Rule


@dataclass(frozen=True, slots=True)
class Entropy:
    """Exact expectations over one document of the grammar.

    Args:
        nats: entropy of a derivation; in English also of the text, in Chinese an upper bound of it.
        units: mean number of words and punctuation marks (Chinese: characters), the end included.
    """

    nats: float
    units: float

    @property
    def nats_per_unit(self) -> float:
        """The entropy rate H / E[units]."""
        return self.nats / self.units


@cache
def _inside(language: str) -> Inside:
    return Inside(world(), check_language(language))


@cache
def _proper() -> frozenset[str]:
    """The English units that keep their capital everywhere."""
    return frozenset(unit for unit in _inside("en").units if unit[0].isupper())


def units(text: str, *, language: str = "en") -> list[str] | None:
    """Split a document into the grammar's units.

    Args:
        text, language: one document, in "en" or "zh".

    Returns:
        Words and punctuation marks (Chinese: characters); None for English spelled otherwise.

    Example:
        >>> units("An old dog slept.")
        ['a', 'old', 'dog', 'slept', '.']
    """
    return list(text) if check_language(language) == "zh" else read_english(text, _proper())


def log_probability(text: str, *, language: str = "en") -> float:
    """The exact log-probability of a document, summed over all its derivations, end included.

    Args:
        text, language: one document, in "en" or "zh".

    Returns:
        Nats; -inf if the grammar cannot produce the text.

    Example:
        >>> log_probability("The the the."), round(log_probability("Emma sang in the park."), 2)
        (-inf, -16.47)
    """
    split = units(text, language=language)
    p = _inside(language).probability(split) if split else 0.0
    return math.log(p) if p > 0 else -math.inf


def parses(text: str, *, language: str = "en") -> bool:
    """Whether the grammar can produce the text as a whole document.

    Args:
        text, language: one document, in "en" or "zh".

    Returns:
        True if it can.

    Example:
        >>> parses("He sang."), parses("Emma sang in the park.")
        (False, True)
    """
    return log_probability(text, language=language) > -math.inf


def floor(texts: Iterable[str], *, language: str = "en") -> float:
    """The total nats of a sample under the grammar itself: -sum log p(document).

    Divided by the number of tokens in these texts, ends included, it is the floor of a loss.

    Args:
        texts, language: documents, in "en" or "zh".

    Returns:
        Nats; inf if the grammar cannot produce one of the texts.

    Example:
        >>> floor(["Emma sang in the park."]) == -log_probability("Emma sang in the park.")
        True
    """
    return -sum(log_probability(text, language=language) for text in listed(texts, "texts"))


def entropy(language: str = "en") -> Entropy:
    """Exact entropy and mean length of one document, by recursion over the grammar.

    Args:
        language: "en" or "zh".

    Returns:
        The expectations.

    Example:
        >>> entropy("en").nats == entropy("zh").nats, entropy("en").units > 10
        (True, True)
    """
    length = expected_units(world(), check_language(language)) + 1
    return Entropy(derivation_entropy(world()), length)


def vocabulary(language: str = "en") -> list[str]:
    """The grammar's units, sorted.

    Args:
        language: "en" or "zh".

    Returns:
        Words and punctuation marks, without capitals at the start of sentences and "an"; in
        Chinese, characters.

    Example:
        >>> "baker" in vocabulary(), "面" in vocabulary("zh")
        (True, True)
    """
    return _inside(language).units


def distinct_sentences() -> int:
    """The exact number of different first sentences (derivations; each has its own English).

    Returns:
        The count.

    Example:
        >>> distinct_sentences() > 10**9
        True
    """
    counts = count_derivations(world())
    return sum(count for symbol, count in counts.items() if symbol.startswith("First["))


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
