"""Entities of the grammar are a function of the words, though not of each word alone."""

import random
from collections import Counter, defaultdict

import pytest

from lmzoo import grammar
from lmzoo.data.tags.schemes import find_fault, spans_of
from lmzoo.errors import ArgumentError
from lmzoo.grammar.language import lexicon
from lmzoo.grammar.sample import Sampler
from lmzoo.grammar.tags import tag_entities, tagged


@pytest.fixture(scope="module")
def sample():
    return tagged(10_000, seed=1)


def test_words_are_those_of_the_document_and_tags_keep_to_iob2(sample):
    for (words, tags), text in zip(sample[:2000], grammar.documents(2000, seed=1), strict=True):
        assert " ".join(words).replace(" .", ".").replace(" ,", ",").replace(" ?", "?") == text
        assert len(words) == len(tags)
        assert find_fault(tags, "IOB2") is None


def test_the_same_words_have_the_same_tags(sample):
    known = {}
    for words, tags in sample:
        assert known.setdefault(tuple(words), tags) == tags


def test_the_same_phrase_has_the_same_tags():
    """Documents hardly recur, but their parts do."""
    sampler, rng = Sampler(grammar.world()), random.Random(0)
    for symbol in ("Time[past]", "Then[past]", "Person[m]", "Subj[p]", "Event[past]", "Do[b,base]"):
        known = {}
        for _ in range(3000):
            words, tags = tag_entities(sampler.draw(rng, symbol))
            assert known.setdefault(tuple(words), tags) == tags
        assert len(known) < 2900


def test_every_name_city_and_weekday_is_found(sample):
    names = {name for table in lexicon.NAMES.values() for name, *_ in lexicon.entries(table)}
    cities = {city for city, *_ in lexicon.entries(lexicon.CITIES)}
    days = {day for day, *_ in lexicon.entries(lexicon.WEEKDAYS)}
    expected = {"PER": names, "LOC": cities, "DATE": days}
    for words, tags in sample[:3000]:
        for word, tag in zip(words, tags, strict=True):
            for kind, known in expected.items():
                if word in known:
                    assert tag in (f"B-{kind}", f"I-{kind}"), (words, tags)


def test_spans_read_as_they_should(sample):
    found = defaultdict(set)
    for words, tags in sample:
        for kind, start, end in spans_of(tags, "IOB2"):
            found[kind].add(" ".join(words[start:end]).lower())
    assert set(found) == {"PER", "ROLE", "LOC", "DATE", "TIME", "EVENT"}
    assert {"half past nine", "a quarter to two", "two"} <= found["TIME"]
    assert {"last summer", "two days ago", "every day", "the next day"} <= found["DATE"]
    assert {"his brother", "the old farmer", "some poets"} <= found["ROLE"]
    assert found["EVENT"] == {
        noun for nouns, _ in lexicon.EVENTS.values() for noun, *_ in lexicon.entries(nouns)
    }
    for spans in found.values():
        assert not {span.split()[0] for span in spans} & {"on", "in", "at", ","}


def test_words_alone_do_not_tell(sample):
    counts = defaultdict(Counter)
    for words, tags in sample[:5000]:
        for word, tag in zip(words, tags, strict=True):
            counts[word.lower()][tag] += 1
    assert len(counts["two"]) >= 4
    assert set(counts["train"]) == {"O", "B-EVENT"}
    total = sum(map(Counter.total, counts.values()))
    most_frequent = sum(max(found.values()) for found in counts.values()) / total
    assert most_frequent < 0.96


def test_the_sample_is_seeded():
    assert tagged(5, seed=3) == tagged(5, seed=3) != tagged(5, seed=4)
    assert tagged(0) == []
    with pytest.raises(ArgumentError, match="count is -1"):
        tagged(-1)
