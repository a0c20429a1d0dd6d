"""Weights and samples make classes equal, or unequal, by exactly what they say."""

from collections import Counter

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from lmzoo.data import class_weights, imbalanced, over_sample, under_sample, weigh_classes
from lmzoo.errors import ArgumentError, DataError


def records_of(examples):
    return [{"text": text, "label": label} for text, label in examples]


def examples_of(records):
    return [(record["text"], record["label"]) for record in records]


EXAMPLES = st.lists(
    st.tuples(st.integers(0, 99).map(str), st.sampled_from("aabbbbc")), min_size=1, max_size=60
)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=8))
def test_every_class_weighs_the_same_and_all_as_many_as_there_are(counts):
    labels = np.repeat(np.arange(len(counts)), counts)
    weights = class_weights(labels)
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    np.testing.assert_allclose([weights[n] for n in range(len(counts))], theirs)
    assert sorted(weights) == list(range(len(counts)))
    totals = [count * weights[number] for number, count in enumerate(counts)]
    np.testing.assert_allclose(totals, sum(counts) / len(counts))
    assert weights == class_weights({f"class {n}": count for n, count in enumerate(counts)})
    assert set(class_weights(labels, power=0).values()) == {1.0}
    half = class_weights(labels, power=0.5)
    np.testing.assert_allclose([half[n] ** 2 for n in half], [weights[n] for n in half])


def test_names_are_numbered_as_the_data_number_them():
    assert class_weights(["10", "9", "9", "9"]) == {0: 4 / 6, 1: 2.0}
    assert class_weights(["b", "a", "a", "a"]) == class_weights({"a": 3, "b": 1})
    assert class_weights({1: 3, 0: 1}) == {0: 2.0, 1: 4 / 6}
    for labels in ([0, 2], {1: 5, 2: 5}):
        with pytest.raises(ArgumentError, match="they must be 0 to 1"):
            class_weights(labels)
    for labels in ([], {}, {"a": 0, "b": 2}):
        with pytest.raises(DataError, match="without any example"):
            class_weights(labels)
    with pytest.raises(ArgumentError, match="power is -1"):
        class_weights([0], power=-1)


def test_labels_of_every_form_have_the_weights_of_their_class():
    wanted = class_weights([1, 1, 1, 0])
    assert wanted == {0: 2.0, 1: 4 / 6}
    ids = np.array([1, 1, 1, 0])
    for labels in (ids.astype("float32"), ids[:, None].astype("float64"), ids.astype(bool),
                   tf.constant(ids), {1.0: 3, 0.0: 1}):  # fmt: skip
        assert class_weights(labels) == wanted
    names = class_weights(["pos", "pos", "neg"])
    assert names == {0: 1.5, 1: 0.75}
    for labels in ([b"pos", b"pos", b"neg"], np.array([b"pos", b"pos", b"neg"], object),
                   Counter(["pos", "pos", "neg"]), Counter([b"pos", b"pos", b"neg"])):  # fmt: skip
        assert class_weights(labels) == names
    assert class_weights({"pos": 2, "neg": 1}) == {0: 0.75, 1: 1.5}  # as `labels=` numbers them


@pytest.mark.parametrize("labels", [np.eye(2, dtype=int)[[0, 1, 1]], [[0, 1], [1, 1]], "abc",
                                    [0.0, 0.5], [0, "a", None], [None]])  # fmt: skip
def test_labels_that_are_no_classes_are_refused(labels):
    with pytest.raises(ArgumentError, match=r"labels of shape|the label|the classes are"):
        class_weights(labels)


@pytest.mark.parametrize("form", ["ids", "column", "floats", "hot", "column of weights"])
def test_weighing_gives_each_row_the_weight_of_its_class(form):
    ids = np.array([2, 0, 1, 1])
    forms = {"ids": ids, "floats": ids.astype("float32"), "hot": np.eye(4, dtype="float32")[ids]}
    labels = forms.get(form, ids[:, None])
    given_weights = np.array([1.0, 2.0, 3.0, 0.0], "float32")
    if form == "column of weights":
        given_weights = given_weights[:, None]
    data = tf.data.Dataset.from_tensor_slices((np.zeros((4, 2)), labels, given_weights)).batch(4)
    _, _, found = next(iter(data.apply(weigh_classes({0: 1.0, 1: 2.0, 2: 5.0}))))
    assert found.shape == given_weights.shape
    assert found.numpy().ravel().tolist() == [5.0, 2.0, 6.0, 0.0]


