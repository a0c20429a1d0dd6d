"""Pairs of texts, a source and a target: parallel files, tables, JSON lines, data sets, grammar."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.parts import existing, list_files, part_of, sort_by_part
from lmzoo.data.sources import PARTS
from lmzoo.data.tables import TABLES, read_lines, read_table, stem
from lmzoo.errors import ArgumentError, DataError

Pair: TypeAlias = tuple[str, str]
PairSource: TypeAlias = "str | Path | Sequence[Any] | Mapping[str, Any] | Pairs"
_END = object()
_SAMPLED = "a sample of the grammar: repetitions are part of its distribution and stay"


@dataclass(frozen=True)
class Pairs:
    """Pairs by part (train, valid, test) that can be read any number of times.

    Args:
        name: what an error or a report calls them.
        openers: for each part, a function that opens it.
        fields: what the source and the target are called: languages, columns or features.
        notes: sentences for the report.
    """

    name: str
    openers: Mapping[str, Callable[[], Iterator[Pair]]]
    fields: tuple[str, str] = ("source", "target")
    notes: list[str] = field(default_factory=list)

    def read(self, part: str = "train") -> Iterator[Pair]:
        """Reads one part from its beginning."""
        return self.openers[part]()


def read_pairs(
    source: PairSource,
    *,
    fields: Sequence[str | int] | None = None,
    grammar_pairs: int = 20_000,
    seed: int = 0,
) -> Pairs:
    """Finds the pairs of texts that a source names; they are read later, and may be read again.

    Args:
        source: one of
            a folder, or a path that ends in a pattern such as `corpus/en-de.*`: parallel files,
            plain or .gz, named by part and language (`train.en`, `valid.de.gz`), or one table for
            each part (`train.tsv`);
            a table: .tsv or .csv (columns), .jsonl (keys; a source may be a list of sentences, a
            target a list of alternatives, of which the first is taken), plain or .gz;
            two paths to parallel files, as a tuple;
            a list of pairs of strings;
            "tfds:NAME", a data set of TensorFlow Datasets with two text features;
            "grammar", the embedded corpus: English with its Chinese translation;
            "grammar:headlines", the same: documents with their headlines;
            a dictionary from "train", "valid", "test" to tables, tuples or lists.
        fields: which texts are source and target: two languages (suffixes of file names), columns
            (numbers from 0, or names that the first row holds), keys or features. None: the only
            two there are; columns 0 and 1; "source" and "target"; the features that the data set
            itself calls so.
        grammar_pairs: pairs for training from the grammar; for validation there is a fresh
            sample, a tenth as many but at least 500 and at most 2,000.
        seed: of the grammar's sample.

    Returns:
        The pairs by part.

    Raises:
        DataError: what is missing, parallel files of unequal length, a line of a table without
            both texts.
        ArgumentError: `fields` that are no two, or not there.

    Example:
        >>> pairs = read_pairs([("a dog", "ein Hund"), ("a cat", "eine Katze")])
        >>> next(pairs.read("train"))
        ('a dog', 'ein Hund')
    """
    chosen = _check_fields(fields)
    if isinstance(source, Pairs):
        return source
    if isinstance(source, Mapping):
        return _read_parts(source, chosen)
    if isinstance(source, str) and source.startswith("tfds:"):
        from lmzoo.data.tfds import read_tfds_pairs

        return Pairs(*read_tfds_pairs(source.removeprefix("tfds:"), chosen))
    if source in ("grammar", "grammar:headlines"):
        return _read_grammar(source, chosen, grammar_pairs, seed)
    if isinstance(source, str | Path):
        return _read_path(Path(source), chosen)
    if isinstance(source, tuple) and len(source) == 2 and all(map(_is_path, source)):
        return _read_parts({"train": source}, chosen)
    return _read_parts({"train": source}, chosen)


def join_pairs(first: Pairs, second: Pairs) -> Pairs:
    """Adds the training pairs of another source, such as texts that were translated back.

    Args:
        first: the pairs; theirs are validation and test.
        second: more pairs to train on.

    Returns:
        Both; those of the second follow those of the first.

    Example:
        >>> both = join_pairs(read_pairs([("a", "b")]), read_pairs([("c", "d")]))
        >>> list(both.read("train"))
        [('a', 'b'), ('c', 'd')]
    """

    def train() -> Iterator[Pair]:
        yield from first.read("train")
        yield from second.read("train")

    name = f"{first.name} and {second.name}"
    notes = [*first.notes, f"more pairs to train on: {second.name}"]
    return Pairs(name, {**first.openers, "train": train}, first.fields, notes)


def _check_fields(fields: Sequence[str | int] | None) -> tuple[str, str] | None:
    """Two different names, or None."""
    if fields is None:
        return None
    names = [str(name) for name in fields] if not isinstance(fields, str) else [fields]
    if len(names) != 2 or names[0] == names[1]:
        raise ArgumentError(
            f"fields is {fields!r}: give two names, that of the source and that of the target"
        )
    return names[0], names[1]


def _is_path(item: Any) -> bool:
    return isinstance(item, str | Path) and "\n" not in str(item) and Path(item).is_file()


def _read_parts(source: Mapping[str, Any], fields: tuple[str, str] | None) -> Pairs:
    """Reads a dictionary of parts."""
    if "train" not in source or set(source) - set(PARTS):
        raise DataError(
            f'a dictionary of pairs has the keys {sorted(source)}; it needs "train", and may '
            'have "valid" and "test"'
        )
    found = {part: _read_one(value, fields) for part, value in source.items()}
    name = ", ".join(f"{part}: {name}" for part, (name, _) in found.items())
    openers = {part: opener for part, (_, opener) in found.items()}
    return Pairs(name if len(found) > 1 else found["train"][0], openers, fields or Pairs.fields)


def _read_one(
    source: Any, fields: tuple[str, str] | None
) -> tuple[str, Callable[[], Iterator[Pair]]]:
    """Reads one part: a table, two files, or a list of pairs."""
    if isinstance(source, str | Path):
        path = existing(Path(source))
        return str(path), lambda: read_table(path, fields)
    if isinstance(source, tuple) and len(source) == 2 and all(map(_is_path, source)):
        first, second = Path(source[0]), Path(source[1])
        return f"{first}, {second}", lambda: read_parallel(first, second)
    items = source if isinstance(source, list | tuple) else list(source)

    def read() -> Iterator[Pair]:
        for number, item in enumerate(items):
            is_pair = isinstance(item, list | tuple) and len(item) == 2
            if not is_pair or not all(isinstance(text, str) for text in item):
                raise DataError(
                    f"item {number} of the pairs is {str(item)[:60]!r}: give (source, target), "
                    "two strings, or two paths of files that exist"
                )
            yield item[0], item[1]

    next(read(), None)
    return "the given pairs", read


def _read_path(path: Path, fields: tuple[str, str] | None) -> Pairs:
    """Reads a table, a folder, or the files of a pattern."""
    if path.is_file():
        return _read_parts({"train": path}, fields)
    files = list_files(path)
    tables = [file for file in files if stem(file).suffix in TABLES]
    if tables:
        return _read_tables(path, tables, fields)
    return _read_parallel_files(path, files, fields)


def _read_tables(path: Path, tables: list[Path], fields: tuple[str, str] | None) -> Pairs:
    parts = sort_by_part(path, tables, "tables")
    found = _read_parts(parts, fields)
    return Pairs(str(path), found.openers, found.fields)


def _read_parallel_files(path: Path, files: list[Path], fields: tuple[str, str] | None) -> Pairs:
    """Sorts parallel files by part and language, their last suffix."""
    by: dict[tuple[str, str], list[Path]] = {}
    for file in files:
        part, language = part_of(file), stem(file).suffix.removeprefix(".")
        if part and language:
            by.setdefault((part, language), []).append(file)
    languages = sorted({language for _, language in by})
    if fields is None:
        if len(languages) != 2:
            raise DataError(
                f"{path} holds the languages {', '.join(languages) or 'none'}: say which two are "
                'source and target, fields=("en", "de")'
            )
        fields = (languages[0], languages[1])
    openers, notes = {}, []
    for part in PARTS:
        sides = [by.get((part, language), []) for language in fields]
        if any(len(side) > 1 for side in sides):
            names = ", ".join(file.name for side in sides for file in side)
            raise DataError(
                f"{path} holds several files for {part}: {names}; narrow it with a pattern, such "
                f"as {path}/corpus.*"
            )
        if all(sides):
            first, second = sides[0][0], sides[1][0]
            openers[part] = _open_parallel(first, second)
            notes.append(f"{part}: {first.name}, {second.name}")
    if "train" not in openers:
        raise DataError(
            f"{path} holds no pair of files train.{fields[0]} and train.{fields[1]} (or .gz); "
            f"there are {', '.join(f.name for f in files[:8]) or 'no files'}"
        )
    return Pairs(str(path), openers, fields, ["files read: " + "; ".join(notes)])


def _open_parallel(first: Path, second: Path) -> Callable[[], Iterator[Pair]]:
    return lambda: read_parallel(first, second)


def read_parallel(first: Path, second: Path) -> Iterator[Pair]:
    """Reads two files line by line.

    Args:
        first: the sources.
        second: the targets, one for each line of the first.

    Yields:
        Source and target of each line.

    Raises:
        DataError: the files have unequal numbers of lines.
    """
    lines: Iterator[tuple[Any, Any]] = itertools.zip_longest(
        read_lines(first), read_lines(second), fillvalue=_END
    )
    for number, (source, target) in enumerate(lines, 1):
        if source is _END or target is _END:
            odd, text = (second, target) if source is _END else (first, source)
            rest = sum(1 for _ in lines)
            counts = (number - 1, number + rest)
            one, two = counts if odd is second else counts[::-1]
            raise DataError(
                f"{first} has {one:,} lines and {second} has {two:,}: line {number:,} of {odd}, "
                f"{str(text)[:40]!r}, has no partner; parallel files need the same number of lines"
            )
        yield source, target


def _read_grammar(source: str, fields: tuple[str, str] | None, count: int, seed: int) -> Pairs:
    """Samples the embedded corpus."""
    from lmzoo import grammar

    if count < 1:
        raise ArgumentError(f"grammar_pairs is {count}; it must be at least 1")
    if source != "grammar":
        names = fields or ("document", "headline")
        return Pairs(source, sample_parts(grammar.headlines, count, seed), names, [_SAMPLED])
    names = fields or ("en", "zh")
    if set(names) != {"en", "zh"}:
        raise ArgumentError(f"fields is {fields!r}: the grammar speaks 'en' and 'zh'")

    def draw(number: int, *, seed: int) -> list[Pair]:
        found = grammar.pairs(number, seed=seed)
        return found if names[0] == "en" else [(chinese, english) for english, chinese in found]

    return Pairs(source, sample_parts(draw, count, seed), names, [_SAMPLED])


def sample_parts(
    draw: Callable[..., Iterable[Pair]], count: int, seed: int
) -> dict[str, Callable[[], Iterator[Pair]]]:
    """Openers of "train" and of "valid", a fresh sample with another seed.

    Args:
        draw: called with a number and `seed=`; gives so many pairs.
        count: pairs to train on.
        seed: of the sample.

    Returns:
        An opener for each part; each is drawn once.
    """

    @cache
    def sample(number: int, part_seed: int) -> list[Pair]:
        return list(draw(number, seed=part_seed))

    return {
        "train": lambda: iter(sample(count, 2 * seed)),
        "valid": lambda: iter(sample(min(max(count // 10, 500), 2000), 2 * seed + 1)),
    }
