"""Streams files of word vectors: GloVe text, word2vec text and binary, fastText .vec.

A block is held at a time, and only rows of wanted words are parsed.
"""

import os
import re
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass

import numpy as np

from lmzoo.errors import ArgumentError, DataError
from lmzoo.pretrained.unpack import Unpacked, open_unpacked

BLOCK_BYTES = 1 << 20
# The beginning that the format is told from; it holds some rows.
HEAD_BYTES = 1 << 20
# A longer row, or a longer word of a binary file, is a damaged one: the memory stays bounded.
LINE_LIMIT = 1 << 20
WORD_LIMIT = 1 << 16
LARGEST_DIM = 1 << 14
# So many lines of a file without header say how wide it is.
LINES_SEEN = 64
_BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*")
_DECIMAL = re.compile(rb"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?")
_FASTTEXT_MODEL = (793712314).to_bytes(4, "little")


@dataclass
class VectorFile:
    """What reading a file of word vectors found.

    Attributes:
        name: the path, with the member of an archive.
        kind: "text" or "binary".
        dim: numbers in a vector.
        declared: how many rows the header promises; None without a header. In text it is not
            relied on: files cut short keep their header.
        rows: how many rows were read.
        duplicates: how many rows repeat a word that was wanted and had come before.
        broken_words: how many words are not UTF-8 (read with U+FFFD in the place of the bytes).
    """

    name: str
    kind: str = "text"
    dim: int = 0
    declared: int | None = None
    rows: int = 0
    duplicates: int = 0
    broken_words: int = 0

    def describe(self) -> str:
        """One line: the format, the rows, and what was odd about them."""
        parts = [f"{self.rows:,} rows of {self.dim} numbers ({self.kind})"]
        if self.declared not in (None, self.rows):
            parts.append(f"the header says {self.declared:,} rows")
        if self.duplicates:
            parts.append(f"{self.duplicates:,} repeat a word: the first counts")
        if self.broken_words:
            parts.append(f"{self.broken_words:,} words are not UTF-8")
        return f"{self.name}: {'; '.join(parts)}"


def stream_rows(
    path: str | os.PathLike[str],
    found: VectorFile,
    *,
    wanted: Container[str] | None = None,
    limit: int | None = None,
    width: int | None = None,
) -> Iterator[tuple[str, np.ndarray]]:
    """Streams the rows of a file whose words are wanted, in the order of the file.

    The width of every row is checked, but only the numbers of wanted rows are read.

    Args:
        path: the file, as `open_unpacked` takes it.
        found: takes the format and the counts (not the duplicates).
        wanted: words; None wants all.
        limit: stop after so many rows of the file; None reads all.
        width: the numbers that a vector must have; None takes any.

    Yields:
        A word and its vector, float32 (dim,).

    Raises:
        DataError: the file holds no vectors or is damaged; the message has the line (from 1), or
            the number of the word (from 1) in a binary file.
        ArgumentError: the vectors have another width.
    """
    with open_unpacked(path) as file:
        block = _read_format(found, file.read(HEAD_BYTES).removeprefix(_BOM))
        if width is not None and found.dim != width:
            raise ArgumentError(
                f"{found.name} has vectors of {found.dim} numbers, but the embedding has "
                f"{width}: build the model with embed_dim={found.dim}, or take another file"
            )
        read = _text_rows if found.kind == "text" else _binary_rows
        yield from read(found, file, block, wanted, limit)
    if not found.rows:
        raise DataError(f"{found.name} holds no vectors, only a header; fetch it again")


def _read_format(found: VectorFile, block: bytes) -> bytes:
    """Tells format and width from the beginning of a file; returns what follows a header."""
    if block.startswith(_FASTTEXT_MODEL):
        raise DataError(
            f"{found.name} is a fastText model, not a table of vectors; take the .vec file that "
            "fastText writes beside it"
        )
    first, _, rest = block.partition(b"\n")
    if header := _HEADER.fullmatch(first):
        found.declared, found.dim = (int(number) for number in header.groups())
        if not 0 < found.dim <= LARGEST_DIM:
            raise DataError(
                f"{found.name}, line 1: a header that says {found.dim:,} numbers in a vector; "
                f"1 to {LARGEST_DIM:,} can be"
            )
        found.kind = "binary" if _is_binary(rest, found.dim) else "text"
        return rest
    lines = [line for line in block.split(b"\n")[:LINES_SEEN] if line.strip()]
    widths = Counter(line.rstrip().count(b" ") for line in lines)
    found.dim = min(widths, key=lambda dim: (-widths[dim], dim), default=0)
    if not found.dim or not any(_numbers(line, found.dim) is not None for line in lines[:3]):
        raise DataError(
            f"{found.name} is no file of word vectors: its rows are no words with numbers behind "
            f"them, parted by spaces, and it is no word2vec binary; it begins {block[:40]!r}"
        )
    return block


def _is_binary(data: bytes, dim: int) -> bool:
    """Whether float32 bytes follow a header; `data` holds the first row."""
    if _numbers(data.partition(b"\n")[0], dim) is not None:
        return False
    start = data.find(b" ") + 1
    values = np.frombuffer(data[start : start + 4 * dim], np.uint8)
    blank = (values == 9) | (values == 10) | (values == 13)
    return bool((((values < 32) | (values > 126)) & ~blank).any())


