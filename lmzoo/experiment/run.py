"""One training from data to metrics, in one folder."""

import argparse
import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from lmzoo.callbacks import Checkpoint, StopOnNaN
from lmzoo.data import prepare_lm, read_texts
from lmzoo.errors import DataError, LmzooError, TrainingDiverged
from lmzoo.experiment import folder as folders
from lmzoo.experiment import report, samples
from lmzoo.experiment.arguments import RECIPE_FLAGS, add_arguments, parse, recall, remember
from lmzoo.experiment.loop import DONE, Plan, TrainingLoop, clock, stop_on_interrupt

SAMPLES, SMOKE_SAMPLES = 1000, 50


class Experiment:
    """One training and the folder that holds it.

    Attributes:
        args: the flags; with `--resume`, those that the training began with.
        folder: where everything is written.

    Args:
        name: the example's name.
        args: the flags, from `lmzoo.experiment.parse`.
    """

    recipe_flags: tuple[str, ...] = RECIPE_FLAGS

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        self.name, self.args = name, args
        self._start = time.monotonic()
        self._seconds_before = 0.0
        self.folder = folders.open_folder(args.out, resume=args.resume)
        if args.resume:
            for sentence in recall(args, self.folder / folders.ARGUMENTS, self.recipe_flags):
                print(sentence)
        elif self.folder != args.out:
            print(f"{args.out} holds a training already (--resume goes on with it)")
        remember(args, self.folder / folders.ARGUMENTS, self.recipe_flags)
        print(f"writing to {self.folder}")
        keras.utils.set_random_seed(args.seed)

    @classmethod
    def run(cls, train: Callable[[Any], object], name: str, args: argparse.Namespace) -> None:
        """Runs an example: one training, unless a subclass makes more of it."""
        train(cls(name, args))

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Adds flags of its own to those that all examples share."""

    def prepare_lm(
        self, *, contiguous: bool = False, pack: bool = True, valid_overlap: int = 0
    ) -> Any:
        """Reads, cleans, tokenizes and batches `--data`, and says what it found.

        Args:
            contiguous: as in `lmzoo.data.prepare_lm`, for models that carry their state.
            pack: as in `lmzoo.data.prepare_lm`.
            valid_overlap: as in `lmzoo.data.prepare_lm`.

        Returns:
            The LMData.
        """
        args, saved = self.args, self.folder / folders.TOKENIZER
        print(f"preparing {args.data} ...", flush=True)
        known = args.resume and saved.exists()
        with folders.forgotten_on_error(self.folder):
            texts = read_texts(args.data, grammar_documents=args.grammar_documents, seed=args.seed)
            self.language = texts.grammar
            data = prepare_lm(
                texts,
                tokenizer=saved if known else args.tokenizer,
                vocab_size=None if known else args.vocab_size,
                sequence_length=args.sequence_length,
                batch_size=args.batch_size,
                documents=args.documents,
                seed=args.seed,
                contiguous=contiguous,
                pack=pack,
                valid_overlap=valid_overlap,
            )
        data.tokenizer.save(saved)
        self._check_data(data)
        print(data.describe())
        seconds = time.monotonic() - self._start
        print(f"an epoch is {data.steps_per_epoch:,} batches ({seconds:.0f} s)")
        return data

    @staticmethod
    def adaptive_cutoffs(data: Any) -> list[int] | None:
        """Where the tails of an adaptive softmax should begin.

        Args:
            data: an LMData.

        Returns:
            Cutoffs for more than 20,000 ids that are sorted by frequency; else None.
        """
        is_sorted = data.tokenizer.kind in ("word", "whitespace")
        return [2_000, 10_000] if is_sorted and data.vocab_size > 20_000 else None

    def _check_data(self, data: Any) -> None:
        """Notes what the data are; a resumed training must find the same ones."""
        path = self.folder / folders.DATA
        if self.args.resume and path.exists():
            began = json.loads(path.read_text("utf-8"))["train"]
            found = json.loads(json.dumps(data.report["train"]))
            if began != found:
                unit = "tokens" if "tokens" in began else "words"
                raise DataError(
                    f"--resume: {self.args.data} has changed since {self.folder} was begun "
                    f"({began[unit]:,} {unit} to train on, now {found[unit]:,}): start a new "
                    "training"
                )
        folders.write_json(path, data.report)

    def fit(self, model: keras.Model, data: Any, *, valid_batches: int | None = None) -> None:
        """Trains for `--minutes` or `--epochs`, or goes on with `--resume`.

        The learning rate rises over `--warmup` of the training and then falls along half a cosine
        to zero; it follows the time with `--minutes`, the steps with `--epochs` (then the same
        seed gives the same model). Along the way part of the validation set is measured, the
        best model is kept as `model.keras`, and a checkpoint is written every half minute.

        Args:
            model: a compiled model with a perplexity metric, as every language model has.
            data: an LMData.
            valid_batches: how many validation batches are measured along the way.

        Raises:
            TrainingDiverged: the loss is no longer a number.
            KeyboardInterrupt: Ctrl-C was pressed; a checkpoint was written.
        """
        self._check_prompt(model, data)
        plan = plan_for(self.args, data.steps_per_epoch, model.steps_per_execution)
        settings = {"valid_batches": valid_batches} | self._loop_settings(model, data)
        self.loop = loop = TrainingLoop(self.folder, data, plan, **settings)
        checkpoint = Checkpoint(
            self.folder, monitor=None, seed=self.args.seed, extra=loop.get_state
        )
        peak = float(model.optimizer.learning_rate)
        if self.args.resume and (state := checkpoint.restore(model)) is not None:
            loop.set_state(state)
            self._seconds_before = loop.seconds
            print(f"going on from step {loop.step:,} ({clock(loop.seconds)})")
        if loop.done < DONE:
            loop.finished = False
            steering = plan.callbacks(peak, loop.step, loop.seconds)
            self._train(model, data, [StopOnNaN(), *steering, loop, checkpoint])
        if not loop.finished:
            loop.measure({})
            loop.finished = True
            checkpoint.save_now()
        self._take_best(model)

    def _check_prompt(self, model: keras.Model, data: Any) -> None:
        """Makes what writes samples; a bad prompt is better told before the training."""
        self.writer = samples.Writer(
            model,
            data.tokenizer,
            is_stream=data.report["documents"] == "stream",
            settings={"seed": self.args.seed},
        )
        self.writer.prompt_ids(self.args.prompt or "")

    def _batches(self, data: Any) -> tf.data.Dataset:
        """Training batches without end, from where the training stands."""
        return data.train_from(self.loop.step)

    def _loop_settings(self, model: keras.Model, data: Any) -> dict[str, Any]:
        """What is measured on the way, and what chooses the best model; see `TrainingLoop`."""
        return {}

    def _train(self, model: keras.Model, data: Any, callbacks: list[Any]) -> None:
        """Runs `fit` until the plan is carried out."""
        print(f"training {model.count_params():,} parameters (first they are compiled)", flush=True)
        try:
            with stop_on_interrupt(self.loop):
                model.fit(
                    self._batches(data),
                    shuffle=False,  # the data shuffle themselves
                    verbose=0,  # the loop draws the bar
                    callbacks=callbacks,
                )
        except TrainingDiverged as error:
            best = self.loop.best
            kept = f"; the model of step {best['step']:,} is in {self.folder}" if best else ""
            raise TrainingDiverged(f"{error}{kept}") from error
        if self.loop.interrupted:
            self._interrupted(model)

    def report(
        self, model: keras.Model, data: Any, more: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Measures the whole validation set; writes and prints everything a training ends with.

        Args:
            model: the trained model.
            data: its LMData.
            more: further metrics of the example, such as {"parsed": 0.97}.

        Returns:
            The metrics, as they stand in metrics.json.
        """
        print("measuring the whole validation set ...", flush=True)
        metrics: dict[str, Any] = report.evaluate(model, data)
        if self.language is not None and data.floor_nats is not None:
            count = SMOKE_SAMPLES if self.args.smoke else SAMPLES
            print(f"sampling {count:,} documents ...", flush=True)
            metrics |= samples.against_grammar(
                model, data, count, language=self.language, seed=self.args.seed
            )
        metrics = self._write_metrics(model, data, metrics | dict(more or {}))
        report.draw_curve(self.folder / "curve.png", self.loop.history, metrics["floor_loss"])
        self._print(metrics)
        return metrics

    def _write_metrics(
        self, model: keras.Model, data: Any, metrics: dict[str, Any]
    ) -> dict[str, Any]:
        """Adds what every training can tell, and writes metrics.json."""
        loop = self.loop
        here = time.monotonic() - self._start
        metrics = metrics | {
            "tokens_per_second": loop.tokens_per_second,
            "training_seconds": loop.seconds,
            "seconds": here + self._seconds_before,
            "parameters": model.count_params(),
            "steps": loop.step,
            "epochs": loop.step / data.steps_per_epoch,
            "vocab_size": data.vocab_size,
            "seed": self.args.seed,
            "out": str(self.folder),
        }
        metrics = {name: report.finite(value) for name, value in metrics.items()}
        folders.write_json(self.folder / "metrics.json", metrics)
        return metrics

    def _print(self, metrics: dict[str, Any]) -> None:
        """Prints table, sample, places of the files, and the JSON line."""
        print(f"\n{report.table(metrics)}\n\nsample:")
        writer = self.writer
        for number in range(1 if self.args.prompt or writer.is_stream else 3):
            writer.settings["seed"] = self.args.seed + number
            writer.show(self.args.prompt or "")
        if self.args.interactive:
            writer.interact()
        files = "model.keras, tokenizer.json, metrics.json, curve.png, log.jsonl"
        print(f"\nin {self.folder}: {files}")
        print(f"more text: python examples/generate_text.py {self.folder} --prompt '...'\n")
        print(report.json_line(metrics), flush=True)

    def _interrupted(self, model: keras.Model) -> None:
        """Leaves a usable model behind and says how to go on."""
        if not (self.folder / folders.MODEL).exists():
            folders.save_model(self.folder, model)
        print(f"stopped at step {self.loop.step:,}, {clock(self.loop.seconds)} minutes")
        print(f"model and checkpoint are in {self.folder}; go on with:")
        whole = getattr(self.args, "whole", self.folder)  # of a training that is one of several
        print(f"  python {sys.argv[0]} --resume --out {whole}", flush=True)
        raise KeyboardInterrupt

    def _take_best(self, model: keras.Model) -> None:
        """Goes back to the best model on the validation set, unless the last one is the best."""
        best = self.loop.best
        if best is None or best == self.loop.history[-1]:
            return
        print(f"the model of step {best['step']:,} was better: it is taken")
        model.load_weights(self.folder / folders.MODEL)


