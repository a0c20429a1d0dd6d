"""Lines of text files, and pairs of texts in tables: .tsv, .csv, .jsonl, plain or .gz."""

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lmzoo.data.files import read_blocks
from lmzoo.errors import ArgumentError, DataError

TABLES = (".tsv", ".csv", ".jsonl")


def stem(path: Path) -> Path:
    """The path without .gz."""
    return path.with_suffix("") if path.suffix == ".gz" else path


def read_lines(path: Path) -> Iterator[str]:
    """Reads the lines of a text file, plain or .gz, without their ends; empty lines too."""
    pending = ""
    for block in read_blocks(path, Counter(), errors="strict", line_limit=None):
        *whole, pending = (pending + block).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if pending:
        yield pending


def read_table(path: Path, fields: tuple[str, str] | None) -> Iterator[tuple[str, str]]:
    """Reads a table: .tsv, .csv or .jsonl, plain or .gz.

    Args:
        path: the file.
        fields: two columns (numbers from 0, or names in the first row) or keys; None is 0 and 1,
            or "source" and "target".

    Yields:
        Source and target of each row.

    Raises:
        DataError: a row that lacks one of the two.
    """
    kind = stem(path).suffix
    if kind == ".jsonl":
        yield from _read_json(path, fields or ("source", "target"))
        return
    if kind == ".csv":
        rows: Iterator[list[str]] = csv.reader(read_lines(path))
    else:
        rows = (line.split("\t") for line in read_lines(path))
    places, first_line = _columns(path, rows, fields)
    for number, row in enumerate(rows, first_line):
        if len(row) <= max(places):
            raise DataError(
                f"{path}, line {number:,}: {len(row)} columns, but the texts are in columns "
                f"{places[0]} and {places[1]} (from 0): {str(row)[:60]}"
            )
        yield row[places[0]], row[places[1]]


def _columns(
    path: Path, rows: Iterator[list[str]], fields: tuple[str, str] | None
) -> tuple[tuple[int, int], int]:
    """The places of the two columns, and the line that the next row stands in."""
    if fields is None:
        return (0, 1), 1
    if all(name.isdigit() for name in fields):
        return (int(fields[0]), int(fields[1])), 1
    names = next(rows, [])
    missing = [name for name in fields if name not in names]
    if missing:
        raise ArgumentError(
            f"{path} has no column {missing[0]!r}; its first row is {str(names)[:80]}: use these "
            "names, or numbers from 0"
        )
    return (names.index(fields[0]), names.index(fields[1])), 2


def _read_json(path: Path, fields: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """Reads JSON lines; a source in sentences is joined, of several targets the first is taken."""
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            values = [json.loads(line)[name] for name in fields]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number:,} is no JSON object with the keys {fields[0]!r} and "
                f"{fields[1]!r} ({error!r})"
            ) from error
        for name, value in zip(fields, values, strict=True):
            if not isinstance(value, str | list):
                raise DataError(
                    f"{path}, line {number:,}: {name!r} is {str(value)[:40]}, neither a text nor a "
                    "list of texts"
                )
        first, second = values
        source = first if isinstance(first, str) else " ".join(map(str, first))
        target = second if isinstance(second, str) else str(next(iter(second), ""))
        yield source, target
