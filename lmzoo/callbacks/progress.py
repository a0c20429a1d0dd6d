"""What several callbacks share: counting batches and seconds over one or more calls of `fit`."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

NOTHING: dict[str, Any] = {}  # the logs of an execution that trained nothing


def is_validated(logs: Mapping[str, Any] | None) -> bool:
    """Whether the logs hold figures of an evaluation."""
    return any(name.startswith("val_") for name in logs or {})


def learning_rate_of(model: keras.Model) -> float | None:
    """The current learning rate; None without an optimizer."""
    optimizer = getattr(model, "optimizer", None)
    return None if optimizer is None else float(ops.convert_to_numpy(optimizer.learning_rate))


def train_nothing(model: keras.Model) -> None:
    """Makes the next execution of `fit` train nothing and return NOTHING.

    For an epoch that has only its end left to do: `fit` validates after one execution at the least.
    """
    function = model.train_function

    def no_figures() -> dict[str, Any]:
        del model.get_metrics_result
        return dict(NOTHING)

    def execute(*arguments: Any) -> Any:
        model.train_function = function
        # In a model that has not trained yet, Keras cannot tell the metrics.
        model.get_metrics_result = no_figures
        # Under JAX it is also given the training's state, which it hands back.
        return dict(NOTHING) if len(arguments) == 1 else (dict(NOTHING), arguments[0])

    model.train_function = execute


class Progress(keras.callbacks.Callback):
    """Counts steps (batches), whole epochs and seconds, also with `steps_per_execution` > 1."""

    def __init__(
        self, state: Mapping[str, Any] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self.clock = clock
        self._batches = self._first = 0  # batches of this pass, and where in the epoch it began
        self._stopped_inside = False
        self.continue_from(state or {})

    def continue_from(self, state: Mapping[str, Any]) -> None:
        """Sets the counts to those of a state; what it lacks starts at 0."""
        self.step = int(state.get("step", 0))
        self.epoch = int(state.get("epoch", 0))
        self.step_in_epoch = int(state.get("step_in_epoch", 0))
        self._seconds = float(state.get("seconds", 0.0))
        self._since: float | None = None

    def counts(self) -> dict[str, Any]:
        """What `continue_from` takes."""
        own = {"epoch": self.epoch, "step": self.step, "step_in_epoch": self.step_in_epoch}
        return {**own, "seconds": self.seconds}

    @property
    def seconds(self) -> float:
        """Seconds spent in `fit` so far, validation and compilation included."""
        return self._seconds + (0.0 if self._since is None else self.clock() - self._since)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._since = self.clock()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._seconds, self._since = self.seconds, None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._batches, self._first, self._stopped_inside = 0, self.step_in_epoch, False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        total = (self.params or {}).get("steps")
        if self.step_in_epoch < total if total else self._stopped_inside:
            return
        self.epoch, self.step_in_epoch = epoch + 1, 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if logs == NOTHING:
            return
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