def main(
    train: Callable[[Any], object],
    *,
    name: str,
    description: str | None = None,
    defaults: Mapping[str, Any] | None = None,
    argv: Sequence[str] | None = None,
    experiment: type[Experiment] | None = None,
) -> None:
    """Runs an example: reads the flags, trains, and turns lmzoo's own errors into one line.

    Args:
        train: what the example does with its Experiment.
        name: the example's name; `--out` is `runs/<name>` by default.
        description: what `--help` says first.
        defaults: defaults of the shared flags, by name.
        argv: the command line; None reads the program's own.
        experiment: the kind of experiment; None is `Experiment`.

    Example:
        >>> import tempfile
        >>> def train(run):
        ...     print("epochs:", run.args.epochs)
        >>> with tempfile.TemporaryDirectory() as out:
        ...     main(train, name="example", argv=["--epochs", "2", "--out", out])
        writing to ...
        epochs: 2.0
    """
    parser = argparse.ArgumentParser(description=(description or name).strip().splitlines()[0])
    kind = experiment or Experiment
    kind.add_flags(parser)
    add_arguments(parser, out=str(Path("runs", name)), defaults=defaults)
    with errors_in_one_line(name):
        kind.run(train, name, parse(parser, argv))


@contextlib.contextmanager
def errors_in_one_line(name: str) -> Iterator[None]:
    """Ends the program with one line for an error of lmzoo's own, quietly for Ctrl-C.

    Args:
        name: what the line begins with.

    Yields:
        Nothing.

    Raises:
        SystemExit: status 1 for an LmzooError, 130 for Ctrl-C.

    Example:
        >>> with errors_in_one_line("example"):
        ...     print("all is well")
        all is well
    """
    try:
        yield
    except LmzooError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        sys.exit(130)


def plan_for(args: argparse.Namespace, steps_per_epoch: int, steps_per_execution: int) -> Plan:
    """The length of a training; in whole executions, which is how Keras counts steps."""
    if args.epochs is None:
        return Plan(seconds=args.minutes * 60, warmup=args.warmup)
    executions = math.ceil(args.epochs * steps_per_epoch / steps_per_execution)
    return Plan(steps=max(1, executions) * steps_per_execution, warmup=args.warmup)
