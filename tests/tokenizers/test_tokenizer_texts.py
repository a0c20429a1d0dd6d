"""Sampling what a tokenizer is trained on, and lower case."""

import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.tokenizers.cleaning import graph_lower, lower
from lmzoo.tokenizers.texts import even_sample


@given(sizes=st.lists(st.integers(1, 30), max_size=80), limit=st.integers(40, 200))
def test_a_sample_is_a_part_of_the_stream_within_the_limit(sizes, limit):
    pieces = [f"{index:03}" + "x" * size for index, size in enumerate(sizes)]
    sample = even_sample(iter(pieces), limit)
    assert sum(map(len, sample)) <= limit
    assert sample == sorted(set(sample) & set(pieces))
    if sum(map(len, pieces)) <= limit:
        assert sample == pieces
    assert even_sample(pieces, limit) == sample


def test_early_and_late_pieces_have_the_same_chance():
    pieces = [f"{index:05}" for index in range(20_000)]
    sample = even_sample(pieces, 5 * 4000)
    assert 1900 < len(sample) <= 4000
    early = sum(piece < "10000" for piece in sample)
    assert 0.45 < early / len(sample) < 0.55


def test_lower_case_of_every_character():
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    lowered = [lower(character) for character in characters]
    assert all(map(len, lowered))
    differ = [c for c, low in zip(characters, lowered, strict=True) if low != c.lower()]
    assert differ == ["İ"]  # whose lower case is two characters
    text = "".join(characters)
    assert graph_lower(tf.constant([text, ""])).numpy()[0].decode() == lower(text)


@given(text=st.text())
def test_lower_case_in_graph_and_python(text):
    assert graph_lower(tf.constant([text])).numpy()[0].decode() == lower(text)
    assert len(lower(text)) == len(text)
