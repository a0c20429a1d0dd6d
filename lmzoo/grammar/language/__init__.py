"""The language itself: its lexicon and its rules, compiled once.

Feature variables:
    k  whom the document is about: m a man, f a woman, p people, a an animal, b animals
    h  the same, people only;  u  the same, animals only;  n  number (s, p)
    t  tense;  v  form of a verb (past, s = third person singular, base)
    d  how many more clauses may be nested
"""

import random
from collections.abc import Iterator
from functools import cache

from lmzoo.errors import ArgumentError
from lmzoo.grammar.language.phrases import add_phrases
from lmzoo.grammar.language.predicates import add_predicates
from lmzoo.grammar.language.sentences import add_sentences, number
from lmzoo.grammar.language.words import add_words
from lmzoo.grammar.rules import Feature, Grammar, RuleBook
from lmzoo.grammar.sample import Derivation, Sampler

LANGUAGES = ("en", "zh")
_DOMAINS = {
    "k": {"m": 0.27, "f": 0.27, "p": 0.22, "a": 0.12, "b": 0.12},
    "h": {"m": 0.35, "f": 0.35, "p": 0.3},
    "u": {"a": 0.5, "b": 0.5},
    "n": {"s": 0.65, "p": 0.35},
    "t": {"past": 0.45, "present": 0.33, "future": 0.22},
    "v": {"past": 1.0, "s": 1.0, "base": 1.0},
    "d": {"1": 1.0, "0": 1.0},
}


def _form(t: str, k: str) -> str:
    """The form of the verb after a subject; the future's follows "will"."""
    return "past" if t == "past" else "s" if t == "present" and number(k) == "s" else "base"


_FUNCTIONS: dict[str, Feature] = {
    "number": number,
    "form": _form,
    # "say" before a clause in a tense: present before future
    "said": lambda t, k: _form("past" if t == "past" else "present", k),
    "now": lambda t: "past" if t == "past" else "present",
    "at": lambda t: "when" if t == "past" else "s",
    "by": lambda t: "past" if t == "past" else "s",
}


@cache
def world() -> Grammar:
    """The compiled grammar; its start symbol is `Document`.

    Returns:
        The grammar; the same object at every call.

    Example:
        >>> world().rules["Pron[f]"][0].english
        ('she',)
    """
    book = RuleBook(_DOMAINS, _FUNCTIONS)
    for add in (add_sentences, add_predicates, add_phrases, add_words):
        add(book)
    return book.compile("Document")


@cache
def sampler() -> Sampler:
    """A sampler of the language."""
    return Sampler(world())


def draw_derivations(seed: int) -> Iterator[Derivation]:
    """Derivations of documents without end; the same seed gives the same ones."""
    rng = random.Random(seed)
    while True:
        yield sampler().draw(rng)


def check_language(language: str) -> str:
    """Refuse an unknown language."""
    if language not in LANGUAGES:
        raise ArgumentError(f"language is {language!r}; supported languages: 'en' and 'zh'")
    return language


def check_request(count: int, language: str) -> None:
    """Refuse a negative count and an unknown language."""
    if count < 0:
        raise ArgumentError(f"count is {count}: ask for 0 documents or more")
    check_language(language)
