"""Checkpoints that are whole or not there: model, optimizer and counts in one file."""

import json
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.callbacks.checkpoint_file import (
    BEST,
    LAST,
    builder_of,
    copy,
    generators,
    is_finite,
    open_folder,
    read_state,
    restore,
    write,
)
from lmzoo.callbacks.progress import (
    NOTHING,
    Progress,
    is_validated,
    learning_rate_of,
    train_nothing,
)
from lmzoo.errors import ArgumentError, DataError
from lmzoo.files import lock_folder


class Checkpoint(Progress):
    """Keeps the best and the last model of a training in a folder, for exact resumption.

    `model.keras` (the best) and `last.keras` are Keras files for `keras.saving.load_model` that
    also hold the optimizer's state, counts and random generators. A kill at any moment leaves whole
    files; weights that are not finite are never written. `last.keras` is written by `start`, every
    so many seconds, before and after the measurements at the end of an epoch, and at the end of the
    training. A measurement that a kill cut short is made when the training is resumed. Put this
    callback behind those that write what it monitors; figures that `PeriodicValidation` writes
    inside an epoch count too. Until the training ends no other program may write to the folder.

    Args:
        folder: where the files go. Where a training lies already, or runs, they go to the first
            free one of folder-2, folder-3, ... (see `Checkpoint.folder`).
        resume: whether to continue the training in the folder; call `start` before `fit`.
        monitor: the log by which a model is best; with None, or without validation, the last is.
        mode: "min" if less is better, "max" if more is.
        every_seconds: time between writes inside an epoch; None for epoch ends only.
        restore_best_weights: whether the model gets its best weights when the training ends.
        patience: epochs without a better model after which the training stops, counted over a
            resumed training too; None: it goes on.
        clock: seconds, monotonic.

    Raises:
        ArgumentError: an argument out of its range, nothing to resume; from `fit`: no such log.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = Checkpoint(folder)
        ...     x = np.ones((4, 2))
        ...     _ = model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[checkpoint])
        ...     sorted(path.name for path in checkpoint.folder.iterdir())
        ['last.keras', 'model.keras']
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        resume: bool = False,
        monitor: str | None = "val_loss",
        mode: str = "min",
        every_seconds: float | None = 30.0,
        restore_best_weights: bool = True,
        patience: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        if mode not in ("min", "max"):
            raise ArgumentError(f'mode must be "min" or "max", not {mode!r}')
        if every_seconds is not None and every_seconds < 0:
            raise ArgumentError(f"every_seconds must be 0 or more, not {every_seconds}")
        if patience is not None and patience < 1:
            raise ArgumentError(f"patience must be 1 or more, not {patience}; None for no end")
        self.folder, self._lock = open_folder(Path(folder), resume)
        self.resume = resume
        self.monitor, self.mode, self.every_seconds = monitor, mode, every_seconds
        self.restore_best_weights, self.patience = restore_best_weights, patience
        self.best: dict[str, Any] | None = None
        self.fingerprint: dict[str, Any] | None = None
        self._steps_per_epoch: int | None = None
        self._busy = [0.0, 0]  # seconds, steps: without compilation, validation and saving
        self._data: Any = None
        self._is_rest = self._ends_rest = self._is_inside = False
        self._logs: dict[str, float] = {}  # of the last execution, for an end of epoch without one
        self._saved: int | None = None
        self._saved_at = self._made_at = self._begun = clock()

    def start(self, model: keras.Model, data: Any = None) -> dict[str, Any]:
        """Restores the last checkpoint when resuming; tells where the training stands.

        Args:
            model: compiled; of the same sizes and with the same optimizer as the saved one.
            data: what a `prepare_*` function returned: its tokenizer is saved, and when resuming
                its `train` begins at the next step. None: resuming begins with a whole epoch.

        Returns:
            "epoch" (give it to `fit` as `initial_epoch`), "step" (batches in all), "step_in_epoch",
            "seconds" (in `fit`), "learning_rate" (of `compile`; None for a schedule).

        Raises:
            DataError: the checkpoint cannot be read, or does not fit the model or the data.
        """
        rate = _compiled_rate(model)
        self.fingerprint = None if data is None else data.fingerprint()
        self._steps_per_epoch = None if data is None else data.steps_per_epoch
        self._data = data
        if self.resume:
            self._continue(model, data)
        if data is not None:
            data.save(self.folder)
        if not self.resume:  # what cannot be written fails now, and a kill can be resumed from
            self.set_model(model)
            self.save_now()
        return {**self.counts(), "learning_rate": rate}

    def summary(self) -> dict[str, Any]:
        """Figures of the training for its report.

        "seconds" count since this callback was made, "training_seconds" in `fit`; the speeds leave
        out compilation, validation and saving.
        """
        seconds, steps = self._busy
        per_epoch, speed = self._steps_per_epoch, steps / max(seconds, 1e-9)
        tokens = ((self.fingerprint or {}).get("train") or {}).get("tokens")
        of_tokens = {"tokens_per_second": speed * tokens / per_epoch} if tokens else {}
        return {
            "steps": self.step,
            "epochs": round(self.step / per_epoch, 3) if per_epoch else self.epoch,
            "seconds": self.clock() - self._made_at,
            "training_seconds": self.seconds,
            "steps_per_second": speed,
            **of_tokens,
            **({} if self._data is None else {"vocab_size": self._data.vocab_size}),
            "parameters": self.model.count_params(),
            "out": str(self.folder),
        }

    def save_now(self) -> Path | None:
        """Writes `last.keras`; its path, or None, unwritten, if a weight is NaN or infinite."""
        path = self._save(self.folder / LAST)
        if path is not None:
            self._saved, self._saved_at = self.step, self.clock()
        return path

    @property
    def is_inside_batch(self) -> bool:
        """Whether the weights are ahead of the counts: no time to save."""
        return self._is_inside

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if not self._lock.release.alive:
            self._lock = lock_folder(self.folder)
        self._saved_at, self._is_inside = self.clock(), False
        self._stop_if_too_long_ago()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        self._is_rest, self._ends_rest = self._first > 0, False
        is_over = getattr(self.model, "stop_training", False)  # the budget was used up before
        if is_over or 0 < self._first == self._steps_per_epoch:
            train_nothing(self.model)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._begun, self._is_inside = self.clock(), True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        before = self.step
        super().on_train_batch_end(batch, logs)
        self._is_inside = False
        if logs != NOTHING:
            self._after_execution(logs or {}, self.step - before, batch)
        if self._is_rest and self.step_in_epoch == self._steps_per_epoch:
            # Keras expects a whole epoch: it would make one more step, without data, which
            # changes the state of dropout.
            self._ends_rest = not self.model.stop_training
            self.model.stop_training = True
            self._data.start_at(self.step)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._ends_rest:
            self.model.stop_training = self._ends_rest = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self.on_test_begin()
        if logs is not None and not logs.keys() & self._logs.keys():
            logs.update(self._logs)
        value = self._monitored(logs or {})
        if value is None or not self._judge(value):
            self.save_now()
        self._stop_if_too_long_ago()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_end(logs)
        if self._saved != self.step:
            self.save_now()
        if self.best is None:
            self._save(self.folder / BEST)
        elif self.restore_best_weights and self.best["step"] != self.step:
            print(f"restoring the best weights, of step {self.best['step']:,}", flush=True)
            self.model.load_weights(self.folder / BEST)
        self._lock.release()

    def _continue(self, model: keras.Model, data: Any) -> None:
        """Restores what `start` resumes."""
        # A kill between the first writing of the two leaves the best alone.
        state = read_state(self.folder)
        is_best = state is None
        state = state or read_state(self.folder, best=True) or {}
        self._check_model(model, state)
        self._check_data(state.get("data"))
        restore(self.folder, model, best=is_best)
        self.continue_from(state)
        self.best, self._busy = state["best"], list(state["busy"])
        self._logs = dict(state.get("logs") or {})
        if self._steps_per_epoch is not None:
            measured = self.epoch
            self.epoch, self.step_in_epoch = divmod(self.step, self._steps_per_epoch)
            if self.step_in_epoch == 0 and measured < self.epoch:
                self.epoch, self.step_in_epoch = self.epoch - 1, self._steps_per_epoch
            data.start_at(self.step)
        print(f"resuming at step {self.step:,} (epoch {self.epoch + 1})", flush=True)

    def _after_execution(self, logs: Mapping[str, Any], steps: int, batch: int) -> None:
        """Judges the figures of a batch, takes the time, and saves where it is time to."""
        self._logs = {
            name: float(value) for name, value in logs.items() if not name.startswith("val_")
        }
        if self.monitor is not None and self.monitor in logs:
            self._judge(float(logs[self.monitor]))
        elif batch + 1 > steps:  # the first execution is mostly compilation
            self._busy[0] += self.clock() - self._begun
            self._busy[1] += steps
        total = (self.params or {}).get("steps")
        is_end = self.step_in_epoch == total or getattr(self.model, "stop_training", False)
        if self.every_seconds is None:
            is_time = is_end
        else:  # sooner where a measurement follows, which takes time
            wait = self.every_seconds / 6 if is_end else self.every_seconds
            is_time = self.clock() - self._saved_at >= wait
        if is_time and self._saved != self.step:
            self.save_now()
            self._saved_at = self.clock()

    def _stop_if_too_long_ago(self) -> None:
        """Ends the training `patience` epochs after the best model."""
        total = (self.params or {}).get("steps")
        if self.patience is None or self.best is None or not total:
            return
        if (self.step - self.best["step"]) / total >= self.patience:
            self.model.stop_training = True

    def _monitored(self, logs: Mapping[str, Any]) -> float | None:
        """The monitored figure, None where there is none to be had."""
        if self.monitor is None or self.monitor in logs:
            return None if self.monitor is None else float(logs[self.monitor])
        if self.best is None and is_validated(logs):
            raise ArgumentError(
                f"Checkpoint monitors {self.monitor!r}, but the logs have {sorted(logs)}: name "
                "one of these, or put the callback that writes it in front of Checkpoint"
            )
        return None

    def _judge(self, value: float) -> bool:
        """Writes both files if the value is the best so far; whether it did."""
        best = None if self.best is None else self.best["value"]
        if not np.isfinite(value):
            return False
        if best is not None and not (value <= best if self.mode == "min" else value >= best):
            return False
        previous, self.best = self.best, {"step": self.step, "value": value}
        path = self._save(self.folder / BEST)
        if path is None:
            self.best = previous
            return False
        # The best first: a kill between the two costs nothing, since the best is found again.
        copy(path, self.folder / LAST)
        self._saved, self._saved_at = self.step, self.clock()
        return True

    def _save(self, path: Path) -> Path | None:
        """Writes the model, and what resuming needs beside it, unless a weight is not finite."""
        state = {
            **self.counts(),
            "monitor": self.monitor,
            "best": self.best,
            "busy": self._busy,
            "logs": {name: value for name, value in self._logs.items() if np.isfinite(value)},
            "data": self.fingerprint,
            "builder": builder_of(self.model),
            "generators": [ops.convert_to_numpy(v).tolist() for v in generators(self.model)],
        }
        return write(self.model, path, state) if is_finite(self.model) else None

    def _check_model(self, model: keras.Model, state: Mapping[str, Any]) -> None:
        """Raises if the folder is another model's."""
        now, began = builder_of(model), state.get("builder")
        if now is not None and began is not None and now != began:
            raise DataError(
                f"{self.folder} holds the training of a {began}, which a {now} cannot resume: name "
                "the folder of its own training, or start a new one without resuming"
            )

    def _check_data(self, began: dict[str, Any] | None) -> None:
        """Raises if the data are not those that the training began with."""
        now = json.loads(json.dumps(self.fingerprint))
        if began is None or now is None or began == now:
            return
        changed = [
            f"{key} is {now.get(key)!r} (was {began.get(key)!r})"
            for key in sorted({*began, *now})
            if began.get(key) != now.get(key)
        ]
        raise DataError(
            f"{self.folder} cannot be resumed with these data: {'; '.join(changed)}. Give the same "
            "data and settings, or start a new training without resuming"
        )


def _compiled_rate(model: keras.Model) -> float | None:
    """The learning rate that `compile` was given, None for a schedule or without an optimizer."""
    rate = getattr(getattr(model, "optimizer", None), "_learning_rate", None)
    is_schedule = isinstance(rate, keras.optimizers.schedules.LearningRateSchedule)
    return None if is_schedule else learning_rate_of(model)
