"""Validation inside epochs: when it happens, what others see of it, what it leaves alone."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmzoo.callbacks import Checkpoint, LearningCurve, PeriodicValidation
from lmzoo.errors import ArgumentError


class Clock(keras.callbacks.Callback):
    """A second for each batch of training."""

    now = 0.0

    def __call__(self):
        return self.now

    def on_train_batch_end(self, batch, logs=None):
        self.now += 1.0


class Recorder(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.measured = {}
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if "val_loss" in logs:
            self.measured[self.count] = logs["val_loss"]


def make_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def make_data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).batch(4)


def fit(validation, *others, clock=None, epochs=2, **arguments):
    model, recorder = make_model(), Recorder()
    callbacks = [clock or Clock(), validation, recorder, *others]
    model.fit(
        make_data(), epochs=epochs, verbose=0, shuffle=False, callbacks=callbacks, **arguments
    )
    return model, recorder.measured


def test_by_steps_it_measures_what_evaluate_finds_and_training_is_the_same():
    plain, _ = fit(PeriodicValidation(make_data()))
    model, measured = fit(PeriodicValidation(make_data(), every_steps=3))
    assert list(measured) == [3, 6, 9, 12, 15, 18]
    for one, other in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    seen = make_model()
    seen.fit(make_data().take(6), verbose=0, shuffle=False)
    assert measured[6] == pytest.approx(seen.evaluate(make_data(), verbose=0), rel=1e-5)


def test_the_end_of_an_epoch_is_left_to_fit():
    validation = PeriodicValidation(make_data(), every_steps=5)
    _, measured = fit(validation, validation_data=make_data())
    assert list(measured) == [5, 15]
    resumed = PeriodicValidation(make_data(), every_steps=4, state={"step": 3})
    assert list(fit(resumed)[1]) == [1, 5, 9, 13, 17]


def test_by_time_it_waits_longer_where_evaluating_is_slow():
    clock = Clock()

    evaluate = keras.Model.evaluate

    def slow(self, *args, **kwargs):
        clock.now += 2.0
        return evaluate(self, *args, **kwargs)

    validation = PeriodicValidation(make_data(), every_seconds=3, max_fraction=0.25, clock=clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "evaluate", slow)
        _, measured = fit(validation, clock=clock, epochs=3)
    # After 3 seconds; then an evaluation of 2 seconds pays for 6 of training.
    assert list(measured) == [3, 9, 15, 21, 27]


def test_checkpoint_and_curve_see_it(tmp_path):
    run, curve = Checkpoint(tmp_path), LearningCurve(tmp_path)
    _, measured = fit(PeriodicValidation(make_data(), every_steps=3), run, curve)
    lines = [json.loads(line) for line in curve.path.read_text().splitlines()]
    points = {line["step"]: line["val_loss"] for line in lines if "val_loss" in line}
    assert points == pytest.approx(measured)
    best = min(measured, key=measured.get)
    assert run.best == {"step": best, "value": pytest.approx(measured[best])}
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.evaluate(make_data(), verbose=0) == pytest.approx(measured[best], rel=1e-5)


@pytest.mark.parametrize("wrong", [{"every_steps": 0}, {"every_seconds": -1}, {"max_fraction": 0}])
def test_arguments_out_of_range_are_named(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        PeriodicValidation(None, **wrong)
