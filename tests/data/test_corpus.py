"""A corpus is read again and again, and its records keep their places."""

import pytest

from lmzoo.data import Corpus
from lmzoo.data.corpus import Located, place_of
from lmzoo.errors import DataError

RECORDS = [Located({"text": "a"}, "a.txt, line 1"), {"text": "b"}]
CORPUS = Corpus(
    "mine", {"train": lambda: iter(RECORDS), "test": lambda: RECORDS[:1]}, ["one"], "en"
)


def test_it_can_be_read_again():
    assert list(CORPUS.read()) == list(CORPUS.read("train")) == [{"text": "a"}, {"text": "b"}]
    assert list(CORPUS.read("test")) == [{"text": "a"}]
    with pytest.raises(DataError, match="mine has no split 'valid', only train, test"):
        CORPUS.read("valid")


def test_a_function_gives_a_record_or_any_number():
    upper = CORPUS.map(lambda r: {"text": r["text"].upper()}, note="upper case")
    assert list(upper.read()) == list(upper.read()) == [{"text": "A"}, {"text": "B"}]
    assert (upper.name, upper.notes, upper.grammar) == ("mine", ["one", "upper case"], "en")
    twice = upper.map(lambda r: [r, r] if r["text"] == "A" else [])
    assert list(twice.read()) == [{"text": "A"}] * 2
    assert [place_of(record) for record in twice.read()] == ["a.txt, line 1"] * 2
    assert list(upper.read("test")) == [{"text": "A"}]
    assert CORPUS.notes == ["one"]


def test_training_records_are_concatenated():
    more = Corpus("more", {"train": lambda: [{"text": "c"}], "valid": lambda: []})
    both = CORPUS.concatenate(more)
    assert [record["text"] for record in both.read()] == ["a", "b", "c"]
    assert list(both.splits) == ["train", "test"]
    assert both.name == "mine and more"
    assert both.notes == ["one", "more records to train on: more"]


def test_places_of_records_and_tokens():
    tagged = Located({"tokens": ["a", "b"]}, "a.conll", [3, 5])
    assert tagged == {"tokens": ["a", "b"]}
    assert (place_of(tagged), place_of(tagged, 1)) == ("a.conll, line 3", "a.conll, line 5")
    assert place_of(RECORDS[0], 2) == "a.txt, line 1, token 2"
    assert place_of(RECORDS[1], default="record 1") == "record 1"
