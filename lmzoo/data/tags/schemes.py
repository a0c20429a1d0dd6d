"""Tagging schemes: tags to spans and back, conversion, repair, forbidden transitions."""

import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from lmzoo.errors import ArgumentError, DataError

Span: TypeAlias = tuple[str, int, int]

# Prefixes of a scheme: B begins a span, I is inside one, E ends one, S is one of a single word.
SCHEMES = {"IOB1": "BI", "IOB2": "BI", "IOBES": "BIES"}
OUTSIDE = "O"
_SPAN_TAG = re.compile(r"[BIES](-.+)?", re.DOTALL)
# How others spell them: b-per, B_PER, PER-B.
_SPELLINGS = (
    re.compile(r"(?P<prefix>[BIESbies])[-_](?P<kind>.+)", re.DOTALL),
    re.compile(r"(?P<kind>.+)[-_](?P<prefix>[BIESbies])", re.DOTALL),
)
# BILOU and BMES write E, S and I as L, U and M.
_FOREIGN = {"L": "E", "U": "S", "M": "I"}


def split_tag(tag: str) -> tuple[str, str]:
    """The prefix and the type of a tag; types may hold dashes, and "O" has none."""
    prefix, _, kind = tag.partition("-")
    return prefix, kind


def is_span_tag(tag: str) -> bool:
    """Whether a tag is "O" or a prefix (B, I, E, S), alone or with a dash and a type."""
    return tag == OUTSIDE or _SPAN_TAG.fullmatch(tag) is not None


def join_tag(prefix: str, kind: str) -> str:
    """The tag of a prefix and a type, which may be empty; the inverse of `split_tag`."""
    return f"{prefix}-{kind}" if kind else prefix


def respelled(names: Iterable[str]) -> dict[str, str]:
    """The tags among these that mark spans in another spelling, as schemes spell them here.

    Only if all tags fit one spelling and "O", or "o", is among them: parts of speech stay.
    """
    known = set(names)
    marked = sorted(known - {OUTSIDE, "o"})
    if len(marked) == len(known) or all(map(is_span_tag, known)):
        return {}
    for spelling in _SPELLINGS:
        matches = [spelling.fullmatch(tag) for tag in marked]
        if all(match and match["prefix"] in "BIESbies" for match in matches):
            pairs = zip(marked, matches, strict=True)
            new = {t: join_tag(m["prefix"].upper(), m["kind"]) for t, m in pairs if m}
            return {tag: name for tag, name in {**new, "o": OUTSIDE}.items() if tag != name}
    return {}


def check_scheme(scheme: str) -> str:
    """Refuses a scheme other than IOB1, IOB2 and IOBES."""
    if scheme not in SCHEMES:
        raise ArgumentError(f"scheme is {scheme!r}; choose one of {', '.join(SCHEMES)}")
    return scheme


def may_follow(tag: str | None, after: str | None, scheme: str) -> bool:
    """Whether a scheme allows a tag after another; None stands for the end or the beginning."""
    prefix, kind = split_tag(tag or OUTSIDE)
    before, last = split_tag(after or OUTSIDE)
    if scheme == "IOB1":
        # B only separates a span from a preceding one of the same type.
        return prefix != "B" or (before in "BI" and last == kind)
    inside = before in ("B", "I") and last == kind
    if scheme == "IOB2":
        return prefix != "I" or inside
    return inside if prefix in ("I", "E") else before not in ("B", "I")


def find_fault(tags: Sequence[str], scheme: str) -> tuple[int, str] | None:
    """The first tag of a sentence that breaks its scheme: its position and what is wrong."""
    before: str | None = None
    for place, tag in enumerate(tags):
        if not is_span_tag(tag) or (tag != OUTSIDE and tag[0] not in SCHEMES[scheme]):
            return place, f"{tag!r} is no tag of {scheme}"
        if not may_follow(tag, before, scheme):
            where = f"behind {before!r}" if before else "at the beginning of a sentence"
            return place, f"{tag!r} {where} breaks {scheme}"
        before = tag
    if not may_follow(None, before, scheme):
        return len(tags) - 1, f"{before!r} at the end of a sentence breaks {scheme}"
    return None


def read_spans(tags: Sequence[str]) -> list[Span]:
    """The spans (type, start, end) of tags in any scheme, even where they break it.

    Source: conlleval, https://www.clips.uantwerpen.be/conll2000/chunking/
    """
    spans: list[Span] = []
    open_kind, start, closed = "", 0, True
    for place, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        if not closed and (prefix in "BSO" or kind != open_kind):
            spans.append((open_kind, start, place))
            closed = True
        if prefix != OUTSIDE and closed:
            open_kind, start, closed = kind, place, False
        if not closed and prefix in "ES":
            spans.append((open_kind, start, place + 1))
            closed = True
    if not closed:
        spans.append((open_kind, start, len(tags)))
    return spans


def spans_of(tags: Sequence[str], scheme: str) -> list[Span]:
    """The spans of tags without a fault.

    Args:
        tags, scheme: of one sentence; "IOB1", "IOB2" or "IOBES". A fault raises DataError.

    Returns:
        (type, start, end) of each span, in their order; `end` is exclusive.

    Example:
        >>> spans_of(["B-PER", "I-PER", "O", "B-LOC"], "IOB2")
        [('PER', 0, 2), ('LOC', 3, 4)]
    """
    if fault := find_fault(tags, check_scheme(scheme)):
        place, problem = fault
        raise DataError(f"tag {place}: {problem}; correct it, or use repair_tags")
    return read_spans(tags)


