"""What several callbacks share: counting batches and seconds over one or more calls of `fit`."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras


class Progress(keras.callbacks.Callback):
    """Counts steps (batches), whole epochs and seconds, also with `steps_per_execution` > 1.

    (With it, give `fit` data of known length or steps_per_epoch: a last, shorter execution of an
    epoch of unknown length counts as a full one.)

    Args:
        state: what `Checkpoint.start` returned, to continue its counts ("step", "epoch",
            "seconds"); or None.
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
        self._batches = self._first = 0  # batches of this pass, and where in the epoch it began
        self._seconds = 0.0
        self._since: float | None = None
        self._stopped_inside = False
        self.continue_from(state or {})

    def continue_from(self, state: Mapping[str, Any]) -> None:
        """Sets the counts to those of a state; what it lacks starts at 0."""
        self.step = int(state.get("step", 0))
        self.epoch = int(state.get("epoch", 0))
        self.step_in_epoch = int(state.get("step_in_epoch", 0))
        self._seconds = float(state.get("seconds", 0.0))
        self._since = None

    @property
    def seconds(self) -> float:
        """Seconds spent in `fit` so far, validation and compilation included."""
        return self._seconds + (0.0 if self._since is None else self.clock() - self._since)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock."""
        self._since = self.clock()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Stops the clock."""
        self._seconds, self._since = self.seconds, None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begins to count this epoch's batches; a resumed epoch goes on from its steps."""
        self._batches, self._first, self._stopped_inside = 0, self.step_in_epoch, False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the epoch, unless it was stopped before its last batch."""
        total = (self.params or {}).get("steps")
        if self.step_in_epoch < total if total else self._stopped_inside:
            return
        self.epoch, self.step_in_epoch = epoch + 1, 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the batches of this execution, and banks the seconds in case `fit` breaks off."""
        # Keras counts a last, shorter execution as a full one: the epoch's length corrects that.
        total = (self.params or {}).get("steps")
        done = min(batch + 1, total - self._first) if total else batch + 1
        self.step += done - self._batches
        self.step_in_epoch += done - self._batches
        self._batches = done
        self._stopped_inside = bool(getattr(self.model, "stop_training", False))
        if self._since is not None:
            now = self.clock()
            self._seconds, self._since = self._seconds + now - self._since, now
