"""The file of a checkpoint: a Keras file with the training state as one more member."""

import json
import os
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import DataError

LAST, BEST = "last.keras", "model.keras"
_STATE = "lmzoo_training_state.json"


def read_state(folder: str | os.PathLike[str], *, best: bool = False) -> dict[str, Any] | None:
    """Reads the training state of a checkpoint.

    Args:
        folder: where `Checkpoint` wrote.
        best: whether to read `model.keras` in place of `last.keras`.

    Returns:
        None if the folder has no such checkpoint; else the state: "epoch", "step",
        "step_in_epoch", "seconds", "monitor", "best" ({"step", "value"} or None), ...

    Raises:
        DataError: the file is no checkpoint.

    Example:
        >>> read_state("no such folder") is None
        True
    """
    path = Path(folder) / (BEST if best else LAST)
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            state: dict[str, Any] = json.loads(archive.read(_STATE))
            return state
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise _unreadable(path, error) from error


def restore(
    folder: str | os.PathLike[str], model: keras.Model, *, best: bool = False
) -> dict[str, Any] | None:
    """Loads a checkpoint's weights, optimizer state and random generators into a model.

    Args:
        folder: where `Checkpoint` wrote.
        model: of the same sizes; compiled with the same optimizer if training goes on.
        best: whether to load `model.keras` in place of `last.keras`.

    Returns:
        The state, as `read_state`; None if the folder has no such checkpoint.

    Raises:
        DataError: the file cannot be read or does not fit the model.

    Example:
        >>> restore("no such folder", keras.Sequential()) is None
        True
    """
    state = read_state(folder, best=best)
    if state is None:
        return None
    path = Path(folder) / (BEST if best else LAST)
    try:
        _build_optimizer(model)
        with warnings.catch_warnings():
            # Keras only warns, and leaves the optimizer as it was, if its state does not fit.
            warnings.filterwarnings("error", message=".*optimizer")
            model.load_weights(path)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, UserWarning) as error:
        raise _unreadable(path, error) from error
    for variable, value in zip(generators(model), state["generators"], strict=False):
        variable.assign(np.asarray(value, dtype=variable.dtype))
    return state


def write(model: keras.Model, path: Path, state: Mapping[str, Any]) -> Path:
    """Saves beside the place, adds the state to the archive, then moves it there in one step."""
    temporary = part_of(path)
    _build_optimizer(model)
    try:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(_STATE, json.dumps(state))
        return move(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file is written before it is complete; Keras wants its suffix."""
    return path.with_name(f".{path.stem}.part.keras")


def move(temporary: Path, path: Path) -> Path:
    os.replace(temporary, path)
    return path


def _build_optimizer(model: keras.Model) -> None:
    """Makes the optimizer's variables, which Keras puts off until the first training step."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)


def is_finite(model: keras.Model) -> bool:
    """Whether all weights are finite."""
    return all(
        bool(ops.convert_to_numpy(ops.all(ops.isfinite(weight.value))))
        for weight in model.weights
        if "float" in weight.dtype
    )


def generators(model: keras.Model) -> list[Any]:
    """The states of the random generators (dropout and the like), which Keras does not save."""
    return [v for v in model.variables if v.path.endswith("seed_generator_state")]


def _unreadable(path: Path, error: Exception) -> DataError:
    """What to say of a checkpoint; Keras puts the first failure's text behind a headline."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("A total of"):
        lines = lines[1:]
    reason = lines[0] if lines else type(error).__name__
    return DataError(
        f"the checkpoint {path} cannot be loaded into this model ({reason}): "
        "resume with the arguments it was trained with, or start afresh in another folder"
    )
