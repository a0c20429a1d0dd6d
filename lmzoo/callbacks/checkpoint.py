"""Checkpoints that are whole or not there: model, optimizer and counts in one file."""

import json
import os
import shutil
import time
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.callbacks.progress import Progress
from lmzoo.errors import ArgumentError, DataError

LAST, BEST = "last.keras", "best.keras"
_STATE = "lmzoo_training_state.json"


class Checkpoint(Progress):
    """Keep the last and the best model of a training in a folder, for exact resumption.

    `last.keras` and `best.keras` are ordinary Keras files (`keras.saving.load_model` reads them)
    that also hold the optimizer's state and, as one more member of the archive, the training
    state: epoch, step, seconds, seed, states of random generators. Each is written beside its
    place and moved there in one step, so a kill at any moment leaves a whole file. Weights that
    are not finite are never written.

    Put it behind the callbacks that write what it monitors. `last.keras` is written at the end of
    every epoch and of the training, and between them every so many seconds; on Ctrl-C, catch
    KeyboardInterrupt around `fit` and call `save_now`.

    Args:
        folder: where the files go; made if missing.
        every_seconds: the time between writes inside an epoch; None for epoch ends only.
        monitor: the log by which a model is best; None keeps no best. If `fit` gives no
            validation logs at all, there is no best either.
        mode: "min" if less is better, "max" if more is.
        seed: kept in the state for whoever resumes.
        extra: called at every write; gives JSON values to keep in the state under "extra".
        clock: seconds, monotonic.

    Raises:
        ArgumentError: an argument is out of its range, or validation logs lack `monitor`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        ...     checkpoint = Checkpoint(folder, seed=3)
        ...     checkpoint.set_model(model)
        ...     print(checkpoint.save_now().name, restore(folder, model)["seed"])
        last.keras 3
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every_seconds: float | None = 30.0,
        monitor: str | None = "val_loss",
        mode: str = "min",
        seed: int | None = None,
        extra: Callable[[], Mapping[str, Any]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        if mode not in ("min", "max"):
            raise ArgumentError(f'mode must be "min" or "max", not {mode!r}')
        if every_seconds is not None and every_seconds < 0:
            raise ArgumentError(f"every_seconds must be 0 or more, not {every_seconds}")
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.every_seconds = every_seconds
        self.monitor = monitor
        self.mode = mode
        self.seed = seed
        self.extra = extra
        self.best: float | None = None
        self._saved: tuple[int, int] | None = None
        self._saved_at = clock()

    def restore(self, model: keras.Model) -> dict[str, Any] | None:
        """Load the last checkpoint into the model and go on counting from there.

        Args:
            model: of the same sizes, compiled with the same optimizer.

        Returns:
            The state, as the function `restore` gives it; None if there is no checkpoint.

        Raises:
            DataError: the checkpoint cannot be read or does not fit the model.
        """
        state = restore(self.folder, model)
        if state is not None:
            self.continue_from(state)
            if state["monitor"] == self.monitor:
                self.best = state["best"]
        return state

    def save_now(self) -> Path | None:
        """Write `last.keras` as things stand.

        Returns:
            Its path; None if it was not written because a weight is NaN or infinite.
        """
        model = self.model
        if not _finite(model):
            return None
        path = _write(model, self.folder / LAST, self._state(model))
        self._saved, self._saved_at = (self.step, self.epoch), self.clock()
        return path

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        super().on_train_begin(logs)
        self._saved_at = self.clock()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write if it is time."""
        super().on_train_batch_end(batch, logs)
        if self.every_seconds is not None and self.clock() - self._saved_at >= self.every_seconds:
            self.save_now()
            self._saved_at = self.clock()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the last model, and the best if this is the best so far."""
        super().on_epoch_end(epoch, logs)
        self.step_in_epoch = 0
        value = self._monitored(logs or {})
        better = value is not None and self._improves(value)
        previous = self.best
        if better:
            self.best = value
        path = self.save_now()
        if path is None:
            self.best = previous
        elif better:
            temporary = self.folder / f".{BEST}.part"
            shutil.copyfile(path, temporary)
            os.replace(temporary, self.folder / BEST)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the last model, unless the end of the epoch just did."""
        super().on_train_end(logs)
        if self._saved != (self.step, self.epoch):
            self.save_now()

    def _monitored(self, logs: Mapping[str, Any]) -> float | None:
        """The monitored figure, None where there is none to be had."""
        if self.monitor is None or self.monitor in logs:
            return None if self.monitor is None else float(logs[self.monitor])
        if any(name.startswith("val_") for name in logs):
            raise ArgumentError(
                f"Checkpoint monitors {self.monitor!r}, but the logs have {sorted(logs)}: name "
                "one of these, or put the callback that writes it in front of Checkpoint"
            )
        return None

    def _improves(self, value: float) -> bool:
        if not np.isfinite(value):
            return False
        if self.best is None:
            return True
        return value < self.best if self.mode == "min" else value > self.best

    def _state(self, model: keras.Model) -> dict[str, Any]:
        """Everything beside weights and optimizer that an exact resumption needs."""
        return {
            "epoch": self.epoch,
            "step": self.step,
            "step_in_epoch": self.step_in_epoch,
            "seconds": self.seconds,
            "seed": self.seed,
            "monitor": self.monitor,
            "best": self.best,
            "generators": [ops.convert_to_numpy(v).tolist() for v in _generators(model)],
            "extra": dict(self.extra()) if self.extra else {},
        }


