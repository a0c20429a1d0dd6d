"""The mean of the last epochs' weights, counted by hand."""

import keras
import numpy as np
import pytest
from keras import ops

from lmzoo.callbacks import AverageWeights
from lmzoo.errors import ArgumentError


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append([ops.convert_to_numpy(w).copy() for w in self.model.weights])


def test_the_model_ends_with_the_mean_of_its_last_epochs():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.BatchNormalization()])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    rng = np.random.default_rng(0)
    recorder = Recorder()
    data = rng.normal(size=(16, 4)), rng.normal(size=(16, 3))
    model.fit(*data, epochs=5, verbose=0, callbacks=[AverageWeights(3), recorder])
    moved = recorder.seen[-1][0] - recorder.seen[-3][0]
    assert np.abs(moved).max() > 1e-4
    for weight, *values in zip(model.weights, *recorder.seen[-3:], strict=True):
        if "float" in str(weight.dtype):
            np.testing.assert_allclose(weight, np.mean(values, axis=0), rtol=1e-6, atol=1e-7)


def test_no_epochs_are_refused():
    with pytest.raises(ArgumentError, match="last is 0"):
        AverageWeights(0)
