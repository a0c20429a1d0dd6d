"""`lmzoo compare`: every family trains for the same time at about the same size."""

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
from lmzoo.cli.families import FAMILIES
from lmzoo.cli.flags import Subparsers, positive
from lmzoo.cli.settings import parse_settings, settable
from lmzoo.data import prepare_lm
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.evaluation import Report
from lmzoo.files import write_json, write_text

DEFAULT_FAMILIES = ["lstm", "gru", "cnn", "gpt2", "llama"]
COLUMNS = {  # a metric's heading and format
    "family": ("family", ""),
    "val_perplexity": ("perplexity", ",.2f"),
    "val_perplexity_spread": ("± seed", ",.2f"),
    "val_perplexity_per_word": ("per word", ",.2f"),
    "val_bits_per_byte": ("bits/byte", ".4f"),
    "tokens_per_second": ("tokens/s", ",.0f"),
    "parameters": ("parameters", ","),
    "peak_memory_mb": ("memory MB", ",.0f"),
    "learning_rate": ("rate", "g"),
    "epochs": ("epochs", ".2f"),
}
PATIENCE = 20.0  # seconds that a family's process has to end in good order
HEADINGS = [heading for heading, _ in COLUMNS.values()]
KEPT = ("family", "parameters", "peak_memory_mb", "learning_rate", "search", "seconds", "runs")
MEANS = ("val_loss", "val_perplexity", "val_perplexity_per_word", "val_bits_per_byte",
         "excess_per_word", "tokens_per_second", "epochs")  # fmt: skip


def add_command(commands: Subparsers) -> None:
    """Adds `compare` to the command line."""
    parser = commands.add_parser(
        "compare",
        help="which architecture for my data? train them all for the same time",
        description="Trains every family of language models at about the same number of parameters "
        "for the same minutes on the clock. In these lie, each in a process of its own: starting, "
        "reading the data, compiling, a search among the learning rates (about a fifth of the "
        "rest), a training for each seed with the best of them, and measuring the whole "
        "validation split.",
    )
    add = parser.add_argument
    add("--data", default="grammar", metavar="SOURCE", help="as in `lmzoo train`")
    add("--tokenizer", default="unigram", metavar="KIND", help="as in `lmzoo train`")
    add("--families", nargs="+", default=DEFAULT_FAMILIES, choices=FAMILIES, metavar="FAMILY",
        help=f"among {' '.join(FAMILIES)} (default: {' '.join(DEFAULT_FAMILIES)})")  # fmt: skip
    add("--minutes", type=positive(float), default=4.0, help="of each family (default: 4)")
    add("--parameters", type=positive(int), help="of each model (default: by the vocabulary)")
    add("--learning-rates", nargs="+", type=positive(float), default=[1e-3, 3e-3, 1e-2],
        metavar="RATE", help="to choose from (default: %(default)s)")  # fmt: skip
    add("--seeds", type=positive(int), default=2, help="trainings with the best rate (default: 2)")
    add("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE",
        help="arguments of lmzoo.data.prepare_lm: sequence_length=128 batch_size=16")  # fmt: skip
    add("--seed", type=int, default=0, help="the first seed")
    add("--out", default="runs/compare", type=Path, metavar="DIR", help="default: runs/compare")
    add("--resume", action="store_true", help="keep the families in --out that are finished")
    parser.set_defaults(run=compare)


