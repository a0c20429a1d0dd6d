"""The command line, `lmzoo`: train, use, evaluate and compare models without writing Python."""

import argparse
from collections.abc import Sequence

import lmzoo
from lmzoo.cli import comparison, prediction, training
from lmzoo.cli.flags import add_training_flags, answer_prompts, ask, errors_in_one_line

__all__ = ["add_training_flags", "answer_prompts", "ask", "errors_in_one_line", "main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Runs a command of `lmzoo`; its own errors become one line.

    Args:
        argv: the command line; None takes the program's own.

    Example:
        >>> main(["models", "gpt2_lm/*"])
        gpt2_lm/large
        gpt2_lm/medium
        gpt2_lm/small
        gpt2_lm/xl
    """
    parser = argparse.ArgumentParser(
        prog="lmzoo", description="Language models on Keras 3: train, use, evaluate, compare."
    )
    parser.add_argument("--version", action="version", version=f"lmzoo {lmzoo.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    training.add_command(commands)
    prediction.add_commands(commands)
    comparison.add_command(commands)
    _add_catalog(commands)
    args = parser.parse_args(argv)
    with errors_in_one_line(f"lmzoo {args.command}"):
        args.run(args)


def _add_catalog(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`models` and `describe`."""
    models = commands.add_parser("models", help="list the registered models")
    models.add_argument("pattern", nargs="?", default="*", help='such as "*_lm" or "gpt2_lm/*"')
    models.set_defaults(run=lambda args: print("\n".join(lmzoo.list_models(args.pattern))))
    describe = commands.add_parser("describe", help="print a model's arguments and presets")
    describe.add_argument("name", help="such as lstm_lm")
    describe.set_defaults(run=lambda args: print(lmzoo.describe_model(args.name)))
