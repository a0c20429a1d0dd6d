"""`answer`: batches no larger than their sources ask for."""

import numpy as np
import pytest

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.generation import answering


@pytest.fixture
def searched(monkeypatch):
    """The numbers of rows of the batches that are searched."""
    sizes = []

    def search(model, batch, **settings):
        sizes.append(len(batch))
        return [row[:1] for row in batch]

    monkeypatch.setattr(answering, "generate", search)
    return sizes


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(1, 64, [1]), (3, 64, [4]), (40, 64, [64]), (21, 16, [16, 8]), (5, 6, [6]), (7, 3, [3, 3, 1])],
)
def test_batches_have_powers_of_two_of_rows(searched, count, batch_size, sizes):
    words = lmzoo.data.train_tokenizer(["a b c d e f"], kind="word")
    sources = [" ".join("abcdef"[: 1 + number % 6]) for number in np.arange(count)]
    settings = {"tokenizer": words, "num_beams": 1, "batch_size": batch_size}
    assert lmzoo.answer(None, sources, **settings) == ["a"] * count
    assert searched == sizes


@pytest.mark.parametrize(
    "wrong", [{"batch_size": 0}, {"batch_size": 2.5}, {"max_new_tokens": 0}], ids=str
)
def test_sizes_are_checked(wrong):
    with pytest.raises(ArgumentError, match=next(iter(wrong))):
        lmzoo.answer(None, ["a"], tokenizer=None, **wrong)
