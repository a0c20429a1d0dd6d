"""Pieces of words carry the words' tags, and values of pieces come back to the words."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo.data import train_tokenizer
from lmzoo.data.tags.alignment import align_tags, pool_words
from lmzoo.data.tags.schemes import SCHEMES, find_fault, read_spans, tags_of
from lmzoo.errors import ArgumentError, DataError

TEXTS = ["the old farmer met Anna in the village", "Anna and the young farmers sing in Rome"] * 4
TOKENIZERS = {
    kind: train_tokenizer(TEXTS, kind=kind, vocab_size=size)
    for kind, size in (("bpe", 300), ("wordpiece", 60), ("char", None))
}
words = st.text("aefmnortAR é语0,", min_size=1, max_size=6).filter(str.strip)


@st.composite
def sentences(draw):
    found = draw(st.lists(words, min_size=1, max_size=8))
    borders = sorted(draw(st.sets(st.integers(0, len(found)))))
    spans = [(draw(st.sampled_from("xy")), a, b) for a, b in itertools.pairwise(borders)]
    return found, [span for span in spans if draw(st.booleans())]


@settings(max_examples=60, deadline=None)
@given(sentences(), st.sampled_from(sorted(TOKENIZERS)))
def test_each_word_has_its_tag_on_its_first_piece(sentence, kind):
    found, spans = sentence
    tags = tags_of(spans, len(found), "IOB2")
    ids, aligned, starts = align_tags(found, tags, TOKENIZERS[kind])
    assert len(ids) == len(aligned) >= len(found) == len(starts)
    assert [tag for tag in aligned if tag is not None] == tags
    assert [place for place, tag in enumerate(aligned) if tag is not None] == starts
    assert pool_words(np.array(aligned, object), starts).tolist() == tags
    for word, start, end in zip(found, starts, [*starts[1:], len(ids)], strict=True):
        assert ids[start:end] == (TOKENIZERS[kind].encode(word) or [1])


@settings(max_examples=60, deadline=None)
@given(sentences(), st.sampled_from(sorted(SCHEMES)), st.sampled_from(sorted(TOKENIZERS)))
def test_spans_of_words_become_spans_of_pieces(sentence, scheme, kind):
    found, spans = sentence
    tags = tags_of(spans, len(found), scheme)
    ids, aligned, starts = align_tags(found, tags, TOKENIZERS[kind], scheme=scheme, continued=True)
    assert find_fault(aligned, scheme) is None
    edges = [*starts, len(ids)]
    assert read_spans(aligned) == [(name, edges[a], edges[b]) for name, a, b in spans]


@given(st.lists(st.integers(1, 4), max_size=6), st.integers(0, 9))
def test_means_are_those_of_each_words_pieces(sizes, seed):
    values = np.random.default_rng(seed).normal(size=(sum(sizes), 3))
    starts = np.cumsum([0, *sizes])[:-1].tolist()
    parts = np.split(values, np.cumsum(sizes)[:-1]) if sizes else []
    expected = np.array([part.mean(axis=0) for part in parts]).reshape(-1, 3)
    np.testing.assert_allclose(pool_words(values, starts, kind="mean"), expected)
    np.testing.assert_array_equal(pool_words(values, starts), values[starts])
    assert pool_words(values.astype(np.float32), starts, kind="mean").dtype == np.float32


def test_plain_tags_are_repeated_and_errors_named():
    letters = TOKENIZERS["char"]
    assert align_tags(["an", "e"], ["DET", "X"], letters, continued=True)[1] == ["DET", "DET", "X"]
    with pytest.raises(DataError, match="1 words and 2 tags"):
        align_tags(["a"], ["O", "O"], letters)
    with pytest.raises(ArgumentError, match="say by which scheme"):
        align_tags(["a"], ["B-x"], letters, continued=True)
    with pytest.raises(DataError, match="breaks IOB2"):
        align_tags(["a"], ["I-x"], letters, scheme="IOB2", continued=True)
    with pytest.raises(ArgumentError, match="kind"):
        pool_words(np.zeros(2), [0], kind="max")
    for starts in ([1], [0, 0], [0, 2], [-1]):
        with pytest.raises(ArgumentError, match="must rise from 0"):
            pool_words(np.zeros(2), starts)
