"""What goes on inside `fit`: the progress bar, validation on the way, the best model, Ctrl-C."""

import contextlib
import dataclasses
import json
import math
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from lmzoo.callbacks import TimeBudget
from lmzoo.callbacks.progress import Progress
from lmzoo.experiment.folder import save_model
from lmzoo.schedules import WarmupCosine

EVALUATIONS = 15
JUDGED_FROM = 0.5  # before, hardly any model is the best
SECONDS_BETWEEN = 8.0  # in a short training, measuring and saving would take its time
WARMUP = 0.05
DONE = 0.999  # two clocks of the same training may differ by a moment


@dataclasses.dataclass(frozen=True)
class Plan:
    """How long to train: for `seconds`, or for `steps` batches; the other is None.

    The learning rate rises over the share `warmup` of it.
    """

    seconds: float | None = None
    steps: int | None = None
    warmup: float = WARMUP

    def progress(self, step: int, seconds: float) -> float:
        """The share of the training that is done, 1 or more at its end."""
        if self.seconds is not None:
            return seconds / self.seconds
        assert self.steps is not None
        return step / self.steps

    def callbacks(self, peak: float, step: int, seconds: float) -> list[keras.callbacks.Callback]:
        """Steers the learning rate: a short rise to `peak`, then half a cosine down to 0.

        Args:
            peak: the highest learning rate.
            step: batches trained before.
            seconds: time trained before.

        Returns:
            Callbacks for `fit`.
        """
        if self.seconds is not None:
            minutes = self.seconds / 60
            return [TimeBudget(minutes, peak=peak, warmup=self.warmup, elapsed=seconds, steps=step)]
        assert self.steps is not None
        warmup = min(round(self.steps * self.warmup), self.steps - 1)
        return [StepSchedule(WarmupCosine(peak, self.steps, warmup), step)]


