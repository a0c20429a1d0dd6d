"""Training and validation never share a document."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.split import split_documents, split_point
from lmzoo.errors import ArgumentError, DataError


def test_the_customary_split_of_tiny_shakespeare():
    assert split_point(1_115_394, 0.1) == 1_003_854


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1),
    st.floats(0.01, 0.99),
)
def test_equal_documents_stand_on_the_same_side(numbers, fraction):
    valid = split_documents(np.array(numbers, np.uint64), fraction)
    sides = [{n for n, v in zip(numbers, valid, strict=True) if v == side} for side in (0, 1)]
    assert not sides[0] & sides[1]
    assert all(sides)
    wanted = fraction * len(set(numbers))
    assert abs(len(sides[1]) - wanted) <= 1


def test_no_validation():
    assert not split_documents(np.arange(5, dtype=np.uint64), 0).any()


def test_one_document_cannot_be_split():
    with pytest.raises(DataError, match="1 different document"):
        split_documents(np.array([3, 3], np.uint64), 0.1)


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_fractions_outside_the_range(fraction):
    with pytest.raises(ArgumentError, match=f"valid_fraction is {fraction}"):
        split_point(100, fraction)
