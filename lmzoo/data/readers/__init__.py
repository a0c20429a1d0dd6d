"""What every task can read: one dispatcher over files, folders, lists, hubs and the grammar."""

import pickle
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.readers.grammar import read_grammar
from lmzoo.data.records import REFUSED, Columns, Kind
from lmzoo.data.splits import SPLITS, unused_note
from lmzoo.errors import ArgumentError, DataError
from lmzoo.files import reading

Source: TypeAlias = "str | Path | Iterable[Any] | Mapping[str, Any] | Corpus"
# The files of a split, which are opened together, or its records.
Part: TypeAlias = "list[Path] | Opener"
# The parts of splits, or the opener of one, and sentences for the report.
Found: TypeAlias = tuple[Mapping[str, Part], list[str]]
Opened: TypeAlias = tuple[Opener, list[str]]


@dataclass(frozen=True)
class Files:
    """How records of a kind stand in files: finds a path's splits; opens the files of a split."""

    find: Callable[[Path], Found]
    open: Callable[[list[Path], str], Opened]


def read_corpus(
    source: Source,
    kind: Kind,
    files: Files,
    columns: Columns,
    grammar_size: int,
    seed: int,
    *,
    errors: str = "strict",
) -> Corpus:
    """Finds the records of a kind that a source names, see `read_texts`; they are read later.

    Types decide what a source is, never its content: a `str` or a `Path` is a path, a name that
    begins with "grammar", "tfds:" or "hf:", or, in a list, a `str` is a text and a `Path` a file.
    """
    if isinstance(source, Corpus):
        return _checked(source, kind, columns)
    names = kind.check_columns(columns)
    prefix, _, rest = source.partition(":") if isinstance(source, str) else ("", "", "")
    if prefix == "grammar":
        return read_grammar(rest, kind, names, grammar_size, seed)
    if prefix == "tfds":
        from lmzoo.data.readers.tfds import read_tfds

        return read_tfds(rest, kind, names, errors)
    if prefix == "hf":
        from lmzoo.data.readers.hf import read_hf

        return read_hf(rest, kind, names)
    if isinstance(source, Mapping):
        return _read_splits(source, kind, files)
    return _read_one(source, kind, files, "train")


def without_refused(corpus: Corpus) -> Corpus:
    """Leaves out the records that a lenient kind refused; the notes count them."""
    notes = list(corpus.notes)
    for split in corpus.splits:
        errors = [record[REFUSED] for record in corpus.read(split) if REFUSED in record]
        if errors:
            notes.append(f"{split}: {len(errors):,} unusable records were skipped; {errors[0]}")
    kept = corpus.map(lambda record: [] if REFUSED in record else record)
    return Corpus(corpus.name, kept.splits, notes, corpus.grammar)


def _checked(corpus: Corpus, kind: Kind, columns: Columns) -> Corpus:
    """A corpus that was read before, if it holds records of this kind."""
    if columns is not None:
        raise ArgumentError(
            f"columns is for a source that is yet to be read: say it where {corpus.name} is read"
        )
    first = next(corpus.read(), {})
    if first and (missing := [key for key in kind.keys if key not in first]):
        remedy = "; dialogue_pairs makes pairs of them" if "turns" in first else ""
        raise DataError(
            f"the records of {corpus.name} have no {missing[0]!r}, only {', '.join(first)}{remedy}"
        )
    return corpus


def _read_splits(source: Mapping[str, Any], kind: Kind, files: Files) -> Corpus:
    if "train" not in source or set(source) - set(SPLITS):
        raise DataError(
            f"a dictionary of {kind.name} has the keys {sorted(map(str, source))}; it needs "
            '"train", and may have "valid" and "test"'
        )
    found = {split: _read_one(part, kind, files, split) for split, part in source.items()}
    for corpus in found.values():
        if set(corpus.splits) != {"train"}:
            raise several_splits(corpus.name, corpus.splits)
    names = ", ".join(f"{split}: {corpus.name}" for split, corpus in found.items())
    splits = {split: corpus.splits["train"] for split, corpus in found.items()}
    notes = [note for corpus in found.values() for note in corpus.notes]
    return Corpus(names if len(found) > 1 else found["train"].name, splits, notes)


