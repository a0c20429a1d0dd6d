"""One family of a comparison, in a process of its own: rate search, then a training for each seed.

    python -m lmzoo.cli.trial FOLDER

FOLDER holds trial.json (see `lmzoo.cli.comparison`); result.json is written to it. All that this
process does counts against the family's minutes.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lmzoo import callbacks
from lmzoo.cli.families import build_family
from lmzoo.cli.flags import errors_in_one_line
from lmzoo.data import prepare_lm
from lmzoo.errors import ArgumentError, TrainingDiverged
from lmzoo.evaluation import language_model
from lmzoo.evaluation.report import loss_and_perplexity
from lmzoo.files import write_json
from lmzoo.registry import rebuild

SEARCH_FRACTION = 0.22
STEPS_PER_EXECUTION = 10
VALIDATION_TOKENS = 8192  # that choose the rate, and are measured on the way
UNLIMITED = 1_000_000  # epochs; the time budget ends a training sooner


class Trial:
    """One family: a model that is compiled once and trained several times from fresh weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads((folder / "trial.json").read_text("utf-8"))
        self.deadline = self.settings["started"] + 60 * self.settings["minutes"]
        self.data = prepare_lm(self.settings["source"], **self.settings["data"])
        keras.utils.set_random_seed(self.settings["seeds"][0])
        self.model = build_family(
            self.settings["family"],
            self.settings["parameters"],
            vocab_size=self.data.vocab_size,
            max_length=self.data.settings["sequence_length"],
        )
        self.model.compile(
            optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, clipnorm=1.0),
            steps_per_execution=STEPS_PER_EXECUTION,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.untrained = values_of(self.model.optimizer)
        rows = self.data.settings["batch_size"] * self.data.settings["sequence_length"]
        self.valid_steps = min(max(1, round(VALIDATION_TOKENS / rows)), self.data.valid_steps)
        self.part = self.data.valid.take(self.valid_steps)

    def run(self) -> dict[str, Any]:
        """Search, then one training for each seed."""
        reserve = self._warm_up()
        left = self.deadline - time.time() - reserve
        if left < reserve:
            raise ArgumentError(
                f"--minutes {self.settings['minutes']} is too short for {self.settings['family']}: "
                f"preparing and measuring alone take {(2 * reserve - left) / 60:.1f} minutes of it"
            )
        rates, seeds = self.settings["learning_rates"], self.settings["seeds"]
        losses = {rate: self._search(rate, left * SEARCH_FRACTION / len(rates)) for rate in rates}
        rate = min(losses, key=lambda r: losses[r])
        shown = ", ".join(f"{r:g}: {loss:.3f}" for r, loss in losses.items())
        print(f"learning rate {rate:g} ({shown})")
        runs = []
        for number, seed in enumerate(seeds):
            left = self.deadline - time.time() - reserve * (1 - number / len(seeds))
            runs.append(self._train(rate, seed, left / (len(seeds) - number)))
        return {
            "family": self.settings["family"],
            "recipe": self.model.recipe,
            "parameters": self.model.count_params(),
            "learning_rate": rate,
            "search": {f"{r:g}": loss if np.isfinite(loss) else None for r, loss in losses.items()},
            "runs": runs,
            "peak_memory_mb": peak_memory_mb(),
            "seconds": time.time() - self.settings["started"],
        }

    def _warm_up(self) -> float:
        """Compiles everything; returns the seconds to set aside for the final measurements."""
        print("compiling ...", flush=True)
        self.model.fit(self.data.train.take(2 * STEPS_PER_EXECUTION), verbose=0)
        self.model.evaluate(self.part, verbose=0)
        start = time.monotonic()
        self.model.evaluate(self.part, verbose=0)
        batch = (time.monotonic() - start) / self.valid_steps
        return 1.1 * batch * self.data.valid_steps * len(self.settings["seeds"])

    def _fit(self, rate: float, seed: int, seconds: float, others: list[Any]) -> None:
        """Trains from a seed's fresh weights, with an optimizer without a past, for so long."""
        keras.utils.set_random_seed(seed)
        values = values_of(rebuild(self.model.recipe)) + self.untrained
        variables = [*self.model.variables, *self.model.optimizer.variables]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate = rate
        budget = callbacks.TimeBudget(seconds / 60, warmup=0.05)
        self.data.start_at(0)
        watchers = [callbacks.StopOnNaN(), budget, *others]
        self.model.fit(self.data.train, epochs=UNLIMITED, verbose=0, callbacks=watchers)

    def _search(self, rate: float, seconds: float) -> float:
        """The validation loss after a short training; infinite if it diverges."""
        print(f"trying learning rate {rate:g}", flush=True)
        try:
            self._fit(rate, self.settings["seeds"][0], seconds, [])
        except TrainingDiverged as error:
            print(error)
            return float("inf")
        return loss_and_perplexity(self.model, self.part)[0]

    def _train(self, rate: float, seed: int, seconds: float) -> dict[str, Any]:
        """A training to the best model on part of the validation split; its figures."""
        print(f"training with learning rate {rate:g}, seed {seed}", flush=True)
        run = callbacks.Checkpoint(self.folder / f"seed_{seed}", every_seconds=None)
        run.start(self.model, self.data)
        curve = callbacks.LearningCurve(run.folder)
        validation = callbacks.PeriodicValidation(self.part, every_seconds=seconds / 8)
        self._fit(rate, seed, seconds, [validation, run, curve])
        points = [(r["seconds"], r["val_loss"]) for r in curve.records if "val_loss" in r]
        report = language_model(self.model, self.data, samples=0)
        return {"seed": seed, **report.metrics, **run.summary(), "curve": points}


def values_of(thing: Any) -> list[np.ndarray]:
    """Copies of the variables of a model or an optimizer."""
    return [np.array(keras.ops.convert_to_numpy(v), copy=True) for v in thing.variables]


def peak_memory_mb() -> float | None:
    """The most memory this process ever held, in MB; None where the system does not say."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with errors_in_one_line(folder.name):
        write_json(folder / "result.json", Trial(folder).run())
