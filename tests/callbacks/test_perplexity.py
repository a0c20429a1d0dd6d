"""Perplexity in `fit`'s logs."""

import csv
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmzoo.callbacks import PerplexityCallback
from lmzoo.errors import ArgumentError, DataError

VOCAB, TIME = 6, 4


def make_model(*, softmax=False, sequence=True):
    model = keras.Sequential(
        [keras.Input((TIME,), dtype="int32"), keras.layers.Embedding(VOCAB, 5)]
    )
    if not sequence:
        model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(VOCAB, activation="softmax" if softmax else None))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not softmax)
    model.compile(keras.optimizers.Adam(0.05), loss)
    return model


def make_data(rows=10, weights=True):
    rng = np.random.default_rng(0)
    ids, following = rng.integers(0, VOCAB, (2, rows, TIME))
    data = (ids, following)
    return (*data, (rng.random((rows, TIME)) < 0.6).astype("float32")) if weights else data


def oracle(model, data, softmax):
    """Total nats and tokens in float64, batch by batch as NumPy would."""
    outputs = np.asarray(model(data[0]), np.float64)
    p = outputs if softmax else np.exp(outputs) / np.exp(outputs).sum(-1, keepdims=True)
    chosen = np.take_along_axis(p, data[1][..., None], -1)[..., 0]
    weights = data[2] if len(data) > 2 else np.ones_like(chosen)
    return -(np.log(chosen) * weights).sum(), weights.sum()


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("weights", [True, False])
def test_figures_equal_numpy_for_logits_and_softmax(softmax, weights):
    model, data = make_model(softmax=softmax), make_data(weights=weights)
    dataset = tf.data.Dataset.from_tensor_slices(data).batch(4)
    nats, tokens = oracle(model, data, softmax)
    for source in (dataset, data):
        figures = PerplexityCallback(source, words=17, bytes=90, prefix="").evaluate(model)
        assert figures == {
            "nats_per_token": pytest.approx(nats / tokens, rel=1e-5),
            "perplexity": pytest.approx(math.exp(nats / tokens), rel=1e-5),
            "perplexity_per_word": pytest.approx(math.exp(nats / 17), rel=1e-5),
            "bits_per_byte": pytest.approx(nats / 90 / math.log(2), rel=1e-5),
        }


def test_one_next_word_per_row():
    model = make_model(softmax=True, sequence=False)
    ids, following = make_data(weights=False)
    data = (ids, following[:, 0])
    nats, tokens = oracle(model, data, softmax=True)
    figures = PerplexityCallback(data).evaluate(model)
    assert figures["val_perplexity"] == pytest.approx(math.exp(nats / tokens), rel=1e-5)


def test_watchers_behind_it_see_its_figures(tmp_path):
    model, train, valid = make_model(), make_data(64, weights=False), make_data(8)
    callback = PerplexityCallback(valid, words=10)
    stop = keras.callbacks.EarlyStopping("val_perplexity", mode="min", patience=1)
    best = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.keras"), monitor="val_perplexity", mode="min", save_best_only=True
    )
    log = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    history = model.fit(*train, epochs=40, verbose=0, callbacks=[callback, stop, best, log]).history
    figures = history["val_perplexity"]
    assert len(figures) < 40  # random targets: it overfits and stops
    assert figures[-1] > min(figures)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["val_perplexity"]) for row in rows] == pytest.approx(figures)
    assert "val_perplexity_per_word" in rows[0]
    again = keras.saving.load_model(tmp_path / "best.keras")
    assert callback.evaluate(again)["val_perplexity"] == pytest.approx(min(figures), rel=1e-5)


def test_leaves_training_as_it_is():
    data, results = make_data(20), []
    for callbacks in ([], [PerplexityCallback(make_data())]):
        keras.utils.set_random_seed(3)
        model = make_model()
        history = model.fit(*data[:2], epochs=3, verbose=0, callbacks=callbacks).history
        results.append((history["loss"], model.get_weights()))
    assert results[0][0] == results[1][0]
    for without, with_it in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_array_equal(without, with_it)


def test_every_epochs_and_the_last():
    model = make_model()
    counter = PerplexityCallback(make_data(), every_epochs=3)
    seen = []
    watcher = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append("val_perplexity" in logs)
    )
    model.fit(*make_data()[:2], epochs=6, verbose=0, callbacks=[counter, watcher])
    assert seen == [True, False, False, True, False, True]


def test_mask_of_the_model_counts_as_padding():
    ids, following = make_data(weights=False)
    model = keras.Sequential(
        [
            keras.Input((TIME,), dtype="int32"),
            keras.layers.Embedding(VOCAB, 5, mask_zero=True),
            keras.layers.Dense(VOCAB),
        ]
    )
    nats, tokens = oracle(model, (ids, following, (ids != 0).astype(float)), softmax=False)
    figures = PerplexityCallback((ids, following)).evaluate(model)
    assert figures["val_nats_per_token"] == pytest.approx(nats / tokens, rel=1e-5)


def test_unknown_target_id_is_named():
    ids, following, weights = make_data()
    following[3, 2], weights[3, 2] = 57, 1.0
    with pytest.raises(DataError, match="id 57, but the model knows ids 0 to 5"):
        PerplexityCallback((ids, following, weights)).evaluate(make_model())
    weights[3, 2] = 0.0  # padding may hold any id
    PerplexityCallback((ids, following, weights)).evaluate(make_model())


def test_useless_data_is_refused():
    ids, following, weights = make_data()
    with pytest.raises(DataError, match="no token"):
        PerplexityCallback((ids, following, weights * 0)).evaluate(make_model())
    dataset = tf.data.Dataset.from_tensor_slices((ids, following)).batch(2)
    with pytest.raises(ArgumentError, match="repeats"):
        PerplexityCallback(dataset.repeat())
    with pytest.raises(ArgumentError, match="once"):
        PerplexityCallback(iter(dataset))
    for wrong in ({"words": 0}, {"every_epochs": 0}, {"from_logits": "maybe"}):
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            PerplexityCallback(dataset, **wrong)


def test_lora_and_quantization_change_the_figures_of_a_callback_that_has_measured_before():
    model = make_model()
    data = make_data()
    callback = PerplexityCallback(data)
    before = callback.evaluate(model)
    model.layers[-1].enable_lora(2)
    for change in ("lora", "int8"):
        if change == "lora":
            model.layers[-1].lora_kernel_b.assign(np.full((2, VOCAB), 3.0) * np.arange(VOCAB))
        else:
            model.layers[-1].quantize("int8")
        found = callback.evaluate(model)
        assert found == PerplexityCallback(data).evaluate(model)
        assert found != before
        before = found
