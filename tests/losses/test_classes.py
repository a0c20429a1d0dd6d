"""The losses of classes and tags and their gradients against NumPy in float64, and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import ArgumentError
from lmzoo.losses.classes import (
    ClassCrossEntropy,
    TagCrossEntropy,
    class_columns,
    class_distributions,
    log_distributions,
)


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def numpy_loss(p, q, weights, smoothing=0.0, gamma=0.0, class_weights=None):
    """The loss of probabilities p (..., classes) and targets q of the same shape."""
    of_class = np.ones(p.shape[-1]) if class_weights is None else np.asarray(class_weights)
    share = (q * of_class).sum(-1)
    smooth = (1 - smoothing) * q * of_class + smoothing * share[..., None] / p.shape[-1]
    nats = -(smooth * (1 - p) ** gamma * np.log(p)).sum(-1)
    total = (weights * share).sum()
    return (weights * nats).sum() / total if total else 0.0


def numeric_gradient(value, x, step=1e-5):
    gradient = np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            gradient[place] += sign * value(moved) / (2 * step)
    return gradient


CASES = {
    "seed": st.integers(0, 2**31),
    "classes": st.integers(2, 4),
    "smoothing": st.sampled_from([0.0, 0.1]),
    "gamma": st.sampled_from([0.0, 0.5, 2.0]),
    "weighted": st.booleans(),
    "as_rows": st.sampled_from(["ids", "column", "distributions"]),
}


@given(**CASES)
def test_loss_and_gradient_equal_numpy(seed, classes, smoothing, gamma, weighted, as_rows):
    rng = np.random.default_rng(seed)
    binary = classes == 2 and seed % 2 == 0  # one logit, through a sigmoid
    logits = rng.normal(0, 2, (5, 1 if binary else classes))
    ids = rng.integers(0, classes, 5)
    q = rng.dirichlet(np.ones(classes), 5) if as_rows == "distributions" else np.eye(classes)[ids]
    weights = rng.uniform(0.1, 2, 5) * (rng.random(5) < 0.8)
    of_class = rng.uniform(0, 2, classes).tolist() if weighted else None
    settings = {"label_smoothing": smoothing, "focal_gamma": gamma, "class_weights": of_class}

    def wanted(logits):
        both = np.concatenate([np.zeros_like(logits), logits], -1) if binary else logits
        return numpy_loss(softmax(both), q, weights, smoothing, gamma, of_class)

    labels = {"ids": ids, "column": ids[:, None], "distributions": q.astype("float32")}[as_rows]
    variable = tf.Variable(logits.astype("float32"))
    theirs = keras.activations.sigmoid if binary else keras.activations.softmax
    for activation in (None, tf.sigmoid if binary else tf.nn.softmax, theirs):
        loss = ClassCrossEntropy(from_logits=activation is None, **settings)
        with tf.GradientTape() as tape:
            y_pred = variable if activation is None else activation(variable)
            value = loss(labels, y_pred, weights.astype("float32"))
        assert float(value) == pytest.approx(wanted(logits), rel=1e-4, abs=1e-6)
        found = tape.gradient(value, variable).numpy()
        np.testing.assert_allclose(found, numeric_gradient(wanted, logits), atol=2e-4)


@given(seed=st.integers(0, 2**31), kept=st.sampled_from([0.0, 0.6, 1.0]), weighted=st.booleans())
def test_tags_equal_numpy_and_padding_neither_adds_nor_divides(seed, kept, weighted):
    rng = np.random.default_rng(seed)
    p = softmax(rng.normal(0, 2, (3, 4, 5)))
    tags = rng.integers(0, 5, (3, 4))
    weights = rng.uniform(0.1, 2, (3, 4)) * (rng.random((3, 4)) < kept)
    of_tag = rng.uniform(0, 2, 5).tolist() if weighted else None
    wanted = numpy_loss(p, np.eye(5)[tags], weights, 0.1, 1.0, of_tag)
    loss = TagCrossEntropy(False, 0.1, 1.0, of_tag)
    shown = np.where(weights > 0, tags, -7)
    for labels in (shown, shown[..., None]):
        found = loss(labels, p.astype("float32"), weights.astype("float32"))
        assert float(found) == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    logits = np.log(p).astype("float32")
    found = TagCrossEntropy(True, 0.1, 1.0, of_tag)(shown, logits, weights.astype("float32"))
    assert float(found) == pytest.approx(wanted, rel=1e-4, abs=1e-6)
    rows = weights[:, 0].astype("float32")
    spread = numpy_loss(p, np.eye(5)[tags], np.repeat(rows[:, None], 4, 1), 0.1, 1.0, of_tag)
    assert float(loss(tags, p.astype("float32"), rows)) == pytest.approx(spread, rel=1e-4, abs=1e-6)


def test_equal_to_those_of_keras():
    rng = np.random.default_rng(1)
    p = softmax(rng.normal(size=(6, 3))).astype("float32")
    ids = rng.integers(0, 3, 6)
    theirs = keras.losses.SparseCategoricalCrossentropy()(ids, p)
    assert float(ClassCrossEntropy(False)(ids, p)) == pytest.approx(float(theirs), rel=1e-5)
    theirs = keras.losses.CategoricalCrossentropy(label_smoothing=0.2)(np.eye(3)[ids], p)
    assert float(ClassCrossEntropy(False, 0.2)(ids, p)) == pytest.approx(float(theirs), rel=1e-5)
    two, ids = p[:, :1], ids % 2
    for smoothing in (0.0, 0.2):
        theirs = keras.losses.BinaryCrossentropy(label_smoothing=smoothing)(ids[:, None], two)
        ours = ClassCrossEntropy(False, smoothing)(ids, two)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    theirs = keras.losses.BinaryFocalCrossentropy(gamma=2.0)(ids[:, None], two)
    ours = ClassCrossEntropy(False, focal_gamma=2.0)(ids, two)
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    logits = rng.normal(0, 3, (6, 3)).astype("float32")
    ids = rng.integers(0, 3, 6)
    theirs = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(ids, logits)
    assert float(ClassCrossEntropy()(ids, logits)) == pytest.approx(float(theirs), rel=1e-5)
    theirs = keras.losses.BinaryCrossentropy(from_logits=True)(ids[:, None] % 2, logits[:, :1])
    ours = ClassCrossEntropy()(ids % 2, logits[:, :1])
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)


def test_tiny_probabilities_keep_their_gradient():
    """40 logits on the wrong side: Keras's losses of probabilities have no gradient there."""
    for logits, activation in (
        ([[40.0]], keras.activations.sigmoid),
        ([[-40.0, 0.0]], tf.nn.softmax),
        ([[-40.0, 0.0]], keras.activations.softmax),
        ([[40.0]], None),
        ([[-40.0, 0.0]], None),
    ):
        x = tf.Variable(logits)
        for gamma in (0.0, 2.0):
            with tf.GradientTape() as tape:
                y_pred = x if activation is None else activation(x)
                loss = ClassCrossEntropy(activation is None, focal_gamma=gamma)([0], y_pred)
            assert float(loss) == pytest.approx(40, rel=1e-5)
            assert abs(float(tape.gradient(loss, x)[0, 0])) == pytest.approx(1, rel=1e-5)


