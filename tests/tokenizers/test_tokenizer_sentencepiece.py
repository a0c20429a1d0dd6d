"""BPE and unigram: what training sees, and what is lossless about them."""

import random
from unittest import mock

import numpy as np
import pytest
import sentencepiece
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers import sentencepiece as sp
from lmzoo.tokenizers import train_tokenizer
from lmzoo.tokenizers.ties import find_repetitions

KINDS = ("bpe", "unigram")
NOUNS = ["boats", "houses", "sailors", "bakers", "harbours", "lanterns", "letters"]


def story(count):
    generator = random.Random(1)
    return [
        f"The old {generator.choice(NOUNS)} and the new {generator.choice(NOUNS)} wait here ."
        for _ in range(count)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_frequent_words_are_one_piece_even_if_always_before_a_space(kind):
    tokenizer = train_tokenizer(story(500), kind=kind)
    for word in [*NOUNS, "old", "and", "new", "wait", "here"]:
        assert len(tokenizer.encode(" " + word)) == 1, word


@pytest.mark.parametrize("kind", KINDS)
def test_marks_of_sentencepiece_in_training_text_do_no_harm(kind):
    texts = ["<s> \u2581 \u2585 \u2047 <unk> <0x41>\0</s>\t<pad> \ufffd\u2581\u2581"] * 20
    tokenizer = train_tokenizer([*texts, *story(50)], kind=kind)
    for text in [*texts, "\u2581", "a\u2581", "\u2581a", " \u2581 ", "\u2581\u2581b"]:
        ids = tokenizer.encode(text)
        assert min(ids) >= 4
        assert tokenizer.decode(ids) == text
    assert tokenizer.encode("\u2581") == [4 + byte for byte in "\u2581".encode()]


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_model_inside(kind):
    tokenizer = train_tokenizer(story(50), kind=kind)
    model = sentencepiece.SentencePieceProcessor(model_proto=tokenizer._model)
    assert (model.pad_id(), model.unk_id(), model.bos_id(), model.eos_id()) == (0, 1, 2, 3)
    for text in [*story(5), "unseen: Ωmega\n  x"]:
        assert tokenizer.encode(text) == model.encode(text)
        assert tokenizer.decode(tokenizer.encode(text)) == model.decode(model.encode(text))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_size_small_texts_give_what_they_can(kind):
    tokenizer = train_tokenizer(["a b"], kind=kind)
    assert 260 < tokenizer.vocab_size < 270
    assert tokenizer.decode(tokenizer.encode("a b c")) == "a b c"


@pytest.mark.parametrize("kind", KINDS)
def test_many_rare_characters_leave_room_for_words(kind):
    rare = "".join(map(chr, range(0x4E00, 0x4E00 + 500)))
    tokenizer = train_tokenizer([rare, *story(200)], kind=kind, vocab_size=300)
    pieces = [tokenizer.id_to_token(index) for index in range(260, 300)]
    assert sum(len(piece) > 1 for piece in pieces) >= 10
    assert tokenizer.decode(tokenizer.encode(rare)) == rare


@pytest.mark.parametrize("kind", KINDS)
def test_lines_without_end_are_no_trouble(kind):
    line = " ".join(story(2000))
    tokenizer = train_tokenizer([line, "老人" * 5000], kind=kind, vocab_size=320)
    assert tokenizer.decode(tokenizer.encode(line)) == line


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_line_breaks_is_refused(kind):
    with pytest.raises(TokenizerError, match="nothing but line breaks"):
        train_tokenizer(["\n\n", "\r\n"], kind=kind)


@pytest.fixture(scope="module")
def repeating():
    """Tokenizers with pieces such as "=", "==" and "====", or "ha" and "haha"."""
    texts = ["== title ==\n======\n==== x ====", "ha haha... hahaha!    so    aa aaaa", "x--y---z"]
    return {kind: train_tokenizer(texts * 20, kind=kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@given(
    texts=st.lists(
        st.lists(st.sampled_from(["=", "ha", ".", "a", " ", "-", "b"]), max_size=30).map("".join),
        max_size=4,
    )
)
def test_repetitions_have_the_same_ids_in_the_graph(repeating, kind, texts):
    tokenizer = repeating[kind]
    expected = [tokenizer.encode(text) for text in texts]
    assert tokenizer(tf.constant(texts, tf.string)).to_list() == expected
    assert [ids.tolist() for ids in tokenizer.encode_batch(texts)] == expected
    assert [tokenizer.decode(ids) for ids in expected] == texts


def test_the_longer_repetition_comes_first(repeating):
    tokenizer = repeating["unigram"]
    rows = [tokenizer.encode(character * count) for character in "=.-a" for count in range(1, 16)]
    sizes = [[len(tokenizer.id_to_token(index)) for index in ids] for ids in rows]
    assert any(len(set(row)) > 1 for row in sizes)
    assert all(row == sorted(row, reverse=True) for row in sizes)


@given(words=st.lists(st.text("ab", min_size=1, max_size=8), unique=True, min_size=1))
def test_repetitions_are_those_that_may_change_places(words):
    group = find_repetitions(words).group
    for i, first in enumerate(words):
        others = [k for k, word in enumerate(words) if k != i and first + word == word + first]
        assert others == [k for k in np.flatnonzero((group == group[i]) & (group > 0)) if k != i]


@pytest.mark.parametrize("kind", KINDS)
def test_training_is_silent(kind, capfd):
    train_tokenizer(story(20), kind=kind)
    assert capfd.readouterr() == ("", "")


SEGMENTED = st.lists(
    st.sampled_from(["  ", " ", "\n", "\n\n ", "The old", "boats", "and", "é", "\u2581", "xqz"]),
    max_size=25,
).map("".join)


@pytest.fixture(scope="module")
def trained():
    return {kind: train_tokenizer(story(80) + ["a  b   c"] * 20, kind=kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(SEGMENTED, max_size=4), size=st.integers(0, 12))
def test_a_long_text_has_the_ids_of_the_whole(trained, kind, texts, size):
    tokenizer = trained[kind]
    expected = [row.tolist() for row in tokenizer.encode_batch(texts)]
    with mock.patch.object(sp, "LONG", max(size, 1)):
        assert [row.tolist() for row in tokenizer.encode_batch(texts)] == expected
