"""Parts hold every label's share, every example once, and equal texts together."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.cross_validation import folds, stratified_split
from lmzoo.errors import ArgumentError, DataError

LABELS = st.lists(st.sampled_from("aabbbbc"), min_size=1, max_size=120)


@given(LABELS, st.floats(0.01, 0.9), st.integers(-3, 10**12))
def test_a_split_takes_the_same_share_of_every_label(labels, fraction, seed):
    held = stratified_split(labels, fraction, seed)
    np.testing.assert_array_equal(held, stratified_split(labels, fraction, seed))
    counts, taken = Counter(labels), Counter(np.array(labels)[held].tolist())
    for label, count in counts.items():
        assert taken[label] < count
        assert abs(taken[label] - fraction * count) < 1 or taken[label] == count - 1
    if all(count * (1 - fraction) >= 2 for count in counts.values()):
        assert held.sum() == int(np.ceil(fraction * len(labels) - 1e-9))


@given(st.lists(st.integers(0, 30), min_size=2, max_size=90), st.floats(0, 0.9), st.integers(0, 99))
def test_equal_texts_stand_on_one_side(texts, fraction, seed):
    held = stratified_split([text % 3 for text in texts], fraction, seed, texts=texts)
    sides = {}
    for text, side in zip(texts, held, strict=True):
        assert sides.setdefault(text, side) == side
    assert bool(fraction) or not held.any()


def test_another_seed_takes_others():
    labels = ["a"] * 50 + ["b"] * 50
    one, two = (stratified_split(labels, 0.2, seed) for seed in (0, 1))
    assert (one != two).any()
    for fraction in (-0.1, 1.0):
        with pytest.raises(ArgumentError, match="fraction is"):
            stratified_split(labels, fraction)
    with pytest.raises(ArgumentError, match="1 texts have 100 labels"):
        stratified_split(labels, 0.1, texts=["x"])


@given(
    st.lists(st.tuples(st.integers(0, 60).map(str), st.sampled_from("ab")), min_size=30),
    st.integers(2, 8),
    st.integers(0, 99),
)
def test_every_example_is_tested_once_by_a_model_that_never_saw_its_text(found, k, seed):
    examples = [*found, ("x", "a"), ("y", "a"), ("z", "b"), ("v", "b"), ("w", "b"), ("u", "b"),
                ("t", "b"), ("s", "b")]  # fmt: skip
    parts = list(folds(examples, k, seed=seed))
    assert parts == list(folds(examples, k, seed=seed))
    assert len(parts) == k
    tested = Counter()
    for train, test in parts:
        assert Counter(train) + Counter(test) == Counter(examples)
        assert not {text for text, _ in train} & {text for text, _ in test}
        tested += Counter(test)
    assert tested == Counter(examples)


@given(st.integers(2, 40), st.integers(2, 40), st.integers(2, 10))
def test_folds_are_even_where_texts_differ(of_a, of_b, k):
    examples = [(str(n), "a" if n < of_a else "b") for n in range(of_a + of_b)]
    if len(examples) < k:
        return
    tests = [test for _, test in folds(examples, k)]
    for label in "ab":
        counts = [sum(its == label for _, its in test) for test in tests]
        assert max(counts) - min(counts) <= 1
    assert max(map(len, tests)) - min(map(len, tests)) <= 1


def test_what_cannot_be_parted():
    examples = [(str(n), "ab"[n % 2]) for n in range(6)]
    with pytest.raises(ArgumentError, match="k is 1"):
        next(folds(examples, 1))
    with pytest.raises(DataError, match="6 different texts cannot be parted into 7 folds"):
        next(folds(examples, 7))
    with pytest.raises(DataError, match=r"the label 'c' has one text only.*'alone'"):
        next(folds([*examples, ("alone", "c"), ("alone", "c")], 2))
