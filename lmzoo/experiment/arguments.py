"""The command-line flags that every example shares, and how `--resume` treats them."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lmzoo.errors import ArgumentError

# The flags that decide what is trained: `--resume` takes them from the folder.
RECIPE_FLAGS = (
    "data",
    "tokenizer",
    "documents",
    "grammar_documents",
    "vocab_size",
    "sequence_length",
    "batch_size",
    "hidden_dim",
    "num_layers",
    "dropout",
    "learning_rate",
    "warmup",
    "seed",
    "smoke",
)
LENGTH_FLAGS = ("minutes", "epochs")
SMOKE_DEFAULTS = {
    "grammar_documents": 4000,
    "sequence_length": 64,
    "batch_size": 8,
    "hidden_dim": 16,
    "num_layers": 1,
    "epochs": 0.2,
}
_UNSET = object()


def positive_int(text: str) -> int:
    """Reads a whole number of at least 1 from the command line."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def positive_float(text: str) -> float:
    """Reads a finite number above 0 from the command line."""
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{value} is not a number above 0")
    return value


def not_negative(text: str) -> float:
    """Reads a finite number of at least 0 from the command line."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{value} is not a number of at least 0")
    return value


def share(text: str) -> float:
    """Reads a number from 0 to below 1 from the command line."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not from 0 to below 1")
    return value


def add_arguments(
    parser: argparse.ArgumentParser, *, out: str, defaults: Mapping[str, Any] | None = None
) -> None:
    """Adds the flags that the training examples share.

    Args:
        parser: the parser to add them to.
        out: default of `--out`, the folder that holds the training.
        defaults: defaults of other flags, by name: {"tokenizer": "word", "minutes": 2.5}.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_arguments(parser, out="runs/mine", defaults={"tokenizer": "word", "minutes": 2.0})
        >>> parser.parse_args(["--seed", "7"]).tokenizer
        'word'

    Raises:
        ArgumentError: a default for a flag that does not exist.
    """
    add = parser.add_argument
    add(
        "--data",
        default="grammar",
        metavar="SOURCE",
        help="grammar, grammar:zh, a path, or tfds:NAME",
    )
    add("--tokenizer", default="unigram", metavar="KIND",
        help="byte, char, word, whitespace, bpe, unigram or wordpiece")  # fmt: skip
    add("--documents", choices=("stream", "line", "paragraph"), help="what a document is in a file")
    add("--grammar-documents", type=positive_int, default=20_000, metavar="N",
        help="how many documents are drawn from the grammar to train on")  # fmt: skip
    add("--vocab-size", type=positive_int, help="size of the vocabulary (default: by the data)")
    add("--sequence-length", type=positive_int, default=64, help="tokens in a row of a batch")
    add("--batch-size", type=positive_int, default=32, help="rows in a batch")
    add("--hidden-dim", type=positive_int, default=256, help="width of the model")
    add("--num-layers", type=positive_int, default=1, help="layers of the model")
    add("--dropout", type=float, default=0.0, help="share dropped in training, 0 to 1")
    add("--learning-rate", type=positive_float, default=1e-3, help="the highest learning rate")
    add("--warmup", type=share, default=0.05, metavar="SHARE",
        help="part of the training over which the learning rate rises")  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive_float, help="train for so long")
    length.add_argument("--epochs", type=positive_float, help="train so often over the data")
    add("--seed", type=int, default=0, help="the same seed, data and --epochs: the same model")
    add("--out", type=Path, default=Path(out), metavar="DIR", help="where everything is written")
    add("--resume", action="store_true", help="go on with the training in --out")
    add("--smoke", action="store_true", help="tiny and quick, to see that it runs")
    add("--prompt", help="text to continue once the model is trained")
    add("--interactive", action="store_true", help="then ask for prompts until the input ends")
    known = vars(parser.parse_args([]))
    if unknown := (defaults or {}).keys() - known.keys():
        raise ArgumentError(f"defaults name no flag: {', '.join(sorted(unknown))}")
    parser.set_defaults(**(defaults or {}))


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parses the flags of an example.

    Args:
        parser: what `add_arguments` added flags to; it has no arguments without a flag.
        argv: the command line; None reads the program's own.

    Returns:
        The flags. `given` names those that stood on the command line; `--smoke` changes the
        defaults of some that did not; of `minutes` and `epochs` one is None.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_arguments(parser, out="runs/mine", defaults={"minutes": 2.0})
        >>> args = parse(parser, ["--epochs", "3"])
        >>> args.minutes, args.epochs, args.given
        (None, 3.0, ['epochs'])
    """
    defaults = vars(parser.parse_args([]))
    blank = argparse.Namespace(**dict.fromkeys(defaults, _UNSET))
    found = vars(parser.parse_args(argv, blank))
    given = {name: value for name, value in found.items() if value is not _UNSET}
    values = dict(defaults)
    if given.get("smoke"):
        values.update({k: v for k, v in SMOKE_DEFAULTS.items() if k in values})
    if given.keys() & {"minutes", "epochs"} or given.get("smoke"):
        values["minutes"] = None
    if "minutes" in given:
        values["epochs"] = None
    args = argparse.Namespace(**values | given)
    args.given = sorted(given)
    if hasattr(args, "data"):
        args.data = _absolute(args.data)
    return args


def recall(args: argparse.Namespace, path: Path, flags: Sequence[str] = RECIPE_FLAGS) -> list[str]:
    """Sets the flags of a resumed training to those it began with.

    Args:
        args: the answer of `parse`; changed in place.
        path: the file that `remember` wrote.
        flags: names that must not change. The length of a training may, unless it is among them.

    Returns:
        Sentences about a length that was changed.

    Raises:
        ArgumentError: flags on the command line that contradict those of the training.
    """
    began = json.loads(path.read_text("utf-8"))
    differ = [
        f"{_flag(name)} is {getattr(args, name)} (was {began[name]})"
        for name in flags
        if name in args.given and getattr(args, name) != began[name]
    ]
    if differ:
        raise ArgumentError(
            f"--resume goes on with {path.parent} as it began, but {', '.join(differ)}: "
            "leave these flags out, or start a new training without --resume"
        )
    new_length = [name for name in LENGTH_FLAGS if name in args.given and name not in flags]
    for name, value in began.items():
        if name in flags or not (name in args.given or (name in LENGTH_FLAGS and new_length)):
            setattr(args, name, value)
    return [
        f"{_flag(name)} is now {getattr(args, name)} (was {began[name]}); "
        "the learning rate follows the new length"
        for name in new_length
        if getattr(args, name) != began[name]
    ]


def remember(args: argparse.Namespace, path: Path, flags: Sequence[str] = RECIPE_FLAGS) -> None:
    """Writes the flags that `recall` reads, and the length of the training."""
    values = {name: getattr(args, name) for name in {*flags, *LENGTH_FLAGS}}
    path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", "utf-8")


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _absolute(data: str) -> str:
    """Makes a path absolute, so that a resumed training finds it from any folder."""
    return str(Path(data).resolve()) if Path(data).exists() else data
