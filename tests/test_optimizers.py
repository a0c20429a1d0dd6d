"""LazyAdam against NumPy, against Adam where all rows have gradients, in fit and saved."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.optimizers import LazyAdam


def lazy_rows(value, gradients, rate, beta_1, beta_2, epsilon):
    """The rows one by one, in float64."""
    value = value.astype("float64")
    m, v = np.zeros_like(value), np.zeros_like(value)
    for step, gradient in enumerate(gradients, 1):
        for row in np.flatnonzero((gradient != 0).any(axis=1)):
            m[row] = beta_1 * m[row] + (1 - beta_1) * gradient[row]
            v[row] = beta_2 * v[row] + (1 - beta_2) * gradient[row] ** 2
            mean, square = m[row] / (1 - beta_1**step), v[row] / (1 - beta_2**step)
            # Keras adds epsilon before the second moment's correction.
            value[row] -= rate * mean / (np.sqrt(square) + epsilon / np.sqrt(1 - beta_2**step))
    return value


def updated(optimizer, value, gradients, path="embeddings"):
    variable = keras.Variable(value, name=path)
    optimizer.build([variable])
    for gradient in gradients:
        optimizer.apply([ops.convert_to_tensor(gradient)], [variable])
    return ops.convert_to_numpy(variable)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.95), st.floats(0.5, 0.999))
def test_rows_move_only_when_they_have_a_gradient(seed, beta_1, beta_2):
    rng = np.random.default_rng(seed)
    value = rng.standard_normal((6, 3)).astype("float32")
    gradients = rng.standard_normal((5, 6, 3)) * (rng.random((5, 6, 1)) < 0.4)
    gradients = gradients.astype("float32")
    found = updated(LazyAdam(0.1, beta_1, beta_2), value, gradients)
    wanted = lazy_rows(value, gradients, 0.1, beta_1, beta_2, 1e-7)
    np.testing.assert_allclose(found, wanted, atol=2e-4)
    never = ~(gradients != 0).any(axis=(0, 2))
    np.testing.assert_array_equal(found[never], value[never])


@pytest.mark.parametrize(("path", "full"), [("embeddings", True), ("kernel", False)])
def test_it_is_adam_where_all_rows_have_gradients_and_elsewhere(path, full):
    rng = np.random.default_rng(0)
    value = rng.standard_normal((6, 3)).astype("float32")
    gradients = rng.standard_normal((4, 6, 3)) * (full or rng.random((4, 6, 1)) < 0.5)
    gradients = gradients.astype("float32")
    found = updated(LazyAdam(0.1), value, gradients, path)
    wanted = updated(keras.optimizers.Adam(0.1), value, gradients, path)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_fit_leaves_absent_words_alone_and_the_model_is_saved_with_it(tmp_path):
    keras.utils.set_random_seed(0)
    model = lmzoo.build_lstm_lm(30, embed_dim=4, hidden_dim=4, num_layers=1, dropout=0.0)
    model.compile(LazyAdam(0.1, clipnorm=1.0))
    before = ops.convert_to_numpy(model.embedding.embeddings).copy()
    first = np.random.default_rng(0).integers(0, 10, (8, 5))
    second = np.random.default_rng(0).integers(10, 20, (8, 5))
    model.fit(first, first, batch_size=8, epochs=1, verbose=0)
    middle = ops.convert_to_numpy(model.embedding.embeddings).copy()
    model.fit(second, second, batch_size=8, epochs=2, verbose=0)
    after = ops.convert_to_numpy(model.embedding.embeddings)
    np.testing.assert_array_equal(after[20:], before[20:])
    np.testing.assert_array_equal(after[:10], middle[:10])  # Adam would go on by momentum
    assert (np.abs(after[10:20] - middle[10:20]) > 0.01).any()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.optimizer, LazyAdam)
    assert loaded.optimizer.get_config() == model.optimizer.get_config()


@pytest.mark.parametrize("lazy", [[], "embeddings"])
def test_what_is_lazy_must_be_a_list(lazy):
    with pytest.raises(ArgumentError, match="lazy"):
        LazyAdam(lazy=lazy)


def test_a_plain_keras_embedding_trains_as_one_with_a_dense_gradient():
    """TensorFlow gives its gradient as rows, id 3 twice, which Keras's Adam does not add up."""
    value = np.random.default_rng(0).standard_normal((6, 2)).astype("float32")
    model = keras.Sequential([keras.layers.Embedding(6, 2), keras.layers.Flatten()])
    model.build((None, 3))
    model.layers[0].set_weights([value])
    model.compile(LazyAdam(0.1, clipvalue=0.05), "mse", jit_compile=False)
    model.fit(np.array([[3, 3, 5]]), np.zeros((1, 6)), verbose=0)
    rows = np.zeros_like(value)
    rows[[3, 5]] = value[[3, 5]] * [[2], [1]] / 3
    wanted = updated(LazyAdam(0.1, clipvalue=0.05), value, [rows])
    np.testing.assert_allclose(model.layers[0].get_weights()[0], wanted, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [
        {"amsgrad": True},
        {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2},
        {"gradient_accumulation_steps": 2},
        {"loss_scale_factor": 2.0},
    ],
    ids=str,
)
def test_the_other_settings_of_adam_are_there(arguments):
    """They give Adam's numbers where every row has a gradient."""
    rng = np.random.default_rng(0)
    value = rng.standard_normal((6, 3)).astype("float32")
    gradients = [
        g * scale for g, scale in zip(rng.standard_normal((4, 6, 3)), [9, 1, 1, 1], strict=True)
    ]
    gradients = np.array(gradients, "float32")
    optimizer = LazyAdam(0.1, **arguments)
    found = updated(optimizer, value, gradients)
    wanted = updated(keras.optimizers.Adam(0.1, **arguments), value, gradients)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    again = LazyAdam.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
