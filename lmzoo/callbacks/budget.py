"""Train for a given time: the learning rate follows the clock."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from lmzoo.callbacks.progress import Progress
from lmzoo.errors import ArgumentError

_SHAPES: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: 0.5 * (1.0 + math.cos(math.pi * progress)),
    "linear": lambda progress: 1.0 - progress,
    "constant": lambda progress: 1.0,
}


class TimeBudget(Progress):
    """Train for a wall-clock budget, with the learning rate set from the elapsed fraction.

    Call `fit` with more epochs than can fit in; this callback ends it after the batch in which the
    time is up (epoch-end work such as validation still runs, and counts when more follows). The
    warm-up is measured from the first finished batch, so compilation does not eat it.

    Args:
        minutes: the budget; > 0.
        schedule: how the rate falls after the warm-up: "cosine", "linear" or "constant".
        peak: the highest learning rate; None takes the optimizer's own at the first `fit`. When
            resuming, give the same peak again: the optimizer then holds a rate on its way down.
        warmup: the fraction of the budget over which the rate rises, in [0, 1).
        final_fraction: the last rate as a fraction of the peak, in [0, 1].
        elapsed: seconds used up before, when resuming.
        steps: training steps taken before, when resuming.
        count_compilation: False stops the clock during the first batch of each `fit`.
        clock: seconds, monotonic.

    Raises:
        ArgumentError: an argument is out of its range; or, from `fit`, the optimizer has a
            learning-rate schedule of its own.

    Example:
        >>> budget = TimeBudget(2, warmup=0.1)
        >>> [round(budget.multiplier(fraction), 2) for fraction in (0.05, 0.1, 0.55, 1.0)]
        [0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        minutes: float,
        *,
        schedule: str = "cosine",
        peak: float | None = None,
        warmup: float = 0.02,
        final_fraction: float = 0.0,
        elapsed: float = 0.0,
        steps: int = 0,
        count_compilation: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__({"step": steps, "seconds": elapsed}, clock)
        if not minutes > 0:
            raise ArgumentError(f"minutes must be positive, not {minutes}")
        if schedule not in _SHAPES:
            raise ArgumentError(f"schedule must be one of {sorted(_SHAPES)}, not {schedule!r}")
        if not 0 <= warmup < 1:
            raise ArgumentError(f"warmup must lie in [0, 1), not {warmup}")
        if not 0 <= final_fraction <= 1:
            raise ArgumentError(f"final_fraction must lie in [0, 1], not {final_fraction}")
        if peak is not None and not peak > 0:
            raise ArgumentError(f"peak must be a positive learning rate, not {peak}")
        self.budget = 60.0 * minutes
        self.schedule = schedule
        self.peak = peak
        self.warmup = warmup
        self.final_fraction = final_fraction
        self.count_compilation = count_compilation
        self._compiled = False
        self._trained = elapsed
        self._rate: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds of the budget used up."""
        return self.seconds

    @property
    def steps(self) -> int:
        """Training steps taken."""
        return self.step

    def get_state(self) -> dict[str, Any]:
        """What a later run needs to go on: elapsed seconds, steps and peak, all JSON numbers."""
        return {"elapsed": self.elapsed, "steps": self.step, "peak": self.peak}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self.continue_from({"seconds": state["elapsed"], "step": state["steps"]})
        self.peak = state["peak"]
        self._trained = self.elapsed

    def multiplier(self, fraction: float, trained: float | None = None) -> float:
        """The learning rate as a fraction of the peak.

        Args:
            fraction: how much of the budget is used up; above 1 counts as 1.
            trained: the same without compilation, for the warm-up; None for `fraction`.

        Returns:
            A number in [0, 1].
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
        """Start the clock and take the peak from the optimizer if none was given."""
        super().on_train_begin(logs)
        optimizer = self.model.optimizer
        if self.peak is None:
            self.peak = float(ops.convert_to_numpy(optimizer.learning_rate))
        try:
            optimizer.learning_rate = self.peak
        except TypeError as error:
            raise ArgumentError(
                "TimeBudget sets the learning rate from the clock, but the optimizer has a "
                "schedule of its own: give the optimizer a number as learning_rate"
            ) from error
        self._rate = None
        self._compiled = False

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the learning rate for the coming batches."""
        assert self.peak is not None
        fraction = self.seconds / self.budget if self._counting() else self._seconds / self.budget
        rate = self.peak * self.multiplier(fraction, self._trained / self.budget)
        # Under JAX each assignment fetches the whole state: leave out those that change nothing.
        if self._rate is None or abs(rate - self._rate) > 0.002 * self._rate:
            self.model.optimizer.learning_rate = rate
            self._rate = rate

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count the time of the batch; stop if the budget is used up."""
        before = self._seconds
        if self._counting():
            super().on_train_batch_end(batch, logs)
        else:
            self._since = None
            super().on_train_batch_end(batch, logs)
            self._since = self.clock()
        if self._compiled:
            self._trained += self._seconds - before
        self._compiled = True
        self._stop_if_over()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop if validation has used up the rest."""
        super().on_epoch_end(epoch, logs)
        self._stop_if_over()

    def _counting(self) -> bool:
        """Whether the clock runs: not during the first batch, if compilation is left out."""
        return self._compiled or self.count_compilation

    def _stop_if_over(self) -> None:
        if self.seconds >= self.budget:
            self.model.stop_training = True
