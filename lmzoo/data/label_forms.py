"""Labeled texts in files: tables, lines that begin with their label, JSON."""

import csv
import gzip
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.files import read_blocks
from lmzoo.data.parts import part_of
from lmzoo.data.tables import read_lines, stem
from lmzoo.errors import ArgumentError, DataError

# The line that an example stands in (0 where it stands in none), its text and its label.
Row: TypeAlias = tuple[int, str, str]

# Between the texts of an example that has several: a user writes it into a text to be sorted.
SEPARATOR = " ||| "
_OUTSIDE = "oos_"
_NOT_UTF8 = "is not UTF-8"


def checked_label(label: Any, where: str) -> str:
    """The label as a string without white space around it.

    Args:
        label: a string or a whole number.
        where: where it stands, for errors.

    Returns:
        At least one character.

    Raises:
        DataError: there is none, or it is something else.

    Example:
        >>> checked_label(" pos ", "line 1"), checked_label(3, "line 2")
        ('pos', '3')
    """
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise DataError(
            f"{where}: the label is {str(label)[:40]!r}, neither a string nor a whole number; "
            "check which field holds the labels"
        )
    if not (text := str(label).strip()):
        raise DataError(f"{where} has no label; label it, or take it out")
    return text


def encoding_of(path: Path) -> str:
    """Whether a text file is UTF-8 or else, since any text is, latin-1.

    Args:
        path: the file, plain or .gz; it is read through.

    Returns:
        "utf-8" or "latin-1".

    Raises:
        DataError: the file is missing, binary or damaged.
    """
    try:
        for _ in read_blocks(path, Counter()):
            pass
    except DataError as error:
        if _NOT_UTF8 not in str(error):
            raise
        return "latin-1"
    return "utf-8"


def read_encoded(path: Path, encoding: str) -> Iterator[str]:
    """Reads the lines of a text file, plain or .gz, without their ends.

    Args:
        path: the file.
        encoding: the answer of `encoding_of`.

    Yields:
        The lines, empty ones too.
    """
    if encoding == "utf-8":
        yield from read_lines(path)
        return
    opener: Any = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding=encoding, newline="\n") as file:
        for line in file:
            yield line.removesuffix("\n").removesuffix("\r")


def read_label_first(path: Path, *, coarse: bool, encoding: str) -> Iterator[Row]:
    """Reads lines whose first word is the label.

    Args:
        path: the file, plain or .gz.
        coarse: of a label with a colon only what stands before it counts.
        encoding: "utf-8" or "latin-1".

    Yields:
        Line, text, label; blank lines are left out.

    Raises:
        DataError: a line that begins with white space, hence without a label.
    """
    for number, line in enumerate(read_encoded(path, encoding), 1):
        if not line.strip():
            continue
        label, text = re.split(r"\s+|$", line, maxsplit=1)
        if coarse:
            label = label.partition(":")[0]
        yield number, text, checked_label(label, f"{path}, line {number:,} ({line[:40]!r})")


def read_label_table(path: Path, fields: tuple[str, ...] | None) -> Iterator[Row]:
    """Reads a table: .csv, .jsonl, or else columns parted by tabs; plain or .gz.

    Args:
        path: the file.
        fields: the columns (numbers from 0, or names in the first row) or keys of text and label;
            several texts are joined. None: "text" and "label" where the first row holds one of
            these names, else the columns 0 and 1; the keys "text" and "label".

    Yields:
        Line, text, label; blank lines are left out.

    Raises:
        DataError: a row that lacks one of the two.
        ArgumentError: fields that are not there.
    """
    if stem(path).suffix == ".jsonl":
        yield from _read_json_lines(path, fields or ("text", "label"))
        return
    rows = _read_csv(path) if stem(path).suffix == ".csv" else _read_tsv(path)
    first = next(rows, None)
    if first is None:
        return
    places, is_header = _columns(path, first[1], fields)
    for number, row in rows if is_header else itertools.chain([first], rows):
        if len(row) <= max(places):
            shown = ", ".join(map(str, places[:-1]))
            raise DataError(
                f"{path}, line {number:,}: {len(row)} columns, but text and label are in columns "
                f"{shown} and {places[-1]} (from 0): {str(row)[:60]}"
            )
        text = SEPARATOR.join(row[place] for place in places[:-1])
        yield number, text, checked_label(row[places[-1]], f"{path}, line {number:,}")


