"""Translate texts back, to train a translator on more pairs (Sennrich et al. 2016).

    python examples/translate.py --data corpus/ --fields de en --out runs/back
    python examples/back_translate.py runs/back --texts german.txt --pairs more.tsv
    python examples/translate.py --data corpus/ --fields en de --more-pairs more.tsv

Each line of the texts becomes a pair: what the model makes of it, and the line itself.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import argparse
from pathlib import Path

import lmzoo
from lmzoo import experiment
from lmzoo.data.tables import read_lines


def flags() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Translate texts back, to train on more pairs.")
    add = parser.add_argument
    add("folder", type=Path, help="the folder of a training in the other direction")
    add(
        "--texts",
        type=Path,
        required=True,
        help="texts in that model's source language, a line each",
    )
    add("--pairs", type=Path, required=True, help="the table to write: translation, text")
    add("--num-beams", type=int, default=1, help="hypotheses of the search; 1 is quick")
    return parser.parse_args()


def write(args: argparse.Namespace) -> None:
    """Writes the table."""
    model, tokenizer, _ = experiment.load_training(args.folder)
    lines = [" ".join(line.split()) for line in read_lines(args.texts)]
    lines = [line for line in lines if tokenizer.encode(line)]
    print(f"translating {len(lines):,} texts ...", flush=True)
    found = lmzoo.answer(
        model,
        lines,
        tokenizer=tokenizer,
        num_beams=args.num_beams,
        progress=lambda done: print(f"\r{done:,}", end="", flush=True),
    )
    rows = [f"{back}\t{line}\n" for back, line in zip(found, lines, strict=True) if back.strip()]
    args.pairs.write_text("".join(rows), encoding="utf-8")
    print(f"\n{len(rows):,} pairs are in {args.pairs}")


if __name__ == "__main__":
    with experiment.errors_in_one_line("back_translate"):
        write(flags())
