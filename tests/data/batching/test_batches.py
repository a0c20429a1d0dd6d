"""Batches hold what the rows say, in an order that the seed alone decides, from any step on."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo.data.batching import batches as module
from lmzoo.data.batching.batches import Batches
from lmzoo.data.batching.orders import length_pools, row_order, width_groups
from lmzoo.data.batching.packing import DocumentPacker, possible_shifts, window_rows
from lmzoo.data.batching.token_store import TokenStore
from lmzoo.data.tasks.language_modeling import NextTokens
from lmzoo.errors import ArgumentError


def batches_of(size, length, batch_size, *, seed=None, overlap=0, moving=False):
    """Make batches over the ids 1, 2, 3, ... so that every id names its place."""
    store = TokenStore(size + 1)
    store.append(np.arange(1, size + 1))
    shifts = possible_shifts(size, length)

    def rows(epoch):
        shift = shifts[epoch % len(shifts)] if moving else 0
        return window_rows(size, length, shift=shift, overlap=overlap)

    order = row_order(rows(0).count, batch_size, length, seed)
    return Batches(order, NextTokens(store, rows, 0), (batch_size, length))


def split(chunks):
    """Take chunks apart into batches."""
    return [tuple(part[i] for part in chunk) for chunk in chunks for i in range(len(chunk[0]))]


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
            found = split(chunks)
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


def passes(dataset, count):
    """Return the batches of some passes, each as a list of lists."""
    return [
        [part.tolist() for part in tf.nest.flatten(batch)]
        for _ in range(count)
        for batch in dataset.as_numpy_iterator()
    ]


@settings(max_examples=6)
@given(step=st.integers(0, 20), seed=st.integers(0, 3), chunk=st.integers(1, 60))
def test_a_resumed_run_is_the_rest_of_the_whole_run(step, seed, chunk):
    batches = batches_of(60, 4, 3, seed=seed, moving=True)
    count = step // batches.steps + 2
    whole = passes(batches.dataset(), count)
    before, module.CHUNK_TOKENS = module.CHUNK_TOKENS, chunk
    try:
        resumed = batches.dataset(step)
        assert passes(resumed, 2) == whole[step:]
    finally:
        module.CHUNK_TOKENS = before
    assert whole[: batches.steps] != whole[batches.steps : 2 * batches.steps]
    assert passes(batches_of(60, 4, 3, seed=seed + 9, moving=True).dataset(), 1) != whole[:5]


def test_only_complete_passes_count():
    """A look at the first batches, or batches that were made ahead, do not count."""
    batches = batches_of(60, 4, 3, seed=1)
    whole = passes(batches.dataset(), 2)
    dataset = batches.dataset()
    for _ in range(3):
        assert [part.tolist() for part in next(dataset.as_numpy_iterator())] == whole[0]
        assert passes(dataset.take(batches.steps - 1), 1) == whole[: batches.steps - 1]
    # The last batch ends a pass, even if nobody asks for what comes after it.
    iterator = dataset.as_numpy_iterator()
    assert [[p.tolist() for p in next(iterator)] for _ in range(batches.steps)] == whole[:5]
    assert passes(dataset, 1) == whole[5:]


def test_shapes_are_static_and_lengths_known():
    batches = batches_of(60, 4, 7)
    data = batches.dataset()
    assert [tuple(spec.shape) for spec in data.element_spec] == [(7, 4)] * 3
    assert [spec.dtype.name for spec in data.element_spec] == ["int32", "int32", "float32"]
    assert int(data.cardinality()) == batches.steps == 3
    assert int(batches.dataset(6).cardinality()) == 3
    assert int(batches.dataset(1).cardinality()) == 3  # so that `fit` shows whole epochs later
    assert [len(list(data)) for data in [batches.dataset(1)] * 3] == [2, 3, 3]
    with pytest.raises(ArgumentError, match="step is -1"):
        batches.dataset(-1)


@settings(max_examples=5)
@given(first=st.integers(0, 12), shift=st.integers(1, 5))
def test_transforms_see_whole_epochs(first, shift):
    """Also one that depends on the place of a batch in its epoch."""
    batches = batches_of(60, 4, 3, seed=1, moving=True)

    def number(dataset):
        return dataset.enumerate().map(lambda n, batch: (tf.cast(n, tf.int32), *batch))

    def roll(dataset):
        return dataset.map(lambda n, ids, *rest: (n, tf.roll(ids, n + shift, axis=1), *rest))

    steps = batches.steps
    whole = passes(batches.dataset(0, [number, roll]), first // steps + 2)
    assert [batch[0] for batch in whole] == list(range(steps)) * (first // steps + 2)
    resumed = batches.dataset(first, [number, roll])
    assert passes(resumed, 2) == whole[first:]
    assert int(resumed.cardinality()) == steps


def test_a_transform_keeps_the_number_of_batches():
    batches = batches_of(60, 4, 3)
    for change in (
        lambda d: d.take(2),
        lambda d: d.filter(lambda *batch: True),
        lambda d: d.repeat(),
    ):
        with pytest.raises(ArgumentError, match="changes the number of batches from 5"):
            batches.dataset(0, [change])


@given(
    widths=st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=40),
    seed=st.one_of(st.none(), st.integers(0, 3)),
)
def test_groups_hold_every_row_once_with_its_widths(widths, seed):
    order = width_groups(np.array(widths).T, lambda w: 2 + w[0], seed)
    for epoch in (0, 1):
        plans = list(order.plan(epoch))
        assert len(plans) == order.steps
        assert sorted(row for plan in plans for row in plan.rows if row >= 0) == list(
            range(order.rows)
        )
        for plan in plans:
            assert len(plan.rows) == 2 + plan.widths[0]
            assert {widths[row] for row in plan.rows if row >= 0} == {plan.widths}


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    batch_size=st.integers(1, 5),
    first=st.integers(0, 7),
)
def test_rows_of_similar_length_make_batches_as_wide_as_they_need(lengths, batch_size, first):
    size = sum(lengths)
    store = TokenStore(size + 1)
    store.append(np.arange(size + 1))
    packer = DocumentPacker(20, pack=False)
    packer.add(lengths)
    rows = packer.rows()
    order = length_pools(rows.locate(np.arange(rows.count))[1], batch_size, 20, seed=3)
    batches = Batches(order, NextTokens(store, lambda epoch: rows, 0), (batch_size, None))
    made = split(batches.chunks(0))
    assert len(made) == batches.steps
    ids, next_ids = [], []
    for x, y, weights in made:
        longest = int(weights.sum(axis=1).max())
        assert x.shape == (batch_size, min(-(-longest // 8) * 8, 20))
        ids.extend(x[weights == 1])
        next_ids.extend(y[weights == 1])
    assert sorted(next_ids) == list(range(1, size + 1))
    assert [i + 1 for i in ids] == next_ids
    again = split(batches.chunks(0, min(first, batches.steps)))
    for (a, _, _), (b, _, _) in zip(again, made[first:], strict=True):
        np.testing.assert_array_equal(a, b)
