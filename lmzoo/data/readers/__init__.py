"""What every task can read: one dispatcher over files, folders, lists, hubs and the grammar."""

import pickle
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.readers.grammar import read_grammar
from lmzoo.data.records import Kind
from lmzoo.data.splits import SPLITS
from lmzoo.errors import DataError

Source: TypeAlias = "str | Path | Iterable[Any] | Mapping[str, Any] | Corpus"
# The files of a split, which are opened together, or its records.
Part: TypeAlias = "list[Path] | Opener"
# The parts of splits, and sentences for the report.
Found: TypeAlias = tuple[Mapping[str, Part], list[str]]


@dataclass(frozen=True)
class Files:
    """How one kind of records stands in files.

    `find` finds the splits of a path: a file, a folder or a pattern. `open` opens the files of a
    split, whose name it gets too.
    """

    find: Callable[[Path], Found]
    open: Callable[[list[Path], str], tuple[Opener, list[str]]]


def read_corpus(
    source: Source,
    kind: Kind,
    files: Files,
    *,
    columns: Sequence[str | int] | None = None,
    errors: str = "strict",
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Finds the records that a source names; they are read later, and may be read again.

    Types decide what a source is, never its content: a `str` or a `Path` is a path, a name that
    begins with "grammar", "tfds:" or "hf:", or, in a list, a `str` is a text and a `Path` a file.

    Args:
        source: a corpus, which is passed through; a dictionary from "train", "valid", "test" to
            paths or lists; "grammar" or "grammar:NAME"; "tfds:NAME" or "hf:NAME"; a path of a
            file or a folder, or one that ends in a pattern; an iterable of items or of paths (an
            iterator is copied to a temporary file).
        kind: of the records.
        files: how they stand in files.
        columns: names or numbers of what is read, one for each key of the records.
        errors: "strict" or "replace", for texts of a data set that are not UTF-8.
        grammar_size: training records of the grammar.
        seed: of the grammar's sample.
    """
    if isinstance(source, Corpus):
        return source
    names = kind.check_columns(columns)
    if isinstance(source, Mapping):
        return _read_splits(source, kind, files)
    if isinstance(source, str):
        prefix, _, rest = source.partition(":")
        if prefix == "grammar":
            return read_grammar(rest, kind, names, grammar_size, seed)
        if prefix == "tfds":
            from lmzoo.data.readers.tfds import read_tfds

            return read_tfds(rest, kind, names, errors)
        if prefix == "hf":
            from lmzoo.data.readers.hf import read_hf

            return read_hf(rest, kind, names)
    if isinstance(source, str | Path):
        return _read_path(Path(source), kind, files)
    name, opener, notes = _open_part(source, "train", kind, files)
    return Corpus(name, {"train": opener}, notes)


def _read_splits(source: Mapping[str, Any], kind: Kind, files: Files) -> Corpus:
    """Reads a dictionary of splits."""
    if "train" not in source or set(source) - set(SPLITS):
        raise DataError(
            f'a dictionary of {kind.name} has the keys {sorted(source)}; it needs "train", and may '
            'have "valid" and "test"'
        )
    splits, names, notes = {}, [], []
    for split, part in source.items():
        name, splits[split], found = _open_part(part, split, kind, files)
        names.append(f"{split}: {name}" if len(source) > 1 else name)
        notes += found
    return Corpus(", ".join(names), splits, notes)


def _read_path(path: Path, kind: Kind, files: Files) -> Corpus:
    """Reads a file, a folder, or the files of a pattern."""
    parts, notes = _find(path, kind, files)
    splits: dict[str, Opener] = {}
    shown = []
    for split, part in parts.items():
        if isinstance(part, list):
            splits[split], found = files.open(part, split)
            notes += found
            shown.append(f"{split}: {', '.join(file.name for file in part)}")
        else:
            splits[split] = part
    if shown and not path.is_file():
        notes = [f"files read: {'; '.join(shown)}", *notes]
    return Corpus(str(path), splits, notes)


def _find(path: Path, kind: Kind, files: Files) -> Found:
    if not path.exists() and "*" not in path.name:
        raise DataError(
            f"there is no file or folder {str(path)[:200]!r}; check the path, or give the "
            f"{kind.name} themselves as a list"
        )
    return files.find(path)


def _open_part(part: Any, split: str, kind: Kind, files: Files) -> tuple[str, Opener, list[str]]:
    """Opens one split: a path, files, or items; with its name and sentences for the report."""
    if isinstance(part, str | Path):
        path = Path(part)
        parts, notes = _find(path, kind, files)
        if set(parts) != {"train"}:
            raise DataError(f"{path} holds the splits {', '.join(parts)}; give it alone")
        found = parts["train"]
        if not isinstance(found, list):
            return str(path), found, notes
        opener, more = files.open(found, split)
        return str(path), opener, notes + more
    items = _Spool(part) if iter(part) is part else part
    items = items if isinstance(items, list | tuple | _Spool) else list(items)
    if isinstance(next(iter(items), None), Path):
        paths = _check_paths(items, split)
        few = len(paths) < 4
        name = ", ".join(map(str, paths)) if few else f"{len(paths)} files from {paths[0]}"
        return (name, *files.open(paths, split))

    def read() -> Iterator[Record]:
        for number, item in enumerate(items):
            yield kind.from_item(item, f"item {number} of {split}")

    for _ in read():  # the first error comes now
        pass
    return f"the given {kind.name}", read, []


def _check_paths(items: Iterable[Any], split: str) -> list[Path]:
    """The items of a list that begins with a path, all of them files."""
    paths = list(items)
    for number, path in enumerate(paths):
        if not isinstance(path, Path):
            raise DataError(
                f"item {number} of {split} is {type(path).__name__} among paths: give files as "
                "pathlib.Path, and texts as a list of their own"
            )
        if not path.exists():
            raise DataError(f"there is no file {path} (of {len(paths)} paths); check the path")
    return paths


class _Spool:
    """A copy of what an iterator gives, in a temporary file, so that it can be read again."""

    def __init__(self, items: Iterable[Any]) -> None:
        folder = tempfile.mkdtemp(prefix="lmzoo-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = Path(folder, "items.pickle")
        self._count = 0
        with self._path.open("wb") as file:
            for item in items:
                pickle.dump(item, file)
                self._count += 1

    def __iter__(self) -> Iterator[Any]:
        with self._path.open("rb") as file:
            for _ in range(self._count):
                yield pickle.load(file)
