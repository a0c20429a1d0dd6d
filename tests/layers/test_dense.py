"""Weights laid out for few rows give the same products, and only where they are laid out."""

import keras
import numpy as np
import pytest
from keras import ops

import lmzoo
from lmzoo.layers import Dense, dense, few_rows, product

BUILDS = {
    "lstm_lm": {"embed_dim": 130, "hidden_dim": 130},
    "gru_lm": {"embed_dim": 150, "hidden_dim": 150},
    "rnn_lm": {"embed_dim": 260, "hidden_dim": 260},
    "cnn_lm": {"hidden_dim": 130},
    "gpt2_lm": {"embed_dim": 132, "num_layers": 1, "num_heads": 4, "max_length": 8},
    "llama_lm": {"embed_dim": 144, "hidden_dim": 256, "num_layers": 1, "num_heads": 4},
}


@pytest.mark.parametrize("name", BUILDS)
def test_steps_give_the_same_logits(name):
    model = lmzoo.build_model(name, vocab_size=301, **BUILDS[name])
    ids = np.random.default_rng(0).integers(0, 301, (2, 5))
    plain = model.start(ids[:, :1], 5)
    with few_rows(model):
        assert any(dense.is_in_parts(weight) for weight in model.weights)
        laid_out = model.start(ids[:, :1], 5)
        np.testing.assert_allclose(laid_out[0], plain[0], atol=1e-5)
        step = model.step(ids[:, 1:2], laid_out[1], laid_out[2])[0]
    np.testing.assert_allclose(step, model.step(ids[:, 1:2], plain[1], plain[2])[0], atol=1e-5)
    assert not any(dense.is_in_parts(weight) for weight in model.weights)


def test_small_matrices_stay_as_they_are():
    model = lmzoo.build_gru_lm(20, embed_dim=8, hidden_dim=8, tie_embeddings=True)
    with few_rows(model):
        assert not any(dense.is_in_parts(weight) for weight in model.weights)


def test_dense_equals_keras_and_quantises():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4)).astype("float32")
    ours, theirs = Dense(5, "relu"), keras.layers.Dense(5, "relu")
    theirs.build(x.shape)
    ours.build(x.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_array_equal(ours(x), theirs(x))
    assert ours.get_config() | {"name": ""} == theirs.get_config() | {"name": ""}
    ours.quantize("int8")
    theirs.quantize("int8")
    np.testing.assert_array_equal(ours(x), theirs(x))


def test_product_takes_any_shape_and_dtype():
    weight = keras.Variable(np.ones((3, 4), "float32"))
    found = product(ops.ones((2, 5, 3), "bfloat16"), weight, "bfloat16")
    assert tuple(found.shape) == (2, 5, 4)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"


def test_after_training_the_new_weights_speak_in_a_long_loop():
    keras.utils.set_random_seed(0)
    model = lmzoo.build_lstm_lm(40, embed_dim=130, hidden_dim=130, num_layers=1, dropout=0.0)
    first = lmzoo.generate(model, [3], max_new_tokens=40, temperature=0)
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).standard_normal(weight.shape) * 0.3)
    second = lmzoo.generate(model, [3], max_new_tokens=40, temperature=0)
    logits = ops.convert_to_numpy(model(np.array([second])))[0]
    assert list(second[1:]) == logits[:-1].argmax(axis=-1).tolist()
    assert list(first) != list(second)
