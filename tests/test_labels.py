"""Labels at the entry of every loss and metric: ids, soft labels that can count, or errors."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.labels import as_ids
from lmzoo.layers import CRF
from lmzoo.losses import ClassCrossEntropy, CRFLoss, CrossEntropy, TagCrossEntropy, head_nats
from lmzoo.metrics import (
    F1,
    CalibrationError,
    ClassAccuracy,
    Perplexity,
    SpanF1Metric,
    TagAccuracy,
    classification_report,
)

DTYPES = ("uint8", "int8", "int32", "int64", "float16", "bfloat16", "float32", "float64")
SOFT = np.array([[0.9], [0.1], [0.5]], "float32")


def made_crf(tags=3):
    crf = CRF(tags)
    crf.build((None, None, tags))
    return crf


def of_tags(call):
    """A loss or a metric of tags, called with labels (1, 2) of three tags."""
    return lambda labels, weight=None: call(labels, np.zeros((1, 2, 3), "float32"), weight)


def of_classes(call):
    return lambda labels, weight=None: call(labels, np.zeros((2, 3), "float32"), weight)


TAG_CALLS = {
    "TagCrossEntropy": TagCrossEntropy(),
    "CRFLoss": lambda *batch: CRFLoss(made_crf())(*batch),
    "CrossEntropy": CrossEntropy(),
    "TagAccuracy": lambda *batch: TagAccuracy().update_state(*batch),
    "SpanF1Metric": lambda *batch: SpanF1Metric(["O", "B-x", "I-x"]).update_state(*batch),
    "Perplexity": lambda *batch: Perplexity().update_state(*batch),
}
CLASS_CALLS = {
    "ClassCrossEntropy": ClassCrossEntropy(),
    "ClassAccuracy": lambda *batch: ClassAccuracy().update_state(*batch),
    "CalibrationError": lambda *batch: CalibrationError().update_state(*batch),
    "F1": lambda *batch: F1(3).update_state(*batch),
    "CrossEntropy of classes": CrossEntropy(),
    "report": lambda labels, p, weight: classification_report(labels, p, weights=weight),
}


@pytest.mark.parametrize("name", [*TAG_CALLS, *CLASS_CALLS])
def test_fractions_and_ids_outside_are_refused_everywhere_and_whole_floats_are_ids(name):
    is_tags = name in TAG_CALLS
    call = of_tags(TAG_CALLS[name]) if is_tags else of_classes(CLASS_CALLS[name])
    shape = (1, 2) if is_tags else (2,)
    for labels, told in (
        ([0.0, 0.9], "0.9"),
        ([1, 3], "label 3, but|(label|target|tag) 3 is outside"),
        ([-1, 1], "label -1, but|(label|target|tag) -1 is outside"),
        ([np.nan, 1.0], "nan"),
    ):
        with pytest.raises(ArgumentError, match=told):
            call(np.reshape(labels, shape))
    with pytest.raises(ArgumentError):
        call(np.reshape(["a", "b"], shape))
    call(np.reshape([1.0, 2.0], shape))
    if name != "report":
        weight = np.reshape([1.0, 0.0], shape)
        call(np.reshape([1, 7], shape), weight.astype("float32"))


@pytest.mark.parametrize("dtype", DTYPES)
def test_ids_of_every_dtype_are_the_same_ids(dtype):
    ids = [0, 4, 2, 1]
    given_ids = ops.cast(np.array(ids), dtype)
    np.testing.assert_array_equal(as_ids(given_ids, 5), ids)
    traced = tf.function(lambda x: as_ids(x, 300), autograph=False)
    np.testing.assert_array_equal(traced(given_ids), ids)


def test_large_integers_do_not_wrap_around():
    with pytest.raises(ArgumentError, match="label 4294967296 is outside"):
        as_ids(np.array([2**32]), 3)
    traced = tf.function(lambda x: as_ids(x, 3), autograph=False, jit_compile=True)
    assert traced(tf.constant([2**32, 2, -1], "int64")).numpy().tolist() == [-1, 2, -1]
    assert traced(tf.constant([0.9, 2.0, np.nan], "float32")).numpy().tolist() == [-1, 2, -1]


def test_one_sigmoid_honors_soft_labels_as_keras_does():
    p = np.array([[0.9], [0.3], [0.2]], "float32")
    wanted = float(keras.losses.BinaryCrossentropy()(SOFT, p))
    for labels in (SOFT, SOFT[:, 0], SOFT.astype("float64")):
        assert float(ClassCrossEntropy(False)(labels, p)) == pytest.approx(wanted, rel=1e-5)
    compiled = tf.function(ClassCrossEntropy(False), autograph=False, jit_compile=True)
    assert float(compiled(tf.constant(SOFT), p)) == pytest.approx(wanted, rel=1e-5)
    metric, theirs = ClassAccuracy(False), keras.metrics.BinaryAccuracy()
    metric.update_state(SOFT, p)
    theirs.update_state(SOFT > 0.5, p)
    assert float(metric.result()) == float(theirs.result())
    for wrong in (-1.0, 1.5):
        with pytest.raises(ArgumentError, match=f"label {wrong:g} is outside 0 to 1"):
            ClassCrossEntropy(False)(np.full((3, 1), wrong), p)
        broken = compiled(tf.fill((3, 1), tf.constant(wrong)), p)
        assert np.isnan(float(broken))


@pytest.mark.parametrize("row", [[1, 1, 0], [0, 0, 0], [1.5, -0.5, 0], [np.nan, 1, 0]])
def test_rows_that_are_no_distributions_are_refused(row):
    for call in (ClassCrossEntropy(), lambda y, p: ClassAccuracy().update_state(y, p)):
        with pytest.raises(ArgumentError, match="is not a distribution over 3 classes"):
            call(np.array([row, [0, 1, 0]]), np.zeros((2, 3), "float32"))
    weight = np.array([0.0, 1.0], "float32")
    found = float(ClassCrossEntropy()(np.array([row, [0, 1, 0]]), np.zeros((2, 3)), weight))
    assert found == pytest.approx(np.log(3), rel=1e-5)


def test_distributions_over_tags_are_taken_by_the_metrics_too():
    hot = np.eye(3)[[[0, 2]]]
    p = np.log([[[0.6, 0.2, 0.2], [0.1, 0.5, 0.4]]])
    for labels in (hot, [[0, 2]]):
        metric = TagAccuracy()
        metric.update_state(labels, p)
        assert float(metric.result()) == 0.5
        spans = SpanF1Metric(["O", "B-x", "B-y"])
        spans.update_state(labels, p)
        assert float(spans.result()) == 0.0


@pytest.mark.parametrize("shape", [(3,), (2, 2), (1, 2), (2, 1, 2)])
def test_weights_that_would_spread_over_rows_are_refused(shape):
    weight = np.ones(shape, "float32")
    calls = (
        lambda: ClassCrossEntropy()([0, 1], np.zeros((2, 3)), weight),
        lambda: ClassAccuracy().update_state([0, 1], np.zeros((2, 3)), weight),
        lambda: CrossEntropy()([0, 1], np.zeros((2, 3)), weight),
    )
    for call in calls:
        with pytest.raises(ArgumentError, match=r"weights of shape .* do not fit"):
            call()
    with pytest.raises(ArgumentError, match=r"weights of shape .* do not fit"):
        head_nats(np.zeros((2, 5, 4), "float32"), np.zeros((4, 6), "float32"), None,
                  np.zeros((2, 5), "int32"), weight)  # fmt: skip
