"""Files with a word in each line: CoNLL's columns, CoNLL-U, and the .iob2 of Universal NER."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from lmzoo.data.corpus import Located, Opener, Record
from lmzoo.data.readers import Found, watched
from lmzoo.data.readers.parallel import SLOT_FILES, read_slots
from lmzoo.data.readers.tables import find_file, open_table
from lmzoo.data.readers.text import read_lines, without_gz
from lmzoo.data.records import BLANKS, TAGGED, split_blanks
from lmzoo.data.splits import group_by_split, list_files, split_of, unused_note
from lmzoo.data.tags.schemes import is_span_tag
from lmzoo.errors import ArgumentError, DataError

CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
SUFFIXES = (".conll", ".conllu", ".iob2", ".iob", ".bio", ".bioes", ".jsonl")
# In these the first column numbers the words, and comments stand before a sentence.
NUMBERED = (".conllu", ".iob2")
_WORD_ID, _OTHER_ID = re.compile(r"\d+"), re.compile(r"\d+[-.]\d+")


def read_conll(path: str | Path, *, columns: Sequence[str | int] | None = None) -> Iterator[Record]:
    """Reads sentences from a file with a word in each line; blank lines separate sentences.

    Columns are separated by tabs, or by spaces in files whose first line has no tab; blanks of
    ASCII around a cell are dropped, unless there is nothing else in it. Lines that begin with
    -DOCSTART- are skipped, and so are comments: lines before a sentence that begin with "# ",
    unless they have as many columns as the others and a tag: one that was seen before, of a span,
    or without small letters. In CoNLL-U and .iob2 the ranges of words (1-2) and the words that
    are not there (1.1) are skipped.

    Args:
        path: the file, plain or .gz.
        columns: of the word and of its tag: numbers from 0, negative ones from the end, or names of
            CoNLL-U. None: form and upos in .conllu, 1 and 2 in .iob2, else the first and the last.

    Yields:
        {"tokens", "tags"}; a token may be empty.

    Raises:
        ArgumentError: `columns` that are not two, or names that CoNLL-U lacks.
        DataError: a line with another number of columns, without a tag, or without its number.

    Source: https://universaldependencies.org/format.html, https://aclanthology.org/W03-0419

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.conll").write_text("Ann\\tB-PER\\nslept\\tO\\n\\nYes\\tO\\n")
        ...     [sentence["tokens"] for sentence in read_conll(f"{folder}/a.conll")]
        [['Ann', 'slept'], ['Yes']]
    """
    reader = _Reader(Path(path), choose_columns(Path(path), columns))
    for number, line in enumerate(chain(read_lines(Path(path)), [""]), 1):
        if line.strip():
            reader.take(number, line)
        elif reader.words:
            words, tags, lines = zip(*reader.words, strict=True)
            yield Located({"tokens": list(words), "tags": list(tags)}, str(reader.path), lines)
            reader.words = []


def choose_columns(path: Path, columns: Sequence[str | int] | None) -> tuple[int, int]:
    """The places of the word and of its tag in a file; see `read_conll`."""
    suffix = without_gz(path).suffix
    if columns is None:
        return {".conllu": (1, 3), ".iob2": (1, 2)}.get(suffix, (0, -1))
    if isinstance(columns, str) or len(columns) != 2:
        raise ArgumentError(f"columns is {columns!r}: give two, that of the word and of its tag")
    places = []
    for column in columns:
        name, names = str(column).lower(), CONLLU if suffix == ".conllu" else ()
        if name not in names and not re.fullmatch(r"-?\d+", name):
            known = f", or one of {', '.join(names)}" if names else ""
            raise ArgumentError(f"{path} has no column {column!r}: give a number from 0{known}")
        places.append(names.index(name) if name in names else int(name))
    if places[0] == places[1]:
        raise ArgumentError(f"columns is {columns!r}: the word and its tag stand in two columns")
    return places[0], places[1]


class _Reader:
    """Gathers the words of a sentence line by line."""

    def __init__(self, path: Path, columns: tuple[int, int]) -> None:
        self.path, self.columns = path, columns
        self.numbered = without_gz(path).suffix in NUMBERED
        self.width, self.first, self.separator = 0, 0, ""
        self.seen: set[str] = set()
        self.words: list[tuple[str, str, int]] = []  # with their tags and lines

    def take(self, number: int, line: str) -> None:
        """Reads a line that is not blank."""
        place = f"{self.path}, line {number:,}"
        cells = self._cells(line)
        if cells[0].startswith("-DOCSTART-") or self._is_comment(line, cells):
            return
        if self.numbered and not _WORD_ID.fullmatch(cells[0]):
            if _OTHER_ID.fullmatch(cells[0]):
                return
            raise DataError(
                f"{place} does not begin with the number of a word: {line[:60]!r}; rename the "
                "file to .conll if its first column is another"
            )
        if not self.width:
            self.width, self.first = len(cells), number
            self.separator = "\t" if "\t" in line else " "
            if len({c % self.width for c in self.columns if -self.width <= c < self.width}) < 2:
                raise DataError(
                    f"{place} has {self.width} columns, so that there are no columns "
                    f"{self.columns[0]} and {self.columns[1]} for a word and its tag; say with "
                    "columns=(word, tag) which they are, numbers from 0"
                )
        if len(cells) != self.width:
            raise DataError(
                f"{place} has {len(cells)} columns, but line {self.first:,} has {self.width}: "
                f"{' '.join(cells)[:60]!r}; write an empty cell as _"
            )
        word, tag = (cells[column] for column in self.columns)
        if not tag.strip():
            raise DataError(f"{place} has no tag: {line[:60]!r}")
        self.seen.add(tag)
        self.words.append((word, tag, number))

    def _cells(self, line: str) -> list[str]:
        """The cells of a line; a word that is nothing but blanks stays one."""
        if self.separator == " " and "\t" in line:  # a tab may be a word
            cells = [cell for cell in line.strip(" \r").split(" ") if cell]
            if len(cells) == self.width:
                return cells
        if self.separator != "\t" and ("\t" not in line or len(split_blanks(line)) == self.width):
            return split_blanks(line)
        return [cell.strip(BLANKS) or cell[:1] for cell in line.split("\t")]

    def _is_comment(self, line: str, cells: list[str]) -> bool:
        """Whether a line is a comment, and not the word "#"."""
        if self.numbered:
            return line.startswith("#")
        if not (line.startswith("# ") or line.strip() == "#"):
            return False
        if len(cells) != (self.width or 2):
            return not self.words
        tag = cells[-1]
        looks_like_one = tag == tag.upper() and not tag.isdigit()
        return not (self.words or tag in self.seen or is_span_tag(tag) or looks_like_one)


def find_tagged(path: Path) -> Found:
    """The splits of a file, a folder, or the files of a pattern."""
    if path.name in SLOT_FILES:
        raise DataError(f"{path} is one of {', '.join(SLOT_FILES)}: give the path of their folder")
    if path.is_file():
        return find_file(path, TAGGED)
    if any((path / name).is_file() for name in SLOT_FILES):
        return {"train": _open_slots(path)}, []
    if folders := sorted({file.parent for name in SLOT_FILES for file in path.glob(f"*/{name}")}):
        by_split = group_by_split(path, folders, f"folders with {', '.join(SLOT_FILES)}")
        return {split: _open_slots(found[0]) for split, found in by_split.items()}, unused_note(
            path, [folder for found in by_split.values() for folder in found]
        )
    suffixes = [(file, without_gz(file).suffix) for file in list_files(path)]
    files = [file for file, suffix in suffixes if suffix in SUFFIXES or split_of(suffix)]
    files = files or [file for file, suffix in suffixes if suffix in (".txt", ".tsv")]
    if files and not any(map(split_of, files)):
        return {"train": files}, []
    return group_by_split(path, files, "sentences"), []


def _open_slots(folder: Path) -> Opener:
    return watched(partial(read_slots, folder), [folder / name for name in SLOT_FILES])


def open_tagged(path: Path, columns: Sequence[str] | None) -> Opener:
    if without_gz(path).suffix == ".jsonl":
        return open_table(path, TAGGED, columns)
    return lambda: read_conll(path, columns=columns)
