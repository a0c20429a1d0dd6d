"""The command-line flags that every training shares, in `lmzoo train` and in the examples."""

import argparse
import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lmzoo.errors import LmzooError, PromptError

Reply = Callable[[str], Iterable[str]]  # yields the pieces of the reply to a text
Subparsers = argparse._SubParsersAction  # what holds the commands


class ShowDefaults(argparse.HelpFormatter):
    """Help that says every default."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        text = action.help
        is_said = text is None or "default" in text
        is_none = action.default in (None, False, "", [], argparse.SUPPRESS)
        return text if is_said or is_none else f"{text} (default: %(default)s)"


class _Length(argparse.Action):
    """`--minutes` and `--epochs` take the place of any default; `--smoke`, one epoch, does not take
    theirs."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        names = ("minutes", "epochs")
        is_default = all(getattr(namespace, n) == parser.get_default(n) for n in names)
        if self.dest in names:
            namespace.minutes = namespace.epochs = None
        elif is_default:
            namespace.minutes, namespace.epochs = None, 1
        setattr(namespace, self.dest, True if self.nargs == 0 else values)


def add_training_flags(
    parser: argparse.ArgumentParser,
    *,
    out: str | None,
    tokenizer: str | None = "word",
    minutes: float | None = None,
    epochs: int | None = None,
    data: str = "grammar",
) -> None:
    """Adds the flags of a training, with these defaults; what sets one length clears the other.

    No `out`: the program chooses it. No `tokenizer`: no such flag. Give `minutes` or `epochs`.
    """
    parser.formatter_class = ShowDefaults
    add = parser.add_argument
    add("--data", default=data, metavar="SOURCE",
        help="grammar, a file, a folder, tfds:NAME or hf:NAME (default: %(default)s)")  # fmt: skip
    if tokenizer is not None:
        kinds = "byte, char, word, whitespace, bpe, unigram or wordpiece"
        add("--tokenizer", default=tokenizer, metavar="KIND",
            help=f"{kinds} (default: %(default)s)")  # fmt: skip
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=positive(float), default=minutes, action=_Length,
        help="train for so long; reading the data and the last measurements come on top "
        "(default: %(default)s)")  # fmt: skip
    length.add_argument("--epochs", type=positive(int), default=epochs, action=_Length,
        help="train for so many epochs (default: %(default)s)")  # fmt: skip
    add("--seed", type=seed, default=0,
        help="same seed, data and --epochs: same model (default: %(default)s)")  # fmt: skip
    add("--out", default=out, metavar="DIR",
        help="folder for everything that is written (default: %(default)s)")  # fmt: skip
    add("--resume", action="store_true", help="continue the training in --out")
    add("--smoke", action=_Length, nargs=0, default=False,
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


def seed(text: str) -> int:
    """Reads a seed from the command line: what NumPy, TensorFlow and Python all take."""
    value = int(text)
    if not 0 <= value < 1 << 32:
        raise argparse.ArgumentTypeError(f"{text} is not a seed: give 0 to {(1 << 32) - 1}")
    return value


@contextlib.contextmanager
def errors_in_one_line(name: str) -> Iterator[None]:
    """Ends the program with one line for errors of lmzoo and of the system, quietly for Ctrl-C.

    SIGTERM and SIGHUP end it in good order too: files are whole, processes that it began end.
    """
    try:
        with _orderly_signals():
            yield
    except BrokenPipeError as error:  # who read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from error
    except (LmzooError, OSError) as error:
        print(f"{name}: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(1) from error
    except KeyboardInterrupt as error:
        raise SystemExit(130) from error


@contextlib.contextmanager
def _orderly_signals() -> Iterator[None]:
    """Makes a SystemExit of the signals that would end the program without a word."""

    def leave(number: int, frame: Any) -> None:
        raise SystemExit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
        for number in (getattr(signal, name) for name in names):
            if signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores SIGHUP
                before[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def readable(text: str) -> str:
    """The text; PromptError where it was read from bytes that are not UTF-8."""
    if text != text.encode("utf-8", "replace").decode():
        raise PromptError(f"{text!r:.60} holds bytes that are not UTF-8: write it in that encoding")
    return text


def accept_any_bytes() -> None:
    """Lets standard input hold bytes that are not UTF-8, so that one bad line ends nothing."""
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")


def reply_to_lines(reply: Reply) -> None:
    """Prints the reply to each line of standard input; a line that fails has an empty one."""
    failed = 0
    accept_any_bytes()
    for line in filter(str.strip, sys.stdin):
        try:
            text = "".join(reply(readable(line.rstrip("\r\n"))))
        except LmzooError as error:
            print(" ".join(str(error).split()), file=sys.stderr)
            failed, text = failed + 1, ""
        print(text, flush=True)
    if failed:
        raise PromptError(f"{failed} lines could not be answered")


def ask(reply: Reply) -> None:
    """Asks for texts and prints the reply to each, until the input ends."""
    with contextlib.suppress(ImportError):  # Windows edits lines itself
        importlib.import_module("readline")  # gives `input` line editing and a history
    accept_any_bytes()
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
            for piece in reply(readable(text)):
                print(piece, end="", flush=True)
            print()
        except LmzooError as error:
            print(error)


def answer_prompts(args: argparse.Namespace, reply: Reply) -> None:
    """Replies to `--prompt`, and with `--interactive` to what is typed."""
    if args.prompt:
        print(f"{args.prompt}\n  {''.join(reply(args.prompt))}\n")
    if args.interactive:
        ask(reply)
