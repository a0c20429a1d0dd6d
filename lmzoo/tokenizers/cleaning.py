"""Cleaning rules: each takes a text and gives the text back with the number of its changes.

The harmless ones also normalize what a tokenizer reads: `normalized`, and the same in graphs. Lower
case goes by characters: tf.strings.lower ends at NUL and has another Unicode, and str.lower depends
on the context for sigma.
"""

import functools
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from lmzoo.errors import ArgumentError
from lmzoo.tokenizers.texts import import_package
from lmzoo.typing import Tensor

Rule: TypeAlias = Callable[[str], tuple[str, int]]

_BLOCK_TAGS = "address|article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|table|td|th|tr|ul"
_INLINE_TAGS = "a|abbr|b|code|em|font|i|img|small|span|strong|sub|sup|tt"
# Only tags that HTML knows, and never <s>, <unk> or the like, which corpora use as tokens.
_TAG = re.compile(rf"</?(?:({_BLOCK_TAGS})|{_INLINE_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});\Z")
_LONGEST_ENTITY = 34
# So many marks in a row are sorted here: Python and ICU take time that grows with their square.
_LONG_RUN = 64
_CONTROLS = "\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"


def replacing(pattern: str, new: str) -> Rule:
    """The rule that replaces whatever matches a pattern."""
    compiled = re.compile(pattern)
    return lambda text: compiled.subn(new, text)


def remove_markup(text: str) -> tuple[str, int]:
    """Removes HTML comments and tags, and resolves entities, until nothing is left to do.

    Only tags that HTML knows go: `<unk>` stays. One that breaks the line becomes a space.
    """
    if not ("<" in text or "&" in text):
        return text, 0
    markup = _Markup()
    for part in re.findall("[<>;-]|[^<>;-]+", text):
        markup.add(part)
    return "".join(markup.kept), markup.count


class _Markup:
    """One pass over a text, in linear time: what has been kept of it can become markup again."""

    def __init__(self) -> None:
        self.kept: list[str] = []  # characters
        self.brackets: list[int] = []  # where < and > stand among them
        self.comments: list[int] = []  # where <!-- begins
        self.count = 0

    def add(self, part: str) -> None:
        """Adds one of "<>;-", or text without them."""
        kept, waiting = self.kept, [part]
        while waiting:
            part = waiting.pop()
            kept.extend(part)
            if part in "<>":
                self.brackets.append(len(kept) - 1)
            if part == ">":
                self._close()
            elif part == "-" and kept[-4:-1] == ["<", "!", "-"]:
                self.comments.append(len(kept) - 4)
            elif part == ";":
                entity = _ENTITY.search("".join(kept[-_LONGEST_ENTITY:]))
                if entity and (character := html.unescape(entity[0])) != entity[0]:
                    self._cut(len(kept) - len(entity[0]))
                    waiting += reversed(character)

    def _close(self) -> None:
        """Removes the comment or the tag that ends here."""
        kept, opened = self.kept, self.brackets[-2:-1]
        if self.comments and kept[-3:-1] == ["-", "-"] and len(kept) - 7 >= self.comments[0]:
            self._cut(self.comments[0])
        elif opened and kept[opened[0]] == "<" and (
            tag := _TAG.fullmatch("".join(kept[opened[0] :]))
        ):  # fmt: skip
            self._cut(opened[0])
            if tag[1]:
                kept.append(" ")

    def _cut(self, place: int) -> None:
        del self.kept[place:]
        for places in (self.brackets, self.comments):
            while places and places[-1] >= place:
                places.pop()
        self.count += 1


@functools.cache
def _long_runs() -> re.Pattern[str]:
    """Long runs of the characters that are marks, or that decompose into marks."""
    # No mark stands beyond.
    forms = ((code, unicodedata.normalize("NFD", chr(code))) for code in range(0x20000))
    marks = [code for code, form in forms if unicodedata.combining(form[0])]
    return re.compile(f"[{''.join(map(chr, marks))}]{{{_LONG_RUN},}}")


def _sort_marks(run: re.Match[str]) -> str:
    """A run of marks in canonical order, which is stable within a class."""
    marks = "".join(unicodedata.normalize("NFD", character) for character in run[0])
    return "".join(sorted(marks, key=unicodedata.combining))


def composed(text: str) -> str:
    """The text in Unicode's composed form, NFC, in linear time."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _long_runs().sub(_sort_marks, text))


def compose_unicode(text: str) -> tuple[str, int]:
    """Writes characters in Unicode's composed form, NFC; counts the words that changed."""
    result = composed(text)
    if result == text:
        return text, 0
    # No space or newline is composed with another character.
    pairs = zip(*(re.findall("[^ \n]+", each) for each in (text, result)), strict=True)
    return result, sum(old != new for old, new in pairs)


