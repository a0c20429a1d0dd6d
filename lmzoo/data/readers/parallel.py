"""Files that belong together line by line: train.en and train.de; seq.in, seq.out and label."""

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from lmzoo.data.corpus import Located, Record
from lmzoo.data.readers.text import read_lines, without_gz
from lmzoo.data.records import PAIRS, TAGGED, split_blanks
from lmzoo.data.splits import group_by_split, split_of
from lmzoo.errors import DataError

# The layout of SNIPS and ATIS: words, tags of words, and the intent of each sentence.
SLOT_FILES = ("seq.in", "seq.out", "label")


def find_parallel(
    path: Path, files: Sequence[Path], columns: Sequence[str] | None
) -> dict[str, list[Path]]:
    """Finds `train.en` and `train.de.gz` for each split; `columns` None: the only two languages."""
    languages: dict[str, list[Path]] = {}
    for file in files:
        language = without_gz(file).suffix.removeprefix(".")
        if split_of(file) and language:
            languages.setdefault(language, []).append(file)
    if columns is None and len(languages) != 2:
        raise DataError(
            f"{path} holds the languages {', '.join(sorted(languages)) or 'none'}: say which two "
            'are source and target, columns=("en", "de")'
        )
    first, second = columns or sorted(languages)
    if not all(any(split_of(f) == "train" for f in languages.get(x, [])) for x in (first, second)):
        raise DataError(
            f"{path} holds no pair of files train.{first} and train.{second} (or .gz); "
            f"there are {', '.join(f.name for f in files[:8]) or 'no files'}"
        )
    sides = [group_by_split(path, languages[x], f"texts in {x}") for x in (first, second)]
    return {split: sides[0][split] + sides[1][split] for split in sides[0] if split in sides[1]}


def read_parallel(
    files: Sequence[Path], lines: Callable[[Path], Iterator[str]] = read_lines
) -> Iterator[tuple[str, ...]]:
    """Reads files line by line."""
    for number, row in enumerate(zip_longest(*map(lines, files)), 1):
        if None in row:
            odd = next(place for place, line in enumerate(row) if line is not None)
            counts = [f"{file} has {sum(1 for _ in lines(file)):,}" for file in files]
            raise DataError(
                f"{', '.join(counts[:-1])} lines and {counts[-1]}: line {number:,} of {files[odd]},"
                f" {row[odd][:40]!r}, has no partner; parallel files need the same number of lines"
            )
        yield row


def _without_blank_end(file: Path) -> Iterator[str]:
    """The lines of a file; blank ones only where another follows."""
    blank = 0
    for line in read_lines(file):
        if line.strip():
            yield from [*[""] * blank, line]
        blank = 0 if line.strip() else blank + 1


def read_parallel_pairs(first: Path, second: Path) -> Iterator[Record]:
    """Reads two parallel files, sources and targets."""
    for number, row in enumerate(read_parallel([first, second]), 1):
        yield Located(dict(zip(PAIRS.keys, row, strict=True)), f"{first}, line {number:,}")


def read_slots(folder: Path) -> Iterator[Record]:
    """Reads a folder with the files seq.in, seq.out and label, a sentence in each line."""
    rows = read_parallel([folder / name for name in SLOT_FILES], _without_blank_end)
    for number, (tokens, tags, intent) in enumerate(rows, 1):
        values = [split_blanks(tokens), split_blanks(tags), intent.strip()]
        yield TAGGED.make(values, TAGGED.keys, f"{folder}, line {number:,}")
