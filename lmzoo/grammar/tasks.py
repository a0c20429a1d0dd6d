"""What else a derivation tells: the headline of a document, and a dialogue about it."""

import random
from collections.abc import Iterator

from lmzoo.grammar.orthography import write_english
from lmzoo.grammar.sample import Derivation

# What a headline leaves out wherever it stands.
_ASIDES = {
    "Adj", "Day", "Manner", "Means", "Place", "Rel", "Spot", "Time", "Wild", "With",
}  # fmt: skip
# What is not about the sentence as a whole.
_NESTED = {"Cause", "Clause", "Friend", "Reason", "Rel", "Subj", "Weather", "When"}
_UNSAID = "You did not say."
# Questions, and the symbols that answer them.
_WHY = "Why?"
_QUESTIONS = {
    "Who is it about?": ("Subj", "Some"),
    "Where?": ("Place", "Spot", "Wild"),
    "When?": ("Time", "Day", "When"),
    "How?": ("Manner", "Means"),
    _WHY: (),
}


def headline(derivation: Derivation) -> str:
    """The first sentence of a document, without asides: who did what.

    Times, places, manners, reasons, adjectives and relative clauses are left out, and so is a
    second sentence. It is a function of the English text, which has one derivation.

    Args:
        derivation: of a document.

    Returns:
        English, one sentence.
    """
    first = derivation.children[0]
    side = list(first.rule.side("en"))
    mark = side[-1] if side[-1] == "?" else "."
    if "," in side:
        side = side[side.index(",") + 1 :]
    if "because" in side:
        side = side[: side.index("because")]
    units = []
    for item in side:
        if isinstance(item, int):
            units += _core(first.children[item])
        elif item not in ("so", ".", "?"):
            units.append(item)
    return write_english([*units, mark])


def _core(derivation: Derivation) -> list[str]:
    """The units of a part without its asides."""
    name = _name(derivation)
    if name in _ASIDES:
        return []
    side = list(derivation.rule.side("en"))
    if name == "Friend" and "who" in side:
        side = side[: side.index("who")]
    units = []
    for item in side:
        units += [item] if isinstance(item, str) else _core(derivation.children[item])
    return units


def _name(derivation: Derivation) -> str:
    return derivation.rule.symbol.partition("[")[0]


def dialogue(derivation: Derivation, rng: random.Random) -> list[tuple[str, str]]:
    """A dialogue about a statement: the user tells it, the bot repeats it in short and answers.

    Every reply is a function of what was said before.

    Args:
        derivation: of a document that begins with a statement; what follows it is left out.
        rng: chooses two to four questions.

    Returns:
        (speaker, text) of each turn, speakers "user" and "bot".
    """
    first = derivation.children[0]
    turns = [("user", write_english(first.units("en"))), ("bot", f"So: {headline(derivation)}")]
    for question in rng.sample(list(_QUESTIONS), rng.randint(2, 4)):
        turns += [("user", question), ("bot", _reply(first, question))]
    return [*turns, ("user", "Thank you."), ("bot", "You are welcome.")]


def _reply(statement: Derivation, question: str) -> str:
    if question == _WHY:
        units = _reason(statement)
    else:
        found = next(_find(statement, _QUESTIONS[question]), None)
        units = [] if found is None else found.units("en")
    return write_english([*units, "."]) if units else _UNSAID


def _reason(statement: Derivation) -> list[str]:
    """The units behind "because", or those before "so"."""
    side = statement.rule.side("en")
    items: tuple[str | int, ...] = ()
    if "because" in side:
        items = side[side.index("because") + 1 : -1]
    elif "so" in side:
        items = side[: side.index(",")]
    return [u for i in items if isinstance(i, int) for u in statement.children[i].units("en")]


def _find(derivation: Derivation, names: tuple[str, ...]) -> Iterator[Derivation]:
    """The parts of the sentence itself that have one of these names."""
    for child in derivation.children:
        if _name(child) in names:
            yield child
        elif _name(child) not in _NESTED:
            yield from _find(child, names)
