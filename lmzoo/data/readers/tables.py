"""Tables (.tsv, .csv, .jsonl), lines that begin with their label, and JSON: plain or .gz."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lmzoo.data.corpus import Opener, Record, chained
from lmzoo.data.readers import Found
from lmzoo.data.readers.text import placed_lines, read_blocks, read_lines, without_gz
from lmzoo.data.records import LABELED, Kind
from lmzoo.data.splits import split_of
from lmzoo.errors import ArgumentError, DataError

TABLES = (".tsv", ".csv", ".jsonl")
_OUTSIDE = "oos_"


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return without_gz(path).suffix in TABLES


def find_file(path: Path, kind: Kind) -> Found:
    """The splits of a JSON file; any other file is for training."""
    if without_gz(path).suffix == ".json":
        return read_json(path, kind)
    return {"train": [path]}, []


def open_table(path: Path, kind: Kind, columns: Sequence[str] | None = None) -> Opener:
    """Opens a .csv, .jsonl, or else columns separated by tabs; blank lines are left out.

    `columns` None: the keys where the first row holds them, else the first columns.
    """
    is_json = without_gz(path).suffix == ".jsonl"
    return partial(_read_json_lines if is_json else _read_table, path, kind, columns)


def _read_table(path: Path, kind: Kind, columns: Sequence[str] | None) -> Iterator[Record]:
    is_csv = without_gz(path).suffix == ".csv"
    cells = ((place, line.split("\t")) for place, line in placed_lines(path))
    places: list[int] = []
    for place, row in _csv_rows(path) if is_csv else cells:
        if not places:
            places, is_header = _find_columns(path, row, kind, columns)
            if is_header:
                continue
        if len(row) <= max(places):
            raise DataError(
                f"{place}: {len(row)} columns, but {' and '.join(kind.keys)} are in columns "
                f"{' and '.join(map(str, places))} (from 0): {str(row)[:60]}"
            )
        yield kind.make([row[column] for column in places], columns or kind.keys, place)


def _csv_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """The rows behind their places, the line that each ends in."""
    reader = csv.reader(f"{line}\n" for line in read_lines(path))
    try:
        for row in filter(None, reader):
            yield f"{path}, line {reader.line_num:,}", row
    except csv.Error as error:
        place = f"{path}, line {reader.line_num:,}"
        raise DataError(f"{place} is not a row of .csv: {error}") from error


def _find_columns(
    path: Path, row: list[str], kind: Kind, columns: Sequence[str] | None
) -> tuple[list[int], bool]:
    """The places of the columns, and whether the first row holds names."""
    if columns is not None:
        if all(name.isdigit() for name in columns):
            return [int(name) for name in columns], False
        if missing := [name for name in columns if name not in row]:
            raise ArgumentError(
                f"{path} has no column {missing[0]!r}; its first row is {str(row)[:80]}: use these "
                "names, or numbers from 0"
            )
        return [row.index(name) for name in columns], True
    names = [cell.strip().lower() for cell in row]
    known = [key for key in kind.keys if key in names]
    if len(known) == len(kind.keys):
        return [names.index(key) for key in kind.keys], True
    if not known or kind is not LABELED:
        return list(range(len(kind.keys))), False
    if len(row) == 2:
        place = names.index(known[0])
        return [place, 1 - place] if known == ["text"] else [1 - place, place], True
    raise ArgumentError(
        f"{path} has the columns {str(row)[:80]}: say which hold text and label, "
        'columns=("sentence", "label")'
    )


def _parse_json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError(f"{place} is invalid JSON: {error}") from error


def _read_json_lines(path: Path, kind: Kind, columns: Sequence[str] | None) -> Iterator[Record]:
    names = columns or kind.keys
    for place, line in placed_lines(path):
        record = _parse_json(line, place)
        if not isinstance(record, dict) or set(names) - set(record):
            raise DataError(
                f"{place} is not a JSON object with the keys {', '.join(map(repr, names))}: "
                f"{line[:60]!r}; say which keys to read with columns"
            )
        values = [record[name] for name in names]
        yield kind.make(values, names, place) if columns else kind.from_item(record, place)


def read_json(path: Path, kind: Kind) -> tuple[dict[str, Opener], list[str]]:
    """Reads lists of items by split, or one list; "oos_val" (out of scope) goes to "val"."""
    value = _parse_json("".join(read_blocks(path, Counter(), line_limit=None)), str(path))
    if isinstance(value, list):
        return {"train": _open(value, kind, str(path))}, []
    keys = list(value) if isinstance(value, dict) else []
    splits: dict[str, list[Opener]] = {}
    # A split's own key first: what is out of scope follows.
    for key in sorted(keys, key=lambda name: (name.startswith(_OUTSIDE), keys.index(name))):
        split = split_of(key.removeprefix(_OUTSIDE))
        if split is None or not isinstance(value[key], list):
            raise DataError(
                f"{path}: {key!r} is not a list of {kind.name} for training, validation or test"
            )
        splits.setdefault(split, []).append(_open(value[key], kind, f"{path}, {key}"))
    if "train" not in splits:
        raise DataError(
            f'{path} has the keys {str(keys)[:80]}; it needs "train", a list of {kind.item}'
        )
    joined = [key for key in keys if key.startswith(_OUTSIDE)]
    notes = [f"joined to the other texts: {', '.join(joined)}"] if joined else []
    return {split: chained(openers) for split, openers in splits.items()}, notes


def _open(items: Sequence[Any], kind: Kind, where: str) -> Opener:
    records = [kind.from_item(item, f"{where}, item {n}") for n, item in enumerate(items)]
    return lambda: records