def _numbers(line: bytes, dim: int) -> np.ndarray | None:
    """The last `dim` columns of a row, float32; None if they are no numbers."""
    columns = line.rstrip().rsplit(b" ", dim)
    # float() reads 1_000, which no writer of vectors means.
    if len(columns) != dim + 1 or b"_" in line[len(columns[0]) :]:
        return None
    try:
        values = list(map(float, columns[1:]))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        return np.array(values, np.float32)


def _word(found: VectorFile, data: bytes) -> str:
    """Counts a row and decodes its word."""
    found.rows += 1
    word = data.decode("utf-8", "replace")
    if "\ufffd" in word and word.encode() != data:
        found.broken_words += 1
    return word


def _text_rows(
    found: VectorFile,
    file: Unpacked,
    block: bytes,
    wanted: Container[str] | None,
    limit: int | None,
) -> Iterator[tuple[str, np.ndarray]]:
    """The wanted rows of a text file."""
    dim = found.dim
    for number, raw in enumerate(_lines(found, file, block), 1 + (found.declared is not None)):
        line = raw.rstrip()
        spaces = line.count(b" ")
        if spaces == dim:
            data = line[: line.index(b" ")]
        elif line:
            data = _wide_word(found, line, number, spaces)
        else:
            continue
        word = _word(found, data)
        if wanted is None or word in wanted:
            values = _numbers(line, dim)
            if values is None or not np.isfinite(values).all():
                raise _bad_number(found, line, number)
            yield word, values
        if found.rows == limit:
            return


def _lines(found: VectorFile, file: Unpacked, block: bytes) -> Iterator[bytes]:
    """The lines of a file whose first block was read already."""
    pending, done = b"", 1 + (found.declared is not None)
    while block:
        *whole, pending = (pending + block).split(b"\n")
        yield from whole
        done += len(whole)
        if len(pending) > LINE_LIMIT:
            raise DataError(
                f"{found.name}, line {done:,}: longer than {LINE_LIMIT:,} bytes, so it is no row "
                "of a word and its vector; fetch the file again"
            )
        block = file.read(BLOCK_BYTES)
    if pending:
        yield pending


def _wide_word(found: VectorFile, line: bytes, number: int, spaces: int) -> bytes:
    """The word of a row with other than `dim` spaces: it must hold spaces itself."""
    dim = found.dim
    word = line.rsplit(b" ", dim)[0] if spaces > dim else b""
    # "at name@domain.com" is a word of GloVe's; a decimal number at the end is one too many.
    if spaces < dim or _DECIMAL.fullmatch(word.rpartition(b" ")[2]):
        source = "the rows at its beginning have" if found.declared is None else "its header says"
        raise DataError(
            f"{found.name}, line {number:,}: {spaces} numbers, but {source} {dim}; fetch the file "
            f"again, or mend the line: {line[:60]!r}"
        )
    return word


def _bad_number(found: VectorFile, line: bytes, number: int) -> DataError:
    """Names the number that cannot be, in a row that has one."""
    word, *columns = line.rsplit(b" ", found.dim)
    values = [_numbers(b"x " + column, 1) for column in columns]
    place = [value is not None and bool(np.isfinite(value).all()) for value in values].index(False)
    kind = "no number" if values[place] is None else "NaN or infinite in float32"
    return DataError(
        f"{found.name}, line {number:,}: number {place + 1} of {word[:40]!r} is "
        f"{columns[place][:40]!r}, {kind}; fetch the file again, or mend the line"
    )


def _binary_rows(
    found: VectorFile,
    file: Unpacked,
    block: bytes,
    wanted: Container[str] | None,
    limit: int | None,
) -> Iterator[tuple[str, np.ndarray]]:
    """The wanted rows of a word2vec binary: a word, a space, float32 numbers, often a newline."""
    size, at = 4 * found.dim, 0
    for number in range(1, (found.declared or 0) + 1):
        end = block.find(b" ", at)
        if end < 0 or len(block) < end + 1 + size:
            block, at = _next_row(found, file, block[at:], number), 0
            end = block.find(b" ")
        word = _word(found, block[at:end].lstrip(b"\n"))
        at = end + 1 + size
        if wanted is None or word in wanted:
            values = np.frombuffer(block, "<f4", found.dim, end + 1).astype(np.float32)
            if not np.isfinite(values).all():
                raise DataError(
                    f"{found.name}, word {number:,}: the vector of {word[:40]!r} holds NaN or "
                    "infinity; fetch the file again"
                )
            yield word, values
        if number == limit:
            return
    if (block[at:] + file.read(1)).strip():
        raise DataError(
            f"{found.name} goes on behind the {found.declared:,} words that its header says; "
            "fetch it again"
        )


def _next_row(found: VectorFile, file: Unpacked, block: bytes, number: int) -> bytes:
    """Reads on until the block holds the whole row at its beginning."""
    while True:
        end = block.find(b" ")
        if 0 <= end <= len(block) - 1 - 4 * found.dim:
            return block
        if (len(block) if end < 0 else end) > WORD_LIMIT:
            raise DataError(
                f"{found.name}, word {number:,}: longer than {WORD_LIMIT:,} bytes, so the file is "
                "damaged before it; fetch it again"
            )
        more = file.read(BLOCK_BYTES)
        if not more:
            raise DataError(
                f"{found.name} ends in word {number:,}, but its header says {found.declared:,} "
                f"words of {found.dim} numbers; fetch it again"
            )
        block += more
