"""Every registered classifier, on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.losses import ClassCrossEntropy, class_distributions
from lmzoo.metrics import ClassAccuracy
from lmzoo.models.classifiers import (
    build_bow_classifier,
    build_cnn_classifier,
    build_lstm_classifier,
    build_text_classifier,
    build_transformer_classifier,
)
from lmzoo.registry import tiny_arguments
from tests.zoo import as_array, perturbed

MODELS = lmzoo.list_models("*_classifier")
OPTIONS = {
    "bidirectional": ("lstm_classifier", {"bidirectional": True, "num_layers": 2, "l2": 1e-4}),
    "attention": ("lstm_classifier", {"pooling": "attention", "l1": 1e-4}),
    "two channels": ("cnn_classifier", {"channels": "both", "max_norm": None, "l2": 1e-4}),
    "frozen": ("cnn_classifier", {"channels": "frozen"}),
    "post-norm": ("transformer_classifier", {"norm_first": False, "pooling": "max"}),
    "words only": ("bow_classifier", {"ngrams": 1}),
}


def build(name, **arguments):
    return lmzoo.build_model(name, **{**tiny_arguments(name), **arguments})


def random_texts(rows=4, time=7, seed=0):
    """Ids of texts of unequal length, padded with 0."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(4, 50, (rows, time)).astype("int32")
    for row in range(1, rows):
        ids[row, max(1, time - 2 * row) :] = 0
    return ids


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def check_that_padding_and_other_rows_change_nothing(model):
    ids = random_texts()
    whole = as_array(model(ids))
    np.testing.assert_allclose(as_array(model(np.pad(ids, ((0, 0), (0, 5))))), whole, atol=1e-6)
    for row in range(4):
        alone = ids[row : row + 1, : int((ids[row] != 0).sum())]
        np.testing.assert_allclose(as_array(model(alone))[0], whole[row], atol=1e-6)
    assert np.isfinite(as_array(model(np.zeros((1, 3), "int32")))).all()


def check_that_one_batch_can_be_learnt(name, **arguments):
    """And that a gradient reaches every weight that is to be trained, and no other."""
    keras.utils.set_random_seed(1)
    model = build(name, **arguments)
    ids = random_texts(6)
    labels = np.arange(6) % model.num_classes
    before = [as_array(w) for w in model.weights]
    model.compile(keras.optimizers.Adam(0.03))
    data = tf.data.Dataset.from_tensors((ids, labels)).repeat()  # one iterator for all epochs
    first = model.fit(data, steps_per_epoch=1, verbose=0).history["loss"][0]
    history = model.fit(data, steps_per_epoch=10, epochs=15, verbose=0).history
    assert history["loss"][-1] < 0.1 < 0.5 < first
    assert history["accuracy"][-1] == 1
    trained = {id(w) for w in model.trainable_weights}
    for old, weight in zip(before, model.weights, strict=True):
        if "seed" not in weight.path:
            changed = np.abs(as_array(weight) - old).max() > 0
            assert changed == (id(weight) in trained), weight.path


@pytest.mark.parametrize("classes", [2, 5])
def test_logits_have_the_promised_shape_and_are_no_probabilities(name, classes):
    model = perturbed(name, num_classes=classes)
    found = model(random_texts())
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert model.output_shape == (None, 1 if classes == 2 else classes)
    assert tuple(found.shape) == (4, model.output_shape[1])
    found = as_array(found)
    assert np.isfinite(found).all()
    assert len(np.unique(found.round(5))) > 3
    assert ((found < 0) | (found > 1)).any()
    p = as_array(class_distributions(found))
    assert ((p > 0) & (p < 1)).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)


def test_padding_and_other_rows_change_nothing(name):
    check_that_padding_and_other_rows_change_nothing(perturbed(name, num_classes=3))


def test_a_gradient_reaches_every_weight_and_one_batch_can_be_learnt(name):
    check_that_one_batch_can_be_learnt(name)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_do_not_see_padding_and_one_batch_can_be_learnt(option):
    name, arguments = OPTIONS[option]
    check_that_padding_and_other_rows_change_nothing(perturbed(name, **arguments))
    check_that_one_batch_can_be_learnt(name, num_classes=3, **arguments)


