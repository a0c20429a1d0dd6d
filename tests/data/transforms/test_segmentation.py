"""Subword regularization keeps the texts and the form of batches, and is exactly repeatable."""

import numpy as np
import pytest
import tensorflow as tf

import lmzoo
from lmzoo.errors import ArgumentError

PAIRS = [
    (f"the {a} dog ran {n} times", f"der {b} Hund lief {n} mal")
    for a, b in (("old", "alte"), ("new", "neue"))
    for n in range(20)
]


def prepared():
    return lmzoo.data.prepare_seq2seq(PAIRS, valid_fraction=0.2, tokens_per_batch=256, seed=1)


def batches(data, count):
    return [[part.numpy() for part in tf.nest.flatten(batch)] for batch in data.train.take(count)]


def test_both_sides_are_cut_anew_and_say_the_same():
    plain, data = prepared(), prepared()
    data.transform_train(lmzoo.data.sample_subwords(data.tokenizer, alpha=0.05, seed=0))
    (before, after), changed = (batches(each, 1)[0] for each in (plain, data)), 0
    decode = data.tokenizer.decode
    for old, new in zip(before[:3], after[:3], strict=True):
        assert new.shape[1] >= old.shape[1]
        assert [decode(row) for row in old] == [decode(row) for row in new]
        changed += sum(
            row[row > 0].tolist() != ids[ids > 0].tolist()
            for row, ids in zip(old, new, strict=True)
        )
    assert changed > len(before[0])
    _, target, next_ids, weights = after
    assert (target[:, 0] == 2).all()
    np.testing.assert_array_equal(target[:, 1:], next_ids[:, :-1])
    np.testing.assert_array_equal(weights, (next_ids > 0).astype("float32"))
    assert ((next_ids == 3).sum(axis=1) == 1).all()


def test_each_epoch_is_cut_anew_and_a_resumed_one_as_before():
    data = prepared()
    data.transform_train(lmzoo.data.sample_subwords(data.tokenizer, alpha=0.05, seed=0))
    steps = data.steps_per_epoch
    train = data.train
    unbroken = [[p.numpy() for p in tf.nest.flatten(b)] for _ in range(2) for b in train]
    one, two = (sum(batch[0].sum() for batch in unbroken[i : i + steps]) for i in (0, steps))
    assert one != two
    again = prepared()
    again.transform_train(lmzoo.data.sample_subwords(again.tokenizer, alpha=0.05, seed=0))
    again.start_at(steps)
    for batch, wanted in zip(batches(again, steps), unbroken[steps:], strict=True):
        for found, part in zip(batch, wanted, strict=True):
            np.testing.assert_array_equal(found, part)


def test_nothing_changes_outside_of_training():
    data = prepared()
    before = [[p.numpy() for p in tf.nest.flatten(b)] for b in data.valid]
    data.transform_train(lmzoo.data.sample_subwords(data.tokenizer, alpha=0.05, seed=0))
    for batch, old in zip(data.valid, before, strict=True):
        for found, part in zip(tf.nest.flatten(batch), old, strict=True):
            np.testing.assert_array_equal(found, part)


def test_labeled_texts_and_missing_rows():
    tokenizer = lmzoo.data.train_tokenizer([s for pair in PAIRS for s in pair])
    ids = np.zeros((3, 24), "int32")
    ids[0, : len(tokenizer.encode("the old dog"))] = tokenizer.encode("the old dog")
    ids[1, 0] = 3
    data = tf.data.Dataset.from_tensors((ids, np.arange(3), np.array([1.0, 1.0, 0.0])))
    new, labels, _ = next(iter(data.apply(lmzoo.data.sample_subwords(tokenizer, seed=0))))
    assert tokenizer.decode(new[0].numpy()) == "the old dog"
    assert new[1].numpy().tolist()[:2] == [3, 0]
    assert not new[2].numpy().any()
    assert labels.numpy().tolist() == [0, 1, 2]


def test_labels_of_tokens_are_refused():
    tokenizer = lmzoo.data.train_tokenizer([s for pair in PAIRS for s in pair])
    for inputs in (np.ones((2, 3), "int32"), (np.ones((2, 3), "int32"), np.ones((2, 3, 4)))):
        data = tf.data.Dataset.from_tensors((inputs, np.ones((2, 3)), np.ones((2, 3))))
        with pytest.raises(ArgumentError, match=r"label for each token|labels or characters"):
            data.apply(lmzoo.data.sample_subwords(tokenizer))
