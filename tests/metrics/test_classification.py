"""Metrics of classes equal scikit-learn's: random rows, weights, absent classes, in a model."""

import functools

import keras
import numpy as np
import pytest
import sklearn.metrics as sk
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.metrics import class_report
from lmzoo.metrics.class_report import classification_report
from lmzoo.metrics.classification import (
    F1,
    CalibrationError,
    ClassAccuracy,
    FBeta,
    MatthewsCorrelation,
    Precision,
    Recall,
)
from lmzoo.metrics.roc import RocAuc

report_of = functools.partial(classification_report, from_logits=False)
AVERAGES = {"precision": sk.precision_score, "recall": sk.recall_score, "f1": sk.f1_score}
seeds = st.integers(0, 2**31)
few = st.integers(1, 30)
several = st.integers(2, 5)


def random_rows(seed, rows, classes, sigmoid=False, coarse=False):
    """Labels, probabilities and weights; coarse probabilities tie."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows)
    if sigmoid:
        probabilities = rng.random((rows, 1))
    else:
        logits = rng.normal(0, 2, (rows, classes)) + 2 * np.eye(classes)[labels]
        logits = logits.round() if coarse else logits
        probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    weights = rng.choice([0.0, 0.5, 1.0, 2.75], rows)
    return labels, probabilities.astype("float32"), weights.astype("float32")


def logits_of(probabilities):
    """Logits that have these probabilities."""
    rest = 1 - probabilities if probabilities.shape[1] == 1 else 1.0
    return np.log(probabilities / rest).astype("float32")


def both(probabilities):
    """Two columns instead of a sigmoid's one."""
    if probabilities.shape[1] == 1:
        return np.concatenate([1 - probabilities, probabilities], axis=1)
    return probabilities


def added_up(metric, *arrays):
    """The metric's result over pieces of the rows."""
    for start in range(0, len(arrays[0]), 15):
        metric.update_state(*(array[start : start + 15] for array in arrays))
    return np.asarray(metric.result())


def matthews(labels, chosen, weights):
    """0 where scikit-learn warns of a single class."""
    if len({*labels, *chosen}) == 1:
        return 0.0
    return sk.matthews_corrcoef(labels, chosen, sample_weight=weights)


def figures_of(labels, probabilities, weights, classes):
    chosen = both(probabilities).argmax(1)
    every = {"labels": range(classes), "sample_weight": weights, "zero_division": 0}
    found = {}
    for name, function in AVERAGES.items():
        for average in ("micro", "macro", "weighted", None):
            found[name, average] = function(labels, chosen, average=average, **every)
    return chosen, found


@settings(max_examples=10)
@given(seed=seeds, rows=few, classes=several, sigmoid=st.booleans())
def test_metrics_equal_scikit_learn(seed, rows, classes, sigmoid):
    classes = 2 if sigmoid else classes
    data = random_rows(seed, rows, classes, sigmoid)
    assume(data[2].sum() > 0)
    chosen, wanted = figures_of(*data, classes)
    for kind in (Precision, Recall, F1):
        for average in ("micro", "macro", "weighted", None):
            metric = kind(classes, average, from_logits=False)
            found = added_up(metric, *data)
            np.testing.assert_allclose(found, wanted[metric.name, average], atol=1e-5)
    accuracy = sk.accuracy_score(data[0], chosen, sample_weight=data[2])
    mcc = matthews(data[0], chosen, data[2])
    logits = (data[0], logits_of(data[1]), data[2])
    for from_logits, rows in ((False, data), (True, logits)):
        assert added_up(ClassAccuracy(from_logits), *rows) == pytest.approx(accuracy, abs=1e-5)
        metric = MatthewsCorrelation(classes, from_logits)
        assert added_up(metric, *rows) == pytest.approx(mcc, abs=2e-5)
    found = added_up(F1(classes), *logits)
    np.testing.assert_allclose(found, wanted["f1", "macro"], atol=1e-5)


