"""Batches hold what the rows say, in an order that the seed alone decides."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data import batch as module
from lmzoo.data.batch import Batches, next_word_windows
from lmzoo.data.rows import DocumentPacker, possible_shifts, window_rows
from lmzoo.data.store import TokenStore
from lmzoo.errors import ArgumentError, DataError, PromptError


def batches_of(size, length, batch_size, *, seed=None, overlap=0, moving=False):
    """Make batches over the ids 1, 2, 3, ... so that every id names its place."""
    store = TokenStore(size + 1)
    store.append(np.arange(1, size + 1))
    store.close()
    shifts = possible_shifts(size, length)

    def rows(epoch):
        shift = shifts[epoch % len(shifts)] if moving else 0
        return window_rows(size, length, shift=shift, overlap=overlap)

    return Batches(store, length, batch_size, rows, seed)


def flat(batches):
    """Return the inputs and targets of weight 1, in order."""
    ids, next_ids, weights = (np.concatenate(part) for part in zip(*batches, strict=True))
    return ids[weights == 1], next_ids[weights == 1]


@given(
    size=st.integers(2, 120),
    length=st.integers(1, 12),
    batch_size=st.integers(1, 9),
    chunk=st.integers(1, 200),
    seed=st.one_of(st.none(), st.integers(0, 9)),
    moving=st.booleans(),
)
def test_each_token_but_the_first_is_predicted_once_from_the_one_before(
    size, length, batch_size, chunk, seed, moving
):
    before, module.CHUNK_TOKENS = module.CHUNK_TOKENS, chunk
    try:
        batches = batches_of(size, length, batch_size, seed=seed, moving=moving)
        for epoch in (0, 1, 7):
            chunks = list(batches.chunks(epoch))
            assert all(part.shape[1:] == (batch_size, length) for c in chunks for part in c)
            found = [tuple(part[i] for part in c) for c in chunks for i in range(len(c[0]))]
            assert len(found) == batches.steps
            ids, next_ids = flat(found)
            assert (next_ids == ids + 1).all()
            assert sorted(next_ids.tolist()) == list(range(2, size + 1))
            padded = np.concatenate([(w == 0) & (i != 0) for i, _, w in found])
            assert not padded.any()
    finally:
        module.CHUNK_TOKENS = before


def test_rows_read_earlier_tokens_again_with_weight_0():
    (batch,) = batches_of(9, 4, 3, overlap=2).dataset().as_numpy_iterator()
    ids, next_ids, weights = batch
    assert ids.tolist() == [[1, 2, 3, 4], [3, 4, 5, 6], [5, 6, 7, 8]]
    assert next_ids.tolist() == [[2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 9]]
    assert weights.tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]


@given(step=st.integers(0, 40), seed=st.integers(0, 3), chunk=st.integers(1, 60))
def test_a_resumed_run_is_the_rest_of_the_whole_run(step, seed, chunk):
    batches = batches_of(60, 4, 3, seed=seed, moving=True)

    def run(first, count):
        each = (part for c in batches.epochs(first) for part in zip(*c, strict=True))
        return np.array([np.stack(batch) for batch in islice(each, count)])

    whole = run(0, step + 7)
    before, module.CHUNK_TOKENS = module.CHUNK_TOKENS, chunk
    try:
        np.testing.assert_array_equal(run(step, 7), whole[step:])
    finally:
        module.CHUNK_TOKENS = before


def test_passes_follow_the_endless_run_and_seeds_differ():
    batches = batches_of(200, 4, 3, seed=1, moving=True)
    steps, data = batches.steps, batches.dataset()
    passes = [ids for _ in range(2) for ids, _, _ in data.as_numpy_iterator()]
    endless = batches.dataset_from(0).take(2 * steps).as_numpy_iterator()
    np.testing.assert_array_equal(passes, [ids for ids, _, _ in endless])
    resumed = batches.dataset_from(steps + 2).take(3).as_numpy_iterator()
    np.testing.assert_array_equal(passes[steps + 2 : steps + 5], [ids for ids, _, _ in resumed])
    assert not np.array_equal(passes[:steps], passes[steps:])
    (other, _, _), *_ = batches_of(200, 4, 3, seed=2, moving=True).chunks(0)
    assert not np.array_equal(passes[:steps], other)


def test_shapes_are_static_and_lengths_known():
    batches = batches_of(60, 4, 7)
    data = batches.dataset()
    assert [tuple(spec.shape) for spec in data.element_spec] == [(7, 4)] * 3
    assert [spec.dtype.name for spec in data.element_spec] == ["int32", "int32", "float32"]
    assert int(data.cardinality()) == batches.steps == 3
    assert int(batches.dataset_from(1).cardinality()) == -1
    with pytest.raises(ArgumentError, match="step is -1"):
        batches.dataset_from(-1)


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    batch_size=st.integers(1, 5),
    first=st.integers(0, 7),
)
def test_rows_of_similar_length_make_batches_as_wide_as_they_need(lengths, batch_size, first):
    size = sum(lengths)
    store = TokenStore(size + 1)
    store.append(np.arange(size + 1))
    store.close()
    packer = DocumentPacker(20, pack=False)
    packer.add(lengths)
    rows = packer.rows()
    batches = Batches(store, 20, batch_size, lambda epoch: rows, seed=3, by_length=True)
    made = [tuple(part[0] for part in chunk) for chunk in batches.chunks(0)]
    assert len(made) == batches.steps
    ids, next_ids = [], []
    for x, y, weights in made:
        longest = int(weights.sum(axis=1).max())
        assert x.shape == (batch_size, min(-(-longest // 8) * 8, 20))
        ids.extend(x[weights == 1])
        next_ids.extend(y[weights == 1])
    assert sorted(next_ids) == list(range(1, size + 1))
    assert [i + 1 for i in ids] == next_ids
    again = [chunk[0][0] for chunk in batches.chunks(0, min(first, batches.steps))]
    for a, (b, _, _) in zip(again, made[first:], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize(("context", "batch_size"), [(1, None), (3, 4), (2, 100), (10, 1)])
def test_next_word_windows_are_every_run_of_ids(context, batch_size, one_hot):
    ids = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    options = {"one_hot": one_hot, "vocab_size": 10, "batch_size": batch_size}
    data = next_word_windows(ids, context, **options)
    expected = [ids[i : i + context + 1] for i in range(len(ids) - context)]
    found = list(data.as_numpy_iterator())
    assert int(data.cardinality()) == len(found) == -(-len(expected) // (batch_size or 1))
    if batch_size:
        found = [pair for batch in found for pair in zip(*batch, strict=True)]
    if one_hot:
        assert all(word.shape == (10,) and word.sum() == 1 for _, word in found)
        found = [(before, word.argmax()) for before, word in found]
    assert [[*before.tolist(), int(word)] for before, word in found] == expected


def test_next_word_windows_shuffle_by_their_seed():
    def order(seed):
        data = next_word_windows(range(50), 2, seed=seed)
        return [int(word) for _, word in data.as_numpy_iterator()]

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == order(None) == list(range(2, 50))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"context_length": 0}, ArgumentError, "context_length is 0"),
        ({"batch_size": 0}, ArgumentError, "batch_size is 0"),
        ({"one_hot": True}, ArgumentError, "one_hot needs vocab_size"),
        ({"vocab_size": 5}, PromptError, "id 7 is outside the vocabulary of 5"),
    ],
)
def test_next_word_windows_say_what_is_wrong(options, error, message):
    with pytest.raises(error, match=message):
        next_word_windows([1, 7, 2, 3], **({"context_length": 2} | options))
    with pytest.raises(DataError, match=r"shape \(4,\) are too few for a context of 4"):
        next_word_windows([1, 7, 2, 3], 4)
