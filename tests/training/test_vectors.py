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
from lmzoo.layers import ClassHead, Pooling
from lmzoo.losses import ClassCrossEntropy
from lmzoo.models.classifiers import build_bow_classifier, build_lstm_classifier
from lmzoo.training import AdversarialTraining, MixUp
from lmzoo.training.adversarial import adversarial_move
from lmzoo.training.mixup import Mixing, larger_part


def small(classes=3, seed=0):
    """A classifier that is quick to compile: the mean of its vectors and a linear layer."""
    keras.utils.set_random_seed(seed)
    embedding = lmzoo.layers.TokenEmbedding(20, 6, initializer_range=1.0)
    return lmzoo.ClassifierModel(lmzoo.Encoder(embedding), Pooling("mean"), ClassHead(classes))


def batch(seed=0, rows=6, time=5, classes=3):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, rows)
    ids = rng.integers(4, 20, (rows, time)) * (np.arange(time) < lengths[:, None])
    weights = rng.uniform(0.5, 2, rows).astype("float32")
    return ids.astype("int32"), rng.integers(0, classes, rows).astype("int32"), weights


def shown_loss(model, data):
    """The loss that one step of `fit` shows, which is that before the step."""
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    dataset = tf.data.Dataset.from_tensors(data)
    return model.fit(dataset, verbose=0).history["loss"][0]


def plain_loss(model, ids, labels, weights):
    return float(ClassCrossEntropy()(labels, model(ids), weights))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_rates_are_those_of_the_beta_distribution(alpha):
    u = np.linspace(0.001, 0.999, 500).astype("float32")
    found = larger_part(u, alpha).numpy()
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
    classes = 2 if binary else 3
    p = rng.dirichlet(np.ones(classes), 6).astype("float32")
    logits = np.log(p[:, 1:] / p[:, :1]) if binary else np.log(p)
    targets, weight = mixing.mix_labels(labels, weights.astype("float32"), classes)
    nats = -np.log(p)
    rows = np.arange(6)
    own, other = share * weights, (1 - share) * weights[partner]
    total = (own * nats[rows, labels] + other * nats[rows, labels[partner]]).sum()
    wanted = total / (own + other).sum() if own.sum() + other.sum() else 0.0
    found = ClassCrossEntropy()(targets, tf.constant(logits), weight)
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_mixing_a_text_with_its_own_kind_changes_nothing_and_what_does_not_count_is_left_out():
    model = small()
    ids, labels, weights = batch()
    alike = np.repeat(ids[:1], 6, 0), np.repeat(labels[:1], 6), weights
    assert shown_loss(MixUp(model, 1.0), alike) == pytest.approx(
        plain_loss(model, *alike), rel=1e-5
    )
    weights = np.array([2, 0, 0, 0, 0, 0], "float32")
    data = ids, np.where(weights > 0, labels, -1), weights
    assert shown_loss(MixUp(model, 1.0), data) == pytest.approx(plain_loss(model, *data), rel=1e-5)


