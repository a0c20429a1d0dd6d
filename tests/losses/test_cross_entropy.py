"""The loss and its gradient against NumPy in float64."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.losses import CrossEntropy, token_nats

VOCAB = 9


def softmax(logits):
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def numpy_loss(logits, ids, weights):
    """Loss and gradient with respect to the logits."""
    p = softmax(logits.astype("float64"))
    hot = np.eye(VOCAB)[ids]
    total = weights.sum()
    if total == 0:
        return 0.0, np.zeros_like(p)
    loss = -(np.log((p * hot).sum(-1)) * weights).sum() / total
    return loss, (p - hot) * weights[..., None] / total


@given(
    seed=st.integers(0, 2**31),
    shape=st.tuples(st.integers(1, 4), st.integers(1, 6)),
    one_hot=st.booleans(),
    as_logits=st.booleans(),
    kept=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_loss_and_gradient_equal_numpy(seed, shape, one_hot, as_logits, kept):
    rng = np.random.default_rng(seed)
    logits = tf.Variable(rng.normal(0, 2, (*shape, VOCAB)).astype("float32"))
    ids = rng.integers(0, VOCAB, shape)
    weights = (rng.random(shape) < kept) * rng.uniform(0.1, 3.0, shape).astype("float32")
    targets = np.eye(VOCAB, dtype="float32")[ids] if one_hot else ids
    with tf.GradientTape() as tape:
        outputs = logits if as_logits else tf.nn.softmax(logits)
        loss = CrossEntropy(from_logits=as_logits)(targets, outputs, weights)
    wanted, gradient = numpy_loss(logits.numpy(), ids, weights)
    assert float(loss) == pytest.approx(wanted, rel=1e-5, abs=1e-7)
    np.testing.assert_allclose(tape.gradient(loss, logits), gradient, atol=2e-6)


def test_padding_neither_adds_nor_divides():
    logits = np.zeros((2, 4, 2), "float32")
    weights = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], "float32")
    loss = CrossEntropy()(np.full((2, 4), -100), logits, weights * 0)
    assert float(loss) == 0.0
    assert float(CrossEntropy()(np.ones((2, 4), int), logits, weights)) == pytest.approx(np.log(2))


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_weights_per_row_count_each_token(shape):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, VOCAB)).astype("float32")
    ids = rng.integers(0, VOCAB, (3, 4))
    rows = np.array([1.0, 0.0, 3.0], "float32")
    wanted, _ = numpy_loss(logits, ids, np.repeat(rows[:, None], 4, axis=1))
    assert float(CrossEntropy()(ids, logits, rows.reshape(shape))) == pytest.approx(wanted, 1e-5)


def test_impossible_token_has_finite_nats_and_gradient():
    probabilities = tf.constant([[0.0, 1.0]])
    with tf.GradientTape() as tape:
        tape.watch(probabilities)
        loss = CrossEntropy(from_logits=False)([0], probabilities)
    assert 80 < float(loss) < 90
    assert np.isfinite(tape.gradient(loss, probabilities)).all()


def test_equals_keras_where_nothing_is_padded():
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(5, 7, VOCAB)).astype("float32")
    ids = rng.integers(0, VOCAB, (5, 7))
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(ids, logits)
    assert float(CrossEntropy()(ids, logits)) == pytest.approx(float(theirs), rel=1e-6)
    np.testing.assert_allclose(
        CrossEntropy().call(ids, logits), token_nats(ids, logits)[0], rtol=1e-6
    )


def test_trains_under_xla_and_is_saved_with_a_model(tmp_path):
    rng = np.random.default_rng(2)
    model = keras.Sequential(
        [keras.Input((4,), dtype="int32"), keras.layers.Embedding(VOCAB, VOCAB)]
    )
    model.add(keras.layers.Softmax())
    model.compile("adam", CrossEntropy(from_logits=False), jit_compile=True)
    inputs, ids = rng.integers(0, VOCAB, (2, 6, 4))
    losses = model.fit(inputs, ids, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.from_logits is False
    assert again.evaluate(inputs, ids, verbose=0) == pytest.approx(
        model.evaluate(inputs, ids, verbose=0), rel=1e-6
    )
