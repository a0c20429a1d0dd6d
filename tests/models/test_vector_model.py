"""Training on token vectors: mixed texts, and vectors moved against the model."""

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.layers.heads.decision import ClassHead
from lmzoo.layers.pooling import Pooling
from lmzoo.losses.classes import ClassCrossEntropy
from lmzoo.models.classifier_model import ClassifierModel
from lmzoo.models.classifiers import build_bow_classifier, build_lstm_classifier
from lmzoo.models.mixing import Mixing, larger_share
from lmzoo.models.vector_model import VectorModel, adversarial_move


def small(classes=3, seed=0):
    """A classifier that is quick to compile: the mean of its vectors and a linear layer."""
    keras.utils.set_random_seed(seed)
    embedding = lmzoo.layers.TokenEmbedding(20, 6, initializer_range=1.0)
    return ClassifierModel(embedding, [], Pooling("mean"), ClassHead(classes))


def batch(seed=0, rows=6, time=5, classes=3):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, rows)
    ids = rng.integers(4, 20, (rows, time)) * (np.arange(time) < lengths[:, None])
    weights = rng.uniform(0.5, 2, rows).astype("float32")
    return ids.astype("int32"), rng.integers(0, classes, rows).astype("int32"), weights


def shown_loss(model, data, **arguments):
    """The loss that one step of `fit` shows, which is that before the step."""
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True, **arguments)
    dataset = tf.data.Dataset.from_tensors(data)
    return model.fit(dataset, verbose=0).history["loss"][0]


def plain_loss(model, ids, labels, weights):
    return float(ClassCrossEntropy()(labels, model(ids), weights))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_those_of_the_beta_distribution(alpha):
    u = np.linspace(0.001, 0.999, 500).astype("float32")
    found = larger_share(u, alpha).numpy()
    # The larger of x and 1 - x is above s where x is outside [1 - s, s].
    wanted = scipy.stats.beta.ppf(1 - u.astype("float64") / 2, alpha, alpha)
    np.testing.assert_allclose(found, wanted, atol=2e-4)


@given(seed=st.integers(0, 2**31), binary=st.booleans())
def test_mixing_equals_numpy(seed, binary):
    rng = np.random.default_rng(seed)
    ids, labels, weights = batch(seed, classes=2 if binary else 3)
    weights = weights * (rng.random(6) < 0.8)
    vectors = rng.normal(size=(6, 5, 4)).astype("float32")
    partner, share = np.roll(np.arange(6), 2), rng.uniform(0.5, 1, 6).astype("float32")
    share[0] = 1
    mixing = Mixing(tf.constant(partner), tf.constant(share))
    mixed, real = mixing.mix(tf.constant(vectors), tf.constant(ids != 0))
    plain = np.where((ids != 0)[..., None], vectors, 0)
    wanted = share[:, None, None] * plain + (1 - share)[:, None, None] * plain[partner]
    np.testing.assert_allclose(mixed, wanted, atol=1e-6)
    both = (ids != 0) | (ids[partner] != 0)
    both[0] = ids[0] != 0
    np.testing.assert_array_equal(real, both)
    # The loss of mixed labels is that of both labels, each with its share and its row's weight.
    p = rng.dirichlet([1, 1, 1], 6).astype("float32")
    p = p[:, :1] if binary else p
    targets, weight = mixing.mix_labels(labels, weights.astype("float32"), tf.constant(p))
    columns = np.concatenate([1 - p, p], 1) if binary else p
    nats = -np.log(columns)
    rows = np.arange(6)
    own, other = share * weights, (1 - share) * weights[partner]
    total = (own * nats[rows, labels] + other * nats[rows, labels[partner]]).sum()
    wanted = total / (own + other).sum() if own.sum() + other.sum() else 0.0
    found = ClassCrossEntropy()(targets, tf.constant(p), weight)
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_mixing_a_text_with_its_own_kind_changes_nothing_and_what_does_not_count_is_left_out():
    model = small()
    ids, labels, weights = batch()
    alike = np.repeat(ids[:1], 6, 0), np.repeat(labels[:1], 6), weights
    assert shown_loss(model, alike, mix_up=1.0) == pytest.approx(
        plain_loss(model, *alike), rel=1e-5
    )
    weights = np.array([2, 0, 0, 0, 0, 0], "float32")
    data = ids, np.where(weights > 0, labels, -1), weights
    assert shown_loss(model, data, mix_up=1.0) == pytest.approx(plain_loss(model, *data), rel=1e-5)


def test_each_step_mixes_anew_and_a_text_with_every_other():
    model = small()
    data = batch()
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True, mix_up=1.0)
    dataset = tf.data.Dataset.from_tensors(data).repeat()
    losses = model.fit(dataset, steps_per_epoch=1, epochs=5, verbose=0).history["loss"]
    assert len(set(losses)) == 5
    partners = np.stack([model._draw_mixing(data).partner for _ in range(60)])
    for row in range(6):
        assert set(partners[:, row]) == set(range(6)) - {row}
    alone = tuple(part[:1] for part in data)
    assert shown_loss(model, alone, mix_up=1.0) == pytest.approx(plain_loss(model, *alone))


