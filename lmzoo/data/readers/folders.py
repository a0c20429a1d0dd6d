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
from lmzoo.data.records import BLANKS, LABELED, Kind
from lmzoo.data.splits import group_by_split, is_hidden, list_files, split_of, unused_note
from lmzoo.errors import DataError

TREES = ("trees", "binary trees")
FORMATS = ("table", "label first", "coarse label first", "folders", "files", *TREES, "json")

# For each split, the files of each label.
Classes: TypeAlias = dict[str, dict[str, list[Path]]]

# A folder of texts that nobody labeled, of the movie reviews of Maas et al. 2011.
UNLABELED = "unsup"


def find_class_folders(path: Path) -> Classes:
    """Finds folders named by labels: `pos/**/*.txt`, or `train/pos/**/*.txt` and so on.

    Folders of one split are joined, `dev` with `val`. A folder `train` without two folders of
    labels inside is a label itself beside others of no split.
    """
    folders = _folders(path)
    by_split: dict[str, list[Path]] = {}
    for folder in folders:
        if split := split_of(folder):
            by_split.setdefault(split, []).append(folder)
    named = sum(map(len, by_split.values()))
    labels_inside = {label for folder in by_split.get("train", []) for label in _labels_of(folder)}
    if named < len(folders) and len(labels_inside) < 2 and ("train" not in by_split or named == 1):
        by_split = {"train": [path]}
    found: Classes = {}
    if "train" not in by_split:
        return found
    for split, parents in by_split.items():
        for label, files in (item for folder in parents for item in _labels_of(folder).items()):
            found.setdefault(split, {}).setdefault(label, []).extend(files)
    return found


def _labels_of(folder: Path) -> dict[str, list[Path]]:
    """The labels of the folders in one folder, with their files at any depth."""
    labels = {
        label.name: [
            file for file in sorted(label.rglob("*"))
            if file.is_file() and not any(map(is_hidden, (file, *_between(file, label))))
        ]
        for label in _folders(folder) if label.name != UNLABELED
    }  # fmt: skip
    return {label: files for label, files in labels.items() if files}


def _between(file: Path, folder: Path) -> list[Path]:
    """The folders between a file and one that it is in."""
    return list(file.parents)[: len(file.relative_to(folder).parts) - 1]


def _folders(path: Path) -> list[Path]:
    return [item for item in sorted(path.iterdir()) if item.is_dir() and not is_hidden(item)]


def find_class_files(path: Path, files: Sequence[Path]) -> Classes:
    """Groups files such as `rt-polarity.pos` or `pos.txt` by split and label, without a README."""
    found: Classes = {}
    for file in files:
        if file.name.lower().startswith("readme"):
            continue
        name = without_gz(file)
        name = name.with_suffix("") if name.suffix == ".txt" else name
        label = name.suffix.removeprefix(".") or name.name
        # A file named by its label alone, train.txt beside bus.txt, says nothing of a split.
        split = None if split_of(label) and label == name.name else split_of(file)
        classes = found.setdefault(split or "train", {})
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
    if whole_files:
        labels = {label for by in classes.values() for label in by}
        for folder in (path, *_folders(path)):
            if folder == path or (split_of(folder) and folder.name not in labels):
                notes += unused_note(folder, files)
        if any(path.glob(f"**/{UNLABELED}")):
            notes.append(f"the folder {UNLABELED} is left out: its texts have no labels")
    else:
        notes += unused_note(path, files)

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
        label, text = re.split(f"[{BLANKS}]+|$", line, maxsplit=1)
        label = label.partition(":")[0] if coarse else label
        if not label:
            raise DataError(f"{place} ({line[:40]!r}) has no label; label it, or take it out")
        yield LABELED.make([text, label], LABELED.keys, place)


def find_labeled(path: Path, kind: Kind, format: str | None) -> Found:
    """The splits of a file, a folder, or the files of a pattern."""
    if path.is_file():
        return read_json(path, kind) if format == "json" else find_file(path, kind)
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
    path: Path, split: str, kind: Kind, columns: Sequence[str] | None, format: str | None
) -> Opened:
    """Opens one file; with sentences for the report."""
    if format == "table" or (format is None and is_table(path)):
        return open_table(path, kind, columns), []
    if format == "json":
        splits, notes = read_json(path, kind)
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
