"""Words as tokens: splitting, spacing, and the ranking by frequency."""

from collections import Counter
from unittest import mock

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers import splitting, texts, train_tokenizer

PROSE = [
    "The old man, who sells red boats, left at half past nine.",
    "At 9:30 a.m. she paid $1,250.50 (about 80%) for it; he didn't!",
    'He said, "I don\'t know." She replied: "Why not?"',
    "The boys' hats weren't Anna's -- were they?".replace(" -- ", "—"),
    "“Curly quotes,” he wrote, ‘are fine’ – or not.".replace(" – ", "–"),
    "Well-known and/or [bracketed] {things}… R2D2's 2nd 3.5mm jack, the U.S. Navy.",
    "One line.\nAnother line.\n\n\"A quoted line.\"\n'Another.'\n",
    "Ärger im Café: 25°, naïve, señor ¿qué?",
]
CHINESE = [
    "老人在港口卖红船，九点半离开了。",
    "她说：“你好！”（笑）《红楼梦》、约翰·史密斯……3点半\n第二行",
]


@pytest.mark.parametrize("text", [*PROSE, *CHINESE])
def test_ordinary_text_comes_back_exactly(text):
    tokenizer = train_tokenizer([text], kind="word")
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_how_text_is_split():
    text = "Don't pay 1,250.50 at 9:30 p.m., O'Neil's  well-known\t“Café” (2nd)!\n\n老人3点 🙂<unk>"
    expected = "Don't|pay|1,250.50|at|9:30|p.m.|,|O'Neil's|well|-|known|“|Café|”|(|2nd|)|!|\n|\n"
    expected += "|老|人|3|点|🙂|<|unk|>"
    assert "|".join(splitting.split(text, splitting.word_pattern())) == expected


@given(text=st.text())
def test_splitting_loses_nothing_but_white_space(text):
    words = splitting.split(text, splitting.word_pattern())
    expected = [c for c in text if not c.isspace() or c == "\n"]
    assert list("".join(words)) == expected
    assert not any(len(word) > 1 and any(map(str.isspace, word)) for word in words)
    plain = splitting.split(text, splitting.blank_pattern())
    lines = [line.split() for line in text.split("\n")]
    assert plain == [word for line in lines for word in (*line, "\n")][:-1]


def test_every_space_that_python_knows_separates_words():
    spaces = [chr(code) for code in range(0x110000) if chr(code).isspace() and code != 10]
    text = "".join(f"a{space}" for space in spaces)
    for pattern in (splitting.word_pattern(), splitting.blank_pattern()):
        assert splitting.split(text, pattern) == ["a"] * len(spaces)
        assert splitting.graph_split(tf.constant([text]), pattern).to_list() == [
            [b"a"] * len(spaces)
        ]


def test_every_assigned_character_is_split_alike_in_the_graph():
    codes = [code for code in range(0x32000) if not 0xD800 <= code < 0xE000]
    texts = ["".join(f"{chr(code)}a1" for code in codes[i : i + 500]) for i in codes[::500]]
    texts = [text for text in texts if text]
    pattern = splitting.word_pattern()
    found = splitting.graph_split(tf.constant(texts), pattern).to_list()
    expected = [splitting.split(text, pattern) for text in texts]
    assert [[word.decode() for word in row] for row in found] == expected


@pytest.mark.parametrize("prose", [True, False])
@given(words=st.lists(st.sampled_from(["a", "it's", *"\"'.,;()[“”-—…$\n老。□#", "", "<unk>"])))
def test_spacing_is_alike_in_the_graph(prose, words):
    joined = splitting.graph_join(tf.constant([words], tf.string), prose=prose)
    assert joined.numpy()[0].decode() == splitting.join(words, prose=prose)


