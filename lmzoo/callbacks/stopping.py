"""Stopping a training: the loss is no longer a number, or a signal came."""

import math
import signal
import threading
from typing import Any

import keras

from lmzoo.callbacks.checkpoint import Checkpoint
from lmzoo.callbacks.progress import Progress, learning_rate_of
from lmzoo.errors import TrainingDiverged


class StopOnNaN(Progress):
    """Raise `TrainingDiverged` out of `fit` as soon as the loss is NaN or infinite.

    Nothing after that batch runs: no validation, and no checkpoint that would overwrite the last
    good one. With `steps_per_execution` > 1 it looks once per execution.

    Raises:
        TrainingDiverged: from `fit`; the message names the step and what to try.
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            rate = learning_rate_of(self.model)
            known = "" if rate is None else f" (learning rate {rate:.3g})"
            raise TrainingDiverged(
                f"the loss became {loss} at training step {self.step}{known}: try a "
                "smaller learning rate or gradient clipping (optimizer argument clipnorm=1.0), "
                "and check that no token id lies outside the model's vocabulary; checkpoints "
                "written before this step are kept"
            )


class StopOnSignal(keras.callbacks.Callback):
    """Ends the program after the running batch, with a checkpoint, on Ctrl-C, SIGTERM or SIGHUP.

    In a measurement at the end of an epoch it waits for nothing: resuming makes that measurement.
    One inside an epoch is finished first. A second signal ends the program at once. Outside of the
    main thread, where Python delivers no signals, it does nothing. Put it last.

    Args:
        checkpoint: what writes `last.keras`.

    Raises:
        SystemExit: from `fit`, with status 128 + the signal's number.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__()
        self.checkpoint = checkpoint
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.received = None
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name):  # Windows has no SIGHUP
                number = getattr(signal, name)
                self._previous[number] = signal.signal(number, self._handle)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._end()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.checkpoint.is_inside_batch:
            self._end()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        # The checkpoint is written, and the model may have its best weights back: no time to save.
        self._end(save=False)
        self._restore_handlers()

    def _handle(self, number: int, frame: Any) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number
        print("\nstopping after this batch (a second signal stops at once)", flush=True)

    def _end(self, *, save: bool = True) -> None:
        if self.received is None:
            return
        self._restore_handlers()
        path = self.checkpoint.save_now() if save else self.checkpoint.folder
        where = f"the checkpoint is {path}" if path else "no checkpoint: weights are not finite"
        print(f"stopped at step {self.checkpoint.step:,}; {where}; --resume continues", flush=True)
        raise SystemExit(128 + self.received)

    def _restore_handlers(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
