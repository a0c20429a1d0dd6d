"""Replies come with what was said before them, and with nothing of what came after."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data import Dialogue, read_dialogues
from lmzoo.errors import ArgumentError, DataError

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
    pairs = read_dialogues(f"{tmp_path}/dialog-task1*", window=2)
    assert set(pairs.openers) == {"train", "valid"}
    facts = "<|fact|> inn r_phone 123 <|fact|> inn r_rating 6"
    assert list(pairs.read()) == [
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


def test_json_lines_give_everybodys_replies(tmp_path):
    path = tmp_path / "train.jsonl"
    turns = [["a", "one"], {"speaker": "b", "text": "two"}, ["a", "three"]]
    path.write_text(json.dumps({"turns": turns}) + "\n")
    both = [("<|a|> one", "two"), ("<|a|> one <|b|> two", "three")]
    assert list(read_dialogues(path).read()) == both
    assert list(read_dialogues(path, speakers=["a"]).read()) == both[1:]
    assert list(read_dialogues(path, window=1).read())[1] == ("<|b|> two", "three")


@given(st.lists(st.tuples(st.sampled_from(["user", "bot", "fact"]), st.uuids().map(str))))
def test_no_reply_leaks_into_its_context(turns):
    for window in (None, 1, 3):
        for context, reply in Dialogue(turns).replies(window=window):
            place = [text for _, text in turns].index(reply)
            assert all(text not in context for _, text in turns[place:])
            if window is None:
                assert all(text in context for _, text in turns[:place])


def test_what_is_wrong_is_named(tmp_path):
    (tmp_path / "train.txt").write_text("1 hi\thello\nhow are you\n")
    with pytest.raises(DataError, match="line 2 does not begin with a number"):
        list(read_dialogues(tmp_path / "train.txt").read())
    (tmp_path / "train.jsonl").write_text('{"turns": [1]}\n')
    with pytest.raises(DataError, match="line 1 is no object"):
        list(read_dialogues(tmp_path / "train.jsonl").read())
    with pytest.raises(DataError, match="no dialogues"):
        read_dialogues(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="window is 0"):
        read_dialogues(tmp_path, window=0)
