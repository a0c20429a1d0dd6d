"""Entities of the grammar's documents: who, where, when, and what took place."""

import re
from collections.abc import Iterator

from lmzoo.errors import ArgumentError
from lmzoo.grammar.orthography import write_english
from lmzoo.grammar.sample import Derivation

# Symbols that are an entity of a type as a whole. The outermost one counts.
_TYPES = {
    "City": "LOC", "Site": "LOC", "Clock": "TIME", "Day": "DATE", "Sharp": "DATE",
    "Name": "PER", "Thing": "EVENT",
}  # fmt: skip
# Noun phrases for people: mentions that are no names.
_PEOPLE = ("man", "woman", "person", "kin")
_MENTION = "ROLE"
# Prepositions before a day, which are no part of it.
_OUTSIDE = ("on", "in")
_WORD = re.compile(r"[A-Za-z]+|[.,?]")


def tagged(count: int, *, seed: int = 0) -> list[tuple[list[str], list[str]]]:
    """Draws documents whose words are tagged with entities, in the scheme IOB2.

    The types are PER (names), ROLE (people who are not named: "his two old brothers"), LOC
    (cities, and places without their article), DATE ("last summer"), TIME ("half past nine") and
    EVENT (what happens by itself: "the train left"). An English document has one derivation, so
    its tags are a function of its words: a perfect tagger gets all of them right. Words alone do
    not tell: "two" begins a DATE in "two days ago", a ROLE in "two sailors", is a TIME in "at
    two" and nothing in "two dogs"; "train" is an EVENT only where it arrives or leaves.

    Args:
        count: how many, 0 or more.
        seed: of the random generator; the documents are those of `grammar.documents`.

    Returns:
        `count` pairs of words, as they are written, and tags.

    Raises:
        ArgumentError: a negative count.

    Example:
        >>> words, tags = tagged(1, seed=5)[0]
        >>> len(words) == len(tags), words[-1], tags[-1]
        (True, '.', 'O')
    """
    from lmzoo import grammar

    if count < 0:
        raise ArgumentError(f"count is {count}: ask for 0 documents or more")
    return [tag_entities(tree) for tree in grammar.derivations(count, seed=seed)]


def tag_entities(derivation: Derivation) -> tuple[list[str], list[str]]:
    """The words of a document with the tags of its entities.

    Args:
        derivation: of a document.

    Returns:
        Words, as they are written in English, and IOB2 tags.
    """
    pairs = list(_walk(derivation))
    words = _WORD.findall(write_english([unit for unit, _ in pairs]))
    if len(words) != len(pairs):
        raise ArgumentError(f"a unit of the grammar is written as several words: {pairs}")
    return words, [tag for _, tag in pairs]


def _walk(derivation: Derivation) -> Iterator[tuple[str, str]]:
    """The units of a part with their tags."""
    kind = _entity(derivation)
    if kind:
        yield from _mark(derivation.units("en"), kind)
        return
    side = derivation.rule.side("en")
    for place, item in enumerate(side):
        if isinstance(item, int):
            yield from _walk_child(derivation, item)
        elif item == "the" and _before_person(derivation, side, place):
            # "the sailor who ...": the article of a noun with a relative clause.
            yield item, f"B-{_MENTION}"
        else:
            yield item, "O"


def _walk_child(derivation: Derivation, item: int) -> Iterator[tuple[str, str]]:
    child = derivation.children[item]
    if _is_person(child.rule.symbol, "Noun"):
        for unit in child.units("en"):
            yield unit, f"I-{_MENTION}"
    else:
        yield from _walk(child)


def _before_person(derivation: Derivation, side: tuple[str | int, ...], place: int) -> bool:
    follower = side[place + 1] if place + 1 < len(side) else None
    if not isinstance(follower, int):
        return False
    return _is_person(derivation.children[follower].rule.symbol, "Noun")


def _is_person(symbol: str, name: str) -> bool:
    return any(symbol.startswith(f"{name}[{kind},") for kind in _PEOPLE)


def _entity(derivation: Derivation) -> str | None:
    """The type of a part that is an entity as a whole."""
    symbol = derivation.rule.symbol
    name = symbol.partition("[")[0]
    if name in _TYPES:
        return _TYPES[name]
    if _is_person(symbol, "NP") or _is_person(symbol, "Any"):
        return _MENTION
    heads = [child.rule.symbol.partition("[")[0] for child in derivation.children]
    if name == "Person" and heads[0] == "Poss":
        return _MENTION
    if name == "Then":
        # "the next day," and "in the morning,", but not "later," or "after that,"
        side = derivation.rule.side("en")
        return "DATE" if heads or "day" in side else None
    return None


def _mark(units: list[str], kind: str) -> Iterator[tuple[str, str]]:
    """Tags of one entity; a preposition before it and a comma behind it are outside."""
    inside = False
    for place, unit in enumerate(units):
        if (unit in _OUTSIDE and place == 0) or unit == ",":
            yield unit, "O"
        else:
            yield unit, f"{'I' if inside else 'B'}-{kind}"
            inside = True
