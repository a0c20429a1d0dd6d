"""WordPiece: the longest pieces first, against the reference implementation."""

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers import train_tokenizer
from lmzoo.tokenizers.wordpiece import WordPieceTokenizer

PIECES = ["a", "b", "ab", "abb", "##a", "##b", "##bb", "##ab", "c"]


@given(word=st.text("abc", min_size=1, max_size=12))
def test_words_are_cut_as_the_reference_cuts_them(word):
    tokenizer = WordPieceTokenizer(PIECES)
    names = ["<pad>", "<unk>", "<s>", "</s>", "\n", *PIECES]
    vocabulary = {name: index for index, name in enumerate(names)}
    reference = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(vocabulary, unk_token="<unk>", max_input_chars_per_word=100)
    )
    expected = reference.encode(word).ids
    assert tokenizer.encode(word) == expected
    assert tokenizer([word]).to_list() == [expected]
    assert tokenizer.unknown(word) == ([word] if expected == [1] else [])


def test_words_of_more_than_100_bytes_are_unknown():
    tokenizer = WordPieceTokenizer(PIECES)
    texts = ["a" * 100, "a" * 101]
    assert [len(tokenizer.encode(text)) for text in texts] == [100, 1]
    assert tokenizer(texts).to_list() == [tokenizer.encode(text) for text in texts]


def test_every_training_word_is_known():
    texts = ["The old man, who sells red boats, left.\n老人卖船。", "selling, seller, sold"]
    tokenizer = train_tokenizer(texts, kind="wordpiece", vocab_size=70)
    for text in texts:
        assert 1 not in tokenizer.encode(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unknown("old zebra") == ["zebra"]


def test_frequent_words_become_one_piece():
    texts = ["boats and harbours"] * 9 + ["b o a t s a n d h r u"]
    tokenizer = train_tokenizer(texts, kind="wordpiece")
    assert len(tokenizer.encode("boats and harbours")) == 3
    assert tokenizer.token_bytes(tokenizer.encode("boats")[0]) == b"boats"


def test_nul_is_no_piece():
    """TensorFlow Text cannot have it in a vocabulary."""
    tokenizer = train_tokenizer(["a\0b ab \0"], kind="wordpiece")
    assert tokenizer(["", "\x00b"]).to_list() == [tokenizer.encode(t) for t in ("", "\0b")]
    assert tokenizer.unknown("a\0") == ["\0"]
    with pytest.raises(TokenizerError, match="have no word"):
        train_tokenizer(["\0"], kind="wordpiece")
