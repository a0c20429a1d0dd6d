"""Exact repetitions."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.digests import digest
from lmzoo.data.text.duplicates import drop_duplicates, first_occurrences

TEXTS = st.lists(st.text("ab ", max_size=3), max_size=30)


@given(TEXTS)
def test_each_text_passes_once_in_order(texts):
    assert list(drop_duplicates(texts)) == list(dict.fromkeys(texts))


@given(TEXTS)
def test_first_occurrences_agree_with_a_set(texts):
    first = first_occurrences(np.array([digest(text) for text in texts], np.uint64))
    assert [t for t, new in zip(texts, first, strict=True) if new] == list(dict.fromkeys(texts))


def test_it_streams():
    def endless():
        number = 0
        while True:
            yield str(number // 2)
            number += 1

    stream = drop_duplicates(endless())
    assert [next(stream) for _ in range(3)] == ["0", "1", "2"]


def test_the_seed_changes_digests_and_lone_surrogates_have_one():
    assert digest("a", seed=1) != digest("a")
    assert digest("\ud800") != digest("\udfff")
    assert 0 <= digest("a", seed=-1) < 2**64