def several_splits(name: str | Path, splits: Iterable[str]) -> DataError:
    """The error where one split was wanted."""
    return DataError(f"{name} holds the splits {', '.join(splits)}; give it alone")


def _read_one(source: Any, kind: Kind, files: Files, split: str) -> Corpus:
    """Reads a path, files, or items; `split` is what they are for."""
    if isinstance(source, str | Path):
        return _read_path(Path(source), kind, files, split)
    if not isinstance(source, Iterable):
        raise DataError(
            f"the source of {kind.name} is {source!r:.60}: give a path, or the {kind.name} "
            "themselves as a list"
        )
    items = _Spool(source) if iter(source) is source else source
    items = items if isinstance(items, list | tuple | _Spool) else list(items)
    if isinstance(next(iter(items), None), Path):
        paths = list(items)
        for number, path in enumerate(paths):
            if not isinstance(path, Path):
                raise DataError(
                    f"item {number} of {split} is {type(path).__name__} among paths: give files as "
                    "pathlib.Path, and texts as a list of their own"
                )
            with reading(path):
                if not path.exists():
                    several = f" (of {len(paths)} paths)"
                    raise DataError(f"there is no file {path}{several}; check the path")
        opener, notes = files.open(paths, split)
        opener = watched(opener, paths)
        many = f"{len(paths)} files from {paths[0]}"
        name = many if len(paths) > 3 else ", ".join(map(str, paths))
        return Corpus(name, {"train": opener}, notes)

    def read() -> Iterator[Record]:
        for number, item in enumerate(items):
            yield kind.from_item(item, f"item {number} of {split}")

    for _ in read():  # the first error comes now
        pass
    return Corpus(f"the given {kind.name}", {"train": read})


def _read_path(path: Path, kind: Kind, files: Files, as_split: str) -> Corpus:
    with reading(path):
        return _read_found(path, kind, files, as_split)


def _read_found(path: Path, kind: Kind, files: Files, as_split: str) -> Corpus:
    if not path.exists() and ("*" not in path.name or "\n" in str(path)):
        raise DataError(
            f"there is no file or folder {str(path)[:200]!r}; check the path, or give the "
            f"{kind.name} themselves as a list"
        )
    parts, notes = files.find(path)
    splits, shown, used = {}, [], []
    for split, part in parts.items():
        if isinstance(part, list):
            shown.append(f"{split}: {', '.join(file.name for file in part)}")
            used += part
            opener, found = files.open(part, as_split if split == "train" else split)
            part = watched(opener, part)
            notes += found
        splits[split] = part
    if shown and not path.is_file():
        notes = [f"files read: {'; '.join(shown)}", *notes, *unused_note(path, used)]
    return Corpus(str(path), splits, notes)


def watched(opener: Opener, paths: Iterable[Path]) -> Opener:
    """Opens files that must stay as they are: what was counted once is read again later."""

    def state() -> list[tuple[int, int]]:
        found = []
        for path in files:
            with reading(path):
                found.append((path.stat().st_size, path.stat().st_mtime_ns))
        return found

    def read() -> Iterator[Record]:
        for take in (opener, list):
            if state() != before:
                names = ", ".join(path.name for path in files[:4])
                raise DataError(f"{names} changed after it was first read; prepare the data anew")
            yield from take()

    files = list(paths)
    before = state()
    return read


class _Spool:
    """A copy of what an iterator gives, in a temporary file, so that it can be read again."""

    def __init__(self, items: Iterable[Any]) -> None:
        folder = tempfile.mkdtemp(prefix="lmzoo-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path, self._count = Path(folder, "items.pickle"), 0
        with self._path.open("wb") as file:
            for self._count, item in enumerate(items, 1):
                with reading(folder, regular=False):
                    pickle.dump(item, file)

    def __iter__(self) -> Iterator[Any]:
        with self._path.open("rb") as file:
            for _ in range(self._count):
                yield pickle.load(file)
