"""The length of a training: what is asked for on the command line holds, in any order."""

import argparse
import itertools

import pytest

from lmzoo.cli import add_training_flags

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
