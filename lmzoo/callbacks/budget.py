"""Training for a given time or number of epochs, with a learning rate that follows."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from lmzoo.callbacks.progress import Progress, learning_rate_of
from lmzoo.errors import ArgumentError

SHORT = 0.5  # epochs
_SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1.0 - progress,
    "constant": lambda progress: 1.0,
}


class TimeBudget(Progress):
    """Sets the learning rate, warmup and then decay, by the clock or by the steps of some epochs.

    With `minutes`, call `fit` with more epochs than can fit in: it stops after the batch in which
    the time is up, and then validates. The warmup is measured from the first finished batch, so
    compilation does not use it up. With `epochs`, give `fit` the same, and data of known length.

    Args:
        minutes: the budget, > 0; or
        epochs: its length in epochs, >= 1. With neither the callback does nothing.
        schedule: how the rate decays after the warmup: "cosine", "linear" or "constant".
        warmup: the fraction of the budget over which the rate rises, in [0, 1).
        final_fraction: the last rate as a fraction of the peak, in [0, 1].
        state: what `Checkpoint.start` returned, to go on from; None: from zero, and the peak is
            the optimizer's rate.
        count_compilation: False stops the clock during the first batch of each `fit`.
        clock: seconds, monotonic.

    Raises:
        ArgumentError: an argument out of its range; from `fit`: the optimizer has a schedule.
    """

    def __init__(
        self,
        minutes: float | None,
        *,
        epochs: int | None = None,
        schedule: str = "cosine",
        warmup: float = 0.02,
        final_fraction: float = 0.0,
        state: Mapping[str, Any] | None = None,
        count_compilation: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(state, clock)
        if minutes is not None and not minutes > 0:
            raise ArgumentError(f"minutes must be positive, not {minutes}; None for no budget")
        if epochs is not None and (epochs < 1 or minutes is not None):
            raise ArgumentError(f"epochs is {epochs} and minutes {minutes}: give one of the two")
        if schedule not in _SHAPES:
            raise ArgumentError(f"schedule must be one of {sorted(_SHAPES)}, not {schedule!r}")
        if not 0 <= warmup < 1:
            raise ArgumentError(f"warmup must lie in [0, 1), not {warmup}")
        if not 0 <= final_fraction <= 1:
            raise ArgumentError(f"final_fraction must lie in [0, 1], not {final_fraction}")
        self.budget = None if minutes is None else 60.0 * minutes
        self.epochs = epochs
        self.peak: float | None = (state or {}).get("learning_rate")
        self.schedule, self.warmup, self.final_fraction = schedule, warmup, final_fraction
        self.count_compilation = count_compilation
        self._compiled = False
        self._trained = self._seconds
        self._rate: float | None = None
        self._has_looked = False  # whether the data fit into the time

    def multiplier(self, fraction: float, trained: float | None = None) -> float:
        """The learning rate as a fraction of the peak, after a fraction of the budget.

        `trained` is that fraction without compilation, for the warmup; None for the same.
        """
        progress = min(max((fraction - self.warmup) / (1.0 - self.warmup), 0.0), 1.0)
        falling = _SHAPES[self.schedule](progress)
        falling = self.final_fraction + (1.0 - self.final_fraction) * falling
        trained = fraction if trained is None else trained
        if trained >= self.warmup:
            return falling
        # The very first steps learn a little rather than nothing.
        return falling * max(trained / self.warmup, 0.01)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        self._rate, self._compiled = None, False
        if self.budget is None and self.epochs is None:
            return
        optimizer = self.model.optimizer
        if self.peak is None:
            self.peak = learning_rate_of(self.model)
        try:
            optimizer.learning_rate = self.peak
        except TypeError as error:
            raise ArgumentError(
                "TimeBudget sets the learning rate from the clock, but the optimizer has a "
                "schedule of its own: give the optimizer a number as learning_rate"
            ) from error
        self._stop_if_over()  # when a resumed training has had its time: see Checkpoint

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.peak is None or (self.budget is None and self.epochs is None):
            return
        if self.budget is not None:
            is_counting = self._compiled or self.count_compilation
            seconds = self.seconds if is_counting else self._seconds
            multiplier = self.multiplier(seconds / self.budget, self._trained / self.budget)
        else:
            multiplier = self.multiplier(self.step / self._total_steps())
        rate = self.peak * multiplier
        # Under JAX each assignment fetches the whole state: by the clock, leave out tiny ones.
        if self._rate is None or abs(rate - self._rate) > 0.002 * self._rate or self.epochs:
            self.model.optimizer.learning_rate = rate
            self._rate = rate

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        before, is_counting = self._seconds, self._compiled or self.count_compilation
        if not is_counting:
            self._since = None
        super().on_train_batch_end(batch, logs)
        if not is_counting:
            self._since = self.clock()
        if self._compiled:
            self._trained += self._seconds - before
        self._compiled = True
        self._say_if_short()
        self._stop_if_over()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self._stop_if_over()

    def _say_if_short(self) -> None:
        """Says after a tenth of the time if the rest will not even show the data once."""
        steps = (self.params or {}).get("steps")
        if self.budget is None or not steps or self._has_looked or self.seconds < self.budget / 10:
            return
        self._has_looked = True
        epochs = self.step * self.budget / self.seconds / steps
        if epochs < SHORT:
            print(
                f"\nthis model sees {epochs:.0%} of the data in {self.budget / 60:g} minutes: give "
                "it more time, or choose a smaller model or vocabulary",
                flush=True,
            )

    def _total_steps(self) -> int:
        steps = (self.params or {}).get("steps")
        if not steps:
            raise ArgumentError(
                f"TimeBudget(epochs={self.epochs}) needs data of known length: give fit "
                "steps_per_epoch, or a Dataset with a cardinality"
            )
        return int(steps * (self.epochs or 1))

    def _stop_if_over(self) -> None:
        if self.budget is not None and self.seconds >= self.budget:
            self.model.stop_training = True
