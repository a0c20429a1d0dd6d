"""A language whose entropy is known: a small world told in English and in Chinese.

A stochastic synchronous grammar, written for lmzoo, draws documents: a sentence, a short story of
two sentences about one subject, or a question. It holds people with names and trades,
their relatives, animals, food and drink, things to buy, wear, write, play, drive and build, places
and cities, the weather, clocks, weekdays and seasons; past, present and future; agreement of
verbs, pronouns, possessives and reflexives; relative, causal, temporal and reported clauses,
nested to a bounded depth. The Chinese of a document is a function of its English.

The probability of a document is the sum over *all* its derivations in that language, its end
included: documents are drawn independently, so p(document) is the probability of its units
followed by the end token. The floor of a sample is -sum log p(document) in nats: no model's
expected loss on that sample can be lower, whatever its tokenizer, provided that different
documents get different ids.

The grammar has no recursion left once it is compiled (nested clauses count down a depth feature,
and the weights of what remains are normalized), so every figure here is exact.
"""

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from lmzoo.errors import ArgumentError
from lmzoo.grammar.measure import count_derivations, derivation_entropy, expected_units
from lmzoo.grammar.orthography import read_english, write_english
from lmzoo.grammar.parse import Inside
from lmzoo.grammar.rules import Grammar
from lmzoo.grammar.sample import Derivation, Sampler
from lmzoo.grammar.tasks import dialogue, headline
from lmzoo.grammar.world import build_world

__all__ = [
    "Derivation", "Entropy", "derivations", "dialogues", "distinct_sentences", "documents",
    "entropy", "floor", "headlines", "log_probability", "pairs", "parses", "units", "vocabulary",
    "world",
]  # fmt: skip

LANGUAGES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Entropy:
    """Exact expectations over one document of the grammar.

    Attributes:
        nats: entropy of a derivation; the entropy of the text in English, where every text has
            one derivation, and an upper bound of it in Chinese.
        units: mean number of units, the end included: words and marks in English, characters in
            Chinese.
    """

    nats: float
    units: float

    @property
    def nats_per_unit(self) -> float:
        """The entropy rate H / E[units]."""
        return self.nats / self.units


@cache
def world() -> Grammar:
    """The compiled grammar.

    Example:
        >>> world().rules["Pron[f]"][0].english
        ('she',)
    """
    return build_world()


@cache
def _sampler() -> Sampler:
    return Sampler(world())


@cache
def _inside(language: str) -> Inside:
    return Inside(world(), _check(language))


@cache
def _proper() -> frozenset[str]:
    """The English units that keep their capital everywhere."""
    return frozenset(unit for unit in _inside("en").units if unit[0].isupper())


def _check(language: str) -> str:
    if language not in LANGUAGES:
        raise ArgumentError(f"language is {language!r}: the grammar speaks 'en' and 'zh'")
    return language


def documents(count: int, *, seed: int = 0, language: str = "en") -> list[str]:
    """Draw documents. The same seed gives the same derivations in both languages.

    Args:
        count: how many, 0 or more.
        seed: of the random generator; a validation sample is one with another seed.
        language: "en" or "zh".

    Returns:
        `count` texts, each one line.

    Raises:
        ArgumentError: an unknown language, a negative count.

    Example:
        >>> documents(2, seed=1) == documents(2, seed=1)
        True
    """
    if count < 0:
        raise ArgumentError(f"count is {count}: ask for 0 documents or more")
    return list(_documents(count, seed, _check(language)))


def _documents(count: int, seed: int, language: str) -> Iterator[str]:
    rng = random.Random(seed)
    sampler = _sampler()
    for _ in range(count):
        text = sampler.text(rng, language)
        yield write_english(text.split()) if language == "en" else text


def derivations(count: int, *, seed: int = 0) -> list[Derivation]:
    """Draw the derivation trees behind `documents(count, seed=seed)`.

    Example:
        >>> derivations(1, seed=3)[0].rule.symbol
        'Document'
    """
    rng = random.Random(seed)
    return [_sampler().draw(rng) for _ in range(count)]


