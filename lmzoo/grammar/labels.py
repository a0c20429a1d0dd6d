"""Labels of documents: their sentiment and their topic, both functions of the English text.

An English text has one derivation, so equal texts have equal labels. Neither label can be read off
single words: what is negated, conceded or only mentioned in passing counts otherwise.
"""

from collections.abc import Callable
from functools import cache
from itertools import islice

from lmzoo.errors import ArgumentError
from lmzoo.grammar.language import check_request, draw_derivations, lexicon
from lmzoo.grammar.language.lexicon import verb_forms
from lmzoo.grammar.orthography import write
from lmzoo.grammar.sample import Derivation

# Verbs by their base, other words as they are.
_GOOD = (
    "beautiful brave choose clever delicious enjoy fresh funny happily happy help honest invite "
    "kind laugh love sing sweet trust warm"
)
_BAD = (
    "angry cheap cold expensive hide hot hungry lazy lose nervous rain sad sell snow thirsty tired "
    "wait"
)
# Things that one likes to begin, or likes to end.
_LIKED = {"music": 1, "concert": 1, "film": 1, "rain": -1, "snow": -1, "lesson": -1}
_CHANGES = {"begin": 1, "stop": -1, "end": -1}
# What one does not do, or has to do, counts with the opposite sign.
_NEGATIONS = {"not", "had", "has", "have"}

# The class of the verb that a document is about -> its topic.
_TOPICS = {
    "animals": "tend roam chase graze seek shake",
    "food": "eat drink",
    "leisure": "rest self",
    "people": "meet know",
    "trade": "get give",
    "travel": "go walk",
    "work": "write wear",
}
_ANIMALS = "ab"  # subjects that are animals
# Parts that never have the verb that a document is about.
_ASIDE = {"Cause", "Day", "Friend", "Reason", "Rel", "Subj", "Time", "Weather", "When", "Whole"}


@cache
def _polarities() -> dict[str, int]:
    """+1 or -1 of every form of the words that have one."""
    tables = [*lexicon.VERBS.values(), lexicon.RAIN]
    forms = {verb[0]: verb[:3] for table in tables for verb in verb_forms(table)}
    signs = dict.fromkeys(_GOOD.split(), 1) | dict.fromkeys(_BAD.split(), -1)
    return {form: sign for word, sign in signs.items() for form in forms.get(word, (word,))}


@cache
def _changes() -> dict[str, int]:
    """+1, -1 or 0 of every form of the verbs of events."""
    verbs = [forms for _, table in lexicon.EVENTS.values() for forms in verb_forms(table)]
    return {form: _CHANGES.get(forms[0], 0) for forms in verbs for form in forms[:3]}


def sentiment(derivation: Derivation) -> str | None:
    """The label "positive" or "negative"; None for questions and where both weigh the same.

    Good words count +1, bad ones -1; after "very" twice. What one does "not" do, or "has to" do,
    counts with the opposite sign; what follows "although", and when something was, counts nothing;
    that something pleasant ends is bad, that something unpleasant ends is good.
    """
    if derivation.children[0].name == "Question":
        return None
    score = _score(derivation)
    return None if not score else "positive" if score > 0 else "negative"


def _score(tree: Derivation) -> int:
    """The sum of good and bad."""
    side = tree.rule.side("en")
    if tree.name == "When":
        return 0
    if tree.name == "Event" and len(tree.children) == 2:
        thing, change = (child.units("en")[-1] for child in tree.children)
        return _LIKED.get(thing, 0) * _changes()[change]
    counted = [c for c in tree.children if not ("although" in side and c.name == "Cause")]
    score = sum(map(_score, counted))
    auxiliaries = [unit for c in counted if c.name == "Aux" for unit in c.units("en")]
    if tree.name == "Pred" and set(auxiliaries) & _NEGATIONS:
        score = -score
    score += sum(_polarities().get(unit, 0) for unit in side if isinstance(unit, str))
    return score * (2 if "very" in side else 1)


def topic(derivation: Derivation) -> str | None:
    """What a document is about: its first action, or its animal.

    Not counted are actions in relative clauses, reasons and temporal clauses, and saying itself.
    None without an action.
    """
    first = derivation.children[0]
    if first.features[0] in _ANIMALS:
        return "animals"
    action = _action(first)
    return next((name for name, verbs in _TOPICS.items() if action in verbs.split()), None)


def _action(tree: Derivation) -> str | None:
    """The class of the first verb that is neither in an aside nor one of saying."""
    for child in tree.children:
        if child.name == "Verb" and child.features[0] != "say":
            return child.features[0]
        if child.name not in _ASIDE and (action := _action(child)):
            return action
    return None


KINDS: dict[str, Callable[[Derivation], str | None]] = {"sentiment": sentiment, "topic": topic}


def labeled(
    count: int, *, seed: int = 0, language: str = "en", kind: str = "sentiment"
) -> list[tuple[str, str]]:
    """Draw documents that have a label; those without are skipped.

    Args:
        count, seed, language: as for `documents`.
        kind: "sentiment" (2 classes of about the same size) or "topic" (7, of 10 to 30 % each).

    Returns:
        `count` pairs of a text and its label, in English a function of the text: the best possible
        accuracy is 100 %. In Chinese it is a function of the derivation.

    Raises:
        ArgumentError: an unknown kind or language, a negative count.

    Example:
        >>> labeled(1, seed=3)[0][1] in ("positive", "negative")
        True
    """
    check_request(count, language)
    if kind not in KINDS:
        raise ArgumentError(f"kind is {kind!r}; supported kinds: {', '.join(KINDS)}")
    drawn = ((tree, KINDS[kind](tree)) for tree in draw_derivations(seed))
    pairs = ((write(tree.units(language), language), label) for tree, label in drawn if label)
    return list(islice(pairs, count))
