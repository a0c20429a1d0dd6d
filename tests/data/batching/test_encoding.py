"""Encoding counts what it encodes."""

from itertools import pairwise
from unittest import mock

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.batching import encoding
from lmzoo.data.batching.encoding import Encoder, count_words, predicted_counts
from lmzoo.data.batching.packing import DocumentPacker
from lmzoo.tokenizers import train_tokenizer

LETTERS = train_tokenizer(["ab é\n好"], kind="char")
TEXTS = st.lists(st.text("ab é\n好x", min_size=1, max_size=12), min_size=1, max_size=12)


@given(texts=TEXTS, batch=st.integers(1, 30))
def test_a_stream_is_its_pieces_joined(texts, batch):
    before, encoding.BATCH_CHARACTERS = encoding.BATCH_CHARACTERS, batch
    try:
        encoded = Encoder(LETTERS, count_text=True).encode_stream(iter(texts))
    finally:
        encoding.BATCH_CHARACTERS = before
    whole = "".join(texts)
    assert encoded.store.ids.tolist() == LETTERS.encode(whole)
    assert encoded.counts["unknown_tokens"] == whole.count("x")
    assert encoded.counts["characters"] == encoded.counts["tokens"] == len(whole)
    assert encoded.counts["bytes"] == len(whole.encode())
    assert (encoded.changed is None) == ("x" not in whole)
    if len(whole) > 1:
        counts = predicted_counts(encoded)
        assert counts["tokens"] == counts["characters"] == len(whole) - 1
        assert counts["bytes"] == len(whole[1:].encode())


@given(texts=TEXTS, batch=st.integers(1, 30), reorder=st.booleans())
def test_documents_are_parted_by_end_tokens(texts, batch, reorder):
    before, encoding.BATCH_CHARACTERS = encoding.BATCH_CHARACTERS, batch
    try:
        encoder = Encoder(LETTERS, count_text=True, check_all=True)
        packer = DocumentPacker(8)
        encoded = encoder.encode_documents(texts, packer, reorder=reorder)
    finally:
        encoding.BATCH_CHARACTERS = before
    ids = encoded.store.ids
    ends = np.flatnonzero(ids == LETTERS.eos_id)
    assert ids[0] == ids[-1] == LETTERS.eos_id
    found = [ids[a + 1 : b].tolist() for a, b in pairwise(ends)]
    expected = [LETTERS.encode(text) for text in texts]
    assert (sorted(found) == sorted(expected)) if reorder else (found == expected)
    assert encoded.packer.documents.tolist() == (ends[:-1] + 1).tolist()
    assert predicted_counts(encoded) == {
        "tokens": sum(len(text) + 1 for text in texts),
        "words": sum(map(count_words, texts)),
        "characters": sum(map(len, texts)),
        "bytes": sum(len(text.encode()) for text in texts),
    }


def test_a_stream_whose_first_token_is_a_word_predicts_the_other_words():
    words = train_tokenizer(["one two three"], kind="whitespace")
    encoded = Encoder(words, count_text=True).encode_stream(["one two three"])
    expected = {"tokens": 2, "words": 2, "characters": 10, "bytes": 10}
    assert predicted_counts(encoded) == expected


def test_words():
    assert count_words(" = Robert <unk> = \n a @-@ b .") == 8
    assert count_words("他说：“你好！”GPT2 很 好 ok, fine") == 9
    assert count_words(" \n") == 0
    counts = count_words("Two words ."), count_words("两个字。"), count_words("GPT-2 好")
    assert counts == (3, 3, 2)


@given(text=st.text("a好 \t\n\u3000\xa0\x1c,", max_size=40))
def test_words_of_a_long_text_are_counted_alike(text):
    expected = count_words(text)
    with mock.patch.object(encoding, "LONG", 0):
        assert count_words(text) == expected