def test_the_binary_average_is_that_of_class_one():
    labels, probabilities, weights = random_rows(0, 50, 2, sigmoid=True)
    chosen = (probabilities[:, 0] > 0.5).astype(int)
    for kind, function in ((Precision, sk.precision_score), (Recall, sk.recall_score)):
        wanted = function(labels, chosen, sample_weight=weights)
        found = added_up(kind(2, "binary", False), labels, probabilities, weights)
        assert found == pytest.approx(wanted, abs=1e-5)
        found = added_up(kind(2, "binary"), labels, logits_of(probabilities), weights)
        assert found == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", None])
def test_f_beta_equals_scikit_learn(average):
    labels, probabilities, weights = random_rows(1, 60, 4)
    chosen = probabilities.argmax(1)
    for beta in (0.5, 1.0, 2.0):
        wanted = sk.fbeta_score(labels, chosen, beta=beta, labels=range(4), average=average,
                                sample_weight=weights, zero_division=0)  # fmt: skip
        metric = FBeta(4, beta, average, from_logits=False)
        np.testing.assert_allclose(
            added_up(metric, labels, probabilities, weights), wanted, atol=1e-5
        )
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert (again.beta, again.average) == (2.0, average)
    for beta in (0, -1, float("inf")):
        with pytest.raises(ArgumentError, match=f"beta is {beta}"):
            FBeta(4, beta)


def binned(labels, probabilities, weights):
    """Guo et al. 2017, equation 5, bin by bin."""
    confidence, chosen = probabilities.max(1), probabilities.argmax(1)
    error = 0.0
    for m in range(1, 16):
        inside = (confidence > np.float32((m - 1) / 15)) & (confidence <= np.float32(m / 15))
        weight = weights[inside].sum()
        if weight:
            right = np.average(labels[inside] == chosen[inside], weights=weights[inside])
            mean = np.average(confidence[inside], weights=weights[inside])
            error += weight / weights.sum() * abs(right - mean)
    return error


@given(seed=seeds, rows=few, classes=several, coarse=st.booleans())
def test_calibration_error_equals_its_definition(seed, rows, classes, coarse):
    labels, probabilities, weights = random_rows(seed, rows, classes, coarse=coarse)
    assume(weights.sum() > 0)
    wanted = binned(labels, probabilities, weights)
    found = added_up(CalibrationError(False), labels, probabilities, weights)
    assert found == pytest.approx(wanted, abs=1e-5)
    values = report_of(labels, probabilities, weights=weights).values()
    assert values["calibration_error"] == pytest.approx(wanted, abs=1e-5)


@given(seed=seeds, rows=few, classes=several, coarse=st.booleans())
def test_the_report_equals_scikit_learn(seed, rows, classes, coarse):
    labels, probabilities, weights = random_rows(seed, rows, classes, coarse=coarse)
    assume(weights.sum() > 0)
    chosen, wanted = figures_of(labels, probabilities, weights, classes)
    report = report_of(labels, probabilities, weights=weights)
    values = report.values()
    for name in AVERAGES:
        for average in ("micro", "macro", "weighted"):
            assert values[f"{name}_{average}"] == pytest.approx(wanted[name, average], abs=1e-9)
        own = [figures[name] for figures in values["per_class"].values()]
        np.testing.assert_allclose(own, wanted[name, None], atol=1e-9)
    matrix = sk.confusion_matrix(labels, chosen, labels=range(classes), sample_weight=weights)
    np.testing.assert_allclose(report.confusion, matrix, atol=1e-9)
    assert values["mcc"] == pytest.approx(matthews(labels, chosen, weights), abs=1e-9)
    own = probabilities[np.arange(rows), labels].astype("float64")
    assert values["loss"] == pytest.approx(-np.average(np.log(own), weights=weights))
    again = classification_report(labels, np.log(probabilities), weights=weights).values()
    assert again["loss"] == pytest.approx(values["loss"], rel=1e-5)


