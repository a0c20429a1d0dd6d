"""Labeled texts in files and folders: which format they have, and labels that are names."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from lmzoo.data.corpus import Record
from lmzoo.data.readers import Found, Opened, several_splits
from lmzoo.data.readers.tables import TABLES, find_file, is_table, open_table, read_json
from lmzoo.data.readers.text import (
    encoding_of,
    latin_note,
    placed_lines,
    read_blocks,
    read_lines,
    without_gz,
)  # fmt: skip
from lmzoo.data.readers.treebank import read_trees
from lmzoo.data.records import LABELED
from lmzoo.data.splits import group_by_split, list_files, split_of
from lmzoo.errors import DataError

TREES = ("trees", "binary trees")
FORMATS = ("table", "label first", "coarse label first", "folders", "files", *TREES, "json")

# For each split, the files of each label.
Classes: TypeAlias = dict[str, dict[str, list[Path]]]

# A folder of texts that nobody labeled, of the movie reviews of Maas et al. 2011.
UNLABELED = "unsup"


def find_class_folders(path: Path) -> Classes:
    """Finds folders named by labels: `pos/*.txt`, or `train/pos/*.txt` and `test/pos/*.txt`."""
    folders = _folders(path)
    splits = {split: _folders(folder) for folder in folders if (split := split_of(folder))}
    found: Classes = {}
    for split, labels in (splits if "train" in splits else {"train": folders}).items():
        for folder in labels:
            files = [f for f in sorted(folder.iterdir()) if f.is_file() and f.name[0] != "."]
            if files and folder.name != UNLABELED:
                found.setdefault(split, {})[folder.name] = files
    return found


def _folders(path: Path) -> list[Path]:
    return [item for item in sorted(path.iterdir()) if item.is_dir() and item.name[0] not in "._"]


def find_class_files(path: Path, files: Sequence[Path]) -> Classes:
    """Groups files such as `rt-polarity.pos` or `pos.txt` by split and label, without a README."""
    found: Classes = {}
    for file in files:
        if file.name.lower().startswith("readme"):
            continue
        name = without_gz(file)
        name = name.with_suffix("") if name.suffix == ".txt" else name
        label = name.suffix.removeprefix(".") or name.name
        classes = found.setdefault(split_of(file) or "train", {})
        if label in classes:
            raise DataError(
                f"{path} holds two files for the label {label!r}: {classes[label][0].name}, "
                f"{file.name}; narrow it with a pattern, such as {path}/corpus.*"
            )
        classes[label] = [file]
    if "train" not in found:
        raise DataError(f"{path} holds no file for training; its files are named by their labels")
    return found


def open_classes(path: Path, classes: Classes, *, whole_files: bool, check_encoding: bool) -> Found:
    """Opens texts labeled by the names of files or folders; not UTF-8 is latin-1, if checked."""
    files = [file for by in classes.values() for found in by.values() for file in found]
    latin = {f for f in files if check_encoding and encoding_of(f) == "latin-1"}
    notes = [f"labels of {split}: {', '.join(by)}" for split, by in classes.items()]
    notes += latin_note(file for file in files if file in latin)
    if whole_files and any(path.glob(f"**/{UNLABELED}")):
        notes.append(f"the folder {UNLABELED} is left out: its texts have no labels")

    def records(by: dict[str, list[Path]]) -> Iterator[Record]:
        for label, file in ((label, file) for label, found in by.items() for file in found):
            lines = read_lines(file, "latin-1" if file in latin else "utf-8")
            if not whole_files:
                for number, line in enumerate(lines, 1):
                    yield LABELED.make([line, label], LABELED.keys, f"{file}, line {number:,}")
                continue
            blocks = read_blocks(file, Counter(), line_limit=None)
            text = "\n".join(lines) if file in latin else "".join(blocks)
            yield LABELED.make([text.strip("\r\n"), label], LABELED.keys, str(file))

    return {split: partial(records, by) for split, by in classes.items()}, notes


def read_label_first(path: Path, *, coarse: bool, encoding: str) -> Iterator[Record]:
    """Reads lines whose first word is the label, if `coarse` up to its colon; skips blank lines."""
    for place, line in placed_lines(path, encoding):
        label, text = re.split(r"\s+|$", line, maxsplit=1)
        label = label.partition(":")[0] if coarse else label
        if not label:
            raise DataError(f"{place} ({line[:40]!r}) has no label; label it, or take it out")
        yield LABELED.make([text, label], LABELED.keys, place)


def find_labeled(path: Path, format: str | None) -> Found:
    """The splits of a file, a folder, or the files of a pattern."""
    if path.is_file():
        return read_json(path, LABELED) if format == "json" else find_file(path, LABELED)
    files = list_files(path)
    if format == "files":
        classes = find_class_files(path, files)
        return open_classes(path, classes, whole_files=False, check_encoding=True)
    tables = [file for file in files if is_table(file)]
    may_be_folders = path.is_dir() and (format == "folders" or (format is None and not tables))
    if may_be_folders and (classes := find_class_folders(path)):
        return open_classes(path, classes, whole_files=True, check_encoding=format is not None)
    if format == "folders":
        raise DataError(f"{path} holds no folders with files, such as train/pos/1.txt")
    if format is None and not tables:
        raise _unknown_format(path)
    named = [file for file in files if not file.name.lower().startswith("readme")]
    return group_by_split(path, named if format else tables, "labeled texts"), []


def _unknown_format(path: Path) -> DataError:
    return DataError(
        f"{path} is not a table ({', '.join(TABLES)}, plain or .gz), a .json, or a folder of them "
        f"or of folders named by labels; say what it holds with format: {', '.join(FORMATS)}"
    )


def open_labeled(
    path: Path, split: str, columns: Sequence[str] | None, format: str | None
) -> Opened:
    """Opens one file; with sentences for the report."""
    if format == "table" or (format is None and is_table(path)):
        return open_table(path, LABELED, columns), []
    if format == "json":
        splits, notes = read_json(path, LABELED)
        if set(splits) != {"train"}:
            raise several_splits(path, splits)
        return splits["train"], notes
    if format is None:
        raise _unknown_format(path)
    if format in ("files", "folders"):
        raise DataError(f"{path} is one file; format={format!r} reads a folder or a pattern")
    encoding = encoding_of(path)
    notes = latin_note([path] if encoding != "utf-8" else [])
    if format not in TREES:
        coarse = format.startswith("coarse")
        return lambda: read_label_first(path, coarse=coarse, encoding=encoding), notes
    phrases, binary = split == "train", format.startswith("binary")
    if phrases:
        notes.append(f"{path.name}: every phrase of its trees, each once")
    return lambda: read_trees(path, phrases=phrases, binary=binary, encoding=encoding), notes