def tags_of(spans: Iterable[Span], length: int, scheme: str) -> list[str]:
    """The tags of spans; the inverse of `spans_of`.

    Args:
        spans: (type, start, end); empty, overlapping and outside ones raise ArgumentError.
        length, scheme: words of the sentence; "IOB1", "IOB2" or "IOBES".

    Returns:
        `length` tags.

    Example:
        >>> tags_of([("PER", 0, 2), ("LOC", 3, 4)], 5, "IOBES")
        ['B-PER', 'E-PER', 'O', 'S-LOC', 'O']
    """
    check_scheme(scheme)
    tags = [OUTSIDE] * length
    last_kind, last_end = "", 0
    for kind, start, end in sorted(spans, key=lambda span: span[1]):
        if not last_end <= start < end <= length:
            raise ArgumentError(
                f"the span {(kind, start, end)} is empty, overlaps another or leaves a sentence of "
                f"{length} words"
            )
        tags[start:end] = [join_tag("I", kind)] * (end - start)
        touches = start == last_end and kind == last_kind
        if scheme != "IOB1" or touches:
            tags[start] = join_tag("B", kind)
        if scheme == "IOBES":
            tags[end - 1] = join_tag("E" if end - start > 1 else "S", kind)
        last_kind, last_end = kind, end
    return tags


def convert_tags(tags: Sequence[str], source: str, target: str) -> list[str]:
    """Converts the tags of a sentence to another scheme.

    Args:
        tags: of one sentence; a fault raises DataError.
        source, target: their scheme and that wanted: "IOB1", "IOB2" or "IOBES".

    Returns:
        The tags of the same spans.

    Example:
        >>> convert_tags(["I-PER", "I-PER", "B-PER", "O"], "IOB1", "IOBES")
        ['B-PER', 'E-PER', 'S-PER', 'O']
    """
    return tags_of(spans_of(tags, source), len(tags), target)


def repair_tags(tags: Sequence[str], scheme: str) -> tuple[list[str], int]:
    """Repairs tags that break their scheme: writes the spans that conlleval reads.

    Args:
        tags: of one sentence, "O" or of the form "B-type"; others raise DataError.
        scheme: "IOB1", "IOB2" or "IOBES".

    Returns:
        Tags without a fault, and how many of them changed.

    Example:
        >>> repair_tags(["O", "I-PER", "I-LOC"], "IOB2")
        (['O', 'B-PER', 'B-LOC'], 2)
    """
    check_scheme(scheme)
    for tag in tags:
        if not is_span_tag(tag):
            raise DataError(f"{tag!r} is no tag of {scheme} and cannot be repaired")
    repaired = tags_of(read_spans(tags), len(tags), scheme)
    return repaired, sum(old != new for old, new in zip(tags, repaired, strict=True))


def detect_scheme(sentences: Iterable[Sequence[str]]) -> str | None:
    """Detects the scheme of tags.

    Args:
        sentences: the tags of each; those of BILOU or BMES raise DataError.

    Returns:
        IOBES if there are its prefixes E and S, else the scheme that the fewest sentences break,
        in doubt IOB2; None if tags mark no spans, such as parts of speech.

    Example:
        >>> detect_scheme([["O", "B-PER", "I-PER"]]), detect_scheme([["DET", "NOUN"]])
        ('IOB2', None)
    """
    faults = dict.fromkeys(("IOB2", "IOBES", "IOB1"), 0)
    names: set[str] = set()
    for tags in sentences:
        names.update(tags)
        for scheme in faults:
            faults[scheme] += find_fault(tags, scheme) is not None
    odd = sorted(tag for tag in names if not is_span_tag(tag))
    if OUTSIDE in names and any(tag[:1] in _FOREIGN and tag[1:2] == "-" for tag in odd):
        letters = ", ".join(f"{old}- as {new}-" for old, new in _FOREIGN.items())
        raise DataError(f"the tags {', '.join(odd[:4])} are of BILOU or BMES: write {letters}")
    marked = names - {OUTSIDE, *odd}
    bare = {tag for tag in marked if "-" not in tag}
    if bare and (odd or not bare & {"B", "I"}):
        # Letters that mean something else, such as S, V and O for subject, verb and object.
        marked -= bare
        odd += sorted(bare)
    if not marked or (odd and OUTSIDE not in names):
        return None
    if {tag[0] for tag in marked} & {"E", "S"}:
        return "IOBES"
    return min(faults, key=lambda name: faults[name])


def forbidden_transitions(tag_names: Sequence[str], scheme: str | None) -> list[list[int]]:
    """The pairs of tags that a scheme forbids, for a CRF.

    Args:
        tag_names: the tags, in the order of their ids.
        scheme: "IOB1", "IOB2" or "IOBES" (others raise ArgumentError); None: nothing is forbidden.

    Returns:
        [from, to] ids; from -1 is the beginning of a sentence, to `len(tag_names)` its end.

    Example:
        >>> forbidden_transitions(["O", "B-PER", "I-PER"], "IOB2")
        [[-1, 2], [0, 2]]
    """
    if scheme is None:
        return []
    check_scheme(scheme)
    before = [(-1, None), *enumerate(tag_names)]
    after = [*enumerate(tag_names), (len(tag_names), None)]
    return [
        [source, target]
        for source, last in before
        for target, tag in after
        if not may_follow(tag, last, scheme)
    ]
