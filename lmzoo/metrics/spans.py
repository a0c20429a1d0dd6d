"""F1 of spans such as named entities, as conlleval and seqeval count it."""

import collections
from collections.abc import Sequence
from typing import NamedTuple

from lmzoo.errors import ArgumentError
from lmzoo.metrics.report import aligned

Tags = Sequence[Sequence[str]]
# What tags of a scheme begin with, beside O. "default" reads every tag of its letters.
PREFIXES = {"IOB2": "BI", "IOE2": "IE", "IOBES": "BIES", "BILOU": "BILU"}
DEFAULT = "BIES"


class Span(NamedTuple):
    """A span: its type, its first and its last position, the prefixes of its first and last tag."""

    kind: str
    first: int
    last: int
    opening: str
    closing: str


def parse_tag(tag: str, letters: str = DEFAULT) -> tuple[str, str]:
    """Prefix and type of a tag.

    Args:
        tag: "O", or one of the letters, alone or with "-" and a type, which may hold dashes.
        letters: the prefixes that are known.

    Returns:
        The prefix, "O" or a letter, and the type, "_" where there is none.

    Raises:
        ArgumentError: another tag.

    Example:
        >>> parse_tag("B-work-of-art"), parse_tag("O")
        (('B', 'work-of-art'), ('O', '_'))
    """
    if tag == "O" or (tag in letters and len(tag) == 1):
        return tag, "_"
    if len(tag) > 1 and tag[0] in letters and tag[1] == "-":
        return tag[0], tag[2:] or "_"
    raise ArgumentError(
        f'{tag!r} is no tag: give "O" or one of {", ".join(letters)}, then a dash and a type, as '
        f'in "{letters[0]}-person"; convert other schemes first'
    )


class SpanF1:
    """Precision, recall and F1 of spans over all sequences, 0 to 100.

    A span is right if its type and both of its ends are. A tag goes on with the span before it if
    it is I or E, stands behind B or I, and has the same type; every other tag than O begins a span.
    "default" counts every span, as conlleval does, also one that begins with I. "strict" counts
    those that the scheme allows: begun with B (IOB2), ended with E (IOE2), or either S alone or
    from B to E (IOBES; BILOU says U and L).

    Args:
        mode: "default" or "strict".
        scheme: "IOB2", "IOE2", "IOBES" or "BILOU": what strict counts. The default mode needs none:
            it reads all tags from O, B, I, E, S (IOB1 too).

    Raises:
        ArgumentError: an unknown mode or scheme.

    Source: Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419; both modes equal
    those of seqeval, https://github.com/chakki-works/seqeval

    Example:
        >>> import lmzoo
        >>> metric = lmzoo.metrics.SpanF1()
        >>> metric.add([["B-who", "O", "I-what"]], [["B-who", "O", "O"]])
        >>> {name: round(value, 1) for name, value in metric.result().items()}
        {'precision': 50.0, 'recall': 100.0, 'f1': 66.7}
    """

    name = "span_f1"

    def __init__(self, mode: str = "default", scheme: str = "IOB2") -> None:
        if mode not in ("default", "strict"):
            raise ArgumentError(f'mode must be "default" or "strict", not {mode!r}')
        if scheme not in PREFIXES:
            raise ArgumentError(
                f"scheme must be one of {sorted(PREFIXES)}, not {scheme!r}; IOB1 is read in the "
                "default mode"
            )
        self.mode, self.scheme = mode, scheme
        self.reset()

    def reset(self) -> None:
        """Forgets all sequences."""
        self.sequences = 0
        self._right: collections.Counter[str] = collections.Counter()
        self._predicted: collections.Counter[str] = collections.Counter()
        self._reference: collections.Counter[str] = collections.Counter()

    def add(self, predicted: Tags, reference: Tags) -> None:
        """Adds sequences of tags; all of them, or none if one is wrong.

        Args:
            predicted: for each sequence the model's tags.
            reference: for each sequence the right tags, as many.

        Raises:
            ArgumentError: other numbers of tags or of sequences (sequences count from 0, over all
                calls), or a tag that cannot be read.
        """
        if len(predicted) != len(reference):
            raise ArgumentError(
                f"{len(predicted)} predicted sequences and {len(reference)} reference sequences: "
                "each needs the other"
            )
        pairs = []
        for number, two in enumerate(zip(predicted, reference, strict=True), self.sequences):
            if any(isinstance(tags, str) for tags in two):
                raise ArgumentError("add takes lists of tag lists: write [predicted], [reference]")
            if len(two[0]) != len(two[1]):
                raise ArgumentError(
                    f"sequence {number} has {len(two[0])} predicted tags and {len(two[1])} "
                    "reference tags: each word needs one of both"
                )
            try:
                pairs.append(tuple(self.spans(tags) for tags in two))
            except ArgumentError as error:
                raise ArgumentError(f"sequence {number}: {error}") from error
        self.sequences += len(pairs)
        for found, wanted in pairs:
            self._predicted.update(kind for kind, _, _ in found)
            self._reference.update(kind for kind, _, _ in wanted)
            self._right.update(kind for kind, _, _ in found & wanted)

    def spans(self, tags: Sequence[str]) -> set[tuple[str, int, int]]:
        """The spans of one sequence that count: type, first and last position."""
        if self.mode == "default":
            parsed = [parse_tag(tag) for tag in tags]
        else:
            letters = PREFIXES[self.scheme]
            parsed = [parse_tag(tag, letters) for tag in tags]
            # seqeval's strict mode takes dashes from both ends of a type.
            parsed = [(prefix, kind.strip("-") or "_") for prefix, kind in parsed]
        return {
            (span.kind, span.first, span.last)
            for span in _spans(parsed)
            if self.mode == "default" or _is_whole(span, self.scheme)
        }

    def result(self) -> dict[str, float]:
        """Precision, recall and F1 of all spans together ("micro"); 0 without spans."""
        totals = (self._right, self._predicted, self._reference)
        return _scores(*(counts.total() for counts in totals))

    def per_type(self) -> dict[str, dict[str, float]]:
        """The same for each type, sorted by name, and "support": its spans in the reference."""
        return {
            kind: {
                **_scores(self._right[kind], self._predicted[kind], self._reference[kind]),
                "support": self._reference[kind],
            }
            for kind in sorted(self._predicted.keys() | self._reference.keys())
        }

    def averages(self) -> dict[str, dict[str, float]]:
        """ "micro", "macro" (mean of the types) and "weighted" (by support), with "support"."""
        types = list(self.per_type().values())
        support = self._reference.total()
        names = ("precision", "recall", "f1")
        macro = {n: sum(t[n] for t in types) / max(len(types), 1) for n in names}
        weighted = {n: sum(t[n] * t["support"] for t in types) / max(support, 1) for n in names}
        found = {"micro": self.result(), "macro": macro, "weighted": weighted}
        return {name: {**figures, "support": support} for name, figures in found.items()}

    def report(self) -> str:
        """A table of all types and averages."""
        rows = [["", "precision", "recall", "f1", "support"]]
        rows += [_row(kind, figures) for kind, figures in self.per_type().items()]
        rows += [[], *(_row(f"{name} avg", of_it) for name, of_it in self.averages().items())]
        return aligned(rows)


