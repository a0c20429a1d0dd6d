"""Text files, plain or gzip: blocks, lines, and precisely why a file is not text."""

import codecs
import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from lmzoo.data.corpus import Record
from lmzoo.errors import ArgumentError, DataError
from lmzoo.files import reading

BLOCK_BYTES = 1 << 20
LINE_LIMIT = 1 << 20  # of texts without document borders, to bound the memory
FEW_NULS = 8  # pass for dirt; more in a block, and more than 1 %, make the file binary
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_NOT_UTF8 = "is not UTF-8"


def without_gz(path: Path) -> Path:
    """The path without .gz."""
    return path.with_suffix("") if path.suffix == ".gz" else path


def read_text_files(paths: Iterable[Path], errors: str) -> Iterator[Record]:
    """Reads text files in blocks that count from 0 in each file; "repaired" has counts, if any."""
    for path in paths:
        counts: Counter[str] = Counter()
        for number, text in enumerate(read_blocks(path, counts, errors=errors)):
            repaired = +counts
            yield {"text": text, "block": number, **({"repaired": repaired} if repaired else {})}
            counts.clear()


def read_lines(path: Path, encoding: str = "utf-8") -> Iterator[str]:
    """Reads the lines of a text file, plain or .gz, without their ends; empty lines too."""
    if encoding != "utf-8":
        opener = gzip.open if path.suffix == ".gz" else open
        with reading(path), opener(path, "rt", encoding=encoding, newline="\n") as file:
            yield from (line.removesuffix("\n").removesuffix("\r") for line in file)
        return
    pending = ""
    for block in read_blocks(path, Counter(), line_limit=None):
        *whole, pending = (pending + block).split("\n")
        yield from (line.removesuffix("\r") for line in whole)
    if pending:
        yield pending.removesuffix("\r")


def placed_lines(path: Path, encoding: str = "utf-8") -> Iterator[tuple[str, str]]:
    """The lines that are not blank, each behind its place."""
    for number, line in enumerate(read_lines(path, encoding), 1):
        if line.strip():
            yield f"{path}, line {number:,}", line


def encoding_of(path: Path) -> str:
    """Whether a text file is UTF-8 or else, since any text is, latin-1; it is read through."""
    try:
        for _ in read_blocks(path, Counter()):
            pass
    except DataError as error:
        if _NOT_UTF8 not in str(error):
            raise
        return "latin-1"
    return "utf-8"


def latin_note(paths: Iterable[Path]) -> list[str]:
    """The note that names files in another encoding, if there are any."""
    names = [path.name for path in paths]
    shown = ", ".join([*names[:4], "..."] if len(names) > 4 else names)
    note = f"read as latin-1, because they are not UTF-8: {len(names)} files, {shown}"
    return [note] if names else []


def read_blocks(
    path: Path, counts: Counter[str], *, errors: str = "strict", line_limit: int | None = LINE_LIMIT
) -> Iterator[str]:
    """Reads a UTF-8 text file, plain or gzip, in blocks of about a million characters.

    They end where lines end, or in lines above `line_limit` after white space. Counts repairs.
    """
    if errors not in ("strict", "replace"):
        raise ArgumentError(f'errors is {errors!r}; choose "strict" or "replace"')
    with reading(path), path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        try:
            with gzip.GzipFile(fileobj=plain) if packed else plain as file:
                yield from _whole_lines(_decode(path, file, counts, errors), line_limit)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{path} is a damaged gzip file ({error}); fetch it again") from error


def _decode(
    path: Path, file: BinaryIO | gzip.GzipFile, counts: Counter[str], errors: str
) -> Iterator[str]:
    """Decodes blocks of bytes; offsets in errors count bytes of the unpacked text."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    pending, offset, lines = b"", 0, 0
    while True:
        block = file.read(BLOCK_BYTES)
        nuls = block.count(0)
        if nuls > max(FEW_NULS, len(block) // 100):
            raise _binary(path, offset + len(pending) + block.index(0), f"{nuls:,} NUL bytes")
        data = pending + block
        if not offset and data.startswith(codecs.BOM_UTF8):
            counts["bom"] += 1
            data, offset, block = data[3:], 3, block[3:]
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as error:
            raise _undecodable(path, data, offset, lines, error) from error
        pending = decoder.getstate()[0]
        used = data[: len(data) - len(pending)]
        if errors == "replace":
            counts["broken_bytes"] += text.count("\ufffd") - used.count(b"\xef\xbf\xbd")
        offset += len(used)
        lines += used.count(b"\n")
        if text:
            yield text
        if not block:
            return


def _binary(path: Path, offset: int, found: str) -> DataError:
    return DataError(
        f"{path} is not a text file: {found} in a block, the first at byte offset {offset:,}; "
        "give UTF-8 text (a UTF-16 file: iconv -f UTF-16 -t UTF-8 converts it)"
    )


def _undecodable(
    path: Path, data: bytes, offset: int, lines: int, error: UnicodeDecodeError
) -> DataError:
    """Tells broken text from a file that never was text."""
    where, byte = offset + error.start, data[error.start]
    controls = sum(c < 32 and c not in b"\t\n\r\f\x1b" for c in data[:4096])
    if data.startswith(UTF16_MARKS) or controls > min(len(data), 4096) // 20:
        return _binary(path, where, f"bytes such as 0x{byte:02x}")
    line = lines + data[: error.start].count(b"\n") + 1
    return DataError(
        f"{path} {_NOT_UTF8}: byte 0x{byte:02x} at offset {where:,} (line {line:,}); convert it "
        '(such as iconv -f LATIN1 -t UTF-8) or read it with read_texts(path, errors="replace")'
    )


def _whole_lines(blocks: Iterator[str], limit: int | None) -> Iterator[str]:
    """Regroups blocks so that they end where lines end."""
    parts: list[str] = []
    for block in blocks:
        parts.append(block)
        if "\n" not in block and (limit is None or sum(map(len, parts)) < limit):
            continue
        text = "".join(parts)
        cut = text.rfind("\n") + 1
        if not cut or (limit is not None and len(text) - cut >= limit):
            # Not between \r and \n: that pair is one line end.
            cut = max(text.rfind(" "), text.rfind("\t")) + 1 or len(text.rstrip("\r"))
        if cut:
            yield text[:cut]
        parts = [text[cut:]]
    if text := "".join(parts):
        yield text