@given(seed=st.integers(0, 2**31), epsilon=st.floats(0.01, 5))
def test_a_move_is_as_long_as_asked_for_and_leads_uphill(seed, epsilon):
    rng = np.random.default_rng(seed)
    ids = batch(seed)[0]
    mask = ids != 0
    vectors = rng.normal(0, 3, (6, 5, 4)).astype("float32")
    gradient = rng.normal(size=(6, 5, 4)).astype("float32") * 1e-25
    gradient[0] = 0
    moves = adversarial_move(gradient, vectors, mask, epsilon).numpy()
    assert (moves[~mask] == 0).all()
    assert (moves[0] == 0).all()
    for row in range(1, 6):
        unit = np.sqrt((vectors[row][mask[row]] ** 2).mean())
        direction = gradient[row][mask[row]].astype("float64")
        wanted = epsilon * unit * direction / np.linalg.norm(direction)
        np.testing.assert_allclose(moves[row][mask[row]], wanted, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["mean", "lstm", "bow"])
def test_the_adversarial_loss_is_added_and_larger(name):
    if name == "mean":
        model = small()
    elif name == "lstm":
        model = build_lstm_classifier(20, num_classes=3, embed_dim=6, hidden_dim=6)
    else:
        model = build_bow_classifier(20, num_classes=3, embed_dim=6, buckets=50)
    data = batch()
    ids, labels, weights = data
    vectors, real = model.vectors(ids)
    np.testing.assert_allclose(model.from_vectors(vectors, real), model(ids), rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        loss = ClassCrossEntropy()(labels, model.from_vectors(vectors, real), weights)
    move = adversarial_move(tape.gradient(loss, vectors), vectors, real, 1.0)
    moved = ClassCrossEntropy()(labels, model.from_vectors(vectors + move, real), weights)
    assert float(moved) > float(loss)
    found = shown_loss(model, data, adversarial=1.0)
    assert found == pytest.approx(float(loss + moved), rel=1e-4)


def test_the_adversarial_step_lowers_both_losses_and_counts_a_penalty_once():
    data = batch()
    model = build_lstm_classifier(20, num_classes=3, embed_dim=6, hidden_dim=6, l2=0.1)
    penalty = float(sum(model.losses))
    assert penalty > 0.1
    found = shown_loss(model, data, adversarial=1e-7)
    assert found == pytest.approx(2 * plain_loss(model, *data) + penalty, rel=1e-4)
    # The gradient is that of the sum, the move being a constant: a step against it by hand.
    model = small()
    ids, labels, weights = data
    with tf.GradientTape() as outer:
        vectors, real = model.vectors(ids)
        with tf.GradientTape() as inner:
            inner.watch(vectors)
            loss = ClassCrossEntropy()(labels, model.from_vectors(vectors, real), weights)
        move = adversarial_move(inner.gradient(loss, vectors), vectors, real, 0.5)
        again = model.from_vectors(vectors + tf.stop_gradient(move), real)
        total = loss + ClassCrossEntropy()(labels, again, weights)
    variables = [v.value for v in model.trainable_variables]
    gradients = outer.gradient(total, variables)
    wanted = [v.numpy() - 0.1 * g.numpy() for v, g in zip(variables, gradients, strict=True)]
    model.compile(keras.optimizers.SGD(0.1), adversarial=0.5)
    model.fit(tf.data.Dataset.from_tensors(data), verbose=0)
    for variable, value in zip(model.trainable_variables, wanted, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-5)


def test_both_together_learn_and_evaluation_sees_neither(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_lstm_classifier(20, num_classes=3, embed_dim=6, hidden_dim=6)
    model.compile(keras.optimizers.Adam(0.02), mix_up=0.2, adversarial=0.2)
    data = batch()
    dataset = tf.data.Dataset.from_tensors(data)
    history = model.fit(dataset.repeat(), steps_per_epoch=40, epochs=5, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9
    found = model.evaluate(dataset, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(plain_loss(model, *data), rel=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert (loaded._mix_up, loaded._adversarial) == (0.2, 0.2)
    assert len(loaded.weights) == len(model.weights)


def test_what_cannot_be_is_refused(monkeypatch):
    model = small(2)
    with pytest.raises(ArgumentError, match=r"mix_up=-1\.0 must be 0"):
        model.compile(mix_up=-1.0)
    with pytest.raises(ArgumentError, match="which the loss 'binary_crossentropy' does not take"):
        model.compile(loss="binary_crossentropy", mix_up=1.0)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    for name in ("mix_up", "adversarial"):
        with pytest.raises(ArgumentError, match=f"{name}=1.0 needs TensorFlow's gradient tape"):
            model.compile(**{name: 1.0})
    ids = keras.Input((None,), dtype="int32")
    with pytest.raises(AttributeError, match="VectorModel is a base"):
        VectorModel(ids, ids).from_vectors(None, None)
