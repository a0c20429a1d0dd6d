"""The length of a training: what is asked for on the command line holds, in any order."""

import argparse
import io
import itertools
import sys

import pytest

from lmzoo.cli import add_training_flags, ask
from lmzoo.cli.flags import reply_to_lines
from lmzoo.errors import LmzooError, PromptError

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
