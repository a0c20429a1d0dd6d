"""Streaming of word vector files: GloVe text, word2vec text and binary, fastText .vec."""

import os
import re
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from lmzoo.errors import ArgumentError, DataError
from lmzoo.pretrained.unpack import Unpacked, open_unpacked

BLOCK_BYTES = 1 << 20
# The beginning from which the format is detected; it has some rows.
HEAD_BYTES = 1 << 20
# A longer row, or a longer word of a binary file, is an error, so that memory is bounded.
LINE_LIMIT = 1 << 20
WORD_LIMIT = 1 << 16
LARGEST_DIM = 1 << 14
# The width of a file without header is that of most of its first lines.
FIRST_LINES = 64
_BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*")
_DECIMAL = re.compile(rb"[-+]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][-+]?\d+)?")
_FASTTEXT_MODEL = (793712314).to_bytes(4, "little")
Row: TypeAlias = "tuple[int, bytes, Any]"  # number, word, and the bytes that hold its vector


@dataclass
class VectorFile:
    """Format and counts of a file of word vectors.

    `declared` is the header's number of rows, which truncated text files keep; `rows`, those read.
    `duplicates` repeat an earlier wanted word; `broken_words` are not UTF-8 (decoded with U+FFFD).
    """

    name: str
    kind: str = "text"
    dim: int = 0
    declared: int | None = None
    rows: int = 0
    duplicates: int = 0
    broken_words: int = 0

    def describe(self) -> str:
        """One line: the format, the rows, and their irregularities."""
        text = f"{self.name}: {self.rows:,} rows of {self.dim} numbers ({self.kind})"
        if self.declared not in (None, self.rows):
            text += f"; the header says {self.declared:,} rows"
        if self.duplicates:
            text += f"; {self.duplicates:,} repeat a word: the first is used"
        return text + f"; {self.broken_words:,} words are not UTF-8" * bool(self.broken_words)


def stream_rows(
    path: str | os.PathLike[str],
    file: VectorFile,
    *,
    wanted: Container[str] | None = None,
    limit: int | None = None,
    width: int | None = None,
) -> Iterator[tuple[str, np.ndarray]]:
    """Stream words and vectors, float32 (dim,), of the wanted rows; `file` gets format and counts.

    The `width` of every row is checked, but only the numbers of wanted rows are parsed.
    """
    with open_unpacked(path) as stream:
        block = _read_format(file, stream.read(HEAD_BYTES).removeprefix(_BOM))
        if width is not None and file.dim != width:
            raise ArgumentError(
                f"{file.name} has vectors of {file.dim} numbers, but the embedding has "
                f"{width}: build the model with embed_dim={file.dim}, or use another file"
            )
        text = file.kind == "text"
        read, parse = (_text_rows, _parse_text) if text else (_binary_rows, _parse_binary)
        for number, name, row in read(file, stream, block):
            file.rows += 1
            word = name.decode("utf-8", "replace")
            if "\ufffd" in word and word.encode() != name:
                file.broken_words += 1
            if wanted is None or word in wanted:
                yield word, parse(file, row, number, word)
            if file.rows == limit:
                return
    if not file.rows:
        raise DataError(f"{file.name} has no vectors, only a header; download it again")


def _read_format(file: VectorFile, block: bytes) -> bytes:
    """Detect format and width from the beginning of a file; return it without the header."""
    if block.startswith(_FASTTEXT_MODEL):
        raise DataError(
            f"{file.name} is a fastText model, not a table of vectors; use the .vec file that "
            "fastText writes beside it"
        )
    first, _, rest = block.partition(b"\n")
    if header := _HEADER.fullmatch(first):
        file.declared, file.dim = (int(number) for number in header.groups())
        if not 0 < file.dim <= LARGEST_DIM:
            raise DataError(
                f"{file.name}, line 1: the header has {file.dim:,} numbers in a vector; "
                f"use a file with 1 to {LARGEST_DIM:,}"
            )
        file.kind = "binary" if _is_binary(rest, file.dim) else "text"
        return rest
    lines = [line for line in block.split(b"\n")[:FIRST_LINES] if line.strip()]
    widths = Counter(line.rstrip().count(b" ") for line in lines)
    file.dim = min(widths, key=lambda dim: (-widths[dim], dim), default=0)
    if not file.dim or not any(_numbers(line, file.dim) is not None for line in lines[:3]):
        raise DataError(
            f"{file.name} is not a file of word vectors: its rows are not words followed by "
            "numbers, separated by spaces, and it is not a word2vec binary; it begins "
            f"{block[:40]!r}"
        )
    return block


def _is_binary(data: bytes, dim: int) -> bool:
    """Whether float32 bytes follow a header; `data` has the first row."""
    if _numbers(data.partition(b"\n")[0], dim) is not None:
        return False
    start = data.find(b" ") + 1
    values = np.frombuffer(data[start : start + 4 * dim], np.uint8)
    blank = (values == 9) | (values == 10) | (values == 13)
    return bool((((values < 32) | (values > 126)) & ~blank).any())