@given(seed=seeds, rows=few, classes=several, coarse=st.booleans())
def test_area_under_roc_equals_scikit_learn(seed, rows, classes, coarse):
    labels, probabilities, weights = random_rows(seed, rows, classes, coarse=coarse)
    areas = [
        sk.roc_auc_score(labels == c, probabilities[:, c], sample_weight=weights)
        for c in range(classes)
        if len({bool(label == c) for label in labels[weights > 0]}) == 2
    ]
    metric, of_logits = RocAuc(from_logits=False), RocAuc()
    for start in range(0, rows, 7):
        part = slice(start, start + 7)
        metric.add(labels[part], probabilities[part], weights[part])
        of_logits.add(labels[part], 3 * np.log(both(probabilities[part])), weights[part])
    if areas:
        wanted = areas[-1] if classes == 2 else np.mean(areas)
        assert metric.result() == pytest.approx(wanted, abs=1e-6)
    else:
        assert np.isnan(metric.result())


def test_a_sigmoid_scores_as_its_two_columns():
    labels, probabilities, weights = random_rows(3, 40, 2, sigmoid=True)
    texts = {
        str(report_of(labels, given, ["bad", "good"], weights=weights))
        for given in (probabilities, probabilities[:, 0], both(probabilities))
    }
    assert len(texts) == 1
    wanted = sk.roc_auc_score(labels, probabilities[:, 0], sample_weight=weights)
    values = report_of(labels, probabilities, weights=weights).values()
    assert values["auc"] == pytest.approx(wanted)


def test_predicted_classes_have_no_probabilities():
    report = classification_report([0, 1, 1], [0, 1, 0], ["bad", "good"])
    values = report.values()
    assert values["auc"] is values["loss"] is values["calibration_error"] is None
    assert values["per_class"]["good"] == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2.0}
    )
    assert "unknown" in str(report)


@pytest.mark.parametrize("classes", [2, 30, 90])
def test_draws_the_confusion_matrix(tmp_path, classes):
    names = ["好评", *(f"class {i}" for i in range(1, classes))]  # the font has no Chinese
    report = report_of(*random_rows(1, 200, classes)[:2], names)
    path = report.draw(tmp_path / "confusion.png")
    assert path.read_bytes()[:4] == b"\x89PNG"
    assert [file.name for file in tmp_path.iterdir()] == ["confusion.png"]


def test_of_many_classes_the_most_frequent_are_drawn(tmp_path, monkeypatch):
    labels = np.repeat(np.arange(1603), np.where(np.arange(1603) % 25 == 7, 9, 1))
    shown = []
    monkeypatch.setattr(
        class_report, "_drawable", lambda names: shown.extend(names) or [""] * len(names)
    )
    names = [f"c{i}" for i in range(1603)]
    classification_report(labels, labels, names).draw(tmp_path / "confusion.png")
    assert shown == [f"c{i}" for i in range(7, 1603, 25)][:60]


def test_a_loaded_model_logs_what_scikit_learn_gives(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "softmax")])
    metrics = [
        ClassAccuracy(from_logits=False),
        F1(3, from_logits=False),
        MatthewsCorrelation(3, from_logits=False),
        CalibrationError(from_logits=False),
    ]
    model.compile(
        "sgd", "sparse_categorical_crossentropy", weighted_metrics=metrics, jit_compile=True
    )
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(20, 2)), rng.integers(0, 3, 20)
    weights = rng.choice([0.0, 1.0, 2.0], 20)
    # Without a learning rate the weights are the same in every step.
    model.optimizer.learning_rate = 0.0
    found = model.fit(inputs, labels, sample_weight=weights, batch_size=10, verbose=0).history
    probabilities = model.predict_on_batch(inputs)
    wanted = report_of(labels, probabilities, weights=weights).values()
    assert found["f1"][0] == pytest.approx(wanted["f1_macro"], abs=1e-5)
    for name in ("accuracy", "mcc", "calibration_error"):
        assert found[name][0] == pytest.approx(wanted[name], abs=1e-5)


