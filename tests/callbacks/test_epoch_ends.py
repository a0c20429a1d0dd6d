"""What happens at the beginning or the end of an epoch."""

import sys
import types

import keras
import numpy as np
import pytest
from keras import ops

from lmzoo.callbacks import AverageWeights, ResetState, SampleText
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


class Carrying(keras.Sequential):
    resets = 0

    def reset_carried_state(self):
        self.resets += 1


def train(model, callback):
    model.compile("sgd", "mse")
    x = np.ones((4, 2), "float32")
    model.fit(x, x[:, :1], epochs=5, verbose=0, callbacks=[callback])


def test_state_is_reset_every_epoch():
    model = Carrying([keras.Input((2,)), keras.layers.Dense(1)])
    train(model, ResetState())
    assert model.resets == 5
    train(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), ResetState())


def test_samples_are_printed(monkeypatch, capsys):
    calls = []

    def generate(model, prompts, **arguments):
        calls.append((model, arguments))
        return [f"{prompt}, he said" for prompt in prompts]

    stand_in = types.ModuleType("lmzoo.generation")
    stand_in.generate = generate
    monkeypatch.setitem(sys.modules, "lmzoo.generation", stand_in)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    train(model, SampleText(["Well", "No"], "tokenizer", every_epochs=2, max_new_tokens=9, seed=4))
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert lines == [
        f"sample after epoch {epoch}: {prompt}, he said"
        for epoch in (2, 4)
        for prompt in ("Well", "No")
    ]
    wanted = {"tokenizer": "tokenizer", "max_new_tokens": 9, "temperature": 1.0, "seed": 4}
    assert calls == [(model, wanted)] * 2


@pytest.mark.parametrize(("arguments", "word"), [({"prompts": []}, "prompt"), ({}, "every_epochs")])
def test_arguments_out_of_range_are_named(arguments, word):
    with pytest.raises(ArgumentError, match=word):
        SampleText(**({"prompts": ["a"], "tokenizer": None, "every_epochs": 0} | arguments))
