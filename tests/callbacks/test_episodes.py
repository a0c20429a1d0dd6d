"""What happens once per epoch."""

import sys
import types

import keras
import numpy as np
import pytest

from lmzoo.callbacks import ResetState, SampleText
from lmzoo.errors import ArgumentError


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
