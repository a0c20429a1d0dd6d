"""Noise changes what it says, as often as it says, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from lmzoo.data import blank_words, delete_words, drop_words, swap_words
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


def test_a_share_of_the_source_is_blank(batch):
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
     lambda s: drop_words(0.3, seed=s), lambda s: swap_words(2, seed=s)],
)  # fmt: skip
def test_a_seed_repeats_the_noise_and_passes_differ(batch, make):
    one, two = noisy(batch, make(7)), noisy(batch, make(7))
    for a, b in zip(one[0], two[0], strict=True):
        np.testing.assert_array_equal(a, b)
    data = tf.data.Dataset.from_tensors(batch).apply(make(7))
    first, second = ([part.numpy() for part in tf.nest.flatten(next(iter(data)))] for _ in "ab")
    assert any((a != b).any() for a, b in zip(first, second, strict=True))


def test_shares_outside_their_range_are_refused():
    for make in (blank_words, delete_words, drop_words):
        with pytest.raises(ArgumentError, match=r"share is 1\.0"):
            make(1.0)
    with pytest.raises(ArgumentError, match="distance is 0"):
        swap_words(0)
