"""Reading of plain and gzip files, and of members of zip archives, in blocks."""

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TypeAlias

from lmzoo.errors import ArgumentError, DataError
from lmzoo.files import reading

Unpacked: TypeAlias = "IO[bytes] | gzip.GzipFile"
_GZIP = b"\x1f\x8b"
# An archive with members, and an empty one.
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")


@contextmanager
def open_unpacked(path: str | os.PathLike[str]) -> Iterator[Unpacked]:
    """Open the bytes of a file, unpacked; the packing is detected from its content."""
    outer, member = os.fspath(path), ""
    if "::" in outer and not os.path.exists(outer):
        outer, _, member = outer.rpartition("::")
    with reading(outer), open(outer, "rb") as plain:
        try:
            with _unpacked(plain, outer, member) as file:
                yield file
        except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
            raise DataError(f"{path} is damaged ({error}); download it again") from error


@contextmanager
def _unpacked(plain: IO[bytes], outer: str, member: str) -> Iterator[Unpacked]:
    magic = plain.read(4)
    plain.seek(0)
    if magic in _ZIPS:
        with zipfile.ZipFile(plain) as archive, _open_member(archive, outer, member) as file:
            yield file
    elif member:
        raise ArgumentError(f"{outer}::{member}: {outer} is not a zip archive; omit ::{member}")
    elif magic.startswith(_GZIP):
        with gzip.GzipFile(fileobj=plain) as unpacked:
            yield unpacked
    else:
        yield plain


def _open_member(archive: zipfile.ZipFile, outer: str, member: str) -> IO[bytes]:
    """The named member of an archive, or its only one."""
    # macOS adds a folder beside the files.
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
    listed = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    if member and member not in names:
        raise ArgumentError(f"{outer} has no member {member!r}, but {listed}")
    if not member and not names:
        raise DataError(f"{outer} is an empty archive; download it again")
    if not member and len(names) > 1:
        raise ArgumentError(
            f"{outer} has {len(names)} members: name one, such as {outer}::{names[0]} "
            f"(there are {listed})"
        )
    try:
        return archive.open(member or names[0])
    except RuntimeError as error:  # encrypted, or packed in a way that Python cannot read
        raise DataError(f"cannot unpack {outer} ({error}); unpack it with another tool") from error
