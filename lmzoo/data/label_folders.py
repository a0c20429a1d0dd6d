"""Labeled texts whose label is the name of a file or of a folder."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from lmzoo.data.files import read_blocks
from lmzoo.data.label_forms import Row, read_encoded
from lmzoo.data.parts import part_of
from lmzoo.data.tables import stem
from lmzoo.errors import DataError

# For each part, the files of each label.
Classes: TypeAlias = dict[str, dict[str, list[Path]]]

# A folder of texts that nobody labeled, of the movie reviews of Maas et al. 2011.
UNLABELED = "unsup"


def find_class_folders(path: Path) -> Classes:
    """Finds folders named by labels: `pos/*.txt`, or `train/pos/*.txt` and `test/pos/*.txt`.

    Args:
        path: a folder.

    Returns:
        The files by part and label; empty if there are no such folders.
    """
    folders = _folders(path)
    parts = {part: folder for folder in folders if (part := part_of(folder))}
    if "train" in parts:
        found = {part: _classes(_folders(folder)) for part, folder in parts.items()}
        return {part: classes for part, classes in found.items() if classes}
    classes = _classes(folders)
    return {"train": classes} if classes else {}


def _folders(path: Path) -> list[Path]:
    return [item for item in sorted(path.iterdir()) if item.is_dir() and item.name[0] not in "._"]


def _classes(folders: Sequence[Path]) -> dict[str, list[Path]]:
    found = {}
    for folder in folders:
        files = [f for f in sorted(folder.iterdir()) if f.is_file() and not f.name.startswith(".")]
        if files and folder.name != UNLABELED:
            found[folder.name] = files
    return found


def find_class_files(path: Path, files: Sequence[Path]) -> Classes:
    """Sorts files by part and label; a label is a file's last suffix, or else its name.

    Args:
        path: where the files were found, for errors.
        files: such as `rt-polarity.pos` and `rt-polarity.neg`, or `pos.txt` and `neg.txt`; plain
            or .gz. A README is left out.

    Returns:
        The file of each part and label, in a list.

    Raises:
        DataError: two files for one label, or none for training.

    Example:
        >>> found = find_class_files(Path("a"), [Path("a/mr.neg"), Path("a/mr.pos.txt.gz")])
        >>> sorted(found["train"])
        ['neg', 'pos']
    """
    found: Classes = {}
    for file in files:
        if file.name.lower().startswith("readme"):
            continue
        name = stem(file)
        name = name.with_suffix("") if name.suffix == ".txt" else name
        label = name.suffix.removeprefix(".") or name.name
        classes = found.setdefault(part_of(file) or "train", {})
        if label in classes:
            raise DataError(
                f"{path} holds two files for the label {label!r}: {classes[label][0].name}, "
                f"{file.name}; narrow it with a pattern, such as {path}/corpus.*"
            )
        classes[label] = [file]
    if "train" not in found:
        raise DataError(f"{path} holds no file for training; its files are named by their labels")
    return found


def read_class_folders(
    classes: Mapping[str, Sequence[Path]], encodings: Mapping[Path, str]
) -> Iterator[Row]:
    """Reads files that each hold one text.

    Args:
        classes: the files of each label.
        encodings: of the files that are not UTF-8.

    Yields:
        0, text, label.

    Raises:
        DataError: a file that is no text.
    """
    for label, files in classes.items():
        for file in files:
            if file in encodings:
                text = "\n".join(read_encoded(file, encodings[file]))
            else:
                text = "".join(read_blocks(file, Counter(), line_limit=None))
            yield 0, text.strip("\r\n"), label


def read_class_files(
    classes: Mapping[str, Sequence[Path]], encodings: Mapping[Path, str]
) -> Iterator[Row]:
    """Reads files with a text in each line.

    Args:
        classes: the files of each label.
        encodings: of the files that are not UTF-8.

    Yields:
        0, text, label; empty lines too.

    Raises:
        DataError: a file that is no text.
    """
    for label, files in classes.items():
        for file in files:
            for line in read_encoded(file, encodings.get(file, "utf-8")):
                yield 0, line, label
