"""Cleaning rules: each takes a text and gives the text back with the number of its changes."""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

from lmzoo.errors import ArgumentError

Rule: TypeAlias = Callable[[str], tuple[str, int]]

_BLOCK_TAGS = "address|article|blockquote|br|dd|div|dl|dt|h[1-6]|hr|li|ol|p|pre|table|td|th|tr|ul"
_INLINE_TAGS = "a|abbr|b|code|em|font|i|img|small|span|strong|sub|sup|tt"
# Only tags that HTML knows, and never <s>, <unk> or the like, which corpora use as tokens.
_TAGS = re.compile(
    rf"<!--.*?-->|</?(?:({_BLOCK_TAGS})|{_INLINE_TAGS})(?:\s[^<>]*)?/?>", re.IGNORECASE | re.DOTALL
)
_ENTITIES = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def replacing(pattern: str, new: str) -> Rule:
    """The rule that replaces whatever matches a pattern."""
    compiled = re.compile(pattern)
    return lambda text: compiled.subn(new, text)


def remove_markup(text: str) -> tuple[str, int]:
    """Removes HTML comments and tags, and resolves entities, until nothing is left to do.

    Only tags that HTML knows go: `<unk>` stays. One that breaks the line becomes a space.
    """
    total = 0
    while True:
        before = text
        if "<" in text:
            text, count = _TAGS.subn(lambda match: " " if match[1] else "", text)
            total += count
        if "&" in text:
            total += sum(html.unescape(entity) != entity for entity in _ENTITIES.findall(text))
            text = _ENTITIES.sub(lambda match: html.unescape(match[0]), text)
        if text == before:
            return text, total


def compose_unicode(text: str) -> tuple[str, int]:
    """Writes characters in Unicode's composed form, NFC; counts the words that changed."""
    if unicodedata.is_normalized("NFC", text):
        return text, 0
    changed = sum(not unicodedata.is_normalized("NFC", w) for w in re.findall("[^ \n]+", text))
    return unicodedata.normalize("NFC", text), changed


# In the order in which they run.
RULES: dict[str, Rule] = {
    "bom": replacing(r"\A\ufeff", ""),
    "line_ends": replacing(r"\r\n?", "\n"),
    "nul": replacing(r"\0", ""),
    "controls": replacing(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", ""),
    "markup": remove_markup,
    "unicode": compose_unicode,
    "trailing_spaces": replacing(r"[ \t]+(?=\n|\Z)", ""),
    "space_runs": replacing(r"[ \t]{2,}|\t", " "),  # indentation shrinks too
}
DEFAULT_RULES = ("bom", "line_ends", "nul", "controls", "unicode")


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
