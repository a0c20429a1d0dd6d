"""Token stores give back what was written, from memory or from a file."""

import gc
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.batching.token_store import Sequences, TokenStore


@given(
    parts=st.lists(st.lists(st.integers(0, 299), max_size=20), min_size=1, max_size=8),
    memory=st.sampled_from([0, 30, 1000]),
)
def test_what_is_written_is_read(parts, memory):
    store = TokenStore(300, memory_bytes=memory)
    for part in parts:
        store.append(np.array(part, np.int32))
    whole = [number for part in parts for number in part]
    assert store.ids.tolist() == whole
    assert store.size == len(whole)
    if whole:
        index = np.array([[0, -1], [len(whole) // 2, 0]])
        assert store.take(index).tolist() == np.array(whole)[index].tolist()
        assert store.take(index).dtype == np.int32


@pytest.mark.parametrize(
    ("vocab_size", "bits"), [(256, 8), (257, 16), (65_536, 16), (65_537, 32), (1, 8)]
)
def test_ids_take_as_few_bytes_as_the_vocabulary_allows(vocab_size, bits):
    store = TokenStore(vocab_size)
    store.append(np.array([vocab_size - 1]))
    assert store.ids.dtype.itemsize * 8 == bits
    assert store.take(np.array([0])) == vocab_size - 1


def test_the_file_goes_with_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = TokenStore(10, memory_bytes=0)
    store.append(np.arange(5))
    assert store.ids.sum() == 10
    assert len(list(tmp_path.rglob("tokens.bin"))) == 1
    del store
    gc.collect()
    assert not list(tmp_path.rglob("tokens.bin"))


@given(
    lists=st.lists(st.lists(st.integers(1, 299), min_size=1, max_size=9), min_size=1, max_size=9),
    width=st.integers(1, 12),
    seed=st.integers(0, 9),
)
def test_sequences_are_gathered_as_padded_rows(lists, width, seed):
    sequences = Sequences(300)
    for ids in lists:
        sequences.append(np.array(ids))
    assert len(sequences) == len(lists)
    assert sequences.lengths.tolist() == [len(ids) for ids in lists]
    rows = np.random.default_rng(seed).integers(-1, len(lists), 7)
    ids, real = sequences.gather(rows, width)
    assert (ids.dtype, real.dtype) == (np.int32, bool)
    for row, found, is_real in zip(rows, ids.tolist(), real.sum(axis=1), strict=True):
        expected = [] if row < 0 else lists[row][:width]
        assert found == expected + [0] * (width - len(expected))
        assert is_real == len(expected)
