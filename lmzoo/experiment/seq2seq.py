"""A training on pairs of texts, from data to BLEU, in one folder."""

import argparse
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from lmzoo.callbacks import BleuCallback
from lmzoo.data import blank_words, drop_words, join_pairs, prepare_seq2seq, read_pairs
from lmzoo.data.encode import count_words
from lmzoo.data.pairs import Pairs
from lmzoo.data.seq2seq import Seq2SeqData
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.experiment import folder as folders
from lmzoo.experiment import report
from lmzoo.experiment.arguments import RECIPE_FLAGS, not_negative, positive_int, share
from lmzoo.experiment.conversation import converse
from lmzoo.experiment.loop import nats_per_token
from lmzoo.experiment.run import Experiment
from lmzoo.generation import answer
from lmzoo.metrics import Bleu, ChrF, Rouge, split_characters, split_words
from lmzoo.registry import build_model

SHOWN = 3
SMOKE_ANSWERS = 20
JUDGED = 500  # pairs whose BLEU chooses the best model


class Seq2SeqExperiment(Experiment):
    """An `Experiment` on pairs of texts."""

    recipe_flags = (
        *RECIPE_FLAGS, "copy", "fields", "joiner", "lowercase", "model", "more_pairs",
        "norm_first", "r_drop", "tokens_per_batch", "word_dropout",
    )  # fmt: skip

    @staticmethod
    def add_flags(parser: argparse.ArgumentParser) -> None:
        """Adds what pairs need: which texts they are, how batches are filled, how to search."""
        add = parser.add_argument
        add("--fields", nargs=2, metavar=("SOURCE", "TARGET"),
            help="languages (suffixes of files), columns, keys or features")  # fmt: skip
        add("--more-pairs", type=lambda text: str(Path(text).resolve()), metavar="TABLE",
            help="more pairs to train on: .tsv, .csv or .jsonl, source first")  # fmt: skip
        add("--joiner", default="", metavar="MARK",
            help="the data are in pieces of words that this mark joins, such as '@@ '")  # fmt: skip
        add("--lowercase", action="store_true", help="lower-case all texts")
        add("--tokens-per-batch", type=positive_int, default=2048, help="positions in a batch")
        add("--model", choices=("transformer", "lstm", "gru", "cnn"), default="transformer",
            help="the architecture")  # fmt: skip
        add("--copy", action=argparse.BooleanOptionalAction, default=False,
            help="whether tokens may be copied from the source")  # fmt: skip
        add("--norm-first", action=argparse.BooleanOptionalAction, default=True,
            help="of a Transformer: pre-norm, quicker to learn; or post-norm")  # fmt: skip
        add("--r-drop", type=not_negative, default=0.0, metavar="ALPHA",
            help="read each batch twice, and lower the divergence of the two")  # fmt: skip
        add("--word-dropout", type=share, default=0.0, metavar="SHARE",
            help="part of the words that are blanked in training, on both sides")  # fmt: skip
        add("--num-beams", type=positive_int, default=5, help="hypotheses of the search at the end")

    def prepare_seq2seq(
        self,
        read: Callable[[argparse.Namespace], Pairs] | None = None,
        *,
        max_source_length: int | None = None,
    ) -> Seq2SeqData:
        """Reads, tokenizes and batches `--data`, and says what it found.

        Args:
            read: makes pairs of the flags; None reads `--data` as `read_pairs` does.
            max_source_length: most source tokens; None means `--sequence-length`.

        Returns:
            The Seq2SeqData.

        Raises:
            ArgumentError: `--copy` with an architecture that cannot.
        """
        args, saved = self.args, self.folder / folders.TOKENIZER
        print(f"preparing {args.data} ...", flush=True)
        known = args.resume and saved.exists()
        with folders.forgotten_on_error(self.folder):
            if args.model == "cnn" and args.copy:
                raise ArgumentError(
                    "--model cnn does not copy: add --no-copy, or take another model"
                )
            data = prepare_seq2seq(
                (read or pairs_of)(args),
                tokenizer=saved if known else args.tokenizer,
                vocab_size=None if known else args.vocab_size,
                lowercase=args.lowercase,
                max_length=args.sequence_length,
                max_source_length=max_source_length,
                tokens_per_batch=args.tokens_per_batch,
                seed=args.seed,
            )
        data.tokenizer.save(saved)
        self._check_data(data)
        print(data.describe())
        print(f"an epoch is {data.steps_per_epoch:,} batches")
        return data

    def build(self, data: Seq2SeqData) -> keras.Model:
        """The model that `--model` names, with the sizes that the flags give.

        Args:
            data: the Seq2SeqData that it will learn.

        Returns:
            The Seq2SeqModel, not yet compiled.
        """
        args = self.args
        width, sizes = args.hidden_dim, {"num_layers": args.num_layers, "dropout": args.dropout}
        if args.model == "transformer":
            sizes |= {"embed_dim": width, "hidden_dim": 2 * width, "num_heads": 4}
            sizes |= {"norm_first": args.norm_first, "copy": args.copy}
        elif args.model == "cnn":
            sizes |= {"hidden_dim": width}
        else:
            sizes |= {"embed_dim": width, "hidden_dim": width, "copy": args.copy}
        return build_model(f"{args.model}_seq2seq", vocab_size=data.vocab_size, **sizes)

    def _check_prompt(self, model: keras.Model, data: Any) -> None:
        if self.args.prompt is not None and not data.source_tokenizer.encode(self.args.prompt):
            raise LmzooError(f"--prompt {self.args.prompt!r} has no token")

    def report(
        self,
        model: keras.Model,
        data: Any,
        more: Any = None,
        *,
        reply: Callable[[str], Iterable[str]] | None = None,
    ) -> dict[str, Any]:
        """Lets the model write for the validation and the test pairs and measures what it writes.

        Everything a training ends with is written and printed.

        Args:
            model: the trained model.
            data: its Seq2SeqData.
            more: further metrics of the example.
            reply: with `--interactive`, what gives the pieces of the reply to a text; None: the
                model's answer to it.

        Returns:
            The metrics, as they stand in metrics.json.
        """
        found = model.evaluate(data.valid, verbose=0, return_dict=True)
        loss = nats_per_token(found)
        metrics = {"val_loss": loss, "val_perplexity": math.exp(min(loss, 700.0))}
        parts = [part for part in ("valid", "test") if part in data.batches]
        for part in parts:
            metrics |= self._measure(model, data, part)
        metrics = self._write_metrics(model, data, metrics | (more or {}))
        report.draw_curve(self.folder / "curve.png", self.loop.history)
        reply = reply or (lambda text: self._answer(model, data, [text]))
        self._print_answers(metrics, parts[-1], more or {})
        if self.args.prompt:
            print(f"\n{self.args.prompt}\n  {''.join(reply(self.args.prompt))}", flush=True)
        if self.args.interactive:
            converse(reply)
        print(report.json_line(metrics), flush=True)
        return metrics

    def _batches(self, data: Any) -> tf.data.Dataset:
        if not self.args.word_dropout:
            return super()._batches(data)
        part, seed = self.args.word_dropout, self.args.seed
        noisy = data.train_from(0).apply(blank_words(part, seed=seed))
        # Skipped, not begun later: a resumed training sees the noise that it would have seen.
        return noisy.apply(drop_words(part, seed=seed + 1)).skip(self.loop.step)

    def _loop_settings(self, model: keras.Model, data: Any) -> dict[str, Any]:
        """BLEU of quick answers: when likelihood is at its best, BLEU still grows."""
        sources, references = (texts[:JUDGED] for texts in self._texts(data, "valid"))
        metric = Bleu(bleu_tokenizer(references, is_tokenized=bool(self.args.joiner)))
        bleu = BleuCallback(
            sources,
            references,
            tokenizer=data.tokenizers,
            metric=metric,
            show=0,
            finish=self._join,
        )
        return {"judge": lambda: bleu.evaluate(model), "watched": "val_bleu"}

    def _texts(self, data: Seq2SeqData, part: str) -> tuple[list[str], list[str]]:
        """Sources of one part, and what their answers are compared with."""
        sources, references = data.texts(part)
        if self.args.smoke:
            sources, references = sources[:SMOKE_ANSWERS], references[:SMOKE_ANSWERS]
        references = [self._join(text) for text in references]
        return sources, [text.lower() for text in references] if self.args.lowercase else references

    def _measure(self, model: keras.Model, data: Seq2SeqData, part: str) -> dict[str, Any]:
        """BLEU and chrF of one part; the answers are written to a file."""
        sources, references = self._texts(data, part)
        print(f"writing {len(sources):,} answers for {part} ...", flush=True)
        start = time.monotonic()
        texts = self._answer(model, data, sources)
        seconds = time.monotonic() - start
        (self.folder / f"answers_{part}.txt").write_text("\n".join(texts) + "\n", "utf-8")
        self.shown = list(zip(sources, references, texts, strict=True))[:SHOWN]
        name = "val" if part == "valid" else part
        split = bleu_tokenizer(references, is_tokenized=bool(self.args.joiner))
        bleu, chrf = Bleu(split), ChrF()
        rouge = Rouge(split_characters if split == "zh" else split_words)
        for metric in (bleu, chrf, rouge):
            metric.add(texts, references)
        equal = sum(a == b for a, b in zip(texts, references, strict=True))
        return {
            f"{name}_bleu": bleu.result(),
            f"{name}_chrf": chrf.result(),
            **{f"{name}_{key}": value for key, value in rouge.result().items()},
            f"{name}_exact": equal / len(texts),
            f"{name}_answer_seconds": seconds,
            "bleu_signature": bleu.signature,
        }

    def _answer(self, model: keras.Model, data: Seq2SeqData, sources: list[str]) -> list[str]:
        beams = 1 if self.args.smoke else self.args.num_beams
        size = min(64, len(sources))
        found = answer(model, sources, tokenizer=data.tokenizers, num_beams=beams, batch_size=size)
        return [self._join(text) for text in found]

    def _join(self, text: str) -> str:
        """The text with its words put together again."""
        mark = self.args.joiner
        return text.replace(mark, "").removesuffix(mark.rstrip()) if mark else text

    def _print_answers(self, metrics: dict[str, Any], part: str, more: dict[str, Any]) -> None:
        """Prints the table, triples, and the places of the files."""
        name = "val" if part == "valid" else part
        rows = [
            ("BLEU", f"{metrics[f'{name}_bleu']:.2f} ({metrics['bleu_signature']})"),
            ("chrF", f"{metrics[f'{name}_chrf']:.2f}"),
            ("ROUGE 1, 2, L", ", ".join(f"{metrics[f'{name}_rouge{n}']:.2f}" for n in "12L")),
            *((key.replace("_", " "), f"{value:.2f}") for key, value in more.items()),
            ("exactly right", f"{metrics[f'{name}_exact']:.1%}"),
            ("perplexity", f"{metrics['val_perplexity']:,.2f} (validation)"),
            ("speed", f"{metrics['tokens_per_second']:,.0f} target tokens per second"),
            ("answering", f"{metrics[f'{name}_answer_seconds']:.0f} seconds"),
            ("training", f"{metrics['steps']:,} steps, {metrics['training_seconds']:.0f} seconds"),
            ("parameters", f"{metrics['parameters']:,}"),
        ]
        print("\n" + "\n".join(f"{label:<20}{value}" for label, value in rows))
        for source, reference, text in self.shown:
            print(
                f"\nsource:     {self._join(source)}\nreference:  {reference}\nanswer:     {text}"
            )
        files = "model.keras, tokenizer.json, metrics.json, curve.png, log.jsonl, answers_*.txt"
        print(f"\nin {self.folder}: {files}\n", flush=True)


def pairs_of(args: argparse.Namespace) -> Pairs:
    """The pairs that `--data` and `--fields` name."""
    count, seed = args.grammar_documents, args.seed
    pairs = read_pairs(args.data, fields=args.fields, grammar_pairs=count, seed=seed)
    return pairs if args.more_pairs is None else join_pairs(pairs, read_pairs(args.more_pairs))


def bleu_tokenizer(references: list[str], *, is_tokenized: bool) -> str:
    """sacreBLEU's tokenizer for texts: of Chinese characters, of words, or none.

    Args:
        references: the texts.
        is_tokenized: whether marks of punctuation already stand apart.

    Returns:
        "zh", "none" or "13a".

    Example:
        >>> bleu_tokenizer(["他看书。"], is_tokenized=False)
        'zh'
    """
    if is_tokenized:
        return "none"
    # In Chinese each character is a word; elsewhere words are longer.
    words = sum(map(count_words, references))
    return "zh" if words > 0.5 * sum(map(len, references)) else "13a"
