"""Validation inside long epochs."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from lmzoo.callbacks.progress import Progress
from lmzoo.errors import ArgumentError


class PeriodicValidation(Progress):
    """Evaluates the model inside an epoch, for epochs that take minutes or hours.

    The figures (`val_loss`, ...) go into the logs of the batch after which they were measured, so
    the progress bar and the callbacks behind this one see them: `Checkpoint` keeps the best model,
    `LearningCurve` records a point. At the end of an epoch, `fit`'s own `validation_data` does the
    same. The logs of training begin anew after each evaluation.

    Args:
        data: validation batches, as `model.evaluate` takes them.
        every_seconds: time between two evaluations; None: not by time. It grows by itself until
            evaluations take at most `max_fraction` of the time.
        every_steps: batches between two evaluations; None: not by steps. (By steps a resumed
            training equals an unbroken one exactly, by time it cannot.)
        max_fraction: of the time, 0 to 1.
        state: what `Checkpoint.start` returned: steps are counted on from it. None: from zero.
        clock: seconds, monotonic.

    Raises:
        ArgumentError: an argument is out of its range.

    Example:
        >>> PeriodicValidation(None, every_steps=100).every_steps
        100
    """

    def __init__(
        self,
        data: Any,
        *,
        every_seconds: float | None = None,
        every_steps: int | None = None,
        max_fraction: float = 1 / 12,
        state: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(state, clock)
        for name, value in (("every_seconds", every_seconds), ("every_steps", every_steps)):
            if value is not None and not value > 0:
                raise ArgumentError(f"{name} is {value}; it must be above 0, or None")
        if not 0 < max_fraction <= 1:
            raise ArgumentError(f"max_fraction is {max_fraction}; it must be above 0, at most 1")
        self.data = data
        self.every_seconds = every_seconds
        self.every_steps = every_steps
        self.max_fraction = max_fraction
        self._measured_at = 0.0
        self._cost = 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        super().on_train_begin(logs)
        self._measured_at = self.seconds

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Evaluates, if it is time."""
        before = self.step
        super().on_train_batch_end(batch, logs)
        last = self.step_in_epoch == (self.params or {}).get("steps")
        if logs is None or last or self.model.stop_training or not self._is_time(before):
            return
        start = self.clock()
        found = self.model.evaluate(self.data, verbose=0, return_dict=True)
        self._cost = self.clock() - start
        self.model.reset_metrics()
        logs.update({f"val_{name}": float(value) for name, value in found.items()})
        self._measured_at = self.seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begins to wait anew if `fit` has just validated."""
        super().on_epoch_end(epoch, logs)
        if any(name.startswith("val_") for name in logs or {}):
            self._measured_at = self.seconds

    def _is_time(self, before: int) -> bool:
        every = self.every_steps
        if every is not None and self.step // every > before // every:
            return True
        if self.every_seconds is None:
            return False
        wait = max(self.every_seconds, self._cost * (1 / self.max_fraction - 1))
        return self.seconds - self._measured_at >= wait
