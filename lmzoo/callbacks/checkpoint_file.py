"""The folder of a training, and its checkpoints: Keras files with the training state inside."""

import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError, DataError, LmzooError
from lmzoo.files import (
    FolderLock,
    lock_folder,
    make_folder,
    readable,
    reading,
    remove_leftovers,
    replacing,
)

LAST, BEST = "last.keras", "model.keras"
_STATE = "lmzoo_training_state.json"
_LARGEST = 1 << 24
_REMEDY = (
    "resume with the arguments it was trained with, or start afresh in another folder; if "
    "last.keras is damaged, remove it to go on from model.keras"
)


def open_folder(folder: Path, resume: bool) -> tuple[Path, FolderLock]:
    """The folder of a training, held; one that holds another training is never written to."""
    if resume:
        if not is_training(folder):
            raise ArgumentError(
                f"there is no training to resume in {folder}: start one without resuming, or name "
                "the folder of one"
            )
        lock = lock_folder(folder)
        remove_leftovers(folder)
        return folder, lock
    free, number = folder, 1
    while (held := _hold_if_free(free)) is None:
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    if free != folder:
        print(f"{folder} holds a training already (resume it, or:) writing to {free}", flush=True)
    remove_leftovers(free)
    return free, held


def _hold_if_free(folder: Path) -> FolderLock | None:
    """The lock of a folder without a training, which is made if missing; else None."""
    if folder.is_file():
        raise ArgumentError(f"{folder} is a file; name a folder")
    make_folder(folder)
    try:
        lock = lock_folder(folder)
    except ArgumentError:  # another program trains in it
        return None
    if not is_training(folder):
        return lock
    try:  # one that was stopped before its first step has nothing to lose
        state = read_state(folder)
    except DataError:
        state = None
    if state is None or state["step"] > 0 or (folder / BEST).exists():
        return None
    return lock


def is_training(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a training that can be resumed.

    Args:
        folder: where `Checkpoint` may have written.

    Returns:
        Whether it has a `last.keras` or a `model.keras`.

    Raises:
        DataError: the folder cannot be read.

    Example:
        >>> is_training("no such folder")
        False
    """
    with reading(folder):
        return any((Path(folder) / name).exists() for name in (LAST, BEST))


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
    with reading(path):
        if not path.exists():
            return None
    with readable(path, _REMEDY), zipfile.ZipFile(path) as archive:
        if archive.getinfo(_STATE).file_size > _LARGEST:
            raise DataError(f"{path} has a training state of more than {_LARGEST:,} bytes")
        state = dict(json.loads(archive.read(_STATE)))
        counts = [state[name] for name in ("epoch", "step", "step_in_epoch")]
        if not all(type(count) is int and count >= 0 for count in counts):
            raise DataError(f"{path} counts {counts} epochs and steps: {_REMEDY}")
        seconds, steps = state["busy"]
        top = state["best"] or {"step": 0, "value": 0.0}
        if not np.isfinite([state["seconds"], seconds, steps, top["step"], top["value"]]).all():
            raise DataError(f"{path} holds figures that are not finite: {_REMEDY}")
        return state


def restore(
    folder: str | os.PathLike[str], model: keras.Model, *, best: bool = False
) -> dict[str, Any] | None:
    """Loads a checkpoint's weights, optimizer state and random generators into a model.

    Args:
        folder, best: see `read_state`.
        model: of the same sizes; compiled with the same optimizer if training goes on.

    Returns:
        The state, as `read_state`.

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
    with readable(path, _REMEDY), warnings.catch_warnings():
        _build_optimizer(model)
        # Keras only warns, and leaves the optimizer as it was, if its state does not fit.
        warnings.filterwarnings("error", message=".*optimizer")
        model.load_weights(path)
        for variable, value in zip(generators(model), state["generators"], strict=False):
            variable.assign(np.asarray(value, dtype=variable.dtype))
    return state


def write(model: keras.Model, path: Path, state: Mapping[str, Any]) -> Path:
    """Saves the model with the state in one more member of the archive, whole or not at all."""
    _build_optimizer(model)
    with replacing(path) as temporary:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(_STATE, json.dumps(state))
    return path


def copy(path: Path, target: Path) -> None:
    """Copies a file, whole or not at all."""
    with replacing(target) as temporary:
        shutil.copyfile(path, temporary)


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


def builder_of(model: keras.Model) -> str | None:
    """The builder of a zoo model, None for another one."""
    try:
        return str(model.recipe["builder"])
    except (AttributeError, LmzooError):
        return None
