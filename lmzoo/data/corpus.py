"""A corpus: records by split that can be read any number of times."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TypeAlias

from lmzoo.errors import DataError

# {"text"}, {"source", "target"}, {"text", "label"}, {"tokens", "tags"[, "intent"]} or {"turns"}.
Record: TypeAlias = dict[str, Any]
# Opens one split anew.
Opener: TypeAlias = Callable[[], Iterable[Record]]


def chained(openers: Sequence[Opener]) -> Opener:
    """Opens several sources of records, one after the other."""
    return lambda: chain.from_iterable(opener() for opener in openers)


class Located(dict[str, Any]):
    """A record that knows where it was read, for errors; it equals a plain dict of its items.

    `place` is such as "a.tsv, line 4" or "item 3 of train"; if the tokens of the record stand in
    lines of their own, `lines` are these, and `place` is their file.
    """

    __slots__ = ("lines", "place")

    def __init__(self, record: Mapping[str, Any], place: str, lines: Sequence[int] = ()) -> None:
        super().__init__(record)
        self.place, self.lines = place, lines


def place_of(record: Record, token: int | None = None, default: str = "") -> str:
    """Where a record, or its token of a number, was read, for errors.

    `default` is the answer for a record that lmzoo has not read.

    >>> place_of(Located({"text": "a"}, "a.tsv, line 4")), place_of({"text": "a"}, 1, "here")
    ('a.tsv, line 4', 'here, token 1')
    """
    place = record.place if isinstance(record, Located) else default
    if isinstance(record, Located) and record.lines:
        return f"{place}, line {record.lines[token or 0]:,}"
    return place if token is None else f"{place}, token {token}"


@dataclass(frozen=True)
class Corpus:
    """Records by split, each opened anew whenever it is read.

    Args:
        name: what errors and reports call it.
        splits: for "train" and, where there are such, "valid" and "test", a function that opens
            the records: dicts such as {"text": ...}.
        notes: sentences for the report.
        grammar: the language, if it is a sample of the embedded grammar.

    Example:
        >>> corpus = Corpus("mine", {"train": lambda: [{"text": "a fine film"}]})
        >>> list(corpus.map(lambda record: {"text": record["text"].upper()}).read())
        [{'text': 'A FINE FILM'}]
    """

    name: str
    splits: Mapping[str, Opener]
    notes: list[str] = field(default_factory=list)
    grammar: str | None = None

    def read(self, split: str = "train") -> Iterator[Record]:
        """Reads one split from its beginning.

        Args:
            split: "train", "valid" or "test".

        Returns:
            Its records.

        Raises:
            DataError: the corpus has no such split.
        """
        if split not in self.splits:
            raise DataError(f"{self.name} has no split {split!r}, only {', '.join(self.splits)}")
        return iter(self.splits[split]())

    def map(
        self, function: Callable[[Record], Record | Iterable[Record]], *, note: str | None = None
    ) -> "Corpus":
        """Applies a function to every record of every split, whenever they are read.

        Args:
            function: record -> record, or record -> any number of records.
            note: a sentence for the report.

        Returns:
            The corpus of its results.
        """

        def mapped(opener: Opener) -> Opener:
            return lambda: chain.from_iterable(_results(function, record) for record in opener())

        splits = {split: mapped(opener) for split, opener in self.splits.items()}
        return Corpus(self.name, splits, self.notes + ([note] if note else []), self.grammar)

    def concatenate(self, other: "Corpus") -> "Corpus":
        """Adds the training records of another corpus, such as texts that were translated back.

        Args:
            other: more records to train on.

        Returns:
            The training records of both, one after the other; validation and test are the first's.
        """
        splits = {**self.splits, "train": chained([self.splits["train"], other.splits["train"]])}
        notes = [*self.notes, f"more records to train on: {other.name}"]
        return Corpus(f"{self.name} and {other.name}", splits, notes, self.grammar)


def _results(
    function: Callable[[Record], Record | Iterable[Record]], record: Record
) -> Iterator[Record]:
    """What a function makes of a record, with the record's place."""
    results = function(record)
    for result in [results] if isinstance(results, dict) else results:
        if isinstance(record, Located) and not isinstance(result, Located):
            result = Located(result, record.place, record.lines)
        yield result
