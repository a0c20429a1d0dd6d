"""Which files of a corpus are for training, for validation and for the test."""

import re
from collections.abc import Sequence
from pathlib import Path

from lmzoo.data.sources import PARTS
from lmzoo.errors import DataError


def part_of(file: Path) -> str | None:
    """The part that the name of a file or folder tells.

    Args:
        file: its path; only the last name counts.

    Returns:
        "train", "valid" or "test"; None if the name says nothing.

    Example:
        >>> part_of(Path("corpus/wiki.dev.txt.gz")), part_of(Path("train/notes.txt"))
        ('valid', None)
    """
    words = set(re.split(r"[^a-z]+", file.name.lower()))
    return next((part for part, names in PARTS.items() if words & set(names)), None)


def existing(path: Path) -> Path:
    """The path of a file, if the file is there.

    Args:
        path: of a file.

    Returns:
        The same path.

    Raises:
        DataError: there is no such file.
    """
    if not path.is_file():
        raise DataError(f"there is no file {str(path)[:200]!r}; check the path")
    return path


def list_files(path: Path) -> list[Path]:
    """The files of a folder, or those that a pattern names, hidden ones left out.

    Args:
        path: a folder, or a path whose last name is a pattern such as `en-de.*`.

    Returns:
        The files, sorted by name.

    Raises:
        DataError: no pattern, and no such folder.
    """
    if "*" in path.name:
        found = path.parent.glob(path.name)
    elif path.is_dir():
        found = path.iterdir()
    else:
        raise DataError(f"there is no file or folder {str(path)[:200]!r}; check the path")
    return [file for file in sorted(found) if file.is_file() and not file.name.startswith(".")]


def sort_by_part(path: Path, files: Sequence[Path], what: str) -> dict[str, Path]:
    """Gives each part its file.

    The only file whose name says nothing is for training, if no other one says that it is.

    Args:
        path: where the files were found, for errors.
        files: the files.
        what: what they hold, for errors: "tables".

    Returns:
        The file of "train" and, where there are such, of "valid" and "test".

    Raises:
        DataError: two files for one part, or none for training.

    Example:
        >>> sorted(sort_by_part(Path("a"), [Path("a/all.tsv"), Path("a/test.tsv")], "tables"))
        ['test', 'train']
    """
    parts: dict[str, Path] = {}
    nameless = [file for file in files if part_of(file) is None]
    has_train = any(part_of(file) == "train" for file in files)
    for file in files:
        part = part_of(file) or ("train" if len(nameless) == 1 and not has_train else None)
        if part in parts:
            raise DataError(
                f"{path} holds several files for {part}: {parts[part].name}, {file.name}; narrow "
                "it with a pattern, or name one of them"
            )
        if part:
            parts[part] = file
    if "train" not in parts:
        among = f" among {', '.join(file.name for file in files[:8])}" if files else ""
        raise DataError(
            f"{path} holds no {what} for training{among}; name one train, such as train.tsv, or "
            "give the path of the file"
        )
    return parts
