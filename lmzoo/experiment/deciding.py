"""What trainings that decide share: several seeds or folds, the flags of losses, vectors, noise."""

import argparse
import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from lmzoo.data import blank_words, class_weights, weigh_classes
from lmzoo.errors import ArgumentError
from lmzoo.experiment import folder as folders
from lmzoo.experiment import report
from lmzoo.experiment.arguments import (
    RECIPE_FLAGS,
    not_negative,
    positive_int,
    recall,
    remember,
    share,
)
from lmzoo.experiment.conversation import converse
from lmzoo.experiment.run import Experiment
from lmzoo.metrics import mean_and_deviation

PARTS = {"valid": "val", "test": "test"}


class DecidingExperiment(Experiment):
    """An `Experiment` whose model decides: one training, or one for each seed or fold."""

    recipe_flags: tuple[str, ...] = (
        *RECIPE_FLAGS, "class_weights", "embed_dim", "focal", "freeze_vectors",
        "label_smoothing", "model", "patience", "vectors", "weight_decay", "word_dropout",
    )  # fmt: skip

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Adds what all that decide share."""
        add = parser.add_argument
        add("--seeds", type=positive_int, default=1, metavar="N",
            help="so many trainings, each with its seed: mean and deviation")  # fmt: skip
        add("--embed-dim", type=positive_int, default=128, help="width of a word's vector")
        add("--vectors", type=lambda text: str(Path(text).resolve()), metavar="FILE",
            help="word vectors: GloVe, word2vec, fastText; text or binary, .gz, .zip")  # fmt: skip
        add("--freeze-vectors", action="store_true", help="leave the words' vectors as they are")
        add("--class-weights", type=not_negative, default=0.0, metavar="POWER",
            help="weigh labels by their rarity: 1 makes all count alike, 0 none")  # fmt: skip
        add("--focal", type=not_negative, default=0.0, metavar="GAMMA",
            help="focal loss: what is sure already counts less")  # fmt: skip
        add("--label-smoothing", type=share, default=0.0, metavar="SHARE",
            help="part of each label that is spread over all")  # fmt: skip
        add("--word-dropout", type=share, default=0.0, metavar="SHARE",
            help="part of the words that are blanked in training")  # fmt: skip
        add("--weight-decay", type=not_negative, default=0.0, help="of AdamW")
        add("--patience", type=positive_int, metavar="N",
            help="end after N measurements without a better model")  # fmt: skip

    @classmethod
    def run(cls, train: Callable[[Any], Any], name: str, args: argparse.Namespace) -> None:
        """One training, or one for each seed or fold and what they come to together.

        Args:
            train: what the example does with its Experiment; gives its metrics back.
            name: the example's name.
            args: the flags.
        """
        several, saved = (*cls.recipe_flags, "seeds"), args.out / folders.ARGUMENTS
        if args.resume and saved.exists():
            began = json.loads(saved.read_text("utf-8"))
            for flag in {"seeds", "folds"} & began.keys() - set(args.given):
                setattr(args, flag, began[flag])
        numbers = cls._numbers(args)
        if numbers is None:
            train(cls(name, args))
            return
        folder = folders.open_folder(args.out, resume=args.resume)
        if args.resume:
            recall(args, folder / folders.ARGUMENTS, several)
        remember(args, folder / folders.ARGUMENTS, several)
        found = []
        for title, changes in numbers:
            print(f"\n{title} of {len(numbers)}", flush=True)
            found.append(cls._run_one(train, name, args, folder / title.replace(" ", "_"), changes))
            keras.utils.clear_session()
        metrics = mean_and_deviation(found) | {"seed": args.seed, "out": str(folder)}
        folders.write_json(folder / "metrics.json", metrics)
        print(f"\n{cls._table_of_several(metrics, len(found))}\n\n{report.json_line(metrics)}")

    @classmethod
    def _numbers(cls, args: argparse.Namespace) -> list[tuple[str, dict[str, Any]]] | None:
        """What each of several trainings is called, and its flags; None for a single one."""
        folds = getattr(args, "folds", None)
        if folds and args.seeds > 1:
            raise ArgumentError(
                f"--folds {folds} --seeds {args.seeds}: choose one; folds are trainings on "
                "different data already"
            )
        if folds:
            return [(f"fold {i + 1}", {"fold": (i, folds), "folds": None}) for i in range(folds)]
        if args.seeds > 1:
            return [(f"seed {i + 1}", {"seed": args.seed + i}) for i in range(args.seeds)]
        return None

    @classmethod
    def _run_one(
        cls,
        train: Callable[[Any], Any],
        name: str,
        args: argparse.Namespace,
        folder: Path,
        changes: dict[str, Any],
    ) -> dict[str, Any]:
        """One of several trainings, unless it is there already; its metrics."""
        begun = args.resume and (folder / folders.ARGUMENTS).exists()
        if begun and (folder / "metrics.json").exists():
            print(f"{folder} is complete")
            found: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
            return found
        one = copy.copy(args)
        changes = {**changes, "out": folder, "resume": begun, "seeds": 1, "whole": args.out}
        for key, value in changes.items():
            setattr(one, key, value)
        one.given = []
        return dict(train(cls(name, one)))

    @classmethod
    def _table_of_several(cls, metrics: dict[str, Any], count: int) -> str:
        """Mean and standard deviation of what a reader wants."""
        rows = [
            (name.replace("_", " "), f"{metrics[name]:.4f} ± {metrics[name + '_deviation']:.4f}")
            for name in metrics
            if name + "_deviation" in metrics and name.partition("_")[0] in ("val", "test")
        ]
        return "\n".join([f"mean and deviation of {count}", *(f"{a:<24}{b}" for a, b in rows)])

    def _batches(self, data: Any) -> tf.data.Dataset:
        """Training batches without end, weighted and with noise where the flags say so."""
        args, plain = self.args, data.train_from(0)
        batches = self._noisy(plain, data)
        if args.word_dropout:
            batches = batches.apply(blank_words(args.word_dropout, seed=args.seed))
        if args.class_weights:
            weights = class_weights(data.class_counts, power=args.class_weights)
            batches = batches.apply(weigh_classes(weights))
        if batches is plain:
            return super()._batches(data)
        # Skipped, not begun later: a resumed training sees the noise that it would have seen.
        return batches.skip(self.loop.step)

    def _noisy(self, batches: tf.data.Dataset, data: Any) -> tf.data.Dataset:
        """Adds noise of the example's own."""
        return batches

    def _finish(
        self,
        metrics: dict[str, Any],
        table: Any,
        files: str,
        reply: Callable[[str], Iterable[str]],
    ) -> None:
        """Draws the curve; prints the report, the figures, answers, and the JSON line.

        Args:
            metrics: as they stand in metrics.json.
            table: the report, or None.
            files: what was written besides that of every training.
            reply: gives the pieces of what the model says of a text.
        """
        report.draw_curve(self.folder / "curve.png", self.loop.history)
        if table is not None:
            (self.folder / "report.txt").write_text(f"{table}\n", "utf-8")
            print(f"\n{table}\n")
            files += ", report.txt"
        for name, value in metrics.items():
            if name.partition("_")[0] in ("val", "test", "baseline"):
                print(f"{name.replace('_', ' '):<28}{value:.4f}")
        print(f"\nin {self.folder}: model.keras, metrics.json, curve.png, log.jsonl, {files}")
        if self.args.prompt:
            print(f"\n{self.args.prompt}\n  {''.join(reply(self.args.prompt))}")
        if self.args.interactive:
            converse(reply)
        print(f"\n{report.json_line(metrics)}", flush=True)

    def load_vectors(self, model: keras.Model, data: Any) -> None:
        """Reads `--vectors` into the model's embedding, and says how many words they cover.

        Args:
            model: a model of words, before it is compiled.
            data: its data.
        """
        args = self.args
        if args.vectors:
            from lmzoo.pretrained import load_vectors

            found = load_vectors(model, args.vectors, data.tokenizer, seed=args.seed)
            print(found.describe())
        if args.freeze_vectors:
            model.embedding.trainable = False

    def _loop_settings(self, model: keras.Model, data: Any) -> dict[str, Any]:
        """The whole validation set is measured each time."""
        return {"valid_batches": data.valid_steps, "patience": self.args.patience}