# In the order in which they run.
RULES: dict[str, Rule] = {
    "bom": replacing(r"\A\ufeff", ""),
    "line_ends": replacing(r"\r\n?", "\n"),
    "nul": replacing(r"\0", ""),
    "controls": replacing(f"[{_CONTROLS}]", ""),
    "markup": remove_markup,
    "unicode": compose_unicode,
    # Possessive, and from the first space of a run only: linear time.
    "trailing_spaces": replacing(r"(?<![ \t])[ \t]++(?=\n|\Z)", ""),
    "space_runs": replacing(r"[ \t]{2,}|\t", " "),  # indentation shrinks too
}
DEFAULT_RULES = ("bom", "line_ends", "nul", "controls", "unicode")


_NORMALIZED = ((r"\r\n?", "\n"), (f"[\\x00{_CONTROLS}]", ""), ("\\A\ufeff+", ""))


def normalized(text: str) -> str:
    """The text after `DEFAULT_RULES`: what tokenizers do with `normalize=True`."""
    if not text.isprintable():
        for pattern, new in _NORMALIZED:
            text = re.sub(pattern, new, text)
    return composed(text)


def graph_normalize(texts: Tensor) -> Tensor:
    """The same as `normalized`, for strings (batch,); bytes that are not UTF-8 stay."""
    for pattern, new in _NORMALIZED:
        texts = tf.strings.regex_replace(texts, pattern, new)
    tensorflow_text = import_package("tensorflow-text", "normalization inside a graph")
    return tensorflow_text.normalize_utf8(texts, "NFC")


def choose_rules(clean: bool | str | Iterable[str | Rule]) -> dict[str, Rule]:
    """Finds the rules that a `clean` argument names.

    Args:
        clean: True for the harmless ones (`DEFAULT_RULES`), False for none, or names and
            functions `text -> (text, count)`, which run after the named ones.

    Returns:
        The rules by name, in the order in which they run.

    Raises:
        ArgumentError: a name that no rule has.

    Example:
        >>> list(choose_rules(["markup", "line_ends"]))
        ['line_ends', 'markup']
    """
    if isinstance(clean, bool):
        clean = DEFAULT_RULES if clean else ()
    wanted = [clean] if isinstance(clean, str) else list(clean)
    unknown = [name for name in wanted if isinstance(name, str) and name not in RULES]
    if unknown:
        raise ArgumentError(f"no cleaning rule is called {unknown[0]!r}; choose from {list(RULES)}")
    own = {getattr(rule, "__name__", repr(rule)): rule for rule in wanted if callable(rule)}
    return {name: rule for name, rule in RULES.items() if name in wanted} | own


def clean_text(
    text: str, rules: bool | str | Iterable[str | Rule] = True
) -> tuple[str, dict[str, int]]:
    """Cleans one text until no rule finds anything more.

    Args:
        text: any text.
        rules: as for `choose_rules`.

    Returns:
        The clean text, and for each rule that changed something the number of its changes.

    Raises:
        ArgumentError: a name that no rule has, or rules that undo each other's work for ever.

    Example:
        >>> clean_text("caf\\u0065\\u0301\\r\\n")
        ('café\\n', {'line_ends': 1, 'unicode': 1})
    """
    counts: Counter[str] = Counter()
    return apply_rules(text, choose_rules(rules), counts), dict(counts)


def apply_rules(text: str, rules: dict[str, Rule], counts: Counter[str]) -> str:
    """Cleans one text and adds the changes to `counts`; the quick form of `clean_text`."""
    for _ in range(20):
        before = counts.total()
        for name, rule in rules.items():
            text, count = rule(text)
            if count:
                counts[name] += count
        if counts.total() == before:
            return text
    raise ArgumentError(f"the cleaning rules {list(rules)} never come to an end; drop one of them")


@functools.cache
def _forms() -> dict[int, int]:
    """Code points that change -> lower case; of a longer form, the first character."""
    lowered = ((code, ord(chr(code).lower()[0])) for code in range(0x110000))
    return {code: form for code, form in lowered if code != form}


@functools.cache
def lower_table() -> np.ndarray:
    """The lower-case form of each code point, int32, up to one beyond the last that changes."""
    forms = _forms()
    table = np.arange(max(forms) + 2, dtype=np.int32)
    table[list(forms)] = list(forms.values())
    return table


def lower(text: str) -> str:
    """The text in lower case, with the same number of characters."""
    return text.lower() if text.isascii() else text.translate(_forms())


def graph_lower(texts: Tensor) -> Tensor:
    """The same as `lower`, for strings (batch,)."""
    table = lower_table()
    codes = tf.strings.unicode_decode(texts, "UTF-8", errors="replace")
    flat = codes.flat_values
    known = tf.gather(table, tf.minimum(flat, len(table) - 1))
    codes = codes.with_flat_values(tf.where(flat < len(table), known, flat))
    return tf.strings.unicode_encode(codes, "UTF-8")