def _read_tsv(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(read_lines(path), 1):
        if line.strip():
            yield number, line.split("\t")


def _read_csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows, with the line that each ends in."""
    reader = csv.reader(f"{line}\n" for line in read_lines(path))
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num:,} is no row of a .csv: {error}") from error


def _columns(
    path: Path, row: list[str], fields: tuple[str, ...] | None
) -> tuple[tuple[int, ...], bool]:
    """The places of texts and label, and whether the first row holds names."""
    if fields is None:
        names = [cell.strip().lower() for cell in row]
        known = [name for name in ("text", "label") if name in names]
        if not known:
            return (0, 1), False
        if len(known) == 2:
            return (names.index("text"), names.index("label")), True
        if len(row) == 2:
            place = names.index(known[0])
            return (place, 1 - place) if known == ["text"] else (1 - place, place), True
        raise ArgumentError(
            f"{path} has the columns {str(row)[:80]}: say which hold text and label, "
            'fields=("sentence", "label")'
        )
    if all(name.isdigit() for name in fields):
        return tuple(map(int, fields)), False
    if missing := [name for name in fields if name not in row]:
        raise ArgumentError(
            f"{path} has no column {missing[0]!r}; its first row is {str(row)[:80]}: use these "
            "names, or numbers from 0"
        )
    return tuple(map(row.index, fields)), True


def _read_json_lines(path: Path, fields: tuple[str, ...]) -> Iterator[Row]:
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number:,}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{where} is no JSON: {error}") from error
        if not isinstance(record, dict) or set(fields) - set(record):
            shown = ", ".join(map(repr, fields[:-1]))
            raise DataError(
                f"{where} is no JSON object with the keys {shown} and {fields[-1]!r}: "
                f"{line[:60]!r}; say which keys hold text and label with fields"
            )
        *texts, label = (record[name] for name in fields)
        for name, text in zip(fields, texts, strict=False):
            if not isinstance(text, str):
                raise DataError(f"{where}: {name!r} holds {str(text)[:40]!r}, which is no text")
        yield number, *as_example([SEPARATOR.join(texts), label], where)


def as_example(item: Any, where: str) -> tuple[str, str]:
    """Checks one (text, label).

    Args:
        item: a list or tuple of a string and a label.
        where: where it stands, for errors.

    Returns:
        Text and label.

    Raises:
        DataError: it is none.

    Example:
        >>> as_example(["a fine film", 1], "item 0")
        ('a fine film', '1')
    """
    if not isinstance(item, list | tuple) or len(item) != 2 or not isinstance(item[0], str):
        raise DataError(f"{where} is {str(item)[:60]!r}: give (text, label)")
    return item[0], checked_label(item[1], where)


def read_json(path: Path) -> tuple[dict[str, list[Row]], list[str]]:
    """Reads one JSON value: parts with lists of [text, label], or such a list.

    Args:
        path: the file, plain or .gz. A part whose name begins with "oos_" (out of scope, as in
            CLINC150) is joined to the part that the rest of its name tells.

    Returns:
        The rows of each part, and sentences for the report.

    Raises:
        DataError: no JSON, or in another form.
    """
    try:
        value = json.loads("".join(read_blocks(path, Counter(), line_limit=None)))
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is no JSON: {error}") from error
    if isinstance(value, list):
        return {"train": _rows(value, str(path))}, []
    keys: Sequence[str] = list(value) if isinstance(value, dict) else []
    parts: dict[str, list[Row]] = {}
    # A part's own key first: what is out of scope comes behind it.
    for key in sorted(keys, key=lambda name: (name.startswith(_OUTSIDE), keys.index(name))):
        part = part_of(Path(key.removeprefix(_OUTSIDE)))
        if part is None or not isinstance(value[key], list):
            raise DataError(
                f"{path}: {key!r} is no list of [text, label] for training, validation or test"
            )
        parts.setdefault(part, []).extend(_rows(value[key], f"{path}, {key}"))
    if "train" not in parts:
        raise DataError(
            f'{path} has the keys {str(list(keys))[:80]}; it needs "train", a list of [text, label]'
        )
    joined = [key for key in keys if key.startswith(_OUTSIDE)]
    return parts, [f"joined to the other texts: {', '.join(joined)}"] if joined else []


def _rows(items: Iterable[Any], where: str) -> list[Row]:
    return [(0, *as_example(item, f"{where}, item {n}")) for n, item in enumerate(items)]
