"""Tables (.tsv, .csv, .jsonl) and JSON, plain or .gz: the one reader of each."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from lmzoo.data.corpus import Opener, Record, chained
from lmzoo.data.readers import Found
from lmzoo.data.readers.text import placed_lines, read_blocks, read_lines, without_gz
from lmzoo.data.records import LABELED, Kind
from lmzoo.data.splits import split_of
from lmzoo.errors import ArgumentError, DataError

Row = tuple[str, list[str]]  # its place, and its cells

SAMPLE = 100  # rows that are looked at to find how a table is written
FIELD_LIMIT = 1 << 26  # characters of a cell, to bound the memory
_DELIMITERS = ",;\t|"
# A cell that a program quoted because of the quotation marks inside it, which it doubled.
_QUOTED = re.compile(r'"(?:[^"]|"")*""(?:[^"]|"")*"')
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?%?")
# What columns are often called; none of them is likely to be a text or a label itself.
USUAL = """
    id idx index no number text texts sentence sentences review reviews comment tweet message
    content body title headline description question answer query response reply utterance document
    article abstract summary passage context phrase label labels category class sentiment polarity
    rating score stars topic intent emotion target source src tgt trg input output translation
    premise hypothesis sentence1 sentence2 question1 question2 date author user name language lang
    split english german french spanish chinese italian russian dutch portuguese japanese korean
    arabic turkish polish czech en de fr es zh it ru nl pt ja ko ar tr pl cs
