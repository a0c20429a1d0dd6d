"""F1 of spans such as named entities, as conlleval and seqeval count it."""

import collections
from collections.abc import Sequence

from lmzoo.errors import ArgumentError
from lmzoo.metrics.report import SCORES, aligned, score_rows

Tags = Sequence[Sequence[str]]
# The prefixes of each scheme, beside O, and those of the default mode.
PREFIXES = {"IOB2": "BI", "IOE2": "IE", "IOBES": "BIES", "BILOU": "BILU"}
DEFAULT = "BIES"


def parse_tag(tag: str, prefixes: str = DEFAULT) -> tuple[str, str]:
    """Prefix and type ("_" for none) of a tag: "O", or a prefix, alone or with "-" and a type."""
    if tag == "O" or (tag in prefixes and len(tag) == 1):
        return tag, "_"
    if len(tag) > 1 and tag[0] in prefixes and tag[1] == "-":
        return tag[0], tag[2:] or "_"
    raise ArgumentError(
        f'{tag!r} is not a tag: give "O" or one of {", ".join(prefixes)}, then a dash and a type, '
        f'as in "{prefixes[0]}-person"; convert other schemes first'
    )


class SpanF1:
    """Precision, recall and F1 of spans over all sequences, 0 to 1; in printed reports percent.

    A span is correct if its type and both of its ends are. A tag continues the span before it if
    it is I or E, follows B or I, and has the same type; every other tag but O begins a span.

    Args:
        mode: "default" counts every span, as conlleval does, also one that begins with I; "strict"
            those that the scheme allows.
        scheme: of the strict mode: "IOB2" (begun with B), "IOE2" (ended with E), "IOBES" (S, or
            from B to E), "BILOU" (U, or from B to L). The default mode takes all tags of OBIES.

    Raises:
        ArgumentError: an unknown mode or scheme.

    Source: Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419; both modes equal
    those of seqeval, https://github.com/chakki-works/seqeval

    Example:
        >>> metric = SpanF1()
        >>> metric.add([["B-who", "O", "I-what"]], [["B-who", "O", "O"]])
        >>> {name: round(value, 3) for name, value in metric.result().items()}
        {'precision': 0.5, 'recall': 1.0, 'f1': 0.667}
    """

    name = "span_f1"

    def __init__(self, mode: str = "default", scheme: str = "IOB2") -> None:
        if mode not in ("default", "strict"):
            raise ArgumentError(f'mode must be "default" or "strict", not {mode!r}')
        if scheme not in PREFIXES:
            raise ArgumentError(
                f"scheme must be one of {sorted(PREFIXES)}, not {scheme!r}; for IOB1 take the "
                "default mode"
            )
        self.mode, self.scheme = mode, scheme
        self.reset()

    def reset(self) -> None:
        """Forgets all sequences."""
        self.sequences = 0
        counters: list[collections.Counter[str]] = [collections.Counter() for _ in range(3)]
        self._correct, self._predicted, self._reference = counters

    def add(self, predicted: Tags, reference: Tags) -> None:
        """Adds sequences of tags; all of them, or none if one is wrong.

        Args:
            predicted, reference: tags of each sequence, and the correct ones, as many.

        Raises:
            ArgumentError: numbers that differ, or an invalid tag; names the sequence, from 0.
        """
        if len(predicted) != len(reference):
            given = f"{len(predicted)} predicted sequences and {len(reference)} reference sequences"
            raise ArgumentError(f"{given}: each needs the other")
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
        for spans, references in pairs:
            self._predicted.update(kind for kind, _, _ in spans)
            self._reference.update(kind for kind, _, _ in references)
            self._correct.update(kind for kind, _, _ in spans & references)

    def spans(self, tags: Sequence[str]) -> set[tuple[str, int, int]]:
        """The spans of one sequence that count: type, first and last position."""
        is_strict = self.mode == "strict"
        parsed = [parse_tag(tag, PREFIXES[self.scheme] if is_strict else DEFAULT) for tag in tags]
        if is_strict:  # seqeval's strict mode strips dashes from both ends of a type.
            parsed = [(prefix, kind.strip("-") or "_") for prefix, kind in parsed]
        spans: list[tuple[str, int, int]] = []
        for place, (prefix, kind) in enumerate(parsed):
            if place and continues_span(parsed[place - 1], parsed[place]):
                spans[-1] = (kind, spans[-1][1], place)
            elif prefix != "O":
                spans.append((kind, place, place))
        ends = [(span, parsed[span[1]][0] + parsed[span[2]][0]) for span in spans]
        return {span for span, two in ends if not is_strict or _is_whole(two, self.scheme)}

    def result(self) -> dict[str, float]:
        """Precision, recall and F1 of all spans together ("micro"); 0 without spans."""
        return _scores(self._correct.total(), self._predicted.total(), self._reference.total())

    def per_type(self) -> dict[str, dict[str, float]]:
        """The same for each type, sorted by name, and "support": its spans in the reference."""
        found, right = self._predicted, self._reference
        return {
            k: {**_scores(self._correct[k], found[k], right[k]), "support": right[k]}
            for k in sorted(found.keys() | right.keys())
        }

    def averages(self) -> dict[str, dict[str, float]]:
        """ "micro", "macro" (mean of the types) and "weighted" (by support), with "support"."""
        types = list(self.per_type().values())
        support = self._reference.total()
        macro = {s: sum(t[s] for t in types) / max(len(types), 1) for s in SCORES}
        weighted = {s: sum(t[s] * t["support"] for t in types) / max(support, 1) for s in SCORES}
        averages = {"micro": self.result(), "macro": macro, "weighted": weighted}
        return {name: {**scores, "support": support} for name, scores in averages.items()}

    def report(self) -> str:
        """A table of all types and averages, in percent."""
        averages = {f"{name} avg": scores for name, scores in self.averages().items()}
        return aligned(score_rows(self.per_type(), averages, lambda score: f"{100 * score:.2f}"))


def span_report(
    predicted: Tags, reference: Tags, *, mode: str = "default", scheme: str = "IOB2"
) -> str:
    """A table of precision, recall, F1 (in percent) and support of each type, and their averages.

    Args:
        predicted, reference, mode, scheme: as in `SpanF1` and its `add`.

    Returns:
        The table.

    Example:
        >>> print(span_report([["B-who", "O"]], [["B-who", "O"]]).splitlines()[1])
        who              100.00  100.00  100.00        1
    """
    metric = SpanF1(mode, scheme)
    metric.add(predicted, reference)
    return metric.report()


def continues_span(before: tuple[str, str], tag: tuple[str, str]) -> bool:
    """Whether a tag belongs to the span of the tag before it; both as `parse_tag` gives them."""
    return before[0] in "BI" and tag[0] in "IEL" and before[1] == tag[1]


def _is_whole(ends: str, scheme: str) -> bool:
    """Whether the scheme allows a span whose first and last tags have these two prefixes."""
    opening, closing = ends[0], ends[1]
    if scheme == "IOB2":
        return opening == "B"
    if scheme == "IOE2":
        return closing == "E"
    return opening in "SU" or (opening == "B" and closing in "EL")


def _scores(correct: int, predicted: int, reference: int) -> dict[str, float]:
    return {
        "precision": correct / max(predicted, 1),
        "recall": correct / max(reference, 1),
        "f1": 2 * correct / max(predicted + reference, 1),
    }
