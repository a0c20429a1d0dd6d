"""Texts from files, folders, Python iterables, TensorFlow Datasets and the embedded grammar."""

import pickle
import re
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.files import LINE_LIMIT, read_blocks
from lmzoo.errors import ArgumentError, DataError

Source: TypeAlias = "str | Path | Iterable[str | Path] | Mapping[str, Any] | Texts"
# Opens one part of the texts anew: strings, counting into the counter what is mended on the way.
# The second argument is the longest line that is kept whole (None: any), where files are read.
Opener: TypeAlias = Callable[[Counter[str], int | None], Iterator[str]]

PARTS = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "validation", "val", "dev", "eval"),
    "test": ("test", "testing", "tst"),
}
SUFFIXES = (".txt", ".text", ".tokens", ".raw")


@dataclass(frozen=True)
class Texts:
    """Texts by part (train, valid, test) that can be read any number of times.

    Args:
        name: what an error or a report calls them.
        openers: for each part, a function that opens it.
        are_documents: whether each string is a document; otherwise strings are blocks of files.
        grammar: the language, if the texts come from the embedded grammar.
        notes: sentences for the report.
    """

    name: str
    openers: Mapping[str, Opener]
    are_documents: bool
    grammar: str | None = None
    notes: list[str] = field(default_factory=list)

    def read(self, part: str = "train") -> Iterator[str]:
        """Reads one part from its beginning: documents, or blocks of a text file."""
        return self.openers[part](Counter(), LINE_LIMIT)


def read_texts(
    source: Source, *, errors: str = "strict", grammar_documents: int = 20_000, seed: int = 0
) -> Texts:
    """Finds the texts that a source names; they are read later, and may be read again.

    Args:
        source: one of
            a path to a text file, plain or gzip;
            a list of paths, one text after the other;
            a folder: its files named train, valid (or validation, val, dev) and test, such as
            `train.txt.gz` or `wiki.valid.tokens`, otherwise all its .txt files as one corpus;
            an iterable of strings, each a document (an iterator is copied to a temporary file);
            `"tfds:NAME"` or `"tfds:NAME:FEATURE"`, a data set of TensorFlow Datasets, whose
            feature `text`, or else its first string, is the document;
            `"grammar"` or `"grammar:zh"`, the embedded corpus;
            a dictionary from "train", "valid", "test" to any of the first four.
        errors: "strict" raises at broken UTF-8 in files; "replace" reads U+FFFD for it.
        grammar_documents: documents for training from the grammar; for validation there is a
            fresh sample, a tenth as many but at least 500 and at most 2,000.
        seed: of the grammar's sample.

    Returns:
        The texts by part.

    Raises:
        DataError: a path that is missing, a folder without text files, an unknown data set,
            items that are not strings.
        ArgumentError: `errors` or `grammar_documents` outside its range.

    Example:
        >>> texts = read_texts(["the first document", "the second"])
        >>> list(texts.read("train"))
        ['the first document', 'the second']
    """
    if errors not in ("strict", "replace"):
        raise ArgumentError(f'errors is {errors!r}; choose "strict" or "replace"')
    if isinstance(source, Texts):
        return source
    if isinstance(source, Mapping):
        return _read_parts(source, errors)
    if isinstance(source, str):
        word, _, rest = source.partition(":")
        if word == "grammar" and rest in ("", "en", "zh"):
            return _read_grammar(rest or "en", grammar_documents, seed)
        if word == "tfds":
            from lmzoo.data.tfds import read_tfds

            found, openers, notes = read_tfds(rest, errors)
            return Texts(found, openers, are_documents=True, notes=notes)
    if isinstance(source, str | Path):
        return _read_path(Path(source), errors)
    return _read_items(source, errors)


def _read_parts(source: Mapping[str, Any], errors: str) -> Texts:
    """Reads a dictionary of parts."""
    if "train" not in source or set(source) - set(PARTS):
        raise DataError(
            f'a dictionary of texts has the keys {sorted(source)}; it needs "train", and may '
            'have "valid" and "test"'
        )
    found = {part: read_texts(value, errors=errors) for part, value in source.items()}
    if any(set(texts.openers) != {"train"} for texts in found.values()):
        raise DataError("a dictionary's values must be files or documents, not corpora with parts")
    if len({texts.are_documents for texts in found.values()}) > 1:
        raise DataError("a dictionary mixes files and documents; give all its parts in one form")
    openers = {part: texts.openers["train"] for part, texts in found.items()}
    names = ", ".join(f"{part}: {texts.name}" for part, texts in found.items())
    return Texts(names, openers, found["train"].are_documents)


