"""Stopping: a loss that is no number, a signal; neither harms a checkpoint."""

import signal
import threading

import keras
import numpy as np
import pytest

from lmzoo.callbacks import Checkpoint, PerplexityCallback, StopOnNaN, StopOnSignal, restore
from lmzoo.errors import TrainingDiverged


def make_model(rate):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model


@pytest.mark.parametrize("steps_per_execution", [1, 4])
def test_raises_at_once_and_keeps_the_last_good_checkpoint(tmp_path, steps_per_execution):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype("float32")
    y = x.sum(1, keepdims=True)
    model = make_model(0.1)
    checkpoint = Checkpoint(tmp_path, every_seconds=0)
    model.fit(x, y, verbose=0, callbacks=[checkpoint])
    good = model.get_weights()
    model.compile(keras.optimizers.SGD(1e30), "mse", steps_per_execution=steps_per_execution)
    later = keras.callbacks.ModelCheckpoint(str(tmp_path / "theirs.keras"))
    with pytest.raises(TrainingDiverged, match=r"step \d+ \(learning rate 1e\+30\).*clipnorm"):
        model.fit(x, y, batch_size=8, verbose=0, callbacks=[checkpoint, StopOnNaN(), later])
    assert not (tmp_path / "theirs.keras").exists()
    again = make_model(0.1)
    restore(tmp_path, again)
    for kept in again.get_weights():
        assert np.isfinite(kept).all()
    if steps_per_execution == 4:  # nothing finite came between
        for wanted, kept in zip(good, again.get_weights(), strict=True):
            np.testing.assert_array_equal(wanted, kept)


def test_names_the_step():
    x = np.ones((10, 3), "float32")
    y = np.ones((10, 1), "float32")
    y[6] = np.nan
    with pytest.raises(TrainingDiverged, match="became nan at training step 4 "):
        make_model(0.1).fit(x, y, batch_size=2, shuffle=False, verbose=0, callbacks=[StopOnNaN()])


def test_finite_training_goes_on():
    x = np.ones((10, 3), "float32")
    history = make_model(0.01).fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[StopOnNaN()])
    assert len(history.history["loss"]) == 2


def test_perplexity_of_a_diverged_model_is_nan_and_not_an_error():
    model = keras.Sequential([keras.Input((2,), dtype="int32"), keras.layers.Embedding(4, 4)])
    model.set_weights([np.full((4, 4), np.nan)])
    ids = np.array([[1, 2]])
    figures = PerplexityCallback((ids, ids)).evaluate(model)
    assert np.isnan(figures["val_perplexity"])


class Raise(keras.callbacks.Callback):
    """Sends this process a signal after a batch of training or of validation."""

    def __init__(self, number, *, in_validation=False):
        super().__init__()
        self.number, self.in_validation = number, in_validation

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2 and not self.in_validation:
            signal.raise_signal(self.number)

    def on_test_batch_end(self, batch, logs=None):
        if self.in_validation:
            signal.raise_signal(self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("in_validation", [False, True])
def test_a_signal_ends_the_training_with_a_checkpoint(tmp_path, number, in_validation, capsys):
    data = np.ones((10, 3), "float32"), np.ones((10, 1), "float32")
    before = signal.getsignal(number)
    model, run = make_model(0.1), Checkpoint(tmp_path)
    callbacks = [Raise(number, in_validation=in_validation), run, StopOnSignal(run)]
    with pytest.raises(SystemExit) as stopped:
        model.fit(
            *data, validation_data=data, batch_size=2, epochs=3, verbose=0, callbacks=callbacks
        )
    assert stopped.value.code == 128 + number
    assert signal.getsignal(number) is before
    again = make_model(0.1)
    state = restore(tmp_path, again)
    assert state["step"] == (5 if in_validation else 3)
    for kept, wanted in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, wanted)
    assert f"stopped at step {state['step']}" in capsys.readouterr().out


def test_a_second_signal_ends_at_once(tmp_path):
    run = Checkpoint(tmp_path)
    stop = StopOnSignal(run)
    stop.set_model(make_model(0.1))
    stop.on_train_begin()
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    stop.received = None
    stop.on_train_end()


def test_signals_are_left_alone_outside_of_the_main_thread(tmp_path):
    before, handlers = signal.getsignal(signal.SIGINT), []
    stop = StopOnSignal(Checkpoint(tmp_path))

    def begin():
        stop.on_train_begin()
        handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert handlers == [before]
