"""The folder that holds one training: its flags, its checkpoint, its model."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from lmzoo.data import load_tokenizer
from lmzoo.errors import ArgumentError, LmzooError

ARGUMENTS, DATA = "arguments.json", "data.json"
MODEL, TOKENIZER = "model.keras", "tokenizer.json"
# A folder that holds one of these is not written to by another training.
RESULTS = (MODEL, "last.keras", "metrics.json", "*/result.json", f"*/{MODEL}")


def open_folder(out: Path, *, resume: bool) -> Path:
    """Finds or makes the folder of a training; an earlier training is never overwritten.

    Args:
        out: the folder asked for.
        resume: whether the training in it goes on.

    Returns:
        `out`, or, if it holds a training already and `resume` is False, the first free one
        of `out-2`, `out-3`, ...

    Raises:
        ArgumentError: nothing to resume in `out`, or `out` is a file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as parent:
        ...     first = open_folder(Path(parent, "run"), resume=False)
        ...     _ = (first / "model.keras").write_text("a model")
        ...     open_folder(Path(parent, "run"), resume=False).name
        'run-2'
    """
    if resume:
        if not (out / ARGUMENTS).exists():
            raise ArgumentError(
                f"--resume: {out} holds no training; start one without --resume, "
                "or name the folder with --out"
            )
        return out
    folder, number = out, 1
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ArgumentError(f"--out {folder} is a file; name a folder") from error
        if not any(next(folder.glob(result), None) for result in RESULTS):
            return folder
        number += 1
        folder = out.with_name(f"{out.name}-{number}")


@contextlib.contextmanager
def forgotten_on_error(folder: Path) -> Iterator[None]:
    """Removes a folder that holds nothing but its flags if an error of lmzoo's ends the block."""
    try:
        yield
    except LmzooError:
        if [path.name for path in folder.iterdir()] == [ARGUMENTS]:
            (folder / ARGUMENTS).unlink()
            folder.rmdir()
        raise


def save_model(folder: Path, model: keras.Model) -> Path:
    """Writes `model.keras`, replacing an earlier one only when the new one is complete."""
    part = folder / "part.keras"
    model.save(part)
    os.replace(part, folder / MODEL)
    return folder / MODEL


def write_json(path: Path, values: Any) -> None:
    """Writes a JSON file that is never seen half written."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(values, indent=1) + "\n", "utf-8")
    os.replace(part, path)


def load_training(folder: Path) -> tuple[keras.Model, Any, bool]:
    """Loads what a training left behind.

    Args:
        folder: the folder of a training.

    Returns:
        The model, its tokenizer, and whether it learned from one long text rather than documents.

    Raises:
        ArgumentError: the folder holds no model.

    Example:
        >>> load_training(Path("no such folder"))
        Traceback (most recent call last):
            ...
        lmzoo.errors.ArgumentError: no such folder holds no model.keras: ...
    """
    if not (folder / MODEL).exists():
        begun = (folder / ARGUMENTS).exists()
        raise ArgumentError(
            f"{folder} holds no {MODEL}: "
            + ("its training has not come so far" if begun else "name the folder of a training")
        )
    is_stream = True
    if (folder / DATA).exists():
        report = json.loads((folder / DATA).read_text("utf-8"))
        is_stream = report.get("documents") == "stream"
    model = keras.saving.load_model(folder / MODEL)
    return model, load_tokenizer(folder / TOKENIZER), is_stream
