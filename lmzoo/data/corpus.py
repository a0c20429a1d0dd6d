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


class Located(dict[str, Any]):
    """A record that knows where it was read, for errors; it equals a plain dict of its items.

    Args:
        record: the items.
        source: what it was read from: a file, or an item of a list.
        line: its line in the source, or the lines of its tokens; 0: the source has no lines.
    """

    __slots__ = ("line", "source")

    def __init__(
        self, record: Mapping[str, Any], source: str, line: int | Sequence[int] = 0
    ) -> None:
        super().__init__(record)
        self.source, self.line = source, line


def place_of(record: Record, token: int | None = None, default: str = "") -> str:
    """Where a record or one of its tokens was read, for errors.

    Args:
        record: the record.
        token: number of a token; None: the whole record.
        default: the answer for a record that lmzoo has not read.

    Returns:
        Such as "a.tsv, line 4", or "item 3 of train, token 1".

    Example:
        >>> place_of(Located({"text": "a"}, "a.tsv", 4)), place_of({"text": "a"}, default="here")
        ('a.tsv, line 4', 'here')
    """
    source = record.source if isinstance(record, Located) else default
    line = record.line if isinstance(record, Located) else 0
    if not isinstance(line, int):
        return f"{source}, line {line[token or 0]:,}"
    where = f"{source}, line {line:,}" if line else source
    return where if token is None else f"{where}, token {token}"


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
        train = self.splits["train"], other.splits["train"]
        splits = {**self.splits, "train": lambda: chain.from_iterable(open_() for open_ in train)}
        notes = [*self.notes, f"more records to train on: {other.name}"]
        return Corpus(f"{self.name} and {other.name}", splits, notes, self.grammar)


def _results(
    function: Callable[[Record], Record | Iterable[Record]], record: Record
) -> Iterator[Record]:
    """What a function makes of a record, with the record's place."""
    results = function(record)
    for result in [results] if isinstance(results, dict) else results:
        if isinstance(record, Located) and not isinstance(result, Located):
            result = Located(result, record.source, record.line)
        yield result
