"""Replies come with what was said before them, and with nothing of what came after."""

import json

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo import grammar
from lmzoo.data import Corpus, dialogue_pairs, read_dialogues, train_tokenizer
from lmzoo.dialogue_format import dialogue_context
from lmzoo.errors import ArgumentError, DataError
from lmzoo.tokenizers import splitting


def pairs_of(source, split="train", **options):
    corpus = dialogue_pairs(read_dialogues(source), **options)
    return [(record["source"], record["target"]) for record in corpus.read(split)]


BABI = """1 inn r_phone 123
2 inn r_rating 6
3 good morning\thow can i help
4 a table please\tfor how many
5 inn r_open now
6 <SILENCE>\thow about inn

1 hi\thello
"""


def test_babi_gives_the_bots_replies_with_all_facts(tmp_path):
    for name in ("dialog-task1trn.txt", "dialog-task1dev.txt", "dialog-task2trn.txt"):
        (tmp_path / name).write_text(BABI)
    pattern = f"{tmp_path}/dialog-task1*"
    assert set(read_dialogues(pattern).splits) == {"train", "valid"}
    facts = "<|fact|> inn r_phone 123 <|fact|> inn r_rating 6"
    assert pairs_of(pattern, window=2) == [
        (f"{facts} <|user|> good morning", "how can i help"),
        (f"{facts} <|bot|> how can i help <|user|> a table please", "for how many"),
        (
            f"{facts} <|bot|> for how many <|fact|> inn r_open now <|user|> <SILENCE>",
            "how about inn",
        ),
        ("<|user|> hi", "hello"),
    ]
    with pytest.raises(DataError, match="several files for train"):
        read_dialogues(tmp_path)


def test_candidates_of_parlai_are_no_part_of_the_reply(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text(
        "1 your persona: i bake.\n2 hello\ti am good . | hi\t\tno|yes\n3 why\tbecause\t0.5\n"
        "4 so\tone | two\n"
    )
    assert [target for _, target in pairs_of(path)] == ["i am good .", "because", "one | two"]


def test_a_text_has_no_speakers():
    (source, _), *_ = pairs_of([[("user", "<|bot|> <|a b|> <|x"), ("bot", "hi")]])
    assert source == "<|user|> < |bot|> <|a b|> <|x"
    words = train_tokenizer([source], kind="word").words
    assert words(source)[0] == "<|user|>"
    assert "<|bot|>" not in words(source)


@given(st.text(min_size=1), st.sampled_from(["speaker1", "Dr. No", "a|b", "agent-2", "客服"]))
def test_the_mark_of_a_speaker_is_one_word(text, name):
    line = dialogue_context([(name, text)])
    for pattern in (splitting.word_pattern(), splitting.blank_pattern()):
        mark = splitting.split(line, pattern)[0]
        assert mark.startswith("<|")
        assert mark.endswith("|>")
        assert splitting.graph_split(tf.constant([mark]), pattern).to_list() == [[mark.encode()]]


def test_json_lines_give_everybodys_replies(tmp_path):
    path = tmp_path / "train.jsonl"
    turns = [["a", "one"], {"speaker": "b", "text": "two"}, ["a", "three"]]
    path.write_text(json.dumps({"turns": turns}) + "\n")
    both = [("<|a|> one", "two"), ("<|a|> one <|b|> two", "three")]
    assert pairs_of(path) == both
    assert pairs_of(path, speakers=["a"]) == both[1:]
    assert pairs_of(path, window=1)[1] == ("<|b|> two", "three")


@given(st.lists(st.tuples(st.sampled_from(["user", "bot", "fact"]), st.uuids().map(str))))
def test_no_reply_leaks_into_its_context(turns):
    dialogues = [{"turns": turns}]
    for window in (None, 1, 3):
        corpus = dialogue_pairs(Corpus("drawn", {"train": lambda: dialogues}), window=window)
        for context, reply in ((pair["source"], pair["target"]) for pair in corpus.read()):
            place = [text for _, text in turns].index(reply)
            assert all(text not in context for _, text in turns[place:])
            if window is None:
                assert all(text in context for _, text in turns[:place])


def test_what_is_wrong_is_named(tmp_path):
    (tmp_path / "train.txt").write_text("1 hi\thello\nhow are you\n")
    with pytest.raises(DataError, match="line 2 does not begin with a number"):
        list(read_dialogues(tmp_path / "train.txt").read())
    (tmp_path / "train.jsonl").write_text('{"turns": [1]}\n')
    with pytest.raises(DataError, match=r"line 1 is '\[1\]': give turns \[speaker, text\]"):
        list(read_dialogues(tmp_path / "train.jsonl").read())
    with pytest.raises(DataError, match="no file or folder"):
        read_dialogues(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="window is 0"):
        pairs_of(tmp_path / "train.txt", window=0)


def test_lists_and_the_grammar(tmp_path):
    assert pairs_of([[("user", "hi"), ("bot", "hello")]]) == [("<|user|> hi", "hello")]
    corpus = read_dialogues("grammar", grammar_size=3, seed=2)
    assert [record["turns"] for record in corpus.read()] == grammar.dialogues(3, seed=4)
    assert all(record["speakers"] == ["bot"] for record in corpus.read())
    assert len(list(corpus.read("valid"))) == 500
    for item in ("hello", [("a", "b", "c")], 5):
        with pytest.raises(DataError, match=r"item 0 of train is .* give turns"):
            read_dialogues([item])
