"""Files that are written whole or not at all, what can be wrong with those that are read, and
folders that one program writes to at a time."""

import contextlib
import errno
import importlib.util
import json
import math
import os
import re
import socket
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lmzoo.errors import ArgumentError, DataError, LmzooError

LOCK = ".lock"
_HAS_LOCKS = importlib.util.find_spec("fcntl") is not None  # not Windows
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.EFBIG: "free some space",
    errno.EACCES: "choose a place where you have permission",
    errno.EPERM: "choose a place where you have permission",
    errno.EROFS: "choose a place that is not read-only",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "a part of the path is a file: choose another",
    errno.EEXIST: "it is a file: name a folder",
    errno.EISDIR: "it is a folder: name a file",
}
_held: "weakref.WeakValueDictionary[Path, FolderLock]" = weakref.WeakValueDictionary()


@contextmanager
def writing(path: str | os.PathLike[str], action: str = "write") -> Iterator[None]:
    """Raise a DataError, with a remedy, for whatever the system refuses within the block.

    Example:
        >>> with writing("missing/new.txt"):
        ...     Path("missing/new.txt").write_text("text")
        Traceback (most recent call last):
        lmzoo.errors.DataError: cannot write missing/new.txt: No such file or directory; check ...
    """
    try:
        yield
    except OSError as error:
        shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}..."
        reason = error.strerror or str(error) or type(error).__name__
        remedy = _REMEDIES.get(error.errno or 0, "check the file and the disk")
        raise DataError(f"cannot {action} {shown}: {reason}; {remedy}") from error


@contextmanager
def readable(path: str | os.PathLike[str], remedy: str) -> Iterator[None]:
    """Turn whatever a library raises at a damaged file into a DataError that names the file.

    Example:
        >>> with readable("task.json", "train again"):
        ...     {}["task"]
        Traceback (most recent call last):
        lmzoo.errors.DataError: task.json cannot be loaded ('task'): train again
    """
    try:
        yield
    except LmzooError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _REMEDIES:
            with reading(path):
                raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        # Keras puts the first failure's text behind a headline.
        lines = lines[1:] if len(lines) > 1 and lines[0].startswith("A total of") else lines
        reason = lines[0][:300] if lines else type(error).__name__
        raise DataError(f"{path} cannot be loaded ({reason}): {remedy}") from error


def make_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder, and those around it, if missing."""
    with writing(path, "make the folder"):
        Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


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
    make_folder(target.parent)
    # With the suffix, by which Keras knows its format.
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp{target.suffix}")
    with writing(target):
        try:
            yield temporary
            with temporary.open("r+b") as file:
                os.fsync(file.fileno())
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a UTF-8 text file, whole or not at all; its folder is made if missing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Strict JSON, in one line unless there is an indent: what is not finite becomes null.

    Example:
        >>> to_json({"loss": float("inf"), "seeds": [1.5, float("nan")]})
        '{"loss": null, "seeds": [1.5, null]}'
    """
    return json.dumps(_finite(value), ensure_ascii=False, indent=indent, allow_nan=False)


def write_json(path: str | os.PathLike[str], value: Any, *, indent: int | None = None) -> None:
    """Write a strict JSON file, whole or not at all, in one line unless there is an indent."""
    write_text(path, to_json(value, indent=indent) + "\n")


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Append a line to a UTF-8 text file, whole or not at all."""
    data = f"{line}\n".encode()
    with writing(path), open(path, "ab", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if file.write(data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except BaseException:
            file.truncate(size)
            raise


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of programs that were killed while they wrote."""
    with reading(folder):
        for path in folder.iterdir():
            found = re.fullmatch(r"\..+\.(\d+)\.tmp(\.\w+)?", path.name)
            if found and not _is_running(int(found[1])):
                path.unlink(missing_ok=True)


class FolderLock:
    """Holds a folder for this program, until `release` or the program's end, however it ends.

    The system forgets the lock of a program that died, so that no stale one is ever in the way. A
    program is in nobody's way but others': it may hold a folder twice. Where the system has no
    such locks (Windows, some network disks) nothing is held.

    Args:
        folder: it exists.

    Raises:
        ArgumentError: another program holds it; the message says which.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder.resolve() / LOCK
        self._file = _locked_file(self._path)
        self.release = weakref.finalize(self, _unlock, self._path, self._file)


def lock_folder(folder: Path) -> FolderLock:
    """The lock of a folder; the same one for everybody in this program who holds it now."""
    key = folder.resolve()
    lock = _held.get(key)
    if lock is None or not lock.release.alive:
        lock = _held[key] = FolderLock(folder)
    return lock


def _locked_file(path: Path) -> IO[str] | None:
    """The lock's file, open and locked, with who holds it; None where nothing can be locked."""
    if not _HAS_LOCKS:
        return None
    import fcntl

    while True:
        with writing(path):
            file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever held it may have removed the file between these two lines.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                break
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another program"
            file.close()
            raise ArgumentError(
                f"{path.parent} is in use by {holder}: wait for its end, or choose another folder"
            ) from error
        except OSError:  # a disk without locks
            file.close()
            return None
        file.close()
    file.truncate(0)
    file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    file.flush()
    return file


def _unlock(path: Path, file: IO[str] | None) -> None:
    if file is not None:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)  # while it is held: nobody can hold this file later
        file.close()


def _finite(value: Any) -> Any:
    """The value, of Python's types, with None for NaN and infinity, which JSON lacks."""
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _is_running(pid: int) -> bool:
    if not _HAS_LOCKS:  # where the call below would not ask, but end the program
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


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