def compare(args: argparse.Namespace) -> None:
    """Trains the families one after the other and prints the leaderboard."""
    out: Path = args.out
    if not args.resume and any(out.glob("*/result.json")):
        raise ArgumentError(f"{out} holds a comparison already: add --resume, or another --out")
    settings = parse_settings(args.set, {"data": settable(prepare_lm)})["data"]
    settings = {"batch_size": 16, "seed": args.seed, **settings}
    print(f"preparing {args.data} ...", flush=True)
    data = prepare_lm(args.data, tokenizer=args.tokenizer, **settings)
    data.save(out)
    print(data.describe())
    settings["tokenizer"] = str(out / "tokenizer.json")
    # By default 128 numbers per word of the vocabulary, and a body.
    parameters = args.parameters or 128 * data.vocab_size + 500_000
    print(f"{len(args.families)} families of about {parameters:,} parameters, "
          f"{args.minutes:g} minutes each")  # fmt: skip
    floor = None if data.floor_nats is None else data.floor_nats / data.valid_counts["tokens"]
    trial = {
        "minutes": args.minutes,
        "parameters": parameters,
        "learning_rates": args.learning_rates,
        "seeds": [args.seed + k for k in range(args.seeds)],
        "source": args.data,
        "data": settings,
    }
    rows: list[dict[str, Any]] = []
    for number, family in enumerate(args.families, 1):
        result = out / family / "result.json"
        place = f"{number}/{len(args.families)}"
        print(f"\n[{place}] {family} ({time.strftime('%H:%M:%S')})", flush=True)
        if result.exists():
            print("finished before")
        else:
            _train(out / family, trial | {"family": family, "started": time.time()})
        if result.exists():
            rows.append(leaderboard_row(json.loads(result.read_text("utf-8"))))
            rows.sort(key=lambda row: row["val_loss"])
            write_leaderboard(out, rows, floor)
    if not rows:
        raise LmzooError("no family could be trained; their messages are above")
    show(rows, f"{args.minutes:g} minutes each on {args.data}")
    print(f"in {out}: leaderboard.md, leaderboard.csv, metrics.json, curve.png, FAMILY/model.keras")
    print(Report(summary(rows, floor) | {"out": str(out)}).json(), flush=True)


def _train(folder: Path, trial: dict[str, Any]) -> None:
    """Runs `lmzoo.cli.trial` on a folder; the process ends with this one."""
    write_json(folder / "trial.json", trial)
    process = subprocess.Popen([sys.executable, "-m", "lmzoo.cli.trial", str(folder)])
    try:
        if process.wait():
            print(f"{trial['family']} failed with status {process.returncode}", flush=True)
    except BaseException:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def write_leaderboard(out: Path, rows: list[dict[str, Any]], floor: float | None) -> None:
    """Writes leaderboard.csv, leaderboard.md, metrics.json and curve.png."""
    write_json(out / "metrics.json", summary(rows, floor))
    with io.StringIO(newline="") as text:
        writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        write_text(out / "leaderboard.csv", text.getvalue())
    lines = [HEADINGS, ["---"] * len(COLUMNS), *map(cells, rows)]
    write_text(out / "leaderboard.md", "".join(f"| {' | '.join(line)} |\n" for line in lines))
    curves = {
        f"{row['family']} (seed {run['seed']})": run["curve"] for row in rows for run in row["runs"]
    }
    draw_curves(curves, out / "curve.png", floor=floor, y_label="validation loss (nats)")


def summary(rows: list[dict[str, Any]], floor: float | None) -> dict[str, Any]:
    """The figures of the best family, and the whole leaderboard."""
    names = ("val_loss", "val_perplexity", "val_bits_per_byte", "tokens_per_second")
    return {
        "best": rows[0]["family"],
        **{name: rows[0][name] for name in names},
        "floor_loss": floor,
        "floor_perplexity": None if floor is None else math.exp(floor),
        "seconds": sum(row["seconds"] for row in rows),
        "leaderboard": [{k: v for k, v in row.items() if k != "runs"} for row in rows],
    }


def show(rows: list[dict[str, Any]], title: str) -> None:
    """Prints the leaderboard as a table."""
    table = Table(title=title, box=box.SIMPLE_HEAD)
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "family" else "right")
    for row in rows:
        table.add_row(*cells(row))
    Console(width=max(Console().width, 110)).print(table)


def leaderboard_row(result: dict[str, Any]) -> dict[str, Any]:
    """A family's row: means over its seeds, and half the range of its perplexities."""
    row: dict[str, Any] = {name: result[name] for name in KEPT}
    for name in MEANS:
        values = [run.get(name) for run in result["runs"]]
        row[name] = None if None in values else statistics.fmean(values)
    seeds = [run["val_perplexity"] for run in result["runs"]]
    # A run that diverged has none.
    spread = None if None in seeds else (max(seeds) - min(seeds)) / 2
    return row | {"val_perplexity_spread": spread, "val_perplexity_seeds": seeds}


def cells(row: dict[str, Any]) -> list[str]:
    """A row's figures as text."""
    values = [(row[name], style) for name, (_, style) in COLUMNS.items()]
    return ["-" if value is None else format(value, style) for value, style in values]
