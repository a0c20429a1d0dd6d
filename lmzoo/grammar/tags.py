"""Entities of the grammar's documents: people, places, times and events."""

from collections.abc import Iterator
from itertools import islice

from lmzoo.errors import ArgumentError
from lmzoo.grammar.language import check_request, draw_derivations
from lmzoo.grammar.orthography import TOKEN, write_english
from lmzoo.grammar.sample import Derivation

# Symbols that are an entity of a type as a whole. The outermost one counts.
_TYPES = {
    "City": "LOC", "Site": "LOC", "Clock": "TIME", "Day": "DATE", "Sharp": "DATE",
    "Name": "PER", "Thing": "EVENT",
}  # fmt: skip
# Noun phrases for people: mentions that are not names.
_PEOPLE = ("man", "woman", "person", "kin")
_MENTION = "ROLE"
# Prepositions before a day, which are not part of the entity.
_OUTSIDE = ("on", "in")


def tagged(count: int, *, seed: int = 0, language: str = "en") -> list[tuple[list[str], list[str]]]:
    """Draw documents whose words are tagged with entities, in the scheme IOB2.

    The types are PER (names), ROLE (people who are not named: "his two old brothers"), LOC
    (cities, and places without their article), DATE ("last summer"), TIME ("half past nine") and
    EVENT ("the train left"). In English the tags are a function of the words, but not of single
    ones: "two" begins a DATE in "two days ago", and a ROLE in "two sailors".

    Args:
        count, seed, language: as for `documents`, which gives the same documents.

    Returns:
        `count` pairs of the written words (Chinese: characters) and their tags.

    Raises:
        ArgumentError: an unknown language, a negative count.

    Example:
        >>> words, tags = tagged(1, seed=5)[0]
        >>> len(words) == len(tags), words[-1], tags[-1]
        (True, '.', 'O')
    """
    check_request(count, language)
    return [tag_entities(tree, language) for tree in islice(draw_derivations(seed), count)]


def tag_entities(derivation: Derivation, language: str = "en") -> tuple[list[str], list[str]]:
    """The words of a document as they are written, and the IOB2 tags of its entities."""
    pairs = list(_walk(derivation, language))
    words = [unit for unit, _ in pairs]
    if language == "en":
        words = TOKEN.findall(write_english(words))
    if len(words) != len(pairs):
        raise ArgumentError(f"a unit of the grammar is written as several words: {pairs}")
    return words, [tag for _, tag in pairs]


def _walk(tree: Derivation, language: str) -> Iterator[tuple[str, str]]:
    """The units of a part with their tags."""
    kind = _entity(tree)
    if kind:
        yield from _mark(tree.units(language), kind)
        return
    side = tree.rule.side(language)
    nouns = [isinstance(item, int) and _is_person(tree.children[item], "Noun") for item in side]
    mention: list[str] = []
    for item, noun, following in zip(side, nouns, [*nouns[1:], False], strict=False):
        # The article of a noun with a relative clause ("the sailor who ...") belongs to the
        # mention, and so does the Chinese plural.
        if isinstance(item, int) and noun:
            mention += tree.children[item].units(language)
        elif (item == "the" and following) or (item == "们" and mention):
            mention.append(item)
        else:
            yield from _mark(mention, _MENTION)
            mention = []
            if isinstance(item, int):
                yield from _walk(tree.children[item], language)
            else:
                yield item, "O"
    yield from _mark(mention, _MENTION)


def _is_person(tree: Derivation, *names: str) -> bool:
    """Whether a part has one of these names and is about people."""
    return tree.name in names and tree.features[0] in _PEOPLE


def _entity(tree: Derivation) -> str | None:
    """The type of a part that is an entity as a whole."""
    if tree.name in _TYPES:
        return _TYPES[tree.name]
    if _is_person(tree, "NP", "Any"):
        return _MENTION
    if tree.name == "Person" and tree.children[0].name == "Poss":
        return _MENTION
    # "the next day," and "in the morning,", but not "later," or "after that,"
    if tree.name == "Then" and (tree.children or "day" in tree.rule.side("en")):
        return "DATE"
    return None


def _mark(units: list[str], kind: str) -> Iterator[tuple[str, str]]:
    """Tags of one entity; a preposition before it and a comma after it are outside."""
    inside = False
    for at, unit in enumerate(units):
        if (unit in _OUTSIDE and at == 0) or unit in (",", "，"):
            yield unit, "O"
        else:
            yield unit, f"{'I' if inside else 'B'}-{kind}"
            inside = True