def test_saved_and_loaded_it_gives_the_same_logits_and_goes_on(name, tmp_path):
    model = perturbed(name)
    ids, labels = random_texts(), np.array([0, 1, 1, 0])
    model.compile("adam", ClassCrossEntropy(label_smoothing=0.1), run_eagerly=True)
    model.fit(ids, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.recipe == json.loads(json.dumps(model.recipe))
    np.testing.assert_array_equal(as_array(loaded(ids)), as_array(model(ids)))
    assert loaded.loss.label_smoothing == 0.1
    assert int(loaded.optimizer.iterations) == 1
    loaded.fit(ids, labels, verbose=0)
    np.testing.assert_array_equal(as_array(lmzoo.clone(model)(ids)), as_array(model(ids)))


def test_what_is_frozen_stays_so_when_saved(tmp_path):
    for channels, tables in (("frozen", 0), ("both", 1), ("tuned", 1)):
        model = perturbed("cnn_classifier", channels=channels)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert len(loaded.embedding.trainable_weights) == tables
        for one, other in zip(model.weights, loaded.weights, strict=True):
            np.testing.assert_array_equal(as_array(one), as_array(other))


def test_in_bfloat16_it_gives_about_the_same_in_float32_and_trains(name):
    exact = perturbed(name)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(name)
    finally:
        keras.config.set_dtype_policy("float32")
    model.set_weights(exact.get_weights())
    ids = random_texts()
    found = model(ids)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(as_array(found), as_array(exact(ids)), atol=0.05)
    assert np.isfinite(as_array(model(np.zeros((1, 3), "int32")))).all()
    model.compile(run_eagerly=True)
    assert np.isfinite(model.fit(ids, np.array([0, 1, 1, 0]), verbose=0).history["loss"][0])


def test_an_unknown_id_is_named_and_never_gives_numbers(name):
    model = perturbed(name)
    ids = random_texts()
    ids[0, 0] = 50
    with pytest.raises(lmzoo.errors.PromptError, match="id 50 is outside"):
        model.predict(ids, verbose=0)
    found = as_array(model(ids))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()


@pytest.mark.parametrize(("classes", "bidirectional"), [(2, False), (2, True), (4, False)])
def test_an_lstm_is_that_of_a_sequential_model_of_keras(classes, bidirectional):
    model = perturbed("lstm_classifier", num_classes=classes, bidirectional=bidirectional)
    lstm = keras.layers.LSTM(4 if bidirectional else 8)
    theirs = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(50, 8, mask_zero=True),
            keras.layers.Bidirectional(lstm) if bidirectional else lstm,
            keras.layers.Dense(1 if classes == 2 else classes),
        ]
    )
    weights = [w for w in model.weights if "seed" not in w.path]
    theirs.set_weights([as_array(w) for w in weights])
    ids = random_texts()
    np.testing.assert_allclose(as_array(model(ids)), as_array(theirs(ids)), atol=1e-6)


def test_the_defaults_have_the_sizes_of_the_papers_and_articles():
    assert build_lstm_classifier(10_000).count_params() == 1_280_000 + 49_408 + 65
    kim = lmzoo.build_model("cnn_classifier/kim2014", vocab_size=20)
    assert kim.count_params() == 20 * 300 + 12 * 300 * 100 + 300 + 301
    assert build_bow_classifier(20, ngrams=1).count_params() == 20 * 100 + 101
    assert build_transformer_classifier(20).output_shape == (None, 1)