def test_impossible_classes_have_finite_nats_and_gradients():
    for p, label in (([[0.0]], 1), ([[1.0]], 0), ([[0.0, 1.0]], 0)):
        x = tf.constant(p)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = ClassCrossEntropy(False, focal_gamma=0.5)([label], x)
        assert 15 < float(loss) < 70
        assert np.isfinite(tape.gradient(loss, x)).all()


def test_an_unknown_class_is_refused_and_in_a_graph_nan_unless_it_does_not_count():
    p = np.full((2, 3), 1 / 3, "float32")
    for unknown in (3, -1):
        for from_logits in (True, False):
            of = ClassCrossEntropy(from_logits)
            with pytest.raises(ArgumentError, match=f"label {unknown} is outside 0 to 2"):
                of([0, unknown], p)
            assert np.isnan(float(tf.function(of, autograph=False)(tf.constant([0, unknown]), p)))
            x = tf.Variable(p)
            with tf.GradientTape() as tape:
                loss = of([0, unknown], x, np.array([1.0, 0.0], "float32"))
            assert float(loss) == pytest.approx(np.log(3), rel=1e-6)
            assert np.isfinite(tape.gradient(loss, x)).all()


@pytest.mark.parametrize("kind", [ClassCrossEntropy, TagCrossEntropy])
def test_arguments_and_shapes_that_do_not_fit_are_named(kind):
    for arguments, words in (
        ({"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        ({"focal_gamma": -1.0}, "focal_gamma is -1.0"),
        ({"class_weights": [1.0, -1.0]}, "class_weights is"),
    ):
        with pytest.raises(ArgumentError, match=words):
            kind(**arguments)
    shape = (2, 3) if kind is ClassCrossEntropy else (2, 4, 3)
    p, ids = np.full(shape, 1 / 3, "float32"), np.zeros(shape[:-1], int)
    with pytest.raises(ArgumentError, match="2 weights for 3 classes"):
        kind(class_weights=[1.0, 1.0])(ids, p)
    with pytest.raises(ArgumentError, match="do not fit 3 classes"):
        kind()(np.zeros((*shape[:-1], 2)), p)
    with pytest.raises(ArgumentError, match=f"{kind.__name__} takes"):
        kind()(ids, p[None])


def test_distributions_have_a_column_for_every_class():
    p = np.array([[0.2], [0.7]], "float32")
    both = np.array([[0.8, 0.2], [0.3, 0.7]])
    np.testing.assert_allclose(class_distributions(p, from_logits=False), both, rtol=1e-6)
    np.testing.assert_allclose(np.exp(log_distributions(p, from_logits=False)), both, rtol=1e-6)
    np.testing.assert_array_equal(class_distributions(np.eye(3), from_logits=False), np.eye(3))
    logits = np.log(p / (1 - p))
    np.testing.assert_allclose(class_distributions(logits), both, rtol=1e-5)
    np.testing.assert_allclose(np.exp(log_distributions(logits)), both, rtol=1e-5)
    np.testing.assert_allclose(class_distributions(class_columns(logits)), both, rtol=1e-5)


def test_trains_under_xla_and_is_saved_with_a_model(tmp_path):
    """Also that a plain model's call hands on the logits, which make the loss exact."""
    rng = np.random.default_rng(2)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, "sigmoid")])
    loss = ClassCrossEntropy(False, 0.1, 1.0, [1.0, 2.0])
    model.compile("adam", loss, jit_compile=True)
    x, y = rng.normal(size=(6, 4)).astype("float32"), rng.integers(0, 2, 6)
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == loss.get_config()
    found, wanted = (m.evaluate(x, y, verbose=0) for m in (again, model))
    assert found == pytest.approx(wanted, rel=1e-6)
    model.layers[-1].bias.assign([60.0])
    model.compile(keras.optimizers.SGD(1.0), ClassCrossEntropy(False), jit_compile=True)
    assert model.fit(0 * x, 0 * y, verbose=0).history["loss"] == pytest.approx([60.0])
    assert float(model.layers[-1].bias[0]) == pytest.approx(59.0)