class StepSchedule(Progress):
    """Sets the learning rate from the steps that were trained.

    Args:
        schedule: step -> learning rate.
        step: batches trained before.
    """

    def __init__(self, schedule: Callable[[int], Any], step: int = 0) -> None:
        super().__init__({"step": step})
        self.schedule = schedule

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the learning rate for the coming batches."""
        self.model.optimizer.learning_rate = float(self.schedule(self.step))


class TrainingLoop(Progress):
    """Draws the bar, measures part of the validation set on the way, keeps the best model.

    Put it behind the callbacks that set the learning rate or may stop the training.

    Args:
        folder: where log.jsonl and model.keras are written.
        data: an LMData (see `lmzoo.data.prepare_lm`).
        plan: how long to train.
        valid_batches: batches of the validation set that are measured on the way; None takes
            as many as cost about a twelfth of the training, 4 at the least.
        evaluations: how often that happens, less often in a training of less than two minutes.
        keep_best: whether to write model.keras.
        judge: in the second half of the training gives {"val_bleu": ...}.
        measure_all: measures the validation set instead of `evaluate`; gives `val_loss` and others.
        watched: name of the figure of which the best model has the highest; None: the best has the
            lowest loss.
        figures: makes `val_loss` and others of what `evaluate` found; None is nats per token and
            perplexity.
        patience: end after so many measurements without a better model; None: never.
    """

    def __init__(
        self,
        folder: Path,
        data: Any,
        plan: Plan,
        *,
        valid_batches: int | None = None,
        evaluations: int = EVALUATIONS,
        keep_best: bool = True,
        judge: Callable[[], dict[str, float]] | None = None,
        watched: str | None = None,
        figures: Callable[[Mapping[str, Any]], dict[str, float]] | None = None,
        patience: int | None = None,
        measure_all: Callable[[], dict[str, float]] | None = None,
    ) -> None:
        super().__init__()
        self.judge, self.watched, self.measure_all = judge, watched, measure_all
        self.figures, self.patience = figures or token_figures, patience
        self.folder, self.data, self.plan = folder, data, plan
        self.valid_batches, self.keep_best = valid_batches, keep_best
        most = evaluations if plan.seconds is None else max(1, int(plan.seconds / SECONDS_BETWEEN))
        self.evaluations = min(evaluations, most)
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] | None = None
        self.busy_seconds, self.busy_steps = 0.0, 0
        self.interrupted = self.finished = self.gave_up = False

    def get_state(self) -> dict[str, Any]:
        """What a resumed training goes on from, beside weights and counts: JSON values."""
        names = ("history", "best", "busy_seconds", "busy_steps", "valid_batches", "finished",
                 "gave_up")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from a checkpoint: the counts, and what `get_state` gave under "extra"."""
        self.continue_from(state)
        for name, value in state["extra"].items():
            setattr(self, name, value)

    @property
    def done(self) -> float:
        """The share of the training that is done; all of it if patience came to its end."""
        return 1.0 if self.gave_up else self.plan.progress(self.step, self.seconds)

    @property
    def tokens_per_second(self) -> float:
        """Training speed without compilation, validation and saving."""
        counts = self.data.report["train"]
        per_epoch = counts["tokens"] if "tokens" in counts else counts["words"]
        tokens = self.busy_steps * per_epoch / self.data.steps_per_epoch
        return tokens / max(self.busy_seconds, 1e-9)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts the clock and the bar."""
        super().on_train_begin(logs)
        self._start_bar()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the time."""
        self._begun = self.clock()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Moves the bar; measures or stops when it is time."""
        before, logs = self.step, dict(logs or {})
        super().on_train_batch_end(batch, logs)
        if batch + 1 > self.step - before:  # the first batch is mostly compilation
            self.busy_seconds += self.clock() - self._begun
            self.busy_steps += self.step - before
        if self.interrupted or self._is_over():
            self._finish_bar(logs)
            self.model.stop_training = True
        elif self.done >= self._mark and self.busy_steps:
            self._finish_bar(logs | self.measure(logs))
            self.model.reset_metrics()
            if self._lost_patience():
                self.gave_up = self.finished = self.model.stop_training = True
            else:
                self._start_bar()
        else:
            self._show(logs)

    def measure(self, logs: Mapping[str, Any]) -> dict[str, float]:
        """Measures part of the validation set, notes it, and keeps the model if it is the best.

        Args:
            logs: the training's own figures, or nothing.

        Returns:
            What `figures` makes of it, and what `judge` found.
        """
        val = self._evaluate() if self.measure_all is None else self.measure_all()
        if self.judge is not None and self.done >= JUDGED_FROM:
            val |= self.judge()
        entry = {
            "step": self.step,
            "epoch": round(self.step / self.data.steps_per_epoch, 3),
            "seconds": round(self.seconds, 2),
            **({"loss": self.figures(logs)["val_loss"]} if logs else {}),
            **val,
            "learning_rate": float(self.model.optimizer.learning_rate),
            "tokens_per_second": round(self.tokens_per_second),
        }
        self.history.append(entry)
        lines = [json.dumps(line) + "\n" for line in self.history]
        (self.folder / "log.jsonl").write_text("".join(lines), "utf-8")
        if self.best is None or self._worth(entry) >= self._worth(self.best):
            self.best = entry
            if self.keep_best:
                save_model(self.folder, self.model)
        return val

    def _worth(self, entry: Mapping[str, Any]) -> tuple[float, float]:
        """What the best model has most of: the watched figure, then the likelihood."""
        return entry.get(self.watched or "", -1.0), -entry["val_loss"]

    def _evaluate(self) -> dict[str, float]:
        """The figures of some validation batches."""
        if self.valid_batches is None:  # forward alone costs a third of a training step
            self.valid_batches = max(4, self._steps_between() // 4)
        part = self.data.valid.take(min(self.valid_batches, self.data.valid_steps))
        return self.figures(self.model.evaluate(part, verbose=0, return_dict=True))

    def _lost_patience(self) -> bool:
        """Whether the last so many measurements brought no better model."""
        if self.patience is None or self.best is None:
            return False
        return len(self.history) - 1 - self.history.index(self.best) >= self.patience

    def _is_over(self) -> bool:
        """Whether the plan is carried out, by this clock or that of `TimeBudget`."""
        if self.done < DONE:  # asking the model is slow under JAX
            return False
        return self.done >= 1 or self.model.stop_training

    def _steps_between(self) -> int:
        """About how many steps lie between two measurements."""
        if self.plan.steps is not None:
            return self.plan.steps // self.evaluations
        assert self.plan.seconds is not None
        speed = self.busy_steps / max(self.busy_seconds, 1e-9)
        return int(speed * self.plan.seconds / self.evaluations)

    def _start_bar(self) -> None:
        """Prints the heading of the next stretch and starts its bar."""
        self._mark = (math.floor(self.done * self.evaluations + 1e-6) + 1) / self.evaluations
        if self.plan.seconds is not None:
            place = f"{clock(self.seconds)} of {clock(self.plan.seconds)} minutes"
        else:
            place = f"step {self.step:,} of {self.plan.steps:,}"
        print(f"{place}, epoch {self.step / self.data.steps_per_epoch:.2f}")
        self._bar_start = self.step
        self._bar = keras.utils.Progbar(
            None, interval=0.2 if sys.stdout.isatty() else 30.0, stateless_metrics=()
        )

    def _show(self, logs: dict[str, Any]) -> None:
        """Moves the bar on; its length is a forecast when the budget is a time."""
        seen, left = self.step - self._bar_start, self._mark - self.done
        if self.plan.steps is not None:
            self._bar.target = seen + max(1, round(left * self.plan.steps))
        elif self.plan.seconds is not None and self.busy_steps:
            steps = left * self.plan.seconds * self.busy_steps / max(self.busy_seconds, 1e-9)
            self._bar.target = seen + max(1, round(steps))
        self._bar.update(seen, list(logs.items()), finalize=False)

    def _finish_bar(self, logs: dict[str, Any]) -> None:
        """Ends the bar's line."""
        self._bar.target = self.step - self._bar_start
        self._bar.update(self._bar.target, list(logs.items()), finalize=True)


@contextlib.contextmanager
def stop_on_interrupt(loop: TrainingLoop) -> Iterator[None]:
    """Turns the first Ctrl-C into an end after the running batch; the second ends at once."""

    def stop(signal_number: int, frame: Any) -> None:
        if loop.interrupted:
            raise KeyboardInterrupt
        loop.interrupted = True
        print("\nstopping after this batch (Ctrl-C again stops at once)", flush=True)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def nats_per_token(logs: Mapping[str, Any]) -> float:
    """The loss in nats per token: from the perplexity, which weights every token alike."""
    return math.log(float(logs["perplexity"]))


def token_figures(found: Mapping[str, Any]) -> dict[str, float]:
    """Nats per token and perplexity, of what `evaluate` or a training epoch found."""
    return {"val_loss": nats_per_token(found), "val_perplexity": float(found["perplexity"])}


def clock(seconds: float) -> str:
    """Writes seconds as minutes and seconds, `2:05`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
