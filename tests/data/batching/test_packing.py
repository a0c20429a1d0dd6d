"""Rows predict every token exactly once, whatever the layout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.batching.packing import (
    DocumentPacker,
    lane_rows,
    packing_order,
    possible_shifts,
    window_rows,
)
from lmzoo.errors import ArgumentError


def predicted(rows):
    """Return the targets of weight 1 of all rows, one after the other."""
    found = zip(*rows.locate(np.arange(rows.count)), strict=True)
    return np.concatenate(
        [np.arange(start + skip, start + length) for start, length, skip in found]
    )


@given(size=st.integers(2, 200), length=st.integers(1, 20), data=st.data())
def test_windows_predict_each_token_but_the_first_once(size, length, data):
    overlap = data.draw(st.integers(0, length - 1))
    shift = data.draw(st.integers(0, min(length, size - 1)))
    rows = window_rows(size, length, shift=shift, overlap=overlap)
    assert predicted(rows).tolist() == list(range(1, size))
    start, lengths, skip = rows.locate(np.arange(rows.count))
    assert start.min() >= 1
    assert 1 <= lengths.min() <= lengths.max() <= length
    assert (skip < lengths).all()
    assert (skip[1:] == np.minimum(overlap, start[1:] + skip[1:] - 1)).all()


@given(size=st.integers(2, 300), length=st.integers(1, 20))
def test_every_shift_gives_as_many_rows(size, length):
    shifts = possible_shifts(size, length)
    assert len({window_rows(size, length, shift=shift).count for shift in shifts}) == 1
    assert len(shifts) >= length // 2 or size - 1 <= length
    assert all(shift < size for shift in shifts)


@pytest.mark.parametrize("overlap", [-1, 4, 9])
def test_an_overlap_must_leave_room(overlap):
    with pytest.raises(ArgumentError, match="choose 0 to 3"):
        window_rows(20, 4, overlap=overlap)


@given(
    documents=st.lists(st.integers(1, 12), min_size=1, max_size=40),
    length=st.integers(1, 9),
    batch=st.integers(1, 6),
    at_documents=st.booleans(),
)
def test_lanes_go_on_from_batch_to_batch(documents, length, batch, at_documents):
    size = 1 + sum(documents)
    borders = 1 + np.cumsum([0, *documents[:-1]])
    rows = lane_rows(size, length, batch, borders if at_documents else None)
    start, lengths, _ = rows.locate(np.arange(rows.count))
    assert rows.count % batch == 0
    lanes = []
    for lane in range(batch):
        starts, sizes = start[lane::batch], lengths[lane::batch]
        assert (starts[1:] == starts[:-1] + length).all()
        assert (sizes[:-1] >= sizes[1:]).all()  # only a lane's end is short
        used = sum(sizes.tolist())
        lanes += range(starts[0], starts[0] + used)
        if at_documents and used:
            assert starts[0] in borders
    assert lanes == list(range(1, size))


@given(
    documents=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    length=st.integers(1, 12),
    pack=st.booleans(),
)
def test_documents_stay_whole_in_order(documents, length, pack):
    packer = DocumentPacker(length, pack=pack)
    packer.add(documents[:3])
    packer.add(documents[3:])
    rows = packer.rows()
    assert predicted(rows).tolist() == list(range(1, 1 + sum(documents)))
    start, lengths, _ = rows.locate(np.arange(rows.count))
    assert lengths.max() <= length
    assert packer.cut == sum(size > length for size in documents)
    begins = set((1 + np.cumsum([0, *documents])).tolist())
    for first, size in zip(start.tolist(), lengths.tolist(), strict=True):
        inside = [b for b in begins if first < b < first + size]
        if first not in begins:  # only a long document goes on in another row
            before = max(b for b in begins if b < first)
            assert (first - before) % length == 0
        if not pack:
            assert not inside


@given(documents=st.lists(st.integers(1, 12), min_size=1, max_size=60), length=st.integers(3, 14))
def test_the_packing_order_is_a_permutation_that_fills_rows(documents, length):
    lengths = np.array(documents)
    order = packing_order(lengths, length)
    assert sorted(order.tolist()) == list(range(len(documents)))
    counts = []
    for sequence in (lengths, lengths[order]):
        packer = DocumentPacker(length)
        packer.add(sequence.tolist())
        counts.append(packer.rows().count)
    # Any order fills rows to more than half; this one beats it or loses a row at most.
    assert counts[1] <= counts[0] + 1


@pytest.mark.parametrize(("longest", "filled"), [(25, 0.98), (150, 0.88)])
def test_rows_of_the_packing_order_are_nearly_full(longest, filled):
    lengths = np.random.default_rng(0).integers(5, longest, 2000)
    packer = DocumentPacker(64)
    packer.add(lengths[packing_order(lengths, 64)].tolist())
    assert lengths.sum() / (packer.rows().count * 64) > filled
