"""Labels of documents: their sentiment and their topic, both functions of the English text.

An English text has one derivation, and a label is computed from that derivation alone; so equal
texts have equal labels, and the best possible accuracy is 100 %. Neither label can be read off
single words: what is denied, conceded or only mentioned by the way counts otherwise.
"""

import random
from collections.abc import Callable
from functools import cache

from lmzoo.errors import ArgumentError
from lmzoo.grammar import lexicon
from lmzoo.grammar.lexicon import entries, past_tense, third_person
from lmzoo.grammar.orthography import write_english
from lmzoo.grammar.sample import Derivation, Sampler

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
# What one does not do, or has to do, counts the other way round.
_TURNS = ("not", "had", "has", "have")

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
# Where the verb that a document is about does not stand.
_ASIDE = {"Cause", "Day", "Friend", "Reason", "Rel", "Subj", "Time", "Weather", "When", "Whole"}


@cache
def _polarities() -> dict[str, int]:
    """+1 or -1 of every form of the words that have one."""
    found: dict[str, int] = {}
    verbs = {
        base: past
        for table in [*lexicon.VERBS.values(), lexicon.RAIN]
        for base, past, _, _ in entries(table)
    }
    for words, sign in ((_GOOD, 1), (_BAD, -1)):
        for word in words.split():
            forms = [word]
            if word in verbs:
                forms += [verbs[word] or past_tense(word), third_person(word)]
            found |= dict.fromkeys(forms, sign)
    return found


@cache
def _changes() -> dict[str, int]:
    """+1 or -1 of every form of the verbs that say that something begins or ends."""
    found: dict[str, int] = {}
    for _, table in lexicon.EVENTS.values():
        for base, past, _, _ in entries(table):
            forms = (base, past or past_tense(base), third_person(base))
            found |= dict.fromkeys(forms, _CHANGES.get(base, 0))
    return found


def sentiment(derivation: Derivation) -> str | None:
    """Whether a document tells more good than bad.

    Good words count +1, bad ones -1; behind "very" twice. What one does "not" do, or "has to" do,
    counts the other way round; what stands behind "although", and when something was, counts
    nothing; that something pleasant ends is bad, that something unpleasant ends is good.

    Args:
        derivation: of a document.

    Returns:
        "positive" or "negative"; None for questions, and where good and bad weigh the same.

    Example:
        >>> from lmzoo import grammar
        >>> sentiment(grammar.derivations(8, seed=3)[5])
        'negative'
    """
    if _name(derivation.children[0]) == "Question":
        return None
    score = _score(derivation)
    return None if not score else "positive" if score > 0 else "negative"


def _score(tree: Derivation) -> int:
    """The sum of good and bad."""
    name, side = _name(tree), tree.rule.side("en")
    if name == "When":
        return 0
    if name == "Event" and len(tree.children) == 2:
        thing, change = (child.units("en")[-1] for child in tree.children)
        return _LIKED.get(thing, 0) * _changes()[change]
    scores = [_score(child) for child in tree.children]
    if "although" in side:
        scores = [s for c, s in zip(tree.children, scores, strict=True) if _name(c) != "Cause"]
    if name == "Pred" and _turns(tree):
        scores = [-score for score in scores]
    own = sum(_polarities().get(unit, 0) for unit in side if isinstance(unit, str))
    return (sum(scores) + own) * (2 if "very" in side else 1)


def _turns(predicate: Derivation) -> bool:
    auxiliaries = [child for child in predicate.children if _name(child) == "Aux"]
    return any(word in _TURNS for child in auxiliaries for word in child.units("en"))


def topic(derivation: Derivation) -> str | None:
    """What a document is about: its first deed, or the animal that it tells of.

    Deeds in relative clauses, in reasons and in what was meanwhile do not count; of what somebody
    said, what was said counts.

    Args:
        derivation: of a document.

    Returns:
        "animals", "food", "leisure", "people", "trade", "travel" or "work"; None where nobody does
        anything.

    Example:
        >>> from lmzoo import grammar
        >>> topic(grammar.derivations(8, seed=3)[5])
        'trade'
    """
    first = derivation.children[0]
    if first.rule.symbol.partition("[")[2][0] in _ANIMALS:
        return "animals"
    deed = _deed(first)
    return next((name for name, verbs in _TOPICS.items() if deed in verbs.split()), None)


def _deed(tree: Derivation) -> str | None:
    """The class of the first verb that is not aside, and not one of saying."""
    for child in tree.children:
        name, _, features = child.rule.symbol.partition("[")
        if name == "Verb" and not features.startswith("say,"):
            return features.partition(",")[0]
        if name not in _ASIDE and (found := _deed(child)):
            return found
    return None


def _name(derivation: Derivation) -> str:
    return derivation.rule.symbol.partition("[")[0]


KINDS: dict[str, Callable[[Derivation], str | None]] = {"sentiment": sentiment, "topic": topic}


def labeled(count: int, *, seed: int = 0, kind: str = "sentiment") -> list[tuple[str, str]]:
    """Draws documents that have a label; those without are drawn again.

    The best possible accuracy is 100 %: the label is a function of the text.

    Args:
        count: how many, 0 or more.
        seed: of the random generator; a validation sample is one with another seed.
        kind: "sentiment" (two classes, of about the same size) or "topic" (seven; the largest,
            animals, has 30 % of the texts, the smallest, food, 10 %).

    Returns:
        `count` pairs of an English text and its label.

    Raises:
        ArgumentError: an unknown kind, a negative count.

    Example:
        >>> text, label = labeled(1, seed=3)[0]
        >>> label in ("positive", "negative")
        True
    """
    from lmzoo import grammar

    if kind not in KINDS:
        raise ArgumentError(f"kind is {kind!r}; the grammar labels by {', '.join(KINDS)}")
    if count < 0:
        raise ArgumentError(f"count is {count}: ask for 0 documents or more")
    rng, label_of = random.Random(seed), KINDS[kind]
    sampler = Sampler(grammar.world())
    found: list[tuple[str, str]] = []
    while len(found) < count:
        tree = sampler.draw(rng)
        if label := label_of(tree):
            found.append((write_english(tree.units("en")), label))
    return found
