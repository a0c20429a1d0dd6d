"""The benchmarks' machinery works at tiny sizes; no duration is asserted."""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = ("speed", "proofs", "growth", "fuzz", "fuzz_inputs", "kill_resume")


@pytest.fixture(scope="module")
def modules():
    """The scripts as modules, as they find each other when run."""
    sys.path.insert(0, str(FOLDER))
    yield {name: importlib.import_module(name) for name in NAMES}
    sys.path.remove(str(FOLDER))


@pytest.fixture
def args():
    return argparse.Namespace(backend="tensorflow", peers=sys.executable, rounds=2)


def test_a_side_warms_up_runs_rounds_and_tells_its_memory(modules, args):
    speed = modules["speed"]
    side = speed.Side("ours", "lstm_layer", {"units": 8, "batch": 2, "time": 3})
    worker = speed.start(side, args, round_seconds=0.01)
    assert worker.about["amount"] == 6
    assert worker.about["flops"] == 3 * 2 * 6 * 2 * 8 * 4 * 8
    assert min(worker.round(), worker.round()) > 0
    memory = worker.end()
    assert memory["peak_mb"] >= memory["idle_mb"] > 0
    assert worker.process.returncode == 0


def test_a_missing_peer_is_named(modules, args):
    speed = modules["speed"]
    with pytest.raises(RuntimeError, match="no_such_library"):
        speed.start(speed.Side("no_such_library", "gpt"), args)


def test_every_comparison_names_jobs_that_exist(modules):
    for name, comparison in modules["speed"].COMPARISONS.items():
        source = (FOLDER / "ours.py").read_text(encoding="utf-8")
        assert f"\ndef {comparison.job}(" in source, name
        for side, goal in comparison.peers.values():
            source = (FOLDER / "reference" / f"{side.module}.py").read_text(encoding="utf-8")
            assert f"\ndef {side.job}(" in source, (name, side)
            assert goal > 0


def test_the_list_names_every_comparison(modules):
    command = [sys.executable, str(FOLDER / "speed.py"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [line.split(":")[0] for line in listed.splitlines()] == [*modules["speed"].COMPARISONS]


def test_the_perplexity_proof_holds(modules):
    figures, holds = modules["proofs"].perplexity(3)
    assert holds
    assert 0 < figures["largest_relative_error"] < 1e-5


def test_the_memory_proof_counts_a_small_file(modules):
    figures, holds = modules["proofs"].memory(0, gigabytes=0.003, steps=20)
    assert holds
    assert figures["file_bytes"] == 3_000_000
    assert 2_000_000 < figures["train_tokens"] < 3_000_000


def test_the_figure_of_growth_is_drawn(modules, tmp_path):
    points = {n: {"milliseconds": float(n), "mb_over_idle": 10 * n} for n in (1, 2, 4)}
    found = {"gpt, batch": {"ours": points, "pytorch": {**points, 8: None}}}
    modules["growth"].draw(found, tmp_path / "growth.png")
    from matplotlib import pyplot as plt

    assert np.ptp(plt.imread(tmp_path / "growth.png")) > 0.5


def test_a_recorded_run_is_listed():
    command = [sys.executable, str(FOLDER / "quality.py"), "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in ("lstm_grammar", "speed_layers", "proof_steps"):
        assert f"{name}: " in listed
    assert "{data}" in listed


def test_kills_are_planned_alike_and_differences_found(modules, tmp_path):
    kill = modules["kill_resume"]
    plan = kill.planned(50, 0, 0)
    assert sum(len(moments) for _, _, moments in plan) == 50
    assert {name for name, _, _ in plan} == set(kill.FLAGS)
    assert kill.planned(50, 0, 0) == plan
    for place, value in (("one", 1.0), ("same", 1.0), ("other", 2.0)):
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
        model.set_weights([np.full((2, 1), value), np.zeros(1)])
        (tmp_path / place).mkdir()
        model.save(tmp_path / place / "model.keras")
        figures = json.dumps({"loss": value, "seconds": place})
        (tmp_path / place / "metrics.json").write_text(figures, "utf-8")
    assert kill.difference(tmp_path / "one", tmp_path / "same") == ""
    found = kill.difference(tmp_path / "one", tmp_path / "other")
    assert "vars/0" in found
    assert "loss: 1.0 and 2.0" in found
    assert "seconds" not in found


@pytest.mark.parametrize("room", ["readers", "tokenizers", "metrics"])
def test_an_input_of_the_fuzz_program_follows_from_its_seed(modules, room, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fuzz = modules["fuzz"]
    assert set(modules["fuzz_inputs"].ROOMS) == set(fuzz.PARTS)
    assert sum(fuzz.PARTS.values()) == pytest.approx(1)
    for seed in range(3):
        ends = {fuzz.attempt(room, seed)["end"] for _ in range(2)}
        assert len(ends) == 1
        assert ends <= {"fine", "refused", "error"}