def restore(
    folder: str | os.PathLike[str], model: keras.Model, *, best: bool = False
) -> dict[str, Any] | None:
    """Load a checkpoint's weights, optimizer state and random generators into a model.

    Args:
        folder: where `Checkpoint` wrote.
        model: of the same sizes; compiled with the same optimizer if training goes on.
        best: whether to load `best.keras` in place of `last.keras`.

    Returns:
        None if the folder has no such checkpoint; else the state: "epoch" (epochs completed: give
        it to `fit` as initial_epoch), "step" (batches trained on in all), "step_in_epoch" (of the
        epoch that was under way), "seconds", "seed", "monitor", "best", "extra".

    Raises:
        DataError: the file cannot be read or does not fit the model.

    Example:
        >>> restore("no such folder", keras.Sequential()) is None
        True
    """
    path = Path(folder) / (BEST if best else LAST)
    if not path.exists():
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            state = json.loads(archive.read(_STATE))
        _build_optimizer(model)
        with warnings.catch_warnings():
            # Keras only warns, and leaves the optimizer as it was, if its state does not fit.
            warnings.filterwarnings("error", message=".*optimizer")
            model.load_weights(path)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, UserWarning) as error:
        raise DataError(
            f"the checkpoint {path} cannot be loaded into this model ({_reason(error)}): "
            "resume with the arguments it was trained with, or start afresh in another folder"
        ) from error
    for variable, value in zip(_generators(model), state.pop("generators"), strict=False):
        variable.assign(np.asarray(value, dtype=variable.dtype))
    return state


def _write(model: keras.Model, path: Path, state: Mapping[str, Any]) -> Path:
    """Save beside the place, add the state to the archive, then move it there in one step."""
    temporary = path.with_name(f".{path.stem}.part.keras")
    _build_optimizer(model)
    model.save(temporary)
    with zipfile.ZipFile(temporary, "a") as archive:
        archive.writestr(_STATE, json.dumps(state))
    os.replace(temporary, path)
    return path


def _build_optimizer(model: keras.Model) -> None:
    """Make the optimizer's variables, which Keras puts off until the first training step."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built:
        optimizer.build(model.trainable_variables)


def _finite(model: keras.Model) -> bool:
    """Whether all weights are finite."""
    return all(
        bool(ops.convert_to_numpy(ops.all(ops.isfinite(weight.value))))
        for weight in model.weights
        if "float" in weight.dtype
    )


def _generators(model: keras.Model) -> list[Any]:
    """The states of the random generators (dropout and the like), which Keras does not save."""
    return [v for v in model.variables if v.path.endswith("seed_generator_state")]


def _reason(error: Exception) -> str:
    """The telling line of an error; Keras puts the first failure's text behind a headline."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].startswith("A total of"):
        lines = lines[1:]
    return lines[0] if lines else type(error).__name__
