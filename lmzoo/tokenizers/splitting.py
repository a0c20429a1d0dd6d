"""Pretokenization and detokenization by the same rules in Python and in TensorFlow's RE2.

The classes of characters come from the Unicode 3.2 tables that every Python has, so a saved
tokenizer splits identically under every version; characters assigned since then count as letters,
except in the blocks of symbols.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from unicodedata import ucd_3_2_0

import tensorflow as tf

from lmzoo.typing import Tensor

NEWLINE = "\n"
LONG = 1 << 16  # characters of a text
# Everything that is white space to str.isspace(), except the newline.
BLANK = "\t\x0b\x0c\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Scripts without spaces between words, where each character is a word: Thai and Lao, Myanmar,
# Khmer, radicals to Bopomofo, Han (3), narrow Katakana, old kana, Han extensions.
UNSPACED = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x31FF), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF),
)  # fmt: skip
# Blocks in which characters newer than Unicode 3.2 are symbols rather than letters.
SYMBOLS = (
    (0x2000, 0x2BFF), (0x2E00, 0x2E7F), (0x2FF0, 0x303F), (0x3200, 0x33FF), (0xFE10, 0xFE1F),
    (0xFFF0, 0xFFFF), (0x1D000, 0x1D24F), (0x1F000, 0x1FAFF),
)  # fmt: skip
# Pairs of straight quotation marks within a line close around what is between them.
_PAIRS = (('" (?:([^"\n]*) )?"', r'"\1"'), ("' (?:([^'\n]*) )?'", r"'\1'"))
WIDE_MARKS = "■-◿、-〿！-／：-＠［-｀｛-･"  # punctuation of Chinese and Japanese


def _within(code: int, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _char_class(code: int) -> str:
    """L letter, D digit, U letter of an unspaced script, or nothing."""
    category = ucd_3_2_0.category(chr(code))
    if category == "Nd":
        return "D"
    unassigned = category == "Cn" and not _within(code, SYMBOLS)
    if not unassigned and category[0] not in "LM" and category not in ("Nl", "No"):
        return ""
    return "U" if _within(code, UNSPACED) else "L"


@functools.cache
def _classes() -> dict[str, str]:
    """The insides of the bracket expressions for L, D and U: ranges of literal characters."""
    ranges: dict[str, list[str]] = {"L": [], "D": [], "U": []}
    start, current = 0, ""
    for code in range(0x20001):
        found = _char_class(code) if code < 0x20000 else "end"
        if found != current:
            if current:
                ranges[current].append(f"{chr(start)}-{chr(code - 1)}")
            start, current = code, found
    ranges["U"].append("\U00020000-\U0003ffff")
    return {name: "".join(parts) for name, parts in ranges.items()}


@functools.cache
def word_pattern() -> str:
    """One token: newline, number, "p.m.", word, speaker ("<|bot|>"), or any other character."""
    letters, digits = _classes()["L"], _classes()["D"]
    both = letters + digits
    tail = f"(?:['’][{both}]+)*"
    number = f"[{digits}]+(?:[.,:][{digits}]+)*[{both}]*{tail}"
    abbreviation, speaker = f"(?:[{letters}]\\.){{2,}}", f"<\\|[^{BLANK}{NEWLINE}|<>]+\\|>"
    other = f"[^{BLANK}{NEWLINE}]"
    return "|".join([NEWLINE, number, abbreviation, f"[{both}]+{tail}", speaker, other])


def blank_pattern() -> str:
    """One token: a newline, or anything between white space."""
    return f"{NEWLINE}|[^{BLANK}{NEWLINE}]+"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    # The end of the text is \z to RE2 and \Z to Python; $ means different things to them.
    return re.compile(pattern.replace(r"\z", r"\Z"))


def split(text: str, pattern: str) -> list[str]:
    """The tokens of a text, newlines among them; other white space is dropped."""
    return _compiled(pattern).findall(text)


def tokens(text: str, pattern: str) -> Iterator[str]:
    """The same as `split`, one by one where a list of them would take much memory."""
    if len(text) < LONG:
        return iter(split(text, pattern))
    return (match[0] for match in _compiled(pattern).finditer(text))


def graph_split(texts: Tensor, pattern: str) -> tf.RaggedTensor:
    """The same as `split`, for strings (batch,): ragged strings (batch, None)."""
    texts = tf.strings.regex_replace(texts, f"[{BLANK}]+", " ")
    marked = tf.strings.regex_replace(texts, pattern, r"\0 ")
    words = tf.strings.split(marked, sep=" ")
    return tf.ragged.boolean_mask(words, tf.not_equal(words, ""))


@functools.cache
def _spacing() -> tuple[tuple[str, str], ...]:
    """Patterns and replacements that turn words joined by single spaces into text."""
    unspaced = _classes()["U"] + WIDE_MARKS
    return (
        (" +", " "),
        ("^ ", ""),
        (r" \z", ""),
        (" ?\n ?", "\n"),
        *_PAIRS,
        ("(^|\n)([\"']) ", r"\1\2"),
        (" ([\"'])(\n|\\z)", r"\1\2"),
        (" ' ", "' "),
        (r" ([.,;:!?%)\]}’”»…°])", r"\1"),
        (r"([(\[{‘“«¿¡$£€¥#@]) ", r"\1"),
        (" ?([-–—/_~·]) ?", r"\1"),
        (f"([{unspaced}][…’”]+) ", r"\1"),
        (f" ?([{unspaced}]) ?", r"\1"),
    )


def join(words: Sequence[str], *, prose: bool, settled: bool = False) -> str:
    """The same as `graph_join`, of one sequence of words; `settled`: what no further word changes.

    A quotation mark that may still be paired holds back all behind its line's first one.
    """
    text = " ".join(words)
    rules = _spacing() if prose else _spacing()[:4]
    for number, (pattern, replacement) in enumerate(rules):
        if number == 4 and settled:
            text = text[: _settled(text)].rstrip(" ")
        text = _compiled(pattern).sub(replacement, text)
    return text


def _settled(text: str) -> int:
    """How many characters of words joined by single spaces no further word sets otherwise."""
    start = text.rfind(NEWLINE) + 1
    line = rest = text[start:]
    for pattern, _ in _PAIRS:
        rest = _compiled(pattern).sub(r"\0\1\0", rest)
        if re.search(f"{pattern[0]}( |$)", rest):
            return start + min(line.find(quote) for quote in "\"'" if quote in line)
    return len(text)


def graph_join(words: Tensor, *, prose: bool) -> Tensor:
    """Strings (batch,) of words (batch, time), dense or ragged; empty words are dropped.

    With `prose`, spaces are set as in print; otherwise one between two words on the same line.
    """
    text = tf.strings.reduce_join(words, axis=-1, separator=" ")
    for pattern, replacement in _spacing() if prose else _spacing()[:4]:
        text = tf.strings.regex_replace(text, pattern, replacement)
    return text


def is_unspaced(word: str) -> bool:
    """Whether the word is a character of a script without spaces between words."""
    return len(word) == 1 and _char_class(ord(word)) == "U"
