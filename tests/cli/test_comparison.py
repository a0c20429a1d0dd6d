"""lmzoo compare: equal sizes, rows of means, a leaderboard that goes on."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.cli import comparison, errors_in_one_line, main
from lmzoo.cli.families import FAMILIES, build_family, solve_width


@given(st.integers(0, 20), st.integers(0, 500), st.integers(1, 10**6), st.sampled_from([1, 4, 8]))
def test_the_width_is_the_nearest(square, linear, target, multiple):
    def count(width):
        return (square + 1) * width * width + linear * width

    width = solve_width(count, target, multiple)
    assert width % multiple == 0
    for other in (width - multiple, width + multiple):
        if other > 0:
            assert abs(count(width) - target) <= abs(count(other) - target)


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_about_equally_large(name):
    model = build_family(name, 250_000, vocab_size=500, max_length=32, num_layers=1)
    assert model.count_params() == pytest.approx(250_000, rel=0.05)


def test_a_leaderboard_row_has_means_and_half_the_range():
    runs = [
        {"val_loss": 2.0, "val_perplexity": 8.0, "val_perplexity_per_word": 10.0,
         "val_bits_per_byte": 1.0, "excess_per_word": None, "tokens_per_second": 100.0,
         "epochs": 1.0},
        {"val_loss": 3.0, "val_perplexity": 9.0, "val_perplexity_per_word": 12.0,
         "val_bits_per_byte": 1.5, "excess_per_word": None, "tokens_per_second": 300.0,
         "epochs": 2.0},
    ]  # fmt: skip
    result = {"family": "gru", "parameters": 1000, "peak_memory_mb": None, "learning_rate": 0.003,
              "search": {}, "seconds": 1.0, "runs": runs}  # fmt: skip
    row = comparison.leaderboard_row(result)
    assert (row["val_loss"], row["val_perplexity"], row["val_perplexity_spread"]) == (2.5, 8.5, 0.5)
    assert (row["tokens_per_second"], row["excess_per_word"]) == (200.0, None)
    shown = dict(zip(comparison.COLUMNS, comparison.cells(row), strict=True))
    assert (shown["family"], shown["val_perplexity"], shown["peak_memory_mb"]) == (
        "gru",
        "8.50",
        "-",
    )
    assert shown["learning_rate"] == "0.003"


def test_an_unknown_family_is_named(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["compare", "--families", "lstm", "mamba"])
    assert "mamba" in capsys.readouterr().err


def test_a_signal_ends_the_familys_process_too(tmp_path, monkeypatch):
    children = []

    class Child(subprocess.Popen):
        def __init__(self, *args, **kwargs):
            super().__init__([sys.executable, "-c", "import time; time.sleep(600)"])
            children.append(self)
            threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()

    monkeypatch.setattr(subprocess, "Popen", Child)

    def work():
        with errors_in_one_line("compare"):
            comparison._train(tmp_path, {"family": "gru"})

    with pytest.raises(SystemExit, match=str(128 + signal.SIGTERM)):
        work()
    assert children[0].poll() == -signal.SIGTERM


def test_the_leaderboard_is_written_and_resumed(tmp_path, capfd):
    flags = ["compare", "--families", "gru", "--minutes", "0.9", "--parameters", "30000",
             "--learning-rates", "0.003", "--seeds", "2", "--tokenizer", "word",
             "--set", "grammar_size=1000", "--out", str(tmp_path / "out")]  # fmt: skip
    main(flags)
    first = json.loads(capfd.readouterr().out.splitlines()[-1])
    (row,) = first["leaderboard"]
    assert first["best"] == row["family"] == "gru"
    assert row["learning_rate"] == 0.003
    assert len(row["val_perplexity_seeds"]) == 2
    assert row["parameters"] == pytest.approx(30_000, rel=0.1)
    assert row["peak_memory_mb"] > 100
    made = {"leaderboard.csv", "leaderboard.md", "metrics.json", "curve.png", "tokenizer.json"}
    assert made <= {path.name for path in (tmp_path / "out").iterdir()}
    assert (tmp_path / "out" / "leaderboard.md").read_text("utf-8").count("\n") == 3
    with pytest.raises(SystemExit, match="1"):
        main(flags)
    assert "add --resume" in capfd.readouterr().err
    main([*flags, "--resume"])
    output = capfd.readouterr().out
    assert "finished before" in output
    assert json.loads(output.splitlines()[-1])["leaderboard"] == first["leaderboard"]
