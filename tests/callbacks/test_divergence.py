"""A loss that is no number ends the training and harms no checkpoint."""

import keras
import numpy as np
import pytest

from lmzoo.callbacks import Checkpoint, PerplexityCallback, StopOnNaN, restore
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