def _numbers(line: bytes, dim: int) -> np.ndarray | None:
    """The last `dim` columns of a row, float32; None if they are not numbers."""
    columns = line.rstrip().rsplit(b" ", dim)
    # float() accepts 1_000, which is not a number in these files.
    if len(columns) != dim + 1 or b"_" in line[len(columns[0]) :]:
        return None
    try:
        values = list(map(float, columns[1:]))
    except ValueError:
        return None
    with np.errstate(over="ignore"):
        return np.array(values, np.float32)


def _text_rows(file: VectorFile, stream: Unpacked, block: bytes) -> Iterator[Row]:
    """The number, word and line of each row of a text file."""
    dim = file.dim
    for number, raw in enumerate(_lines(file, stream, block), 1 + (file.declared is not None)):
        line = raw.rstrip()
        spaces = line.count(b" ")
        if spaces == dim:
            yield number, line[: line.index(b" ")], line
        elif line:
            yield number, _wide_word(file, line, number, spaces), line


def _parse_text(file: VectorFile, line: bytes, number: int, word: str) -> np.ndarray:
    """The vector of a row of text."""
    values = _numbers(line, file.dim)
    if values is not None and np.isfinite(values).all():
        return values
    name, *columns = line.rsplit(b" ", file.dim)
    parsed = [_numbers(b"x " + column, 1) for column in columns]
    at = [value is not None and bool(np.isfinite(value).all()) for value in parsed].index(False)
    kind = "not a number" if parsed[at] is None else "NaN or infinite in float32"
    raise DataError(
        f"{file.name}, line {number:,}: number {at + 1} of {name[:40]!r} is "
        f"{columns[at][:40]!r}, {kind}; download the file again, or repair the line"
    )


def _lines(file: VectorFile, stream: Unpacked, block: bytes) -> Iterator[bytes]:
    """The lines of a file, beginning with its first block."""
    pending, done = b"", 1 + (file.declared is not None)
    while block:
        *whole, pending = (pending + block).split(b"\n")
        yield from whole
        done += len(whole)
        if len(pending) > LINE_LIMIT:
            raise DataError(
                f"{file.name}, line {done:,}: longer than {LINE_LIMIT:,} bytes, so it is not a "
                "row of a word and its vector; download the file again"
            )
        block = stream.read(BLOCK_BYTES)
    if pending:
        yield pending


def _wide_word(file: VectorFile, line: bytes, number: int, spaces: int) -> bytes:
    """The word of a row without exactly `dim` spaces: it must have spaces itself."""
    dim = file.dim
    word = line.rsplit(b" ", dim)[0] if spaces > dim else b""
    # "at name@domain.com" is a word of GloVe's; a decimal number at its end is a column too many.
    if spaces < dim or _DECIMAL.fullmatch(word.rpartition(b" ")[2]):
        source = "the first rows have" if file.declared is None else "its header says"
        raise DataError(
            f"{file.name}, line {number:,}: {spaces} numbers, but {source} {dim}; download the "
            f"file again, or repair the line: {line[:60]!r}"
        )
    return word


def _binary_rows(file: VectorFile, stream: Unpacked, block: bytes) -> Iterator[Row]:
    """The rows of a word2vec binary: a word, a space, float32 numbers, often a newline."""
    size, at = 4 * file.dim, 0
    for number in range(1, (file.declared or 0) + 1):
        end = block.find(b" ", at)
        if end < 0 or len(block) < end + 1 + size:
            block, at = _next_row(file, stream, block[at:], number), 0
            end = block.find(b" ")
        name = block[at:end].removeprefix(b"\r\n").lstrip(b"\n")
        at = end + 1 + size
        yield number, name, memoryview(block)[end + 1 : at]
    if (block[at:] + stream.read(1)).strip():
        raise DataError(
            f"{file.name} continues after the {file.declared:,} words of its header; "
            "download it again"
        )


def _parse_binary(file: VectorFile, row: bytes, number: int, word: str) -> np.ndarray:
    """The vector of a row of a binary file."""
    values = np.frombuffer(row, "<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise DataError(
            f"{file.name}, word {number:,}: the vector of {word[:40]!r} has NaN or infinity; "
            "download the file again"
        )
    return values


def _next_row(file: VectorFile, stream: Unpacked, block: bytes, number: int) -> bytes:
    """Read until the block begins with a complete row."""
    while True:
        end = block.find(b" ")
        if 0 <= end <= len(block) - 1 - 4 * file.dim:
            return block
        if (len(block) if end < 0 else end) > WORD_LIMIT:
            raise DataError(
                f"{file.name}, word {number:,}: longer than {WORD_LIMIT:,} bytes, so the file is "
                "damaged before it; download it again"
            )
        more = stream.read(BLOCK_BYTES)
        if not more:
            raise DataError(
                f"{file.name} ends in word {number:,}, but its header says {file.declared:,} "
                f"words of {file.dim} numbers; download it again"
            )
        block += more
