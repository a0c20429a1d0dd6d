"""Noise changes what it says, as often as it says, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from lmzoo.data import (
    blank_words,
    delete_words,
    drop_words,
    forget_rare_words,
    rare_words,
    swap_words,
)
from lmzoo.errors import ArgumentError

ROWS, WIDTH = 400, 12


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, WIDTH + 1, ROWS)
    ids = np.stack([rng.permutation(np.arange(4, 4 + WIDTH)) for _ in range(ROWS)])
    source = np.where(np.arange(WIDTH) < lengths[:, None], ids, 0).astype("int32")
    target = np.concatenate([np.full((ROWS, 1), 2), source[:, :-1]], axis=1).astype("int32")
    return (source, target), source, (source > 0).astype("float32")


def noisy(batch, change, passes=1):
    data = tf.data.Dataset.from_tensors(batch).apply(change)
    return [
        [part.numpy() for part in tf.nest.flatten(item)] for _ in range(passes) for item in data
    ]


def test_a_fraction_of_the_source_is_blank(batch):
    source, target, *rest = noisy(batch, blank_words(0.3, seed=1))[0]
    before = batch[0][0]
    changed = source != before
    assert (source[changed] == 1).all()
    assert not changed[before == 0].any()
    assert 0.27 < changed[before > 0].mean() < 0.33
    np.testing.assert_array_equal(target, batch[0][1])
    for part, same in zip(rest, batch[1:], strict=True):
        np.testing.assert_array_equal(part, same)


def test_what_is_deleted_leaves_the_others_in_order(batch):
    source = noisy(batch, delete_words(0.4, seed=1))[0][0]
    before, left = batch[0][0], 0
    for row, whole in zip(source, before, strict=True):
        kept = row[row > 0].tolist()
        assert kept
        assert (row[len(kept) :] == 0).all()
        assert kept == [token for token in whole if token in kept]
        left += len(kept)
    assert 0.56 < left / (before > 0).sum() < 0.68


@pytest.mark.parametrize("distance", [1, 3])
def test_no_word_moves_further_than_it_may(batch, distance):
    source = noisy(batch, swap_words(distance, seed=1))[0][0]
    before, moves = batch[0][0], []
    for row, whole in zip(source, before, strict=True):
        count = int((whole > 0).sum())
        assert sorted(row[:count]) == sorted(whole[:count])
        assert (row[count:] == 0).all()
        moves += [abs(row.tolist().index(token) - i) for i, token in enumerate(whole[:count])]
    assert max(moves) == distance
    assert np.mean(moves) > 0.2


def test_the_decoder_reads_less_and_learns_the_same(batch):
    source, target, next_ids, _ = noisy(batch, drop_words(0.3, seed=1))[0]
    hidden = target != batch[0][1]
    assert (target[hidden] == 1).all()
    assert not hidden[:, 0].any()
    real = (batch[0][1] > 0) & (batch[0][1] != 2)
    assert 0.27 < hidden[real].mean() < 0.33
    np.testing.assert_array_equal(source, batch[0][0])
    np.testing.assert_array_equal(next_ids, batch[1])


@pytest.mark.parametrize(
    "make",
    [lambda s: blank_words(0.3, seed=s), lambda s: delete_words(0.3, seed=s),
     lambda s: drop_words(0.3, seed=s), lambda s: swap_words(2, seed=s),
     lambda s: forget_rare_words([5, 7, 9], 0.5, seed=s)],
)  # fmt: skip
def test_a_seed_repeats_the_noise_and_passes_differ(batch, make):
    one, two = noisy(batch, make(7)), noisy(batch, make(7))
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_array_equal(a, b)
    data = tf.data.Dataset.from_tensors(batch).apply(make(7))
    first, second = ([part.numpy() for part in tf.nest.flatten(next(iter(data)))] for _ in "ab")
    assert any((a != b).any() for a, b in zip(first, second, strict=True))


def test_rates_outside_their_range_are_refused():
    for make in (blank_words, delete_words, drop_words):
        with pytest.raises(ArgumentError, match=r"rate is 1\.0"):
            make(1.0)
    with pytest.raises(ArgumentError, match="distance is 0"):
        swap_words(0)


@pytest.mark.parametrize(
    "make",
    [lambda: blank_words(0.3, seed=7), lambda: delete_words(0.3, seed=7),
     lambda: swap_words(2, seed=7), lambda: forget_rare_words([5, 6], 0.3, seed=7)],
)  # fmt: skip
def test_texts_change_as_sources_do_and_their_labels_stay(batch, make):
    (source, _), *_ = batch
    labels, weights = np.arange(ROWS, dtype="int32"), np.ones(ROWS, "float32")
    found = noisy((source, labels, weights), make())[0]
    np.testing.assert_array_equal(found[0], noisy(batch, make())[0][0])
    assert (found[0] != source).any()
    np.testing.assert_array_equal(found[1], labels)
    np.testing.assert_array_equal(found[2], weights)


def test_rare_words_are_forgotten_as_often_as_was_asked_and_no_others(batch):
    rare = [5, 9, 14]
    (source, target), *_ = batch
    found, same, *_ = noisy(batch, forget_rare_words(rare, 0.4, seed=1))[0]
    changed = found != source
    assert (found[changed] == 1).all()
    assert set(source[changed]) == set(rare)
    assert 0.35 < changed[np.isin(source, rare)].mean() < 0.45
    np.testing.assert_array_equal(same, target)
    assert not (noisy(batch, forget_rare_words([], 0.4, seed=1))[0][0] != source).any()
    with pytest.raises(ArgumentError, match="the id 3 is no word's"):
        forget_rare_words([9, 3])


def test_rare_words_are_counted_over_all_batches():
    rng = np.random.default_rng(0)
    batches = [rng.integers(0, top, (4, 6)) for top in (12, 40, 25)]
    counts = np.bincount(np.concatenate(batches).ravel())
    for inputs in (lambda ids: ids, lambda ids: (ids, np.zeros((4, 6, 2)))):
        data = tf.data.Dataset.from_generator(
            lambda inputs=inputs: ((inputs(ids), np.zeros(4)) for ids in batches),
            output_signature=tf.nest.map_structure(
                lambda part: tf.TensorSpec(part.shape, part.dtype),
                (inputs(batches[0]), np.zeros(4)),
            ),
        )
        for most in (1, 3):
            wanted = [w for w in range(4, len(counts)) if 0 < counts[w] <= most]
            assert rare_words(data, most=most).tolist() == wanted
    with pytest.raises(ArgumentError, match="most is 0"):
        rare_words(data, most=0)


def test_words_with_labels_of_their_own_keep_their_places(batch):
    (words, _), tags, weights = batch
    characters = np.zeros((ROWS, WIDTH, 2), "int32")
    for inputs, labels in ((words, tags), ((words, characters), tags),
                           (words, (np.zeros(ROWS), tags))):  # fmt: skip
        data = tf.data.Dataset.from_tensors((inputs, labels, weights))
        for make in (lambda: delete_words(0.3), lambda: swap_words(2)):
            with pytest.raises(ArgumentError, match="must keep their places"):
                data.apply(make())
        ids = tf.nest.flatten(next(iter(data.apply(blank_words(0.3, seed=1)))))
        assert 0.27 < (ids[0].numpy() == 1)[words > 0].mean() < 0.33
        np.testing.assert_array_equal(ids[-2], tags)
    with pytest.raises(ArgumentError, match="these batches have none"):
        tf.data.Dataset.from_tensors((words, weights)).apply(drop_words(0.1))