def span_report(
    predicted: Tags, reference: Tags, *, mode: str = "default", scheme: str = "IOB2"
) -> str:
    """A table of precision, recall, F1 (0 to 100) and support of each type, and their averages.

    Args:
        predicted: for each sequence the model's tags.
        reference: for each sequence the right tags.
        mode: as in `SpanF1`.
        scheme: as in `SpanF1`.

    Returns:
        The table.

    Raises:
        ArgumentError: as `SpanF1.add`.

    Example:
        >>> print(span_report([["B-who", "O", "I-what"]], [["B-who", "O", "O"]]))
                      precision  recall      f1  support
        what               0.00    0.00    0.00        0
        who              100.00  100.00  100.00        1
        <BLANKLINE>
        micro avg         50.00  100.00   66.67        1
        macro avg         50.00   50.00   50.00        1
        weighted avg     100.00  100.00  100.00        1
    """
    metric = SpanF1(mode, scheme)
    metric.add(predicted, reference)
    return metric.report()


def goes_on(before: tuple[str, str], tag: tuple[str, str]) -> bool:
    """Whether a tag belongs to the span of the tag before it; both as `parse_tag` gives them.

    Args:
        before: prefix and type of the tag before.
        tag: prefix and type of the tag.

    Returns:
        Whether it goes on.

    Example:
        >>> goes_on(("B", "who"), ("I", "who")), goes_on(("B", "who"), ("I", "what"))
        (True, False)
    """
    return before[0] in "BI" and tag[0] in "IEL" and before[1] == tag[1]


def _spans(tags: Sequence[tuple[str, str]]) -> list[Span]:
    """All spans of a sequence of parsed tags, whether or not a scheme allows them."""
    spans: list[Span] = []
    before = ("O", "_")
    for place, tag in enumerate(tags):
        prefix, kind = tag
        if goes_on(before, tag):
            spans[-1] = spans[-1]._replace(last=place, closing=prefix)
        elif prefix != "O":
            spans.append(Span(kind, place, place, prefix, prefix))
        before = tag
    return spans


def _is_whole(span: Span, scheme: str) -> bool:
    """Whether the scheme allows the span."""
    if scheme == "IOB2":
        return span.opening == "B"
    if scheme == "IOE2":
        return span.closing == "E"
    return span.opening in "SU" or (span.opening == "B" and span.closing in "EL")


def _scores(right: int, predicted: int, reference: int) -> dict[str, float]:
    return {
        "precision": 100.0 * right / max(predicted, 1),
        "recall": 100.0 * right / max(reference, 1),
        "f1": 200.0 * right / max(predicted + reference, 1),
    }


def _row(name: str, figures: dict[str, float]) -> list[str]:
    numbers = [f"{figures[value]:.2f}" for value in ("precision", "recall", "f1")]
    return [name, *numbers, str(int(figures["support"]))]
