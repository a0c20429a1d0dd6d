"""The command-line flags that every training shares, in `lmzoo train` and in the examples."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lmzoo.errors import LmzooError


class _Epochs(argparse.Action):
    """`--epochs N` takes the place of the default minutes; `--smoke` means one epoch."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Sets the flag, `epochs`, and no minutes."""
        setattr(namespace, self.dest, values if self.nargs is None else True)
        namespace.minutes = None
        namespace.epochs = values if self.nargs is None else 1


def add_training_flags(
    parser: argparse.ArgumentParser,
    *,
    out: str | None,
    tokenizer: str | None = "word",
    minutes: float | None = None,
    epochs: int | None = None,
    data: str = "grammar",
) -> None:
    """Adds the flags of a training.

    They are --data --tokenizer, --minutes or --epochs, --seed --out --resume --smoke --prompt
    --interactive. After parsing, one of `minutes` and `epochs` is None.

    Args:
        parser: what they are added to.
        out: default folder; None where the program chooses it.
        tokenizer: default kind; None for no such flag.
        minutes: default length of a training in minutes; or
        epochs: in epochs.
        data: default source.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_training_flags(parser, out="runs/mine", minutes=2.0)
        >>> args = parser.parse_args(["--epochs", "3"])
        >>> args.minutes, args.epochs, args.tokenizer
        (None, 3, 'word')
    """
    add = parser.add_argument
    add("--data", default=data, metavar="SOURCE",
        help="grammar, a file, a folder, tfds:NAME or hf:NAME (default: %(default)s)")  # fmt: skip
    if tokenizer is not None:
        kinds = "byte, char, word, whitespace, bpe, unigram or wordpiece"
        add("--tokenizer", default=tokenizer, metavar="KIND",
            help=f"{kinds} (default: %(default)s)")  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive(float), default=minutes,
        help="train for so long (default: %(default)s)")  # fmt: skip
    length.add_argument("--epochs", type=positive(int), default=epochs, action=_Epochs,
        help="train for so many epochs (default: %(default)s)")  # fmt: skip
    add("--seed", type=int, default=0, help="same seed, data and --epochs: same model")
    add("--out", default=out, metavar="DIR",
        help="folder for everything that is written (default: %(default)s)")  # fmt: skip
    add("--resume", action="store_true", help="continue the training in --out")
    add("--smoke", action=_Epochs, nargs=0, default=False,
        help="one epoch of a tiny model, to see that it runs")  # fmt: skip
    add("--prompt", metavar="TEXT", help="a text to try the trained model on")
    add("--interactive", action="store_true", help="then ask for more texts")


def positive(kind: type[Any]) -> Callable[[str], Any]:
    """Reads a finite number above 0 from the command line."""

    def read(text: str) -> Any:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    read.__name__ = kind.__name__
    return read


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
        ...     print("no error")
        no error
    """
    try:
        yield
    except LmzooError as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt as error:
        raise SystemExit(130) from error


def ask(reply: Callable[[str], Sequence[str] | Iterator[str]]) -> None:
    """Asks for texts and prints the reply to each, until the input ends.

    Args:
        reply: yields the pieces of the reply to a text; they are printed as they come.
    """
    print("\na text, then Enter; an empty line ends")
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            return
        if not text:
            return
        try:
            print("  ", end="")
            for piece in reply(text):
                print(piece, end="", flush=True)
            print()
        except LmzooError as error:
            print(error)


def answer_prompts(
    args: argparse.Namespace, reply: Callable[[str], Sequence[str] | Iterator[str]]
) -> None:
    """Replies to `--prompt`, and with `--interactive` to what is typed.

    Args:
        args: flags of `add_training_flags`.
        reply: yields the pieces of the reply to a text.
    """
    if args.prompt:
        print(f"{args.prompt}\n  {''.join(reply(args.prompt))}\n")
    if args.interactive:
        ask(reply)