def test_integers_that_may_be_tags_or_one_hot_are_refused():
    batch = np.zeros((2, 3)), np.eye(3, dtype=int)[:2], np.ones(2, np.float32)
    with pytest.raises(ArgumentError, match="float distributions with a weight for each row"):
        tf.data.Dataset.from_tensors(batch).apply(weigh_classes({1: 2.0}))
    with pytest.raises(ArgumentError, match="classes from 0 on"):
        weigh_classes({"a": 2.0})


@given(EXAMPLES, st.integers(0, 9))
def test_over_sampling_repeats_the_small_and_keeps_all(examples, seed):
    found = examples_of(over_sample(records_of(examples), seed))
    assert found[: len(examples)] == examples
    assert found == examples_of(over_sample(records_of(examples), seed))
    counts = Counter(label for _, label in found)
    assert set(counts.values()) == {max(Counter(label for _, label in examples).values())}
    before, after = Counter(examples), Counter(found)
    for label in counts:
        times = [after[e] / before[e] for e in before if e[1] == label]
        assert max(times) - min(times) <= 1


@given(EXAMPLES, st.integers(0, 9))
def test_under_sampling_keeps_as_many_of_each(examples, seed):
    found = examples_of(under_sample(records_of(examples), seed))
    counts = Counter(label for _, label in examples)
    assert Counter(label for _, label in found) == dict.fromkeys(counts, min(counts.values()))
    assert not Counter(found) - Counter(examples)
    rest = iter(examples)
    assert all(example in rest for example in found)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 50), st.integers(0, 9))
def test_the_rare_class_is_as_rare_as_was_asked(rare, others, ratio, seed):
    examples = [(str(n), "a" if n < rare else "bc"[n % 2]) for n in range(rare + others)]
    if others < ratio:
        with pytest.raises(DataError, match="too few for a ratio"):
            imbalanced(records_of(examples), ratio, rare="a", seed=seed)
        return
    found = examples_of(imbalanced(records_of(examples), ratio, rare="a", seed=seed))
    count = sum(label == "a" for _, label in found)
    assert count == min(rare, others // ratio)
    assert len(found) == count * (1 + ratio)
    assert len(set(found)) == len(found)


def test_what_cannot_be_sampled():
    for wrong in ({"ratio": 0, "rare": "a"}, {"rare": "x"}):
        with pytest.raises(ArgumentError):
            imbalanced(records_of(["1a", "2b"]), **wrong)
    for function in (over_sample, under_sample):
        with pytest.raises(DataError, match="no records"):
            function([])


@pytest.mark.parametrize("shape", [(6,), (6, 5)])
def test_each_label_is_weighed_by_its_class(shape):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, shape).astype(np.int32)
    given_weights = rng.integers(0, 3, shape).astype(np.float32)
    inputs = (np.zeros((6, 5), np.int32), np.zeros((6, 5, 3), np.int32))
    data = tf.data.Dataset.from_tensors((inputs, labels, given_weights))
    factors = {0: 0.5, 2: 3.0, 1: 0.0}
    found, same, weights = next(iter(data.apply(weigh_classes(factors))))
    expected = given_weights * np.vectorize(lambda n: factors.get(n, 1.0))(labels)
    np.testing.assert_allclose(weights, expected)
    assert weights.dtype == tf.float32
    np.testing.assert_array_equal(same, labels)
    assert len(found) == 2


def test_weights_that_weigh_nothing_known():
    for weights in ({}, {0: -1.0}, {-1: 1.0}, {0: float("nan")}):
        with pytest.raises(ArgumentError, match="weights are"):
            weigh_classes(weights)
    pair = (np.zeros(2), (np.zeros(2), np.zeros(2)), (np.zeros(2), np.zeros(2)))
    for batch in (pair, pair[:2]):
        with pytest.raises(ArgumentError, match="one label"):
            tf.data.Dataset.from_tensors(batch).apply(weigh_classes({0: 1.0}))
