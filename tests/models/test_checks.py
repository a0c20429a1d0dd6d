"""What models refuse before they compute: ids, labels, rows and arguments, in every entry."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import lmzoo
from lmzoo.errors import ArgumentError, LmzooError, PromptError

IDS = np.random.default_rng(0).integers(1, 30, (12, 5)).astype("int32")
SMALL = {"embed_dim": 4, "hidden_dim": 4, "dropout": 0.0}


def batches(*arrays, rows=4):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(rows)


class Rows(keras.utils.PyDataset):
    def __init__(self, *arrays):
        super().__init__()
        self.arrays = arrays

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return tuple(array[4 * index : 4 * index + 4] for array in self.arrays)


def entries(model, x, y):
    """Every way in which a batch of wrong labels may come in."""
    good = np.zeros_like(y)
    return {
        "fit": lambda: model.fit(x, y, verbose=0),
        "fit of a Dataset": lambda: model.fit(batches(x, y), verbose=0),
        "fit of a PyDataset": lambda: model.fit(Rows(x, y), verbose=0),
        "fit of a generator": lambda: model.fit(iter([(x, y)]), steps_per_epoch=1, verbose=0),
        "validation": lambda: model.fit(x, good, verbose=0, validation_data=(x, y)),
        "validation Dataset": lambda: model.fit(x, good, verbose=0, validation_data=batches(x, y)),
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "evaluate a Dataset": lambda: model.evaluate(batches(x, y), verbose=0),
        "train_on_batch": lambda: model.train_on_batch(x, y),
        "test_on_batch": lambda: model.test_on_batch(x, y),
    }


@pytest.fixture(scope="module")
def classifier():
    keras.utils.set_random_seed(0)
    model = lmzoo.build_bow_classifier(30, num_classes=3, embed_dim=4)
    model.compile("sgd", jit_compile=False)
    return model


@pytest.fixture(scope="module")
def language_model():
    keras.utils.set_random_seed(0)
    model = lmzoo.build_gru_lm(30, **SMALL)
    model.compile("sgd", jit_compile=False)
    return model


@pytest.mark.parametrize("entry", list(entries(None, IDS, IDS[:, 0])))
def test_labels_outside_are_named_in_every_entry_and_move_no_weight(classifier, entry):
    before = classifier.get_weights()
    for wrong, told in ((3, "label 3 is outside 0 to 2"), (-1, "label -1 is outside 0 to 2")):
        labels = np.full(12, 1)
        labels[7] = wrong
        with pytest.raises(LmzooError, match=told):
            entries(classifier, IDS, labels)[entry]()
    with pytest.raises(LmzooError, match=r"label 0\.9 is not the id of a class"):
        entries(classifier, IDS, np.full(12, 0.9, "float32"))[entry]()
    if not entry.startswith(("validation", "fit of")):
        for one, other in zip(before, classifier.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert all(np.isfinite(w).all() for w in classifier.get_weights())


def test_ids_outside_are_named_in_data_sets_too(language_model):
    x = IDS.copy()
    x[9, 2] = 30
    for call in (
        lambda: language_model.fit(batches(x, IDS), verbose=0),
        lambda: language_model.evaluate(batches(x, IDS), verbose=0),
        lambda: language_model.predict(batches(x), verbose=0),
        lambda: language_model.fit(batches(IDS, x), verbose=0),
        lambda: language_model.test_on_batch(x, IDS),
        lambda: language_model.test_on_batch(IDS, x),
        lambda: language_model.predict_on_batch(x),
    ):
        with pytest.raises(LmzooError, match="30 is outside"):
            call()


def test_what_does_not_count_may_be_anything(language_model):
    y, weight = IDS.copy(), np.ones(IDS.shape, "float32")
    y[3, 1], weight[3, 1] = -100, 0.0
    found = language_model.evaluate(IDS, y, sample_weight=weight, verbose=0)
    same = language_model.evaluate(batches(IDS, y, weight, rows=12), verbose=0)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, same, rtol=1e-6)
    by_row = np.ones(12, "float32")
    by_row[3] = 0
    assert np.isfinite(language_model.evaluate(batches(IDS, y, by_row), verbose=0)).all()


def test_soft_labels_of_one_sigmoid_and_distributions_train():
    model = lmzoo.build_bow_classifier(30, num_classes=2, embed_dim=4)
    model.compile("sgd", jit_compile=False)
    soft = np.linspace(0, 1, 12).astype("float32")
    logits = model.predict(IDS, verbose=0)
    wanted = keras.losses.BinaryCrossentropy(from_logits=True)(soft[:, None], logits)
    for labels in (soft, soft[:, None], np.stack([1 - soft, soft], axis=1)):
        for given in ((IDS, labels), (batches(IDS, labels),)):
            model.compile("sgd", jit_compile=False)
            assert model.evaluate(*given, verbose=0)[0] == pytest.approx(float(wanted), rel=1e-5)
    for given in ((IDS, 2 * soft - 1), (batches(IDS, 2 * soft - 1),)):
        with pytest.raises(LmzooError, match="label -1 is outside 0 to 1"):
            model.evaluate(*given, verbose=0)


def test_class_weights_fit_labels_of_every_form():
    labels = np.random.default_rng(1).integers(0, 3, 12)
    hot = np.eye(3, dtype="float32")[labels]
    weights = {0: 1.0, 1: 2.0, 2: 5.0}
    found = []
    for y in (labels, labels[:, None], labels.astype("float32"), hot, hot.astype("int32")):
        for given in ((IDS, y), (batches(IDS, y, rows=12),)):
            keras.utils.set_random_seed(0)
            model = lmzoo.build_bow_classifier(30, num_classes=3, embed_dim=4)
            model.compile("sgd", jit_compile=False)
            history = model.fit(*given, class_weight=weights, verbose=0, shuffle=False).history
            found.append(history["loss"][0])
    np.testing.assert_allclose(found, found[0], rtol=1e-5)
    with pytest.raises(ArgumentError, match="class_weight names class 3"):
        model.fit(IDS, labels, class_weight={3: 1.0}, verbose=0)


PROBABILITIES = [
    {"loss": "sparse_categorical_crossentropy"},
    {"loss": keras.losses.SparseCategoricalCrossentropy()},
    {"loss": "kl_divergence"},
    {"loss": keras.losses.KLDivergence()},
    {"loss": keras.losses.categorical_crossentropy},
    {"metrics": ["sparse_categorical_crossentropy"]},
    {"metrics": ["crossentropy"]},
    {"metrics": [keras.metrics.AUC()]},
    {"metrics": ["auc"]},
    {"weighted_metrics": [lmzoo.metrics.Perplexity(from_logits=False)]},
    {"weighted_metrics": [keras.metrics.KLDivergence()]},
]


@pytest.mark.parametrize("arguments", PROBABILITIES)
def test_losses_and_metrics_of_probabilities_are_refused_with_the_remedy(arguments):
    model = lmzoo.build_bow_classifier(30, num_classes=3, embed_dim=4)
    with pytest.raises(ArgumentError, match=r"expects probabilities.*from_logits=True"):
        model.compile("adam", **arguments)


def test_what_compares_with_a_half_is_refused_for_one_logit():
    model = lmzoo.build_bow_classifier(30, num_classes=2, embed_dim=4)
    for metric in ("accuracy", "binary_accuracy", keras.metrics.Precision(), "recall"):
        with pytest.raises(ArgumentError, match=r"compares with 0\.5"):
            model.compile("adam", metrics=[metric])
    logits = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile("adam", logits, metrics=[keras.metrics.Precision(thresholds=0.0),
                                           keras.metrics.AUC(from_logits=True)])  # fmt: skip


@pytest.mark.parametrize("units", [1, 3])
def test_a_plain_model_of_probabilities_is_measured_right_whatever_is_said_of_it(units):
    if units == 1:
        activation, loss, metric = "sigmoid", lmzoo.losses.ClassCrossEntropy, "CalibrationError"
    else:
        activation, loss, metric = "softmax", lmzoo.losses.CrossEntropy, "ClassAccuracy"
    x = np.random.default_rng(0).standard_normal((12, 4)).astype("float32")
    y = np.random.default_rng(1).integers(0, max(units, 2), 12)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units, activation)])
    found = []
    for from_logits in (True, False):
        measure = getattr(lmzoo.metrics, metric)(from_logits)
        model.compile("sgd", loss(from_logits), weighted_metrics=[measure], jit_compile=False)
        found.append(model.evaluate(x, y, verbose=0))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_smoothing_counts_alike_in_the_fused_and_the_plain_loss_also_in_evaluation():
    keras.utils.set_random_seed(0)
    model = lmzoo.build_gru_lm(30, **SMALL)
    model.set_weights([20 * w for w in model.get_weights()])
    found = []
    for loss in (lmzoo.losses.CrossEntropy, lmzoo.losses.FusedCrossEntropy):
        for metrics in (None, ["accuracy"]):
            model.compile("sgd", loss(label_smoothing=0.1), metrics=metrics, jit_compile=False)
            result = model.evaluate(IDS, IDS, verbose=0, return_dict=True)
            found.append((result["loss"], np.log(result["perplexity"])))
    np.testing.assert_allclose(found, [found[0]] * 4, rtol=1e-5)
    assert abs(found[0][0] - found[0][1]) > 0.01


def test_sizes_may_be_numpys(tmp_path):
    model = lmzoo.build_gru_lm(np.int64(30), embed_dim=np.int32(4), hidden_dim=np.uint8(4),
                               dropout=np.float32(0.0))  # fmt: skip
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(IDS), model(IDS))
    assert model.recipe == lmzoo.build_gru_lm(30, **SMALL).recipe


def test_arguments_by_position_are_checked_as_those_by_name(language_model):
    weights = {0: 1.0}
    for call in (
        lambda: language_model.train_on_batch(IDS, IDS, None, weights),
        lambda: language_model.fit(IDS, IDS, 4, 1, 0, None, 0.0, None, True, weights),
    ):
        with pytest.raises(ArgumentError, match="class_weight does not fit labels"):
            call()
    method = lmzoo.training.RDrop(language_model)
    with pytest.raises(ArgumentError, match="class_weight does not fit labels"):
        method.train_on_batch(IDS, IDS, None, weights)
    with pytest.raises(LmzooError, match="label 59 is outside"):
        method.fit(batches(IDS, IDS + 30), verbose=0)


def test_empty_sequences_and_partial_batches_of_a_carried_state_are_named():
    model = lmzoo.build_gru_lm(30, carry_batch_size=4, **SMALL)
    model.compile("sgd", jit_compile=False)
    for call in (
        lambda: model.fit(IDS[:10], IDS[:10], batch_size=4, verbose=0),
        lambda: model.fit(IDS, IDS, verbose=0),
        lambda: model.fit(batches(IDS[:10], IDS[:10]), verbose=0),
        lambda: model.train_on_batch(IDS[:3], IDS[:3]),
    ):
        with pytest.raises(LmzooError, match="carry_batch_size=4"):
            call()
    assert np.isfinite(model.fit(IDS, IDS, batch_size=4, verbose=0).history["loss"]).all()
    empty = IDS[:, :0]
    for call in (
        lambda: model.fit(empty[:4], empty[:4], batch_size=4, verbose=0),
        lambda: model.predict(empty, verbose=0),
        lambda: model.predict_on_batch(empty),
        lambda: model.evaluate(batches(empty, empty), verbose=0),
    ):
        with pytest.raises(LmzooError, match=r"at least one token|without a token"):
            call()
    with pytest.raises(PromptError, match="at least one row"):
        model.predict(IDS[:0], verbose=0)