def pairs(count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Draw documents with their Chinese translation.

    Returns:
        `count` pairs (English, Chinese), each from one derivation.

    Example:
        >>> english, chinese = pairs(1, seed=5)[0]
        >>> [english] == documents(1, seed=5), [chinese] == documents(1, seed=5, language="zh")
        (True, True)
    """
    english = documents(count, seed=seed, language="en")
    return list(zip(english, documents(count, seed=seed, language="zh"), strict=True))


def headlines(count: int, *, seed: int = 0) -> list[tuple[str, str]]:
    """Draw documents with their headlines: who did what, without times, places and reasons.

    Returns:
        `count` pairs (document, headline) in English; the headline is a function of the document.

    Example:
        >>> text, short = headlines(1, seed=5)[0]
        >>> [text] == documents(1, seed=5), len(short) <= len(text)
        (True, True)
    """
    drawn = derivations(count, seed=seed)
    return [(write_english(tree.units("en")), headline(tree)) for tree in drawn]


def dialogues(count: int, *, seed: int = 0) -> list[list[tuple[str, str]]]:
    """Draw dialogues: a statement, its headline, and questions about it with their answers.

    Returns:
        `count` dialogues of (speaker, text); speakers are "user" and "bot", and every turn of the
        bot is a function of what was said before.

    Example:
        >>> dialogues(1, seed=5)[0][-1]
        ('bot', 'You are welcome.')
    """
    rng = random.Random(seed)
    found: list[list[tuple[str, str]]] = []
    while len(found) < count:
        tree = _sampler().draw(rng)
        if tree.children[0].rule.symbol.startswith("First"):
            found.append(dialogue(tree, rng))
    return found


def units(text: str, *, language: str = "en") -> list[str] | None:
    """Split a document into the grammar's units, None if it is not spelled as the grammar spells.

    Example:
        >>> units("An old dog slept.")
        ['a', 'old', 'dog', 'slept', '.']
    """
    if _check(language) == "zh":
        return list(text)
    return read_english(text, _proper())


def log_probability(text: str, *, language: str = "en") -> float:
    """The exact log-probability of a document, summed over all its derivations, end included.

    Args:
        text: one document.
        language: "en" or "zh".

    Returns:
        Nats; -inf if the grammar cannot produce the text.

    Example:
        >>> log_probability("The the the.")
        -inf
        >>> log_probability(documents(1, seed=2)[0]) > -200
        True
    """
    split = units(text, language=language)
    p = _inside(language).probability(split) if split else 0.0
    return math.log(p) if p > 0 else -math.inf


def parses(text: str, *, language: str = "en") -> bool:
    """Whether the grammar can produce the text as a whole document.

    Example:
        >>> parses("He sang."), all(parses(text) for text in documents(5))
        (False, True)
    """
    return log_probability(text, language=language) > -math.inf


def floor(texts: Iterable[str], *, language: str = "en") -> float:
    """The total nats of a sample under the grammar itself: -sum log p(document).

    Divide by the number of tokens that a model predicts on these texts (each document's end
    counted) for the floor of its loss.

    Returns:
        Nats; inf if a text is not the grammar's.

    Example:
        >>> sample = documents(3)
        >>> floor(sample) == -sum(log_probability(text) for text in sample)
        True
    """
    return -sum(log_probability(text, language=language) for text in texts)


def entropy(language: str = "en") -> Entropy:
    """Exact entropy and mean length of one document, by recursion over the grammar.

    Example:
        >>> entropy("en").nats == entropy("zh").nats, entropy("en").units > 10
        (True, True)
    """
    return Entropy(derivation_entropy(world()), expected_units(world(), _check(language)) + 1.0)


def vocabulary(language: str = "en") -> list[str]:
    """The grammar's units, sorted: words and marks in English, characters in Chinese.

    Written English adds capitals at the start of a sentence, and "an".

    Example:
        >>> "baker" in vocabulary(), "面" in vocabulary("zh")
        (True, True)
    """
    return _inside(language).units


def distinct_sentences() -> int:
    """The exact number of different first sentences (derivations; each has its own English).

    Example:
        >>> distinct_sentences() > 10**9
        True
    """
    counts = count_derivations(world())
    return sum(count for symbol, count in counts.items() if symbol.startswith("First["))
