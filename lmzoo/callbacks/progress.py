"""What several callbacks share: counting updates and seconds over one or more calls of `fit`."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras


class Progress(keras.callbacks.Callback):
    """Counts training steps (batches) and seconds, also with `steps_per_execution` > 1.

    (With it, give `fit` data of known length or steps_per_epoch: a last, shorter execution of an
    epoch of unknown length counts as a full one.)

    Args:
        state: what `restore` gave, to continue its counts ("step", "epoch", "seconds"); or None.
        clock: seconds, monotonic.

    Example:
        >>> Progress({"step": 7, "epoch": 1, "seconds": 2.5}).step
        7
    """

    def __init__(
        self,
        state: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.clock = clock
        self.step = self.epoch = self.step_in_epoch = 0
        self._seconds = 0.0
        self._since: float | None = None
        self.continue_from(state or {})

    def continue_from(self, state: Mapping[str, Any]) -> None:
        """Set the counts to those of a state; what it lacks starts at 0."""
        self.step = int(state.get("step", 0))
        self.epoch = int(state.get("epoch", 0))
        self._seconds = float(state.get("seconds", 0.0))
        self._since = None

    @property
    def seconds(self) -> float:
        """Seconds spent in `fit` so far, validation and compilation included."""
        return self._seconds + (0.0 if self._since is None else self.clock() - self._since)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start the clock."""
        self._since = self.clock()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stop the clock."""
        self._seconds, self._since = self.seconds, None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin to count this epoch's steps."""
        self.step_in_epoch = 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the epoch as done."""
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the batches of this execution, and bank the seconds in case `fit` is broken off."""
        # Keras counts a last, shorter execution as a full one: the epoch's length corrects that.
        done = min(batch + 1, (self.params or {}).get("steps") or batch + 1)
        self.step += done - self.step_in_epoch
        self.step_in_epoch = done
        if self._since is not None:
            now = self.clock()
            self._seconds, self._since = self._seconds + now - self._since, now
