"""Products of one row in parts equal whole ones, and the layer equals Keras's."""

import keras
import numpy as np
import pytest
from keras import ops

import lmzoo
from lmzoo.layers import Dense, dense
from lmzoo.layers.dense import product

SIZES = [(768, 100, 8), (650, 110, 5), (257, 300, 1), (16, 16, 1)]


@pytest.mark.parametrize(("dim", "units", "blocks"), SIZES)
@pytest.mark.parametrize("shape", [(1,), (1, 1), (2, 1), (1, 3)])
def test_a_product_in_parts_equals_the_whole_one(dim, units, blocks, shape):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((*shape, dim)).astype("float32")
    weight = keras.Variable(rng.standard_normal((dim, units)).astype("float32"))
    assert dense._blocks(ops.convert_to_tensor(x), weight) == (blocks if set(shape) == {1} else 1)
    found = ops.convert_to_numpy(product(ops.convert_to_tensor(x), weight, "float32"))
    np.testing.assert_allclose(found, x @ ops.convert_to_numpy(weight), atol=2e-4)


def test_one_row_through_a_large_layer_has_bias_and_activation():
    rng = np.random.default_rng(0)
    layer = Dense(300, "tanh", bias_initializer="random_normal")
    layer.build((None, 1, 256))
    x = rng.standard_normal((1, 1, 256)).astype("float32")
    two = layer(np.concatenate([x, x]))
    np.testing.assert_allclose(layer(x)[0], two[0], atol=1e-5)


def test_dense_equals_keras_and_quantizes():
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
