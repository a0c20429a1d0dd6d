"""Next-word windows are every run of ids, in an order that the seed alone decides."""

import pytest

from lmzoo.data import next_word_windows
from lmzoo.errors import ArgumentError, DataError, PromptError


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
