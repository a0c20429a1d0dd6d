"""Sizes beyond any memory are refused before it is allocated."""

import pytest

from lmzoo.data import (
    prepare_classification,
    prepare_lm,
    prepare_seq2seq,
    prepare_tagging,
    train_tokenizer,
)
from lmzoo.data.batching.checks import check_sizes
from lmzoo.errors import ArgumentError, TokenizerError

TEXTS = ["a b c d", "b", "c d"]
LABELED = [("a", "x"), ("b", "y")]
TAGGED = [(["a"], ["O"])]


@pytest.mark.parametrize(
    ("prepare", "sizes"),
    [
        (lambda **more: prepare_lm(TEXTS, **more), {"sequence_length": 10**9}),
        (lambda **more: prepare_lm(TEXTS, **more), {"batch_size": 10**9}),
        (lambda **more: prepare_lm(TEXTS, **more), {"batch_size": 2**12, "sequence_length": 2**15}),
        (lambda **more: prepare_classification(LABELED, **more), {"batch_size": 10**9}),
        (lambda **more: prepare_seq2seq(LABELED, **more), {"tokens_per_batch": 10**9}),
        (lambda **more: prepare_tagging(TAGGED, **more), {"batch_size": 10**9}),
        (lambda **more: prepare_tagging(TAGGED, **more), {"max_word_length": 10**9}),
    ],
)
def test_slips_of_the_pen(prepare, sizes):
    with pytest.raises(ArgumentError, match=r"must be at most [\d,]+|at most [\d,]+ are supported"):
        prepare(**sizes)


def test_ordinary_sizes_pass():
    check_sizes({"sequence_length": 8192, "batch_size": 64, "tokens_per_batch": 65_536})


class OfAnotherLibrary:
    """As a layer that maps texts to ids is called."""

    def __call__(self, texts):
        return texts


def test_a_tokenizer_of_another_library_is_refused_with_what_it_lacks():
    for prepare in (prepare_lm, prepare_classification, prepare_seq2seq):
        source = TEXTS if prepare is prepare_lm else LABELED
        with pytest.raises(
            TokenizerError, match=r"OfAnotherLibrary is not .* no encode_batch, dec"
        ):
            prepare(source, tokenizer=OfAnotherLibrary(), valid_fraction=0.0)
    prepare_lm(TEXTS, tokenizer=train_tokenizer(TEXTS, kind="char"), sequence_length=4)
