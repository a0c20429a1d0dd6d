"""Means and deviations of several runs, and the tables that show them."""

import math

import numpy as np
import pytest

from lmzoo.errors import ArgumentError
from lmzoo.metrics.report import aligned, deviation_table, mean_and_deviation


def test_mean_and_deviation_are_numpys():
    rng = np.random.default_rng(0)
    runs = [{"accuracy": float(x), "steps": np.int64(n)} for n, x in enumerate(rng.random(5))]
    found = mean_and_deviation(runs)
    values = [run["accuracy"] for run in runs]
    assert found["accuracy"] == pytest.approx(np.mean(values))
    assert found["accuracy_deviation"] == pytest.approx(np.std(values, ddof=1))
    assert found["steps"] == 2.0


def test_what_is_no_number_is_left_out_and_what_a_run_lacks_is_none():
    runs = [{"name": "x", "ok": True, "f1": 0.5, "mcc": 0.1}, {"name": "y", "ok": True, "f1": None}]
    assert mean_and_deviation(runs) == {"f1": None, "mcc": None}


def test_a_single_run_has_no_deviation():
    assert mean_and_deviation([{"f1": 0.5}]) == {"f1": 0.5}


def test_nan_stays_nan():
    found = mean_and_deviation([{"f1": math.nan}, {"f1": 0.5}])
    assert math.isnan(found["f1"])
    assert math.isnan(found["f1_deviation"])


def test_a_table_of_systems():
    systems = {
        "lstm": [{"f1": 0.5, "seconds": 3.0}, {"f1": 0.6, "seconds": 5.0}],
        "cnn": [{"f1": 0.25}],
    }
    lines = deviation_table(systems).splitlines()
    assert [line.split() for line in lines] == [
        ["f1", "runs"],
        ["lstm", "55.00", "±", "7.07", "2"],
        ["cnn", "25.00", "1"],
    ]
    assert len({len(line) for line in lines}) == 1
    assert "0.550" in deviation_table(systems, ["f1"], scale=1, digits=3)


def test_empty_cells_leave_no_spaces_behind():
    assert aligned([["a", "b"], [], ["cc"]]) == "a   b\n\ncc"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: mean_and_deviation([]), "no run"),
        (lambda: deviation_table({"a": [{"f1": 1.0}]}, ["mcc"]), r"'mcc' in all runs; .*\['f1'\]"),
        (lambda: deviation_table({"a": [{"f1": 1.0}], "b": [{"mcc": 1.0}]}), "no metric"),
        (lambda: deviation_table({}), "no metric"),
    ],
)
def test_what_is_wrong_is_told(call, told):
    with pytest.raises(ArgumentError, match=told):
        call()
