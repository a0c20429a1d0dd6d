"""The drop-in layers give Keras's numbers, gradients, states, masks and files."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import lmzoo

PAIRS = {
    "SimpleRNN": (lmzoo.layers.SimpleRNN, keras.layers.SimpleRNN),
    "GRU": (lmzoo.layers.GRU, keras.layers.GRU),
    "LSTM": (lmzoo.layers.LSTM, keras.layers.LSTM),
}


def pair(name, seed=0, dim=4, **arguments):
    """Our layer and Keras's with the same random weights."""
    ours, theirs = (cls(5, **arguments) for cls in PAIRS[name])
    rng = np.random.default_rng(seed)
    for layer in (ours, theirs):
        layer.build((3, None, dim))
    values = [rng.standard_normal(w.shape) * 0.5 for w in theirs.weights if "seed" not in w.path]
    for layer in (ours, theirs):
        for weight, value in zip(
            [w for w in layer.weights if "seed" not in w.path], values, strict=True
        ):
            weight.assign(value)
    return ours, theirs


def run(layer, x, mask, states, xla):
    """Outputs, and the gradients of a weighted sum of them in everything."""

    def both(x, *states):
        variables = [v.value for v in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            found = layer(x, mask=mask, initial_state=list(states) or None)
            found = found if isinstance(found, list | tuple) else [found]
            loss = tf.add_n([tf.reduce_sum(tf.sin(3.0 * part)) for part in found])
        return found, tape.gradient(loss, [x, *states, *variables])

    return tf.function(both, jit_compile=xla)(x, *states)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    time=st.integers(1, 7),
    masked=st.booleans(),
    backwards=st.booleans(),
    sequences=st.booleans(),
    given_states=st.booleans(),
    use_bias=st.booleans(),
    xla=st.booleans(),
)
@pytest.mark.parametrize("name", PAIRS)
def test_outputs_states_and_gradients_equal_keras(
    name, seed, time, masked, backwards, sequences, given_states, use_bias, xla
):
    rng = np.random.default_rng(seed)
    ours, theirs = pair(
        name, seed, return_sequences=sequences, return_state=True, go_backwards=backwards,
        use_bias=use_bias,
    )  # fmt: skip
    x = tf.constant(rng.standard_normal((3, time, 4)), "float32")
    mask = tf.constant(rng.random((3, time)) < 0.6) if masked else None
    number = (2 if name == "LSTM" else 1) if given_states else 0
    states = [tf.constant(rng.standard_normal((3, 5)), "float32") for _ in range(number)]
    found, gradients = run(ours, x, mask, states, xla)
    wanted, wanted_gradients = run(theirs, x, mask, states, False)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    for a, b in zip(gradients, wanted_gradients, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_a_masked_text_in_bidirectional_equals_keras(name):
    ours, theirs = pair(name, return_sequences=True)
    layers = [keras.layers.Bidirectional(layer) for layer in (ours, theirs)]
    for layer in layers:
        layer.build((3, 6, 4))
    layers[0].set_weights(layers[1].get_weights())
    x = np.random.default_rng(0).standard_normal((3, 6, 4)).astype("float32")
    mask = np.arange(6)[None, :] < np.array([[6], [2], [4]])
    np.testing.assert_allclose(*(layer(x, mask=mask) for layer in layers), atol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"activation": "relu"},
        {"stateful": True},
        {"unroll": True},
        {"recurrent_dropout": 0.3},
        {"dtype": "mixed_bfloat16"},
    ],
    ids=str,
)
def test_other_arguments_give_keras_numbers_too(name, arguments):
    ours, theirs = pair(name, **arguments)
    x = np.random.default_rng(0).standard_normal((3, 4, 4)).astype("float32")
    tolerance = 0.05 if "dtype" in arguments else 1e-5
    for _ in range(2):  # the second time from the states that the first left, where stateful
        found, wanted = (tf.cast(layer(x), "float32") for layer in (ours, theirs))
        np.testing.assert_allclose(found, wanted, atol=tolerance)


@pytest.mark.parametrize("name", PAIRS)
def test_dropout_drops_inputs_in_training_only(name):
    layer = PAIRS[name][0](5, dropout=0.5, seed=1)
    x = np.random.default_rng(0).standard_normal((3, 4, 4)).astype("float32")
    first, second = layer(x, training=True), layer(x, training=True)
    assert np.abs(first - second).max() > 1e-3
    np.testing.assert_array_equal(layer(x), layer(x))


@pytest.mark.parametrize("name", PAIRS)
def test_a_users_own_sequential_trains_saves_and_loads(name, tmp_path):
    model = keras.Sequential(
        [
            keras.layers.Embedding(20, 4, mask_zero=True),
            PAIRS[name][0](8),
            keras.layers.Dense(20, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (16, 6)), rng.integers(0, 20, 16)
    losses = model.fit(x, y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize("name", PAIRS)
def test_the_configuration_is_keras_own(name):
    ours, theirs = (cls(5, dropout=0.1, name="layer", seed=3) for cls in PAIRS[name])
    assert ours.get_config() == theirs.get_config()
    assert type(type(ours).from_config(theirs.get_config())) is type(ours)


USUAL = [{}, {"go_backwards": True}, {"stateful": True}, {"unroll": True}, {"dropout": 0.5}]
UNUSUAL = [{"activation": "relu"}, {"recurrent_dropout": 0.5}]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("arguments", USUAL + UNUSUAL, ids=str)
def test_the_usual_cases_leave_keras_own_loop(name, arguments, monkeypatch):
    """Otherwise the comparisons above would compare Keras with Keras."""
    layer, _ = pair(name, **arguments)
    x = np.zeros((3, 4, 4), "float32")

    def keras_loop(*args, **kwargs):
        raise AttributeError("Keras's loop was called")

    monkeypatch.setattr(keras.layers.RNN, "inner_loop", keras_loop)
    if arguments in USUAL:
        layer(x, training=True)
    else:
        with pytest.raises(AttributeError, match="Keras's loop"):
            layer(x, training=True)


def test_gru_with_its_reset_gate_before_the_product_equals_keras():
    ours, theirs = pair("GRU", reset_after=False)
    x = np.random.default_rng(0).standard_normal((3, 4, 4)).astype("float32")
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_eager_gradients_equal_keras(name):
    x = tf.constant(np.random.default_rng(0).standard_normal((3, 4, 4)), "float32")
    found = []
    for layer in pair(name):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(3.0 * layer(x)))
        found.append(tape.gradient(loss, [x, *(v.value for v in layer.trainable_variables)]))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_masked_outputs_can_be_zeros(name):
    ours, theirs = pair(name, return_sequences=True)
    x = np.random.default_rng(0).standard_normal((3, 4, 4)).astype("float32")
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0]], bool)
    for layer in (ours, theirs):
        layer.zero_output_for_mask = True
    np.testing.assert_allclose(ours(x, mask=mask), theirs(x, mask=mask), atol=1e-6)