@given(
    words=st.lists(
        st.sampled_from(["the", "The", "isn't", "O'Neil", "1,000", "9:30", "p.m.", "Ä2"])
    ),
    marks=st.lists(st.sampled_from(["", "", ",", ".", "!", ";", "...", "—", "-"])),
)
def test_words_and_marks_come_back(words, marks):
    tokenizer = train_tokenizer(["some words"], kind="word")
    parts = [word + mark for word, mark in zip(words, marks, strict=False)]
    text = " ".join(parts).replace("— ", "—").replace("- ", "-")
    split = splitting.split(text, splitting.word_pattern())
    assert splitting.join(split, prose=True) == text
    assert tokenizer.unknown(text) == list(dict.fromkeys(split))


def test_words_are_ranked_by_frequency():
    text = "b a b c\nb a"
    tokenizer = train_tokenizer([text], kind="word")
    assert [tokenizer.id_to_token(index) for index in range(4, 8)] == ["\n", "b", "a", "c"]
    smaller = train_tokenizer([text], kind="word", vocab_size=6)
    assert smaller.encode("b a\n") == [5, 1, 4]
    assert smaller.decode([5, 1, 4]) == "b <unk>\n"
    assert smaller.unknown("b a c a") == ["a", "c"]
    assert smaller.report["words_left_out"] == 2
    assert smaller.report["known_fraction"] == pytest.approx(4 / 7)


def test_words_keep_their_case_unless_asked():
    assert train_tokenizer(["Old old"], kind="word").vocab_size == 7
    assert train_tokenizer(["Old old"], kind="word", lowercase=True).vocab_size == 6


def test_chinese_words_are_characters_and_the_report_says_so():
    tokenizer = train_tokenizer(CHINESE, kind="word")
    assert len(tokenizer.encode("老人在港口")) == 5
    assert "words are characters" in tokenizer.report["note"]
    assert "note" not in train_tokenizer(PROSE, kind="word").report
    assert "note" not in train_tokenizer([*PROSE, "老人"], kind="word").report


def test_whitespace_counts_words_exactly():
    text = " = Title = \n \n The <unk> , the\u3000old <unk>\tman <s> \n"
    tokenizer = train_tokenizer([text], kind="whitespace")
    words = Counter(text.split())
    assert tokenizer.vocab_size == len(words) + 1 + 3  # newline; pad, bos, eos; <unk> is unk
    ids = tokenizer.encode(text)
    assert len(ids) == words.total() + text.count("\n")
    assert ids.count(1) == words["<unk>"]
    assert tokenizer.decode(ids) == "= Title =\n\nThe <unk> , the old <unk> man <s>\n"
    assert tokenizer.unknown("<unk> The boat \n") == ["boat"]
    assert tokenizer.encode("boat") == [1]


def test_nothing_but_white_space_is_refused():
    for kind in ("word", "whitespace", "wordpiece"):
        with pytest.raises(TokenizerError, match="nothing to train on: no word"):
            train_tokenizer([" \n\t", "\n"], kind=kind)


def test_a_vocabulary_without_a_size_is_capped_and_says_so(monkeypatch):
    monkeypatch.setattr(texts, "MOST_ENTRIES", 3)
    for kind, size in (("word", 5 + 3), ("whitespace", 5 + 3), ("char", 4 + 3)):
        tokenizer = train_tokenizer(["a a b b c d"], kind=kind)
        assert tokenizer.vocab_size == size
        assert {"a", "b"} <= {tokenizer.id_to_token(index) for index in range(size)}
    assert train_tokenizer(["a a b b c d"], kind="word").report["note"] == (
        "the vocabulary holds the 3 most frequent of 4 words; vocab_size allows more"
    )
    assert train_tokenizer(["a a b b c d"], kind="word", vocab_size=9).vocab_size == 9
    assert "note" not in train_tokenizer(["a b c"], kind="word").report


@given(text=st.text("ab ,\n\t'.1", max_size=60), size=st.integers(0, 20))
def test_tokens_one_by_one_are_those_of_the_list(text, size):
    with mock.patch.object(splitting, "LONG", size):
        for pattern in (splitting.word_pattern(), splitting.blank_pattern()):
            assert list(splitting.tokens(text, pattern)) == splitting.split(text, pattern)