def test_weights_of_classes_count_with_and_without_weights_of_rows():
    ids, labels = random_texts(), np.array([0, 2, 1, 2])
    rows = np.array([1.0, 2.0, 1.0, 0.0], "float32")
    given = {0: 3.0, 2: 0.5}
    of_class = np.array([3.0, 0.5, 1.0, 0.5], "float32")
    for weights, data in (
        (of_class, (ids, labels)),
        (of_class, tf.data.Dataset.from_tensors((ids, labels))),
        (of_class * rows, tf.data.Dataset.from_tensors((ids, labels, rows))),
        (of_class * rows, tf.data.Dataset.from_tensors((ids, labels[:, None], rows[:, None]))),
    ):
        model = perturbed("bow_classifier", num_classes=3)
        p = as_array(class_distributions(model(ids)))
        nats = -np.log(p[np.arange(4), labels])
        wanted = (nats * weights).sum() / weights.sum()
        model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
        arguments = data if isinstance(data, tuple) else (data,)
        found = model.fit(*arguments, class_weight=given, verbose=0).history["loss"][0]
        assert found == pytest.approx(wanted, rel=1e-5)
    with pytest.raises(ArgumentError, match="class_weight names class 7"):
        model.fit(ids, labels, class_weight={7: 1.0})


def test_losses_of_keras_give_the_same_numbers():
    ids = random_texts()
    losses = keras.losses.BinaryCrossentropy, keras.losses.SparseCategoricalCrossentropy
    for classes, loss in zip((2, 3), losses, strict=True):
        model = perturbed("bow_classifier", num_classes=classes)
        labels = np.array([0, 1, 1, 0])
        found = []
        for one in ("auto", loss(from_logits=True)):
            model.compile("sgd", loss=one, run_eagerly=True)
            found.append(model.evaluate(ids, labels, verbose=0, return_dict=True))
        assert found[0] == pytest.approx(found[1], rel=1e-5)
        for wrong in (loss(), loss.__name__):
            with pytest.raises(ArgumentError, match="expects probabilities"):
                model.compile("sgd", loss=wrong)
        with pytest.raises(ArgumentError, match="'accuracy' expects probabilities"):
            model.compile("sgd", weighted_metrics=[ClassAccuracy(from_logits=False)])
    model.compile("sgd", metrics=["accuracy"], run_eagerly=True)
    figures = model.evaluate(ids, labels, verbose=0, return_dict=True)
    assert figures["accuracy"] == pytest.approx((as_array(model(ids)).argmax(1) == labels).mean())
    model = perturbed("bow_classifier")
    for wrong in ("accuracy", keras.metrics.BinaryAccuracy()):
        with pytest.raises(ArgumentError, match=r"compares with 0.5.*threshold=0.0"):
            model.compile("sgd", metrics=[wrong])
    model.compile("sgd", metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)])


def test_any_encoder_may_be_given_to_a_classifier_and_shared_by_two():
    encoder = lmzoo.build_lstm_encoder(50, embed_dim=8, hidden_dim=6)
    one = build_text_classifier(encoder, num_classes=3, pooling="max", dropout=0.0)
    two = build_text_classifier(encoder)
    ids = random_texts()
    hidden, mask = encoder(ids)
    wanted = one.head(one.pooling(hidden, mask=mask))
    np.testing.assert_allclose(as_array(one(ids)), as_array(wanted), atol=1e-6)
    before = as_array(two(ids))
    one.compile(keras.optimizers.SGD(1.0), run_eagerly=True)
    one.fit(ids, np.array([0, 1, 2, 0]), verbose=0)
    assert np.abs(as_array(two(ids)) - before).max() > 1e-4
    np.testing.assert_allclose(
        as_array(one.from_vectors(encoder.embed(ids))), as_array(one(ids)), atol=1e-6
    )


def test_options_that_cannot_be_are_refused():
    for call, words in (
        (lambda: build_cnn_classifier(9, channels="three"), "use one of tuned, frozen, both"),
        (lambda: build_cnn_classifier(9, widths=()), "at least one"),
        (lambda: build_lstm_classifier(9, pooling="median"), "use one of last"),
        (lambda: build_lstm_classifier(9, bidirectional=True, hidden_dim=7), "odd"),
        (lambda: build_transformer_classifier(9, embed_dim=7), "odd"),
        (lambda: build_bow_classifier(9, num_classes=1), "at least 2 classes"),
    ):
        with pytest.raises(ArgumentError, match=words):
            call()
