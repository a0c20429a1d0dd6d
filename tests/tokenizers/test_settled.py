"""`settled`: the beginning of a growing text that no further id changes."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmzoo

MARKS = ['"', "'", ".", "-", "\n", "(", ")", "\N{CJK UNIFIED IDEOGRAPH-4E2D}", ",", "#", "/"]
WORDS = [*MARKS, "a", "b", "don't", "abc", "bcd", "\N{EURO SIGN}5"]
KINDS = ("byte", "char", "word", "whitespace", "bpe", "unigram", "wordpiece")


@pytest.fixture(scope="module")
def tokenizers():
    texts = [" ".join(WORDS * 3)] * 5
    return {kind: lmzoo.data.train_tokenizer(texts, kind=kind) for kind in KINDS}


@settings(deadline=None, max_examples=600)
@given(st.data())
def test_no_further_id_changes_what_is_settled(tokenizers, data):
    tokenizer = tokenizers[data.draw(st.sampled_from(KINDS))]
    ids = range(tokenizer.vocab_size)
    quotes = [i for i in ids if tokenizer.token_bytes(i) in (b'"', b"'", b"\n", b"a")]
    drawn = st.sampled_from(quotes) | st.integers(0, tokenizer.vocab_size - 1)
    row = data.draw(st.lists(drawn, max_size=14))
    whole = tokenizer.decode(row)
    for count in range(len(row) + 1):
        assert whole.startswith(tokenizer.settled(row[:count]))


def test_every_short_text_of_quotation_marks(tokenizers):
    words = tokenizers["word"]
    marks = words.encode("\" ' a \n")
    for row in itertools.product(marks, repeat=6):
        whole = words.decode(list(row))
        assert all(whole.startswith(words.settled(list(row[:end]))) for end in range(7))


def test_text_without_an_open_quotation_is_settled(tokenizers):
    for kind in KINDS:
        row = tokenizers[kind].encode("a - b, don't\na, b")
        assert tokenizers[kind].settled(row) == tokenizers[kind].decode(row)
    words = tokenizers["word"]
    assert words.settled(words.encode('b "a"')) == 'b "a"'
    assert words.settled(words.encode('b "a" "a')) == "b"
    assert words.settled(words.encode('b "a\nb')) == 'b "a\nb'.replace('"a', '" a')
    assert words.settled(words.encode("b 'a b")) == "b"
