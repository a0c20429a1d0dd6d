"""One family of a comparison, in a process of its own: rate search, then two trainings.

    python -m lmzoo.experiment.trial FOLDER

FOLDER holds settings.json (see `lmzoo.experiment.comparison`); result.json is written to it.
Everything in this process counts against the family's minutes: start, data, compilation, search,
training, and measuring the whole validation set.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lmzoo.callbacks import StopOnNaN
from lmzoo.data import prepare_lm, read_texts
from lmzoo.errors import ArgumentError, TrainingDiverged
from lmzoo.experiment import folder as folders
from lmzoo.experiment import report
from lmzoo.experiment.families import build_family
from lmzoo.experiment.loop import Plan, TrainingLoop
from lmzoo.experiment.run import errors_in_one_line
from lmzoo.registry import rebuild

SEARCH_SHARE = 0.22
STEPS_PER_EXECUTION = 10
SMOKE_SECONDS = 2.0


class Trial:
    """One family: a model that is compiled once and trained several times from fresh weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads((folder / "settings.json").read_text("utf-8"))
        self.deadline = self.settings["started"] + 60 * self.settings["minutes"]
        self.data = self._prepare()
        self.model = self._build()
        self.model.compile(
            optimizer=keras.optimizers.AdamW(1e-3, weight_decay=0.01, clipnorm=1.0),
            steps_per_execution=STEPS_PER_EXECUTION,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.untrained = values_of(self.model.optimizer)
        rows = self.data.batch_size * self.data.sequence_length
        self.valid_batches = max(1, round(self.settings["valid_tokens"] / rows))

    def run(self) -> dict[str, Any]:
        """Search, then one training for each seed.

        Returns:
            What stands in result.json.

        Raises:
            ArgumentError: the minutes do not suffice.
        """
        reserve = self._warm_up()
        left = self._left(reserve)
        if left < reserve and not self.settings["smoke"]:
            raise ArgumentError(
                f"--minutes {self.settings['minutes']} is too short for {self.settings['family']}: "
                f"preparing and measuring alone take {(2 * reserve - left) / 60:.1f} minutes of it"
            )
        rates = self.settings["learning_rates"]
        found = {rate: self._search(rate, left * SEARCH_SHARE / len(rates)) for rate in rates}
        rate = min(found, key=lambda r: found[r])
        print(
            f"learning rate {rate:g} (" + ", ".join(f"{r:g}: {found[r]:.3f}" for r in found) + ")"
        )
        runs = []
        seeds = self.settings["seeds"]
        for number, seed in enumerate(seeds):
            left = self._left(reserve * (1 - number / len(seeds)))
            runs.append(self._train(rate, seed, left / (len(seeds) - number)))
        return {
            "family": self.settings["family"],
            "recipe": {k: v for k, v in self.model.recipe.items() if k != "frozen"},
            "parameters": self.model.count_params(),
            "learning_rate": rate,
            "search": {f"{r:g}": report.finite(loss) for r, loss in found.items()},
            "runs": runs,
            "peak_memory_mb": peak_memory_mb(),
            "seconds": time.time() - self.settings["started"],
        }

    def _left(self, reserve: float) -> float:
        """Seconds for training; `--smoke` has some even where compilation took all."""
        left = self.deadline - time.time() - reserve
        return max(left, SMOKE_SECONDS) if self.settings["smoke"] else left

    def _prepare(self) -> Any:
        s = self.settings
        return prepare_lm(
            read_texts(s["data"], grammar_documents=s["grammar_documents"], seed=s["seeds"][0]),
            tokenizer=self.folder.parent / folders.TOKENIZER,
            documents=s["documents"],
            sequence_length=s["sequence_length"],
            batch_size=s["batch_size"],
            seed=s["seeds"][0],
        )

    def _build(self) -> keras.Model:
        keras.utils.set_random_seed(self.settings["seeds"][0])
        return build_family(
            self.settings["family"],
            self.settings["parameters"],
            vocab_size=self.data.vocab_size,
            max_length=self.data.sequence_length,
            num_layers=1 if self.settings["smoke"] else None,
        )

    def _reset(self, seed: int) -> None:
        """Gives the compiled model a seed's fresh weights, and an optimizer that saw nothing."""
        keras.utils.set_random_seed(seed)
        values = values_of(rebuild(self.model.recipe)) + self.untrained
        variables = [*self.model.variables, *self.model.optimizer.variables]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _warm_up(self) -> float:
        """Compiles everything; returns the seconds to set aside for the final measurements."""
        print("compiling ...", flush=True)
        steps = 2 * STEPS_PER_EXECUTION
        self.model.fit(self.data.train_from(0).take(steps), epochs=1, shuffle=False, verbose=0)
        part = self.data.valid.take(min(self.valid_batches, self.data.valid_steps))
        self.model.evaluate(part, verbose=0)
        start = time.monotonic()
        self.model.evaluate(part, verbose=0)
        batch = (time.monotonic() - start) / min(self.valid_batches, self.data.valid_steps)
        return 1.1 * batch * self.data.valid_steps * len(self.settings["seeds"])

    def _fit(self, rate: float, seed: int, seconds: float, *, keep_best: bool) -> TrainingLoop:
        """Trains from fresh weights."""
        self._reset(seed)
        plan = Plan(seconds=seconds)
        loop = TrainingLoop(
            self.folder,
            self.data,
            plan,
            valid_batches=self.valid_batches,
            evaluations=8 if keep_best else 1,
            keep_best=keep_best,
        )
        callbacks = [StopOnNaN(), *plan.callbacks(rate, 0, 0.0), loop]
        self.model.fit(self.data.train_from(0), shuffle=False, verbose=0, callbacks=callbacks)
        loop.measure({})
        return loop

    def _search(self, rate: float, seconds: float) -> float:
        """The validation loss after a short training; infinite if it diverges."""
        print(f"trying learning rate {rate:g}", flush=True)
        try:
            loop = self._fit(rate, self.settings["seeds"][0], seconds, keep_best=False)
        except TrainingDiverged as error:
            print(error)
            return float("inf")
        return float(loop.history[-1]["val_loss"])

    def _train(self, rate: float, seed: int, seconds: float) -> dict[str, Any]:
        print(f"training with learning rate {rate:g}, seed {seed}", flush=True)
        loop = self._fit(rate, seed, seconds, keep_best=True)
        if loop.best != loop.history[-1]:
            self.model.load_weights(self.folder / folders.MODEL)
        return {
            "seed": seed,
            **report.evaluate(self.model, self.data),
            "tokens_per_second": loop.tokens_per_second,
            "steps": loop.step,
            "epochs": loop.step / self.data.steps_per_epoch,
            "training_seconds": loop.seconds,
            "history": loop.history,
        }


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


def main(folder: Path) -> None:
    """Runs the trial that a folder describes."""
    with errors_in_one_line(folder.name):
        folders.write_json(folder / "result.json", Trial(folder).run())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
