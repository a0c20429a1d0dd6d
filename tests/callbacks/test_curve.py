"""Learning curves as JSON lines and as a picture."""

import json

import keras
import numpy as np
import pytest

from lmzoo.callbacks import LearningCurve, draw_curves
from lmzoo.errors import ArgumentError


def train(curve, epochs=2, initial_epoch=0):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((10, 2), "float32")
    data = (x, x[:, :1])
    return model.fit(
        *data,
        validation_data=data,
        batch_size=2,
        epochs=epochs,
        initial_epoch=initial_epoch,
        verbose=0,
        callbacks=[curve],
    ).history


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_records_every_epoch_and_every_so_many_steps(tmp_path):
    curve = LearningCurve(tmp_path / "new", floor=0.5, every_steps=2)
    history = train(curve)
    records = read(curve.path)
    assert [r["step"] for r in records] == [2, 4, 5, 6, 8, 10, 10]
    ends = [r for r in records if "val_loss" in r]
    assert [r["val_loss"] for r in ends] == history["val_loss"]
    assert [r["loss"] for r in ends] == history["loss"]
    assert [r["epoch"] for r in ends] == [1, 2]
    assert all(r["learning_rate"] == pytest.approx(0.01) for r in records)
    seconds = [r["seconds"] for r in records]
    assert seconds == sorted(seconds)
    assert curve.picture.read_bytes()[:4] == b"\x89PNG"
    assert sorted(file.name for file in curve.path.parent.iterdir()) == ["curve.png", "log.jsonl"]


def test_goes_on_from_a_checkpoint_and_forgets_what_came_after_it(tmp_path):
    path = tmp_path / "log.jsonl"
    train(LearningCurve(tmp_path), epochs=3)
    with path.open("a") as file:
        file.write('{"step": 99, "los')  # cut short by a kill
    state = {"step": 10, "epoch": 2, "seconds": 1000.0}
    train(LearningCurve(tmp_path, state=state), epochs=4, initial_epoch=2)
    records = read(path)
    assert [r["step"] for r in records] == [5, 10, 15, 20]
    assert records[2]["seconds"] > 1000
    train(LearningCurve(tmp_path), epochs=1)
    assert [r["step"] for r in read(path)] == [5]


def test_draws_what_is_finite(tmp_path):
    assert draw_curves({"a": [(0, float("nan"))]}, tmp_path / "no.png") is None
    path = draw_curves({"a": [(0, 1.0), (1, 2.0)], "b": []}, tmp_path / "yes.png", title="t")
    assert path.stat().st_size > 5000
    assert LearningCurve(tmp_path / "empty").draw() is None
    with pytest.raises(ArgumentError, match="every_steps"):
        LearningCurve("x", every_steps=0)
