"""English spelling around the grammar's words: capitals, "an", spaces and punctuation.

Writing and reading are inverse functions on the language, so a text has the probability of its
units.
"""

import re

TOKEN = re.compile(r"[A-Za-z]+|[.,?]")
_STOPS = ".?"
_MARKS = ".,?"
_VOWEL_SOUND = re.compile(r"(?!uni|use|euro|one)[aeiou]|hon|hour", re.IGNORECASE)


def write(units: list[str], language: str) -> str:
    """Spell a sequence of units as text in "en" or "zh"."""
    return write_english(units) if language == "en" else "".join(units)


def write_english(units: list[str]) -> str:
    """Spell a sequence of units as English text."""
    parts: list[str] = []
    fresh = True
    for here, unit in enumerate(units):
        if unit == "a" and _VOWEL_SOUND.match(units[here + 1] if here + 1 < len(units) else ""):
            unit = "an"
        if unit in _MARKS:
            parts.append(unit)
            fresh = unit in _STOPS
            continue
        if parts:
            parts.append(" ")
        parts.append(unit[0].upper() + unit[1:] if fresh else unit)
        fresh = False
    return "".join(parts)


def read_english(text: str, proper: frozenset[str]) -> list[str] | None:
    """The units of a text, None where `write_english` would spell it differently.

    `proper` units have a capital everywhere (names, weekdays).
    """
    units: list[str] = []
    fresh = True
    for token in TOKEN.findall(text):
        if fresh and token not in proper:
            token = token[0].lower() + token[1:]
        units.append("a" if token == "an" else token)
        fresh = token in _STOPS
    return units if units and write_english(units) == text else None