def _read_path(path: Path, errors: str) -> Texts:
    """Reads a file, or the files of a folder."""
    if path.is_dir():
        return _read_folder(path, errors)
    if not path.exists():
        raise DataError(
            f"there is no file or folder {str(path)[:200]!r}; check the path, or give the texts "
            "themselves as a list of strings"
        )
    return Texts(str(path), {"train": _open_files([path], errors)}, are_documents=False)


def _open_files(paths: list[Path], errors: str) -> Opener:
    """Joins files: one that does not end its last line is given a line end before the next.

    Where documents are sought (`line_limit` is None) an empty string stands between two files.
    """

    def read(counts: Counter[str], line_limit: int | None) -> Iterator[str]:
        last = "\n"
        for path in paths:
            if line_limit is None:
                yield ""
            elif not last.endswith("\n"):
                counts["joined_files"] += 1
                yield "\n"
            for last in read_blocks(path, counts, errors=errors, line_limit=line_limit):
                yield last

    return read


def _read_folder(folder: Path, errors: str) -> Texts:
    """Sorts a folder's files into parts by their names."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = path.name.removesuffix(".gz")
        if path.is_file() and not stem.startswith("."):
            found.setdefault(stem, path)
    words = {name: set(re.split(r"[^a-z]+", name.lower())) for name in found}
    parts: dict[str, list[Path]] = {}
    for part, names in PARTS.items():
        chosen = [n for n in found if words[n] & set(names) and n.endswith(SUFFIXES)]
        if chosen:
            parts[part] = [found[n] for n in chosen]
    if not parts:
        parts["train"] = [path for name, path in found.items() if name.endswith(SUFFIXES)]
    if not parts.get("train"):
        raise DataError(
            f"the folder {folder} holds no text for training; it needs .txt or .txt.gz files, such "
            "as train.txt and valid.txt"
        )
    openers = {part: _open_files(paths, errors) for part, paths in parts.items()}
    files = "; ".join(f"{part}: {', '.join(p.name for p in ps)}" for part, ps in parts.items())
    return Texts(str(folder), openers, are_documents=False, notes=[f"files read: {files}"])


def _read_items(source: Iterable[str | Path], errors: str) -> Texts:
    """Reads an iterable of documents, or of paths."""
    if iter(source) is source:
        items: Iterable[Any] = _Spool(source)
    else:
        items = source if isinstance(source, list | tuple) else list(source)
    first = [item for item, _ in zip(items, range(1000), strict=False)]
    if any(isinstance(item, Path) for item in first) or any(map(_is_file, first)):
        paths = [Path(item) for item in items]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise DataError(
                f"there is no file {missing[0]} (of {len(paths)} paths); check the path"
            )
        name = f"{len(paths)} files from {paths[0]}"
        return Texts(name, {"train": _open_files(paths, errors)}, are_documents=False)

    def read(counts: Counter[str], line_limit: int | None) -> Iterator[str]:
        for number, item in enumerate(items):
            if not isinstance(item, str):
                raise DataError(
                    f"item {number} of the texts is {type(item).__name__}, not a string; "
                    "decode bytes with .decode('utf-8')"
                )
            yield item

    next(read(Counter(), None), None)
    return Texts("the given texts", {"train": read}, are_documents=True)


def _is_file(item: Any) -> bool:
    """Tells a path from a document; a long text or one with line ends is no path."""
    return isinstance(item, str) and 0 < len(item) < 1000 and "\n" not in item and _exists(item)


def _exists(item: str) -> bool:
    try:
        return Path(item).is_file()
    except (OSError, ValueError):
        return False


class _Spool:
    """A copy of what an iterator gives, in a temporary file, so that it can be read again."""

    def __init__(self, items: Iterable[Any]) -> None:
        folder = tempfile.mkdtemp(prefix="lmzoo-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._path = Path(folder, "texts.pickle")
        self._count = 0
        with self._path.open("wb") as file:
            for item in items:
                pickle.dump(item, file)
                self._count += 1

    def __iter__(self) -> Iterator[Any]:
        with self._path.open("rb") as file:
            for _ in range(self._count):
                yield pickle.load(file)


def _read_grammar(language: str, count: int, seed: int) -> Texts:
    """Samples the embedded corpus; validation is a fresh sample with another seed."""
    if count < 1:
        raise ArgumentError(f"grammar_documents is {count}; it must be at least 1")
    from lmzoo import grammar

    @cache
    def sample(number: int, part_seed: int) -> list[str]:
        return grammar.documents(number, seed=part_seed, language=language)

    def train(counts: Counter[str], line_limit: int | None) -> Iterator[str]:
        return iter(sample(count, 2 * seed))

    def valid(counts: Counter[str], line_limit: int | None) -> Iterator[str]:
        return iter(sample(min(max(count // 10, 500), 2000), 2 * seed + 1))

    name = "grammar" if language == "en" else f"grammar:{language}"
    return Texts(name, {"train": train, "valid": valid}, are_documents=True, grammar=language)
