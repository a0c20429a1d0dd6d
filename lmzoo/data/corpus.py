"""A corpus: records by split that can be read any number of times."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
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
    """A record that knows its place, "a.tsv, line 4", or its file and the lines of its tokens."""

    __slots__ = ("lines", "place")

    def __init__(self, record: Mapping[str, Any], place: str, lines: Sequence[int] = ()) -> None:
        super().__init__(record)
        self.place, self.lines = place, lines


def place_of(record: Record, token: int | None = None, default: str = "") -> str:
    """Where a record, or its token of a number, was read; `default`: if lmzoo has not read it."""
    place = record.place if isinstance(record, Located) else default
    if isinstance(record, Located) and record.lines:
        return f"{place}, line {record.lines[token or 0]:,}"
    return place if token is None else f"{place}, token {token}"


@dataclass(frozen=True)
class Corpus:
    """Records by split, each opened anew whenever it is read.

    Args:
        name: what errors and reports call it.
        splits: for "train", perhaps "valid" and "test": a function that opens its records, dicts.
        notes: sentences for the report.
        grammar: the language, if it is a sample of the embedded grammar.
        speakers: of pairs made of dialogues: who is replied to, and who replies.

    Example:
        >>> list(Corpus("mine", {"train": lambda: [{"text": "a fine film"}]}).read())
        [{'text': 'a fine film'}]
    """

    name: str
    splits: Mapping[str, Opener]
    notes: list[str] = field(default_factory=list)
    grammar: str | None = None
    speakers: tuple[str, str] | None = None

    def read(self, split: str = "train") -> Iterator[Record]:
        """Reads the records of "train", "valid" or "test"; DataError: there is no such split."""
        if split not in self.splits:
            raise DataError(f"{self.name} has no split {split!r}, only {', '.join(self.splits)}")
        return iter(self.splits[split]())

    def map(
        self, function: Callable[[Record], Record | Iterable[Record]], *, note: str | None = None
    ) -> "Corpus":
        """Applies a function, record -> record or several, to every split; `note`: to report."""

        def mapped(opener: Opener) -> Iterator[Record]:
            for record in opener():
                results = function(record)
                for result in [results] if isinstance(results, dict) else results:
                    if isinstance(record, Located) and not isinstance(result, Located):
                        result = Located(result, record.place, record.lines)
                    yield result

        splits = {split: partial(mapped, opener) for split, opener in self.splits.items()}
        return replace(self, splits=splits, notes=self.notes + ([note] if note else []))

    def concatenate(self, other: "Corpus") -> "Corpus":
        """Adds another corpus's training records after one's own, such as texts translated back."""
        splits = {**self.splits, "train": chained([self.splits["train"], other.splits["train"]])}
        notes = [*self.notes, f"more records to train on: {other.name}"]
        name = f"{self.name} and {other.name}"
        return Corpus(name, splits, notes, self.grammar, self.speakers)
