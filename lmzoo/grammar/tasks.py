"""Tasks that one derivation gives: text, translation, headline and dialogue."""

import random
from collections.abc import Iterator
from itertools import islice

from lmzoo.grammar.language import check_request, draw_derivations, sampler
from lmzoo.grammar.orthography import write, write_english
from lmzoo.grammar.sample import Derivation

# Parts that a headline omits everywhere.
_ASIDES = {
    "Adj", "Day", "Manner", "Means", "Place", "Rel", "Spot", "Time", "Wild", "With",
}  # fmt: skip
# Words of the first sentence that only join its clauses.
_JOINTS = {"en": {"so", ".", "?"}, "zh": set("，。？虽然因为所以还是")}
# Parts that do not concern the sentence as a whole.
_NESTED = {"Cause", "Clause", "Friend", "Reason", "Rel", "Subj", "Weather", "When"}
# English and Chinese question, and the symbols that answer it.
_WHY = ("Why?", "为什么？")
_QUESTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Who is it about?", "说的是谁？"): ("Subj", "Some"),
    ("Where?", "在哪里？"): ("Place", "Spot", "Wild"),
    ("When?", "什么时候？"): ("Time", "Day", "When"),
    ("How?", "怎么样？"): ("Manner", "Means"),
    _WHY: (),
}
_PHRASES = {
    "en": ("So: ", "You did not say.", "Thank you.", "You are welcome."),
    "zh": ("就是说：", "你没有说。", "谢谢。", "不客气。"),
}


def documents(count: int, *, seed: int = 0, language: str = "en") -> list[str]:
    """Draw documents; the same seed gives the same derivations in both languages.

    Args:
        count, seed: number of documents, and the random seed; use another one for validation.
        language: "en" or "zh".

    Returns:
        `count` texts of one line.

    Raises:
        ArgumentError: an unknown language, a negative count.

    Example:
        >>> documents(2, seed=1) == documents(2, seed=1)
        True
    """
    check_request(count, language)
    rng = random.Random(seed)
    texts = [sampler().text(rng, language) for _ in range(count)]
    return [write_english(text.split()) for text in texts] if language == "en" else texts


def derivations(count: int, *, seed: int = 0) -> list[Derivation]:
    """Draw the derivation trees behind `documents(count, seed=seed)`.

    Args:
        count, seed: as for `documents`.

    Returns:
        `count` trees.

    Example:
        >>> derivations(1, seed=3)[0].rule.symbol
        'Document'
    """
    check_request(count, "en")
    return list(islice(draw_derivations(seed), count))


def pairs(count: int, *, seed: int = 0, language: str = "en") -> list[tuple[str, str]]:
    """Draw documents with their translations.

    Args:
        count, seed: as for `documents`.
        language: of the source text, "en" or "zh"; the other one is the target's.

    Returns:
        `count` pairs (source, target), each from one derivation. Chinese is a function of English.

    Example:
        >>> english, chinese = pairs(1, seed=5)[0]
        >>> [english] == documents(1, seed=5), [chinese] == documents(1, seed=5, language="zh")
        (True, True)
    """
    source = documents(count, seed=seed, language=language)
    target = documents(count, seed=seed, language="zh" if language == "en" else "en")
    return list(zip(source, target, strict=True))


def headlines(count: int, *, seed: int = 0, language: str = "en") -> list[tuple[str, str]]:
    """Draw documents with their headlines: who did what, without times, places and reasons.

    Args:
        count, seed, language: as for `documents`, which gives the same documents.

    Returns:
        `count` pairs (document, headline). In English the headline is a function of the document,
        in Chinese of the derivation, of which a document may have several.

    Example:
        >>> text, short = headlines(1, seed=5)[0]
        >>> [text] == documents(1, seed=5), len(short) <= len(text)
        (True, True)
    """
    check_request(count, language)
    drawn = islice(draw_derivations(seed), count)
    return [(write(tree.units(language), language), headline(tree, language)) for tree in drawn]


def dialogues(count: int, *, seed: int = 0, language: str = "en") -> list[list[tuple[str, str]]]:
    """Draw dialogues: a statement, its headline, and questions about it with their answers.

    Args:
        count, seed, language: as for `documents`.

    Returns:
        `count` dialogues of (speaker, text); speakers are "user" and "bot". In English each turn
        of the bot is a function of those before it.

    Example:
        >>> dialogues(1, seed=5)[0][-1]
        ('bot', 'You are welcome.')
    """
    check_request(count, language)
    rng = random.Random(seed)
    drawn: list[list[tuple[str, str]]] = []
    while len(drawn) < count:
        tree = sampler().draw(rng)
        if tree.children[0].name == "First":
            drawn.append(dialogue(tree, rng, language))
    return drawn


def headline(derivation: Derivation, language: str = "en") -> str:
    """The first sentence of a document, without asides: who did what."""
    first = derivation.children[0]
    side = first.rule.side("en")
    if "," in side:
        side = side[side.index(",") + 1 :]
    if "because" in side:
        side = side[: side.index("because")]
    units = _core(first, side, language, _JOINTS[language])
    return write([*units, str(first.rule.side(language)[-1])], language)


def _core(
    tree: Derivation, english: tuple[str | int, ...], language: str, omitted: set[str]
) -> list[str]:
    """The units of a part without its asides; `english` is the slice of its rule to use."""
    kept = {i for i in english if isinstance(i, int) and tree.children[i].name not in _ASIDES}
    units: list[str] = []
    before: str | int = ""
    for item in english if language == "en" else tree.rule.chinese:
        if isinstance(item, str):
            # 的 joins a relative clause to its noun.
            alone = item == "的" and isinstance(before, int) and before not in kept
            if item not in omitted and not alone:
                units.append(item)
        elif item in kept:
            child = tree.children[item]
            side = child.rule.english
            if child.name == "Friend" and "who" in side:
                side = side[: side.index("who")]
            units += _core(child, side, language, set())
        before = item
    return units


def dialogue(
    derivation: Derivation, rng: random.Random, language: str = "en"
) -> list[tuple[str, str]]:
    """A dialogue about a document that begins with a statement; `rng` chooses 2 to 4 questions."""
    first = derivation.children[0]
    summary, unsaid, thanks, welcome = _PHRASES[language]
    turns = [
        ("user", write(first.units(language), language)),
        ("bot", summary + headline(derivation, language)),
    ]
    for question in rng.sample(list(_QUESTIONS), rng.randint(2, 4)):
        parts = _reason(first) if question == _WHY else _find(first, _QUESTIONS[question])
        units = [unit for part in parts for unit in part.units(language)]
        answer = write([*units, "." if language == "en" else "。"], language) if units else unsaid
        turns += [("user", question[language == "zh"]), ("bot", answer)]
    return [*turns, ("user", thanks), ("bot", welcome)]


def _reason(statement: Derivation) -> list[Derivation]:
    """The parts after "because", or those before "so"."""
    side = statement.rule.side("en")
    items = side[side.index("because") + 1 :] if "because" in side else ()
    if "so" in side:
        items = side[: side.index(",")]
    return [statement.children[i] for i in items if isinstance(i, int)]


def _find(statement: Derivation, names: tuple[str, ...]) -> list[Derivation]:
    """The first part of the sentence itself that has one of these names, if there is one."""

    def search(tree: Derivation) -> Iterator[Derivation]:
        for child in tree.children:
            if child.name in names:
                yield child
            elif child.name not in _NESTED:
                yield from search(child)

    return list(islice(search(statement), 1))
