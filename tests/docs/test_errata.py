"""What the errata say of Keras and of probabilities, checked where a few numbers can do it."""

import keras
import numpy as np
import pytest
from keras import layers

import lmzoo
from lmzoo.data import next_word_windows

NATS = keras.losses.SparseCategoricalCrossentropy


def small_model(**options):
    """A bigram model of five words whose weights are always the same."""
    keras.utils.set_random_seed(0)
    table = layers.Embedding(5, 4, keras.initializers.RandomNormal(stddev=2.0))
    return keras.Sequential([keras.Input((None,)), table, layers.Dense(5, **options)])


@pytest.fixture(name="xy")
def ids():
    rng = np.random.default_rng(0)
    return rng.integers(0, 5, (32, 6)), rng.integers(0, 5, (32, 6))


def test_cross_entropy_does_not_commute():
    p, q = np.array([0.9, 0.1]), np.array([0.5, 0.5])
    forth, back = -(p * np.log(q)).sum(), -(q * np.log(p)).sum()
    logits = np.log(q)[None, None].astype("float32")
    ours = lmzoo.losses.CrossEntropy()(p[None, None].astype("float32"), logits)
    assert float(ours) == pytest.approx(forth, rel=1e-6)
    assert forth == pytest.approx(0.6931, abs=1e-4)
    assert back == pytest.approx(1.2040, abs=1e-4)


def test_half_padding_halves_kerass_loss():
    targets, logits = np.zeros((1, 4), int), np.zeros((1, 4, 2), "float32")
    weights = np.array([[1.0, 1.0, 0.0, 0.0]])
    theirs = NATS(from_logits=True)(targets, logits, sample_weight=weights)
    ours = lmzoo.losses.CrossEntropy()(targets, logits, sample_weight=weights)
    assert float(theirs) == pytest.approx(0.3466, abs=1e-4)
    assert float(ours) == pytest.approx(0.6931, abs=1e-4)


def test_the_mean_of_perplexities_is_larger():
    metric = lmzoo.metrics.Perplexity(from_logits=False)
    for p in (0.5, 0.01):
        metric.update_state([[1]], [[[1 - p, p]]])
    assert float(metric.result()) == pytest.approx(np.sqrt(2 * 100), rel=1e-5)
    assert np.mean([2, 100]) > 3.5 * float(metric.result())


def test_val_loss_holds_weight_penalties(xy):
    model = small_model(kernel_regularizer=keras.regularizers.L2(1.0))
    model.compile("sgd", NATS(from_logits=True), weighted_metrics=[lmzoo.metrics.Perplexity()])
    loss, perplexity = model.evaluate(*xy, verbose=0)
    nats = float(NATS(from_logits=True)(xy[1], model.predict(xy[0], verbose=0)))
    assert perplexity == pytest.approx(np.exp(nats), rel=1e-5)
    assert loss > nats + 0.5


def test_softmax_taken_twice_has_a_floor_of_its_own():
    perfect = np.eye(50, dtype="float32")[:1]
    twice = NATS(from_logits=True)(np.array([0]), perfect)
    assert float(twice) == pytest.approx(np.log(1 + 49 / np.e), rel=1e-6)
    assert float(twice) == pytest.approx(2.95, abs=0.005)


def test_class_weight_takes_a_sequence_for_a_one_hot_vector(xy):
    """Each row gets one weight, that of the *place* of its largest id."""
    losses = {}
    weights = np.array([10.0, 1.0, 1.0, 1.0, 0.0, 3.0])
    for name, options in {
        "class": {"class_weight": dict(enumerate(weights))},
        "place": {"sample_weight": weights[xy[1].argmax(axis=1)][:, None] * np.ones((1, 6))},
        "meant": {"sample_weight": weights[xy[1]]},
    }.items():
        model = small_model()
        model.compile("sgd", lmzoo.losses.CrossEntropy())
        history = model.fit(*xy, shuffle=False, verbose=0, **options).history
        losses[name] = history["loss"][0]
    assert losses["class"] == pytest.approx(losses["place"], rel=1e-6)
    assert losses["meant"] != pytest.approx(losses["class"], rel=0.01)


@pytest.mark.parametrize("mask", [False, True])
def test_an_lstm_reads_padding_unless_it_is_masked(mask):
    model = keras.Sequential([layers.Embedding(5, 4, mask_zero=mask), layers.LSTM(3)])
    short = model.predict(np.array([[1, 2, 3]]), verbose=0)
    padded = model.predict(np.array([[1, 2, 3, 0, 0]]), verbose=0)
    assert np.allclose(short, padded, atol=1e-6) == mask


def test_shuffled_windows_stand_on_both_sides_of_a_split():
    pairs = next_word_windows(np.arange(2000), 11, seed=0).as_numpy_iterator()
    windows = [(*context, word) for context, word in pairs]
    train, valid = windows[: len(windows) * 9 // 10], windows[len(windows) * 9 // 10 :]
    seen = {window[-1] for window in train}  # words that training predicted, by their place
    near = {place + shift for place in seen for shift in (-1, 1)}
    assert np.mean([window[-1] in near for window in valid]) > 0.98


def test_perplexity_may_exceed_the_vocabulary():
    metric = lmzoo.metrics.Perplexity(from_logits=False)
    metric.update_state([[1]], [[[0.99, 0.01]]])
    assert float(metric.result()) == pytest.approx(100, rel=1e-5)


def test_greedy_search_may_miss_the_most_probable_text():
    """Word 1 is likelier than 2, but what follows it is open, and 2 leads to 3 for certain."""
    p = np.full((6, 6), 1e-9, "float32")
    p[0, 1], p[0, 2] = 0.6, 0.4
    p[1, 3:6] = 1 / 3
    p[2, 3] = 1.0
    p[3:, 3:] = 1 / 3
    table = layers.Embedding(6, 6, embeddings_initializer=keras.initializers.Constant(np.log(p)))
    model = keras.Sequential([keras.Input((None,)), table])
    greedy = lmzoo.generate(model, [0], max_new_tokens=2, temperature=0)
    best = lmzoo.beam_search(model, [0], num_beams=2, max_new_tokens=2)
    assert greedy[1] == 1
    assert best == [0, 2, 3]
    assert sum(lmzoo.score(model, best)) > sum(lmzoo.score(model, greedy))
