"""The length of a training: what is asked for on the command line holds, in any order."""

import argparse
import contextlib
import io
import itertools
import os
import signal
import sys

import pytest

from lmzoo.cli import add_training_flags, ask, errors_in_one_line
from lmzoo.cli.flags import reply_to_lines
from lmzoo.errors import DataError, LmzooError, PromptError

CASES = [
    ([], (4.0, None)),
    ([["--smoke"]], (None, 1)),
    ([["--minutes", "0.3"]], (0.3, None)),
    ([["--epochs", "2"]], (None, 2)),
    ([["--smoke"], ["--minutes", "0.3"]], (0.3, None)),
    ([["--smoke"], ["--epochs", "2"]], (None, 2)),
]


@pytest.mark.parametrize(("flags", "wanted"), CASES, ids=str)
def test_minutes_epochs_and_smoke_give_one_length(flags, wanted):
    parser = argparse.ArgumentParser()
    add_training_flags(parser, out="runs/x", minutes=4.0)
    for order in itertools.permutations(flags):
        args = parser.parse_args([part for flag in order for part in flag])
        assert (args.minutes, args.epochs) == wanted
        assert args.smoke == (["--smoke"] in flags)


def test_minutes_and_epochs_together_are_refused(capsys):
    parser = argparse.ArgumentParser()
    add_training_flags(parser, out="runs/x", minutes=4.0)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--minutes", "1", "--epochs", "2"])
    assert "not allowed with" in capsys.readouterr().err


def echo(text):
    if text == "bad":
        raise PromptError("no such word")
    yield from (text, "!")


@pytest.fixture
def typed(monkeypatch):
    """Standard input with a line that is not UTF-8."""
    lines = io.BytesIO(b"hi\ncaf\xe9\nbad\ncaf\xc3\xa9\n\n")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(lines, encoding="utf-8"))


def test_bytes_that_are_not_utf_8_end_no_conversation(typed, capsys):
    ask(echo)
    out = capsys.readouterr().out
    assert "hi!" in out
    assert "UTF-8" in out
    assert "no such word" in out
    assert "caf\u00e9!" in out


def test_a_bad_line_of_a_pipe_has_an_empty_answer(typed, capsys):
    with pytest.raises(LmzooError, match="2 lines"):
        reply_to_lines(echo)
    shown = capsys.readouterr()
    assert shown.out.split("\n") == ["hi!", "", "", "caf\u00e9!", ""]
    assert "UTF-8" in shown.err


@pytest.mark.parametrize("seed", ["-1", str(1 << 32), "x"])
def test_a_seed_that_is_none_is_refused(seed, capsys):
    parser = argparse.ArgumentParser()
    add_training_flags(parser, out="runs/x")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--seed", seed])
    assert "--seed" in capsys.readouterr().err


def test_help_says_every_default():
    parser = argparse.ArgumentParser()
    add_training_flags(parser, out="runs/x", minutes=4.0)
    parser.add_argument("--hidden-dim", type=int, default=256, help="width of the LSTM")
    text = " ".join(parser.format_help().split())
    for part in ("width of the LSTM (default: 256)", "(default: 0)", "(default: 4.0)"):
        assert part in text
    assert "default: False" not in text


@pytest.mark.parametrize(
    ("error", "shown"),
    [(DataError("no\nfile"), "x: no file\n"),
     (PermissionError(13, "Permission denied", "a"), "x: [Errno 13] Permission denied: 'a'\n")],
)  # fmt: skip
def test_errors_of_ours_and_of_the_system_are_one_line(error, shown, capsys):
    with pytest.raises(SystemExit, match="1"), errors_in_one_line("x"):
        raise error
    assert capsys.readouterr().err == shown


def test_a_signal_ends_the_program_in_good_order():
    before, ended = signal.getsignal(signal.SIGTERM), []

    def work():
        with errors_in_one_line("x"), contextlib.ExitStack() as stack:
            stack.callback(ended.append, True)
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        work()
    assert ended
    assert signal.getsignal(signal.SIGTERM) is before
