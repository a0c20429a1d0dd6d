"""A training that tags words, from data to span F1, in one folder."""

import argparse
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from lmzoo.data import forget_rare_words, prepare_tagging, read_intents, read_tagged
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.evaluation import colored, tag
from lmzoo.experiment import folder as folders
from lmzoo.experiment.arguments import share
from lmzoo.experiment.deciding import PARTS, DecidingExperiment
from lmzoo.experiment.tag_scores import measured, most_frequent_tags, scores, tag_part
from lmzoo.metrics import span_report
from lmzoo.registry import build_model

VOCABULARY = "vocabulary.json"


class TagExperiment(DecidingExperiment):
    """An `Experiment` on tagged sentences, or on sentences with an intent and slots."""

    recipe_flags = (
        *DecidingExperiment.recipe_flags, "characters", "columns", "crf", "forget_rare", "intents",
        "lowercase", "normalize_digits", "repair_tags", "scheme", "strip_position",
    )  # fmt: skip

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Adds what tagged sentences need."""
        DecidingExperiment.add_flags(parser)
        add = parser.add_argument
        switch = argparse.BooleanOptionalAction
        add("--model", choices=("bilstm", "transformer"), default="bilstm", help="the architecture")
        add("--intents", action="store_true",
            help="sentences have intents: folders with seq.in, seq.out and label")  # fmt: skip
        add("--columns", nargs=2, metavar=("WORD", "TAG"), help="columns or keys (default: 0, -1)")
        add("--scheme", choices=("IOB2", "IOBES"), help="train on tags of this scheme")
        add("--characters", choices=("cnn", "lstm", "none"), default="cnn",
            help="how a word's letters are read")  # fmt: skip
        add("--crf", action=switch, default=True, help="whether tags are chosen together")
        add("--lowercase", action=switch, default=True, help="lower-case words, not letters")
        add("--normalize-digits", action="store_true", help="read every digit of a word as 0")
        add("--forget-rare", type=share, default=0.0, metavar="SHARE",
            help="how often a word that occurs once is unknown in training")  # fmt: skip
        add("--repair-tags", action="store_true", help="mend tags that break their scheme, counted")
        add("--strip-position", action="store_true",
            help="the last character of each word is a digit to be left out (Weibo)")  # fmt: skip

    def prepare_tagging(self) -> Any:
        """Reads and batches `--data`, and says what it found.

        Returns:
            The TaggingData.
        """
        args = self.args
        print(f"preparing {args.data} ...", flush=True)
        with folders.forgotten_on_error(self.folder):
            if args.crf and not args.intents and (args.focal or args.label_smoothing):
                raise ArgumentError(
                    "--focal and --label-smoothing are for tags that are chosen one by one: add "
                    "--no-crf, or leave them out"
                )
            if args.intents:
                source = read_intents(args.data, repair=args.repair_tags)
            else:
                source = read_tagged(
                    args.data,
                    columns=args.columns,
                    repair=args.repair_tags,
                    strip_position=args.strip_position,
                    grammar_documents=args.grammar_documents,
                    seed=args.seed,
                )
            data = prepare_tagging(
                source,
                scheme=args.scheme,
                vocab_size=args.vocab_size,
                lowercase=args.lowercase,
                normalize_digits=args.normalize_digits,
                characters=args.characters != "none",
                batch_size=args.batch_size,
                seed=args.seed,
            )
        data.vocabulary.save(self.folder / VOCABULARY)
        self._check_data(data)
        print(f"{data.describe()}\nan epoch is {data.steps_per_epoch:,} batches")
        return data

    def build(self, data: Any) -> keras.Model:
        """The model that `--model` names, with the sizes that the flags give.

        Args:
            data: the TaggingData that it will learn.

        Returns:
            The TaggerModel, not yet compiled.
        """
        args = self.args
        sizes: dict[str, Any] = {
            "num_tags": data.num_tags,
            "embed_dim": args.embed_dim,
            "hidden_dim": args.hidden_dim,
            "num_layers": args.num_layers,
            "dropout": args.dropout,
            "crf": args.crf,
        }
        if args.crf:
            sizes["forbidden"] = data.forbidden
        if args.characters != "none":
            sizes |= {"characters": args.characters, "num_characters": data.num_characters}
        if args.intents:
            if args.model != "bilstm":
                raise ArgumentError(f"--intents with --model {args.model}: use --model bilstm")
            name, sizes["num_intents"] = "lstm_intent_tagger", data.num_intents
        else:
            name = {"bilstm": "bilstm_crf_tagger"}.get(args.model, f"{args.model}_tagger")
        model = build_model(name, vocab_size=data.vocab_size, **sizes)
        self.load_vectors(model, data)
        return model

    def _noisy(self, batches: Any, data: Any) -> Any:
        """Words that occur once become unknown now and then: that teaches what unknown means."""
        if not self.args.forget_rare:
            return batches
        rare = np.flatnonzero(data.word_counts == 1)
        return batches.apply(forget_rare_words(rare, self.args.forget_rare, seed=self.args.seed))

    def _check_prompt(self, model: keras.Model, data: Any) -> None:
        if self.args.prompt is not None and not self.args.prompt.split():
            raise LmzooError(f"--prompt {self.args.prompt!r} has no word")

    def _loop_settings(self, model: keras.Model, data: Any) -> dict[str, Any]:
        """The best model has the highest span F1, or accuracy where tags are no spans."""
        watched = "val_f1" if data.has_spans else "val_accuracy"
        return super()._loop_settings(model, data) | {
            "watched": watched,
            "figures": lambda found: {"val_loss": float(found["loss"])},
            "measure_all": lambda: measured(tag_part(model, data, "valid"), data, "valid"),
        }

    def report(
        self, model: keras.Model, data: Any, more: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Measures the validation and the test part; writes and prints what a training ends with.

        Args:
            model: the trained model.
            data: its TaggingData.
            more: further metrics of the example.

        Returns:
            The metrics, as they stand in metrics.json.
        """
        metrics: dict[str, Any] = {}
        parts = [part for part in PARTS if part in data.batches]
        for part in parts:
            told = tag_part(model, data, part)
            metrics |= measured(told, data, part)
            metrics |= {
                f"baseline_{name}": value
                for name, value in scores(most_frequent_tags(data, part), data, part).items()
            }
        last = PARTS[parts[-1]]
        metrics["accuracy"] = metrics[f"{last}_accuracy"]
        if data.has_spans:
            metrics["f1"] = metrics[f"{last}_f1"]
        metrics = self._write_metrics(model, data, metrics | dict(more or {}))
        table = span_report(told.tags, data.tag_lists(parts[-1])) if data.has_spans else None

        def reply(text: str) -> list[str]:
            return [colored(*tag(model, text, vocabulary=data.vocabulary))]

        self._finish(metrics, table, "vocabulary.json", reply)
        return metrics
