"""Batches of pairs hold every pair once, with its end, its begin and its padding in place."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo.data import dialogue_pairs, prepare_seq2seq, read_dialogues, train_tokenizer
from lmzoo.data.batching.widths import choose_widths
from lmzoo.errors import ArgumentError, DataError

WORDS = ["a", "b", "c", "d", "e", "f", "g", "h"]


def random_pairs(count, longest, seed):
    rng = np.random.default_rng(seed)
    return [
        tuple(" ".join(rng.choice(WORDS, rng.integers(1, longest))) for _ in range(2))
        for _ in range(count)
    ]


def decoded(data, batches):
    """The pairs of batches, and checks of what stands around them."""
    found = []
    for (source, target), next_ids, weights in batches.as_numpy_iterator():
        assert source.dtype == target.dtype == next_ids.dtype == np.int32
        assert weights.dtype == np.float32
        assert (target[:, 0] == 2).all()
        np.testing.assert_array_equal(target[:, 1:], next_ids[:, :-1])
        for row, weight in enumerate(weights):
            length = int(weight.sum())
            if not length:
                continue
            assert (weight[:length] == 1).all()
            assert next_ids[row, length - 1] == 3
            assert (next_ids[row, length:] == 0).all()
            pair = (data.source_tokenizer.decode(source[row]), data.tokenizer.decode(next_ids[row]))
            found.append(pair)
    return found


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(2, 40), st.integers(1, 300))
def test_every_pair_comes_once_in_an_epoch(seed, count, longest, tokens):
    pairs = random_pairs(count, longest, seed)
    tokenizer = train_tokenizer(WORDS, kind="word")
    data = prepare_seq2seq(
        pairs, tokenizer=tokenizer, tokens_per_batch=tokens, valid_fraction=0.0, seed=seed
    )
    assert sorted(decoded(data, data.train)) == sorted(pairs)
    assert len(list(data.train)) == data.steps_per_epoch
    for (source, target), _, _ in data.train.as_numpy_iterator():
        assert source.shape[0] * max(source.shape[1], target.shape[1]) <= max(tokens, 64)


def test_what_is_dropped_is_counted_and_said():
    pairs = [("a b", "c"), ("", "c"), ("a", ""), ("a " * 30, "c"), ("a", "c " * 20), ("b", "c d")]
    data = prepare_seq2seq(
        pairs, tokenizer="word", max_length=10, max_source_length=20, valid_fraction=0.0
    )
    assert sorted(decoded(data, data.train)) == [("a b", "c"), ("b", "c d")]
    assert data.report["train"]["empty"] == 2
    assert data.report["train"]["too_long"] == 2
    assert "too_long 2" in data.describe()
    with pytest.raises(DataError, match="no usable pair for train: of 1 0 have"):
        prepare_seq2seq([("a b", "c")], tokenizer="word", max_length=1, valid_fraction=0.0)


def test_equal_sources_stand_on_one_side():
    pairs = [(str(i % 50), str(i)) for i in range(1000)]
    data = prepare_seq2seq(pairs, tokenizer="char", valid_fraction=0.2)
    (train, _), (valid, _) = data.texts("train"), data.texts("valid")
    assert len(train) + len(valid) == 1000
    assert valid
    assert not set(train) & set(valid)


def test_two_tokenizers_and_short_targets():
    pairs = [("a b c d e f g h " * 12, "x")] * 3 + [("a", "y z")] * 3
    data = prepare_seq2seq(
        pairs, tokenizer="word", source_tokenizer="char", max_length=256, valid_fraction=0.0
    )
    assert data.source_vocab_size != data.vocab_size
    assert data.tokenizers == (data.source_tokenizer, data.tokenizer)
    widths = {(s.shape[1], t.shape[1]) for (s, t), _, _ in data.train.as_numpy_iterator()}
    assert widths == {(192, 4), (4, 4)}
    assert len(decoded(data, data.train)) == 6


@pytest.mark.parametrize(
    "wrong",
    [{"max_length": 0}, {"tokens_per_batch": 0}, {"max_length": 5000}, {"valid_fraction": 1.0}],
)
def test_arguments_outside_their_range(wrong):
    with pytest.raises(ArgumentError):
        prepare_seq2seq([("a", "b")], tokenizer="char", **wrong)


def test_texts_to_measure_have_both_sides():
    pairs = {"train": [("a b", "c d")], "valid": [("a", "b"), (" ", "x"), ("c", ""), ("d", "e")]}
    data = prepare_seq2seq(pairs, tokenizer="word")
    assert data.texts("valid") == (["a", "d"], ["b", "e"])
    assert data.report["valid"]["empty"] == 2


@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
    st.integers(1, 4),
)
def test_no_other_choice_of_widths_wastes_less(lengths, most):
    widths = choose_widths(np.array(lengths), most)
    possible = sorted({-(-length // 4) * 4 for length in lengths})

    def cost(chosen):
        return sum(min(w for w in chosen if w >= length) for length in lengths)

    choices = itertools.chain.from_iterable(
        itertools.combinations(possible, min(count, len(possible))) for count in range(1, most + 1)
    )
    assert len(widths) <= most
    assert cost(widths) == min(cost(c) for c in choices if c[-1] == possible[-1])


def test_dialogues_become_pairs():
    turns = [("user", "hi"), ("bot", "hello"), ("user", "bye"), ("bot", "see you")]
    corpus = read_dialogues([turns] * 3)
    data = prepare_seq2seq(dialogue_pairs(corpus, speakers=["bot"]), tokenizer="char",
                           valid_fraction=0.0)  # fmt: skip
    pairs = [("<|user|> hi", "hello"), ("<|user|> hi <|bot|> hello <|user|> bye", "see you")]
    assert sorted(decoded(data, data.train)) == sorted(pairs * 3)
    with pytest.raises(DataError, match="no 'source', only turns; dialogue_pairs makes pairs"):
        prepare_seq2seq(corpus)