def test_each_step_mixes_anew_and_a_text_with_every_other():
    model = small()
    data = batch()
    method = MixUp(model, 1.0)
    method.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    dataset = tf.data.Dataset.from_tensors(data).repeat()
    losses = method.fit(dataset, steps_per_epoch=1, epochs=5, verbose=0).history["loss"]
    assert len(set(losses)) == 5
    partners = np.stack([method.draw_mixing(6, data[2]).partner for _ in range(60)])
    for row in range(6):
        assert set(partners[:, row]) == set(range(6)) - {row}
    alone = tuple(part[:1] for part in data)
    assert shown_loss(method, alone) == pytest.approx(plain_loss(model, *alone))


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
    vectors, real = model.encoder.embed(ids)
    np.testing.assert_allclose(model.from_vectors([vectors, real]), model(ids), rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        loss = ClassCrossEntropy()(labels, model.from_vectors([vectors, real]), weights)
    move = adversarial_move(tape.gradient(loss, vectors), vectors, real, 1.0)
    moved = ClassCrossEntropy()(labels, model.from_vectors([vectors + move, real]), weights)
    assert float(moved) > float(loss)
    found = shown_loss(AdversarialTraining(model, 1.0), data)
    assert found == pytest.approx(float(loss + moved), rel=1e-4)


def test_the_adversarial_step_lowers_both_losses_and_counts_a_penalty_once():
    data = batch()
    model = build_lstm_classifier(20, num_classes=3, embed_dim=6, hidden_dim=6, l2=0.1)
    penalty = float(sum(model.losses))
    assert penalty > 0.1
    found = shown_loss(AdversarialTraining(model, 1e-7), data)
    assert found == pytest.approx(2 * plain_loss(model, *data) + penalty, rel=1e-4)
    # The gradient is that of the sum, the move being a constant: a step against it by hand.
    model = small()
    ids, labels, weights = data
    with tf.GradientTape() as outer:
        vectors, real = model.encoder.embed(ids)
        with tf.GradientTape() as inner:
            inner.watch(vectors)
            loss = ClassCrossEntropy()(labels, model.from_vectors([vectors, real]), weights)
        move = adversarial_move(inner.gradient(loss, vectors), vectors, real, 0.5)
        again = model.from_vectors([vectors + tf.stop_gradient(move), real])
        total = loss + ClassCrossEntropy()(labels, again, weights)
    variables = [v.value for v in model.trainable_variables]
    gradients = outer.gradient(total, variables)
    wanted = [v.numpy() - 0.1 * g.numpy() for v, g in zip(variables, gradients, strict=True)]
    method = AdversarialTraining(model, 0.5)
    method.compile(keras.optimizers.SGD(0.1))
    method.fit(tf.data.Dataset.from_tensors(data), verbose=0)
    for variable, value in zip(model.trainable_variables, wanted, strict=True):
        np.testing.assert_allclose(variable.numpy(), value, atol=1e-5)


def test_both_together_learn_and_evaluation_sees_neither(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_lstm_classifier(20, num_classes=3, embed_dim=6, hidden_dim=6)
    method = MixUp(AdversarialTraining(model, 0.2), 0.2)
    method.compile(keras.optimizers.Adam(0.02))
    data = batch()
    dataset = tf.data.Dataset.from_tensors(data)
    history = method.fit(dataset.repeat(), steps_per_epoch=40, epochs=5, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.9
    for one in (method, model):
        found = one.evaluate(dataset, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(plain_loss(model, *data), rel=1e-4)
    method.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is lmzoo.ClassifierModel
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_composed_they_mix_first_and_move_the_mixed_vectors(monkeypatch):
    model = small()
    ids, labels, weights = data = batch()
    mixing = Mixing(tf.constant(np.roll(np.arange(6), 2)), tf.fill((6,), 0.75))
    monkeypatch.setattr(MixUp, "draw_mixing", lambda *_: mixing)
    loss_of = ClassCrossEntropy()
    vectors, real = mixing.mix(*model.encoder.embed(ids))
    targets = mixing.mix_labels(labels, weights, 3)
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        loss = loss_of(targets[0], model.from_vectors([vectors, real]), targets[1])
    move = adversarial_move(tape.gradient(loss, vectors), vectors, real, 0.5)
    moved = loss_of(targets[0], model.from_vectors([vectors + move, real]), targets[1])
    found = shown_loss(MixUp(AdversarialTraining(model, 0.5)), data)
    assert found == pytest.approx(float(loss + moved), rel=1e-4)


def test_what_cannot_be_is_refused(monkeypatch):
    model = small(2)
    with pytest.raises(ArgumentError, match=r"alpha=-1\.0 must be above 0"):
        MixUp(model, -1.0)
    with pytest.raises(ArgumentError, match=r"epsilon=0 must be above 0"):
        AdversarialTraining(model, 0)
    with pytest.raises(ArgumentError, match="has no from_vectors: give it a ClassifierModel"):
        MixUp(keras.Sequential([keras.layers.Dense(1)]))
    binary = keras.losses.BinaryCrossentropy(from_logits=True)
    with pytest.raises(ArgumentError, match=r"which the loss .* does not take"):
        MixUp(model).compile(loss=binary)
    model.compile(loss=binary)
    with pytest.raises(ArgumentError, match=r"which the loss .* does not take"):
        MixUp(model)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    for kind in (MixUp, AdversarialTraining):
        with pytest.raises(ArgumentError, match=f"{kind.__name__} needs TensorFlow's gradient"):
            kind(model)