METRICS = (
    ClassAccuracy,
    CalibrationError,
    lambda: F1(2),
    lambda: Precision(2, "binary"),
    lambda: MatthewsCorrelation(2),
)


@pytest.mark.parametrize("make", METRICS)
def test_what_cannot_be_counted_is_refused_or_nan_unless_its_weight_is_zero(make):
    good = ([0, 1], [[0.2], [0.7]])
    bad = (([0, 2], [[0.2], [0.7]]), ([0, -1], [[0.2], [0.7]]), ([0, 1], [[0.2], [np.nan]]))
    for labels, probabilities in bad:
        metric = make()
        metric.update_state(labels, probabilities, [1.0, 0.0])
        assert np.isfinite(metric.result())
        if labels[1] != 1:
            with pytest.raises(ArgumentError, match=f"label {labels[1]} is outside 0 to 1"):
                metric.update_state(labels, probabilities, [1.0, 1.0])
        in_graph = tf.function(metric.update_state, autograph=False)
        in_graph(tf.constant(labels), tf.constant(probabilities))
        metric.update_state(*good)
        assert np.isnan(metric.result())
        metric.reset_state()
        metric.update_state(*good)
        assert np.isfinite(metric.result())


def test_distributions_count_as_their_largest_part():
    metric = ClassAccuracy(from_logits=False)
    metric.update_state([[0.3, 0.7], [0.6, 0.4]], [[0.9], [0.8]])
    metric.update_state(np.array([[1], [1]]), ops.cast([[0.9], [0.8]], "bfloat16"))
    assert float(metric.result()) == 0.75


def test_without_rows_metrics_are_zero():
    for make in METRICS:
        assert float(make().result()) == 0.0


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: F1(1), "num_classes is 1"),
        (lambda: F1(2, "mean"), "average must be one of"),
        (lambda: F1(3, "binary"), "class 1 of 2"),
        (lambda: F1(3).update_state([0], [[0.5, 0.5]]), "for 3 classes, but the model gives 2"),
        (lambda: F1(2).update_state([0], [0.5]), r"not of shape \(1,\)"),
        (lambda: F1(2).update_state([[0, 1, 1]], [[0.5, 0.5]]), "do not fit 2 classes"),
        (lambda: RocAuc().result(), "no row"),
        (lambda: classification_report([], []), "predictions must be"),
        (lambda: classification_report(np.array([], int), np.array([], int)), "no row"),
        (lambda: classification_report([0, 1], [[0.5], [np.nan]]), "row 1 .* NaN"),
        (lambda: report_of([0, 1], [[0.5], [7.0]]), "row 1 holds .* not probabilities"),
        (lambda: classification_report([0, 5], [[0.5], [0.6]]), "row 1 has label 5, but .* 0 to 1"),
        (lambda: classification_report([0, 1], [0, 4], ["a", "b"]), "row 1 has prediction 4"),
        (lambda: classification_report([0], [[0.1], [0.2]]), "1 labels, 2 predictions"),
        (lambda: classification_report([0], [[0.1]], ["a"]), "1 names for 2 classes"),
        (lambda: classification_report([0.5], [[0.1]]), "must be the id of a class"),
        (lambda: classification_report([[0, 1]], [[0.1]]), r"not of shape \(1, 2\)"),
        (lambda: classification_report([0], [[0.1]], weights=[-1]), "0 or more"),
    ],
)
def test_what_is_wrong_is_told(call, told):
    with pytest.raises(ArgumentError, match=told):
        call()


def test_areas_of_different_models_are_not_mixed():
    metric = RocAuc()
    metric.add([0, 1], [0.1, 0.2])
    with pytest.raises(ArgumentError, match="3 classes after some of 2"):
        metric.add([0], [[0.2, 0.3, 0.5]])