"""
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
    """Opens a .csv, .jsonl, or else columns separated by tabs; blank rows are left out.

    `columns` None: the keys where the first row holds them, else the first columns.
    """
    is_json = without_gz(path).suffix == ".jsonl"
    return partial(_read_json_lines if is_json else _read_table, path, kind, columns)


def _read_table(path: Path, kind: Kind, columns: Sequence[str] | None) -> Iterator[Record]:
    rows = read_rows(path, columns or ())
    first = list(islice(rows, SAMPLE))
    if not first:
        return
    places, is_header = find_columns(path, [row for _, row in first], kind, columns)
    for place, row in chain(first[is_header:], rows):
        if len(row) <= max(places):
            yield kind.refuse(DataError(
                f"{place}: {len(row)} columns, but {' and '.join(kind.keys)} are in columns "
                f"{' and '.join(map(str, places))} (from 0): {str(row)[:60]}"
            ))  # fmt: skip
        else:
            yield kind.make([row[column] for column in places], columns or kind.keys, place)


def read_rows(path: Path, names: Sequence[str] = ()) -> Iterator[Row]:
    """Reads the rows of a table that are not blank; `names` of columns tell how it is written."""
    is_csv = without_gz(path).suffix == ".csv"
    lines = read_lines(path)
    first = list(islice(lines, SAMPLE))
    delimiter = _delimiter(first, names) if is_csv else "\t"
    shown = next(filter(str.strip, first), "")
    all_quoted = all(re.fullmatch(r'"(?:[^"]|"")*"', cell) for cell in shown.split(delimiter))
    # Apart from these, quotation marks in columns separated by tabs are text.
    read = _csv_rows if is_csv or all_quoted else _tab_rows
    return read(path, chain(first, lines), delimiter)


def _delimiter(lines: Sequence[str], names: Sequence[str]) -> str:
    """What separates columns: what gives the wanted names, or all rows as many; a comma else."""
    for delimiter in _DELIMITERS:
        reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
        try:
            rows = [[cell.strip() for cell in row] for row in reader if row]
        except csv.Error:
            continue
        if not rows or len(rows[0]) < 2:
            continue
        is_known = bool(names) and not all(map(str.isdigit, names)) and {*names} <= {*rows[0]}
        # The last row may be cut.
        if is_known or len({len(row) for row in (rows[:-1] or rows)}) == 1:
            return delimiter
    return ","


def _tab_rows(path: Path, lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            cells = line.split(delimiter)
            yield (
                f"{path}, line {number:,}",
                [
                    cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell
                    for cell in cells
                ],
            )


def _csv_rows(path: Path, lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    """The rows behind their places, the line that each ends in."""
    csv.field_size_limit(max(csv.field_size_limit(), FIELD_LIMIT))
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter, strict=True)
    begin = 1
    try:
        for row in reader:
            begin = reader.line_num + 1
            if any(map(str.strip, row)):
                yield f"{path}, line {reader.line_num:,}", row
    except csv.Error as error:
        raise DataError(
            f"{path}: the row that begins in line {begin:,} is not one of .csv ({error}, line "
            f"{reader.line_num:,}); a quotation mark at the beginning of a cell needs another at "
            "its end, and those between them are doubled"
        ) from error


def find_columns(
    path: Path, rows: Sequence[list[str]], kind: Kind, columns: Sequence[str] | None
) -> tuple[list[int], bool]:
    """The places of the columns, and whether the first row holds names."""
    row = [cell.strip() for cell in rows[0]]
    if columns is not None:
        if all(name.isdigit() for name in columns):
            return [int(name) for name in columns], False
        if missing := [name for name in columns if name not in row]:
            raise ArgumentError(
                f"{path} has no column {missing[0]!r}; its first row is {str(row)[:80]}: use these "
                "names, or numbers from 0"
            )
        return [row.index(name) for name in columns], True
    names = [cell.lower() for cell in row]
    known = [key for key in kind.keys if key in names]
    if len(known) == len(kind.keys):
        return [names.index(key) for key in kind.keys], True
    if known and kind.name == LABELED.name and len(row) == 2:
        place = names.index(known[0])
        return [place, 1 - place] if known == ["text"] else [1 - place, place], True
    if (known and kind.name == LABELED.name) or _holds_names(rows, kind):
        likely = [cell for cell in row if cell.lower() not in ("", "id", "idx", "index", "no")]
        raise ArgumentError(
            f"{path} has the columns {str(row)[:80]}: say which hold {' and '.join(kind.keys)}, "
            f"such as columns={(*likely, *row)[: len(kind.keys)]}, or by their numbers from 0 "
            "where these are not names"
        )
    return list(range(len(kind.keys))), False


def _holds_names(rows: Sequence[list[str]], kind: Kind) -> bool:
    """Whether the first row of a table looks like names of columns."""
    usual = set(USUAL.split())
    head, below = rows[0], [row for row in rows[1:] if len(row) == len(rows[0])]
    if sum(cell.strip().lower() in usual for cell in head) >= 2:
        return True
    for name, *values in zip(head, *below, strict=True):
        # Numbers stand below something that is none.
        are_numbers = [bool(_NUMBER.fullmatch(cell.strip())) for cell in (name, *values)]
        if len(values) >= 3 and all(are_numbers[1:]) and not are_numbers[0]:
            return True
    if kind.name != LABELED.name or any(
        re.search(r"\s", cell.strip()) or not cell for cell in head
    ):
        return False
    # A label that no other row has, where all others have company.
    counts = Counter(row[1].strip() for row in below) if len(head) > 1 else Counter()
    few = len(counts) > 1 and min(counts.values(), default=0) > 1
    return few and head[1].strip() not in counts


def _read_json_lines(path: Path, kind: Kind, columns: Sequence[str] | None) -> Iterator[Record]:
    names = columns or kind.keys
    for place, line in placed_lines(path):
        try:
            record = _parse_json(line, place)
            if not isinstance(record, dict) or set(names) - set(record):
                raise DataError(
                    f"{place} is not a JSON object with the keys {', '.join(map(repr, names))}: "
                    f"{line[:60]!r}; say which keys to read with columns"
                )
        except DataError as error:
            yield kind.refuse(error)
            continue
        values = [record[name] for name in names]
        yield kind.make(values, names, place) if columns else kind.from_item(record, place)


def _parse_json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DataError(f"{place} is JSON that is nested too deeply; flatten it") from error
    except ValueError as error:
        raise DataError(f"{place} is invalid JSON: {error}") from error


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
