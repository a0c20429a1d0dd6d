"""Translate texts back, to train a translator on more pairs (Sennrich et al. 2016).

    python examples/translate.py --data corpus/ --columns de en --out runs/back
    python examples/back_translate.py runs/back --texts german.txt --pairs more.tsv
    python examples/translate.py --data corpus/ --columns en de --more-pairs more.tsv

Each line of the texts becomes a pair: what the model makes of it, and the line itself.
"""

import argparse
from pathlib import Path

import lmzoo
from lmzoo import cli

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("folder", help="the folder of a training in the other direction")
parser.add_argument(
    "--texts", type=Path, required=True, help="texts in that model's source language, a line each"
)
parser.add_argument("--pairs", type=Path, required=True, help="the table to write")
parser.add_argument("--num-beams", type=int, default=1, help="hypotheses of the search; 1 is quick")


def main(args: argparse.Namespace) -> None:
    """Texts in; a table of translations and texts out."""
    model, saved = lmzoo.load_run(args.folder)
    records = lmzoo.data.read_texts(args.texts).read()
    lines = [" ".join(line.split()) for block in records for line in block["text"].split("\n")]
    lines = [line for line in lines if line]
    print(f"translating {len(lines):,} texts ...", flush=True)
    translations = lmzoo.answer(
        model,
        lines,
        tokenizer=saved.tokenizers,
        num_beams=args.num_beams,
        progress=lambda done: print(f"\r{done:,}", end="", flush=True),
    )
    pairs = [pair for pair in zip(translations, lines, strict=True) if pair[0].strip()]
    table = "".join(f"{translation}\t{line}\n" for translation, line in pairs)
    args.pairs.write_text(table, encoding="utf-8")
    print(f"\n{len(pairs):,} pairs are in {args.pairs}")


if __name__ == "__main__":
    with cli.errors_in_one_line("back_translate"):
        main(parser.parse_args())
