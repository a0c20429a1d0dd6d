"""Bytes as tokens."""

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers import train_tokenizer

TOKENIZER = train_tokenizer(["any"], kind="byte")


@given(text=st.text())
def test_ids_are_bytes_plus_four(text):
    assert TOKENIZER.encode(text) == [byte + 4 for byte in text.encode()]


@given(data=st.binary())
def test_broken_utf8_decodes_as_python_does(data):
    ids = [byte + 4 for byte in data]
    assert TOKENIZER.decode(ids) == data.decode("utf-8", "replace")
    assert TOKENIZER([data]).to_list() == [ids]


def test_there_are_260_ids():
    assert TOKENIZER.vocab_size == 260
    assert train_tokenizer(["any"], kind="byte", vocab_size=260) == TOKENIZER
    assert [TOKENIZER.token_bytes(index) for index in (4, 69, 259)] == [b"\0", b"A", b"\xff"]
    assert TOKENIZER.id_to_token(69) == "<0x41>"
    for wrong in (256, 261, "260"):
        with pytest.raises(TokenizerError, match="always has 260 ids"):
            train_tokenizer(["any"], kind="byte", vocab_size=wrong)


def test_an_endless_stream_of_texts_is_not_read():
    def texts():
        yield ""
        yield "some"
        raise AssertionError("read on")

    assert train_tokenizer(texts(), kind="byte") == TOKENIZER


def test_no_text_and_empty_texts():
    assert TOKENIZER.encode_batch([]) == []
    assert TOKENIZER(tf.constant([], tf.string)).shape[0] == 0
    assert TOKENIZER(["", "a", ""]).to_list() == [[], [101], []]
