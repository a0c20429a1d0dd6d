"""Files that are written whole or not at all, and what can be wrong with those that are read."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lmzoo.errors import DataError, LmzooError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path that replaces `path` when the block ends without an error.

    Example:
        >>> with replacing("model.txt") as temporary:
        ...     _ = temporary.write_text("weights")
        >>> Path("model.txt").read_text()
        'weights'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file, whole or not at all; its folder is made if missing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any, *, indent: int | None = None) -> None:
    """Write a JSON file, whole or not at all, in one line unless there is an indent."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=indent) + "\n")


@contextmanager
def reading(
    path: str | os.PathLike[str], error: type[LmzooError] = DataError, *, regular: bool = True
) -> Iterator[None]:
    """Raise an error of lmzoo's, with a remedy, for whatever the system refuses within the block.

    `regular`: whether a path that is there must be a file: who reads from a pipe waits for ever.

    Example:
        >>> with reading("a text, not a path\\n"):
        ...     open("a text, not a path\\n")
        Traceback (most recent call last):
        lmzoo.errors.DataError: 'a text, not a path\\n' is a text of 19 characters, not ...
    """
    try:
        is_plain = os.path.isfile(path) or os.path.isdir(path) or not os.path.exists(path)
        if regular and not is_plain:
            raise error(f"{path} is a pipe or a device; write what it gives to a file first")
        yield
    except OSError as problem:
        raise error(_refusal(path, problem)) from problem
    except ValueError as problem:
        if isinstance(problem, LmzooError) or "\0" not in os.fspath(path):
            raise
        raise error(_refusal(path, FileNotFoundError(errno.ENOENT, "NUL in a path"))) from problem


def _refusal(path: str | os.PathLike[str], problem: OSError) -> str:
    """What is wrong with a path, and what helps."""
    name = os.fspath(path)
    if problem.errno == errno.ENAMETOOLONG or any(mark in name for mark in "\n\r\0"):
        shown = f"{name[:40]!r} is a text of {len(name):,} characters, not the path of a file"
        return f"{shown}; give texts as a list of strings"
    if problem.errno in (errno.ENOENT, errno.ENOTDIR):
        return f"there is no file {name!r}; check the path"
    if problem.errno == errno.EISDIR:
        return f"{name} is a folder; name one file in it"
    if problem.errno in (errno.EACCES, errno.EPERM):
        return f"{name} may not be read; change its permissions, or read a copy"
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {name} is full; make room, or set TMPDIR to a folder on another"
    return f"{name} cannot be read ({problem.strerror or problem}); check the disk, or read a copy"


def read_json(path: str | os.PathLike[str]) -> Any:
    """Read a JSON file; a ValueError tells what is wrong with its content."""
    text = Path(path).read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
