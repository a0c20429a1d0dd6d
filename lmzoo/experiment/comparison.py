"""Which architecture for my data? Every family trains for the same time at about the same size."""

import argparse
import csv
import io
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from lmzoo.callbacks import draw_curves
from lmzoo.data import prepare_lm, read_texts
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.experiment import folder as folders
from lmzoo.experiment.arguments import RECIPE_FLAGS, recall, remember
from lmzoo.experiment.families import FAMILIES
from lmzoo.experiment.report import finite, json_line

# What must be the same for all families; only their list may change with --resume.
FIXED_FLAGS = (
    *RECIPE_FLAGS,
    "minutes",
    "epochs",
    "parameters",
    "learning_rates",
    "seeds",
    "valid_tokens",
)
SMOKE_MINUTES, SMOKE_PARAMETERS = 0.1, 30_000
COLUMNS = {
    "family": "family",
    "val_perplexity": "perplexity",
    "val_perplexity_spread": "± seed",
    "val_perplexity_per_word": "per word",
    "val_bits_per_byte": "bits/byte",
    "tokens_per_second": "tokens/s",
    "parameters": "parameters",
    "peak_memory_mb": "memory MB",
    "learning_rate": "rate",
    "epochs": "epochs",
}


class Comparison:
    """Trains families one after the other, each in a process of its own, and ranks them.

    Args:
        args: the flags, from `lmzoo.experiment.parse`; beside the shared ones `families`,
            `parameters`, `learning_rates`, `seeds`.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        unknown = sorted(set(args.families) - set(FAMILIES))
        if unknown:
            raise ArgumentError(
                f"--families: no family {unknown[0]!r}; choose from {', '.join(FAMILIES)}"
            )
        sizes = {"hidden_dim", "num_layers", "dropout"}.intersection(getattr(args, "given", ()))
        if sizes:
            raise ArgumentError(
                f"--{min(sizes).replace('_', '-')} is of one model: here --parameters gives every "
                "family its size"
            )
        self.folder = folders.open_folder(args.out, resume=args.resume)
        if args.resume:
            recall(args, self.folder / folders.ARGUMENTS, FIXED_FLAGS)
        elif self.folder != args.out:
            print(f"{args.out} holds a comparison already (--resume goes on with it)")
        if args.smoke:
            args.minutes = args.minutes or SMOKE_MINUTES
            args.parameters = args.parameters or SMOKE_PARAMETERS
        if args.minutes is None:
            raise ArgumentError("families are compared by time: give --minutes, not --epochs")
        remember(args, self.folder / folders.ARGUMENTS, (*FIXED_FLAGS, "families"))
        print(f"writing to {self.folder}")

    def prepare(self) -> None:
        """Reads the data once, so that bad input shows here; trains the tokenizer for all."""
        args, saved = self.args, self.folder / folders.TOKENIZER
        print(f"preparing {args.data} ...", flush=True)
        known = args.resume and saved.exists()
        with folders.forgotten_on_error(self.folder):
            data = prepare_lm(
                read_texts(args.data, grammar_documents=args.grammar_documents, seed=args.seed),
                tokenizer=saved if known else args.tokenizer,
                vocab_size=None if known else args.vocab_size,
                sequence_length=args.sequence_length,
                batch_size=args.batch_size,
                documents=args.documents,
                seed=args.seed,
            )
        data.tokenizer.save(saved)
        folders.write_json(self.folder / folders.DATA, data.report)
        print(data.describe())
        self.floor = (
            None if data.floor_nats is None else data.floor_nats / data.valid_counts["tokens"]
        )
        self.parameters = args.parameters or default_parameters(data.vocab_size)
        print(
            f"{len(args.families)} families of about {self.parameters:,} parameters, "
            f"{args.minutes:g} minutes each"
        )

    def run(self) -> list[dict[str, Any]]:
        """Trains every family that has no result yet.

        Returns:
            The rows of the leaderboard, best first.

        Raises:
            LmzooError: every family failed.
        """
        rows = []
        for number, family in enumerate(self.args.families, 1):
            folder = self.folder / family
            result = folder / "result.json"
            heading = f"\n[{number}/{len(self.args.families)}] {family}"
            if result.exists():
                print(f"{heading}: finished before")
            else:
                print(f"{heading} ({time.strftime('%H:%M:%S')})", flush=True)
                self._train(folder, family)
            if result.exists():
                rows.append(leaderboard_row(json.loads(result.read_text("utf-8"))))
                rows.sort(key=lambda row: row["val_loss"])
                self.write(rows)
        if not rows:
            raise LmzooError("no family could be trained; their messages are above")
        return rows

    def _train(self, folder: Path, family: str) -> None:
        """Runs `lmzoo.experiment.trial` on a folder."""
        args = self.args
        folder.mkdir(exist_ok=True)
        settings = {
            "family": family,
            "started": time.time(),
            "minutes": args.minutes,
            "parameters": self.parameters,
            "learning_rates": args.learning_rates,
            "seeds": [args.seed + k for k in range(args.seeds)],
            "data": args.data,
            "documents": args.documents,
            "grammar_documents": args.grammar_documents,
            "sequence_length": args.sequence_length,
            "batch_size": args.batch_size,
            "valid_tokens": args.valid_tokens,
            "smoke": args.smoke,
        }
        folders.write_json(folder / "settings.json", settings)
        command = [sys.executable, "-m", "lmzoo.experiment.trial", str(folder)]
        process = subprocess.Popen(command)
        try:
            if process.wait():
                print(f"{family} failed with status {process.returncode}; going on", flush=True)
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            print(
                "\nfinished families are kept; go on with: "
                f"python {sys.argv[0]} --resume --out {self.folder}"
            )
            raise

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Writes leaderboard.csv, leaderboard.md, metrics.json and curve.png."""
        metrics = self.metrics(rows)
        folders.write_json(self.folder / "metrics.json", metrics)
        with io.StringIO(newline="") as text:
            writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
            (self.folder / "leaderboard.csv").write_text(text.getvalue(), "utf-8")
        lines = [list(COLUMNS.values()), ["---"] * len(COLUMNS)]
        lines += [cells(row) for row in rows]
        table = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        (self.folder / "leaderboard.md").write_text(table, "utf-8")
        curves = {
            f"{row['family']} (seed {run['seed']})": [
                (entry["seconds"], entry["val_loss"]) for entry in run["history"]
            ]
            for row in rows
            for run in row["runs"]
        }
        draw_curves(
            curves, self.folder / "curve.png", floor=self.floor, y_label="validation loss (nats)"
        )

    def metrics(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """The figures of the best family, and the whole leaderboard."""
        names = ("val_loss", "val_perplexity", "val_bits_per_byte", "tokens_per_second")
        return {
            "best": rows[0]["family"],
            **{name: rows[0][name] for name in names},
            "floor_loss": self.floor,
            "floor_perplexity": None if self.floor is None else math.exp(self.floor),
            "seconds": sum(row["seconds"] for row in rows),
            "leaderboard": [{k: v for k, v in row.items() if k != "runs"} for row in rows],
            "out": str(self.folder),
        }

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Prints the leaderboard, where the files lie, and the metrics as one JSON line."""
        title = f"{self.args.minutes:g} minutes each on {self.args.data}"
        table = Table(title=title, box=box.SIMPLE_HEAD)
        for heading in COLUMNS.values():
            table.add_column(heading, justify="left" if heading == "family" else "right")
        for row in rows:
            table.add_row(*cells(row))
        Console(width=max(Console().width, 110)).print(table)
        files = "leaderboard.md, leaderboard.csv, metrics.json, curve.png, FAMILY/model.keras"
        print(f"in {self.folder}: {files}")
        print(json_line(self.metrics(rows)), flush=True)


def default_parameters(vocab_size: int) -> int:
    """How large the models are by default: 128 numbers per word of the vocabulary, and a body."""
    return 128 * vocab_size + 500_000


def leaderboard_row(result: dict[str, Any]) -> dict[str, Any]:
    """A family's row: means over its seeds, and half the range of its perplexities."""
    runs = result["runs"]

    def mean(name: str) -> float | None:
        values = [run[name] for run in runs]
        return None if None in values else finite(statistics.fmean(values))

    perplexities = [run["val_perplexity"] for run in runs]
    names = (
        "val_loss",
        "val_perplexity",
        "val_perplexity_per_word",
        "val_bits_per_byte",
        "excess_per_word",
        "tokens_per_second",
        "epochs",
    )
    kept = ("family", "parameters", "peak_memory_mb", "learning_rate", "search", "seconds", "runs")
    return {
        **{name: result[name] for name in kept},
        **{name: mean(name) for name in names},
        "val_perplexity_spread": (max(perplexities) - min(perplexities)) / 2,
        "val_perplexity_seeds": perplexities,
    }


def cells(row: dict[str, Any]) -> list[str]:
    """A row's figures as text."""
    styles = {
        "val_perplexity": ",.2f",
        "val_perplexity_spread": ",.2f",
        "val_perplexity_per_word": ",.2f",
        "val_bits_per_byte": ".4f",
        "tokens_per_second": ",.0f",
        "parameters": ",",
        "peak_memory_mb": ",.0f",
        "learning_rate": "g",
        "epochs": ".2f",
    }
    texts = []
    for name in COLUMNS:
        value = row[name]
        texts.append("-" if value is None else format(value, styles.get(name, "")))
    return texts
