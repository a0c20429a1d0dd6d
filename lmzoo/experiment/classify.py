"""A training that sorts texts into classes, from data to a report, in one folder."""

import argparse
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from lmzoo.data import Labeled, folds, prepare_classification, read_labeled
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.evaluation import classify
from lmzoo.experiment import folder as folders
from lmzoo.experiment.arguments import not_negative, positive_int, share
from lmzoo.experiment.deciding import PARTS, DecidingExperiment
from lmzoo.metrics import classification_report, draw_outside, outside_scores
from lmzoo.registry import build_model

LABELS = "labels.json"
POOLINGS = ("last", "mean", "max", "attention")
SHOWN = 5  # labels that an answer names


class ClassifyExperiment(DecidingExperiment):
    """An `Experiment` on labeled texts."""

    recipe_flags = (
        *DecidingExperiment.recipe_flags, "adversarial", "channels", "fields", "folds", "form",
        "lowercase", "mix_up", "outside", "pooling", "threshold", "wide", "widths",
    )  # fmt: skip

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Adds what labeled texts need."""
        DecidingExperiment.add_flags(parser)
        add = parser.add_argument
        add("--model", choices=("cnn", "lstm", "bilstm", "transformer", "bow"), default="cnn",
            help="the architecture")  # fmt: skip
        add("--fields", nargs="+", metavar="NAME",
            help="columns, keys or features of text (or texts) and label")  # fmt: skip
        add("--form", help="how labels are written: see lmzoo.data.read_labeled")
        add("--lowercase", action=argparse.BooleanOptionalAction, default=True,
            help="lower-case all texts")  # fmt: skip
        add("--folds", type=positive_int, metavar="K",
            help="cross-validation: K trainings, each tested on what it did not see")  # fmt: skip
        add("--channels", choices=("tuned", "frozen", "both"), default="tuned",
            help="of the CNN's vectors (Kim 2014: non-static, static, multichannel)")  # fmt: skip
        add("--widths", nargs="+", type=positive_int, default=[3, 4, 5], metavar="WORDS",
            help="how many words the CNN's filters see")  # fmt: skip
        add("--wide", action="store_true",
            help="let the CNN's filters reach over the ends of a text")  # fmt: skip
        add("--pooling", choices=POOLINGS, default="max", help="how an LSTM's states become one")
        add("--mix-up", type=not_negative, default=0.0, metavar="ALPHA",
            help="mix texts and labels in pairs; 0.2 is usual")  # fmt: skip
        add("--adversarial", type=not_negative, default=0.0, metavar="EPSILON",
            help="train on the words' vectors moved against the model; 1 is usual")  # fmt: skip
        add("--outside", metavar="LABEL",
            help="a label for all that belongs nowhere: its recall stands apart")  # fmt: skip
        add("--threshold", type=share, default=0.0, metavar="PROBABILITY",
            help="with --outside: what no label reaches belongs nowhere")  # fmt: skip

    def prepare_classification(self) -> Any:
        """Reads, tokenizes and batches `--data`, and says what it found.

        Returns:
            The ClassificationData.
        """
        args, saved = self.args, self.folder / folders.TOKENIZER
        print(f"preparing {args.data} ...", flush=True)
        known = args.resume and saved.exists()
        with folders.forgotten_on_error(self.folder):
            source = read_labeled(
                args.data,
                fields=args.fields,
                form=args.form,
                grammar_documents=args.grammar_documents,
                seed=args.seed,
            )
            data = prepare_classification(
                source if getattr(args, "fold", None) is None else self._fold(source),
                tokenizer=saved if known else args.tokenizer,
                vocab_size=None if known else args.vocab_size,
                lowercase=args.lowercase,
                max_length=args.sequence_length,
                batch_size=args.batch_size,
                seed=args.seed,
            )
            self._check_outside(data)
        data.tokenizer.save(saved)
        folders.write_json(self.folder / LABELS, data.labels)
        self._check_data(data)
        print(f"{data.describe()}\nan epoch is {data.steps_per_epoch:,} batches")
        return data

    def _check_outside(self, data: Any) -> None:
        """Raises unless `--outside` is a label, and stands beside `--threshold`."""
        outside, threshold = self.args.outside, self.args.threshold
        if outside is None and threshold:
            raise ArgumentError(
                f"--threshold {threshold}: name the label of what reaches none: --outside LABEL"
            )
        if outside is not None and outside not in data.labels:
            raise ArgumentError(
                f"--outside {outside}: no text has this label; the labels are "
                f"{', '.join(data.labels[:20])}"
            )

    def _fold(self, source: Labeled) -> dict[str, list[tuple[str, str]]]:
        """The training and the test part of this fold."""
        place, count = self.args.fold
        if {"valid", "test"} & set(source.openers):
            raise ArgumentError(
                f"--folds {count}: {source.name} is in parts already; folds are for "
                "data that are not"
            )
        examples = list(source.read("train"))
        train, test = list(folds(examples, count, seed=0))[place]
        return {"train": train, "test": test}

    def build(self, data: Any) -> keras.Model:
        """The model that `--model` names, with the sizes that the flags give.

        Args:
            data: the ClassificationData that it will learn.

        Returns:
            The ClassifierModel, not yet compiled.
        """
        args = self.args
        sizes: dict[str, Any] = {"num_classes": data.num_classes, "embed_dim": args.embed_dim}
        sizes |= {"dropout": args.dropout} if args.model != "bow" else {}
        if args.model == "cnn":
            sizes |= {"filters": args.hidden_dim, "channels": args.channels}
            sizes |= {"widths": args.widths, "wide": args.wide}
        elif args.model == "transformer":
            sizes |= {"hidden_dim": args.hidden_dim, "num_layers": args.num_layers}
        elif args.model != "bow":
            sizes |= {"hidden_dim": args.hidden_dim, "num_layers": args.num_layers}
            sizes |= {"bidirectional": args.model == "bilstm", "pooling": args.pooling}
        family = args.model.removeprefix("bi")
        model = build_model(f"{family}_classifier", vocab_size=data.vocab_size, **sizes)
        self.load_vectors(model, data)
        return model

    def _check_prompt(self, model: keras.Model, data: Any) -> None:
        if self.args.prompt is not None and not data.tokenizer.encode(self.args.prompt):
            raise LmzooError(f"--prompt {self.args.prompt!r} has no token")

    def _loop_settings(self, model: keras.Model, data: Any) -> dict[str, Any]:
        """The best model is the one that is right most often."""
        return super()._loop_settings(model, data) | {
            "watched": "val_accuracy",
            "figures": accuracy_figures,
        }

    def report(
        self, model: keras.Model, data: Any, more: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Measures the validation and the test part; writes and prints what a training ends with.

        Args:
            model: the trained model.
            data: its ClassificationData.
            more: further metrics of the example.

        Returns:
            The metrics, as they stand in metrics.json.
        """
        metrics: dict[str, Any] = {}
        parts, files = [part for part in PARTS if part in data.batches], "confusion.png"
        for part in parts:
            rows = answers_of(model, data, part)
            found = classification_report(*rows, names=data.labels)
            name = PARTS[part]
            figures = self._figures(found, rows, data)
            metrics |= {f"{name}_{key}": value for key, value in figures.items()}
        found.draw(self.folder / "confusion.png")
        if self.args.outside is not None:
            place = data.labels.index(self.args.outside)
            draw_outside(self.folder / "outside.png", *rows, place, self.args.threshold)
            files += ", outside.png"
        last = PARTS[parts[-1]]
        metrics |= {"accuracy": metrics[f"{last}_accuracy"], "f1": metrics[f"{last}_f1"]}
        metrics = self._write_metrics(model, data, metrics | dict(more or {}))

        def reply(text: str) -> list[str]:
            chances = classify(
                model, text, tokenizer=data.tokenizer, labels=data.labels, probabilities=True
            )
            best = sorted(chances.items(), key=lambda item: -item[1])[:SHOWN]
            shown = ", ".join(f"{label} {probability:.1%}" for label, probability in best)
            if best[0][1] < self.args.threshold:
                return [f"{self.args.outside}, for none reaches the threshold: {shown}"]
            return [shown]

        self._finish(metrics, found, f"tokenizer.json, labels.json, {files}", reply)
        return metrics

    def _figures(
        self, found: Any, rows: tuple[np.ndarray, np.ndarray], data: Any
    ) -> dict[str, float]:
        """What metrics.json says of one part."""
        values = found.values()
        names = ("loss", "accuracy", "f1_macro", "mcc", "calibration_error")
        figures = {name.removesuffix("_macro"): values[name] for name in names}
        if (outside := self.args.outside) is not None:
            figures |= outside_scores(*rows, data.labels.index(outside), self.args.threshold)
        return figures


def accuracy_figures(found: Mapping[str, Any]) -> dict[str, float]:
    """Loss and accuracy, of what `evaluate` or a training epoch found."""
    return {"val_loss": float(found["loss"]), "val_accuracy": float(found["accuracy"])}


def answers_of(model: keras.Model, data: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
    """The labels of one part, and the model's probabilities.

    Args:
        model: a trained classifier.
        data: its ClassificationData.
        part: "train", "valid" or "test".

    Returns:
        Class ids (texts,), and probabilities (texts, classes), or (texts, 1) of class 1 of two.
    """
    probabilities, labels = [], []
    for ids, truth, weights in data.batches[part].dataset():
        real = weights.numpy() > 0
        probabilities.append(np.asarray(model.predict_on_batch(ids))[real])
        labels.append(truth.numpy()[real])
    return np.concatenate(labels), np.concatenate(probabilities)
