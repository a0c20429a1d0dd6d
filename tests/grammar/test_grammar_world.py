"""The world itself: one reading per English text, its Chinese a function of it, exact figures."""

import math
import re
from collections import Counter, defaultdict
from statistics import mean, stdev

import pytest

from lmzoo import grammar
from lmzoo.errors import ArgumentError
from lmzoo.grammar.language import lexicon
from lmzoo.grammar.language.lexicon import (
    entries,
    past_tense,
    plural,
    third_person,
    verb_forms,
)
from lmzoo.grammar.orthography import read_english, write_english

SAMPLE = 1000


@pytest.fixture(scope="module")
def english():
    return grammar.documents(SAMPLE, seed=101)


@pytest.fixture(scope="module")
def chinese():
    return grammar.documents(SAMPLE, seed=101, language="zh")


@pytest.fixture(scope="module")
def trees():
    return grammar.derivations(SAMPLE, seed=101)


def test_an_english_text_has_one_derivation(english, trees):
    """The sum over all derivations is the probability of the one that was drawn."""
    for text, tree in zip(english, trees, strict=True):
        assert write_english(tree.units("en")) == text
        assert grammar.log_probability(text) == pytest.approx(math.log(tree.probability()))


def test_a_chinese_text_is_at_least_as_likely_as_its_derivation(chinese, trees):
    merged = 0
    for text, tree in zip(chinese, trees, strict=True):
        assert "".join(tree.units("zh")) == text
        gain = grammar.log_probability(text, language="zh") - math.log(tree.probability())
        assert gain > -1e-9
        merged += gain > 1e-6
    assert merged > 0  # Chinese merges what English tells apart: "the dog" and "that dog"


def test_the_sample_costs_what_the_grammar_expects(english, chinese):
    """The mean of -log p is the exact entropy, and the mean length the exact length."""
    nats = [-grammar.log_probability(text) for text in english]
    exact = grammar.entropy("en")
    assert abs(mean(nats) - exact.nats) < 4 * stdev(nats) / SAMPLE**0.5
    for language, texts in (("en", english), ("zh", chinese)):
        lengths = [len(grammar.units(text, language=language)) + 1 for text in texts]
        expected = grammar.entropy(language).units
        assert abs(mean(lengths) - expected) < 4 * stdev(lengths) / SAMPLE**0.5
    assert grammar.floor(chinese, language="zh") <= grammar.floor(english)
    assert grammar.floor(english) == pytest.approx(sum(nats))


def test_the_chinese_is_a_function_of_the_english():
    translations = defaultdict(set)
    for english, chinese in grammar.pairs(5000, seed=103):
        translations[english].add(chinese)
    assert all(len(found) == 1 for found in translations.values())


def test_the_same_seed_gives_the_same_documents_and_another_seed_new_ones():
    train = grammar.documents(10_000, seed=1)
    assert grammar.documents(100, seed=1) == train[:100]
    valid = grammar.documents(1000, seed=2)
    assert len(set(valid).intersection(train)) < 10
    assert 8 < mean(len(grammar.units(text)) for text in train[:1000]) < 24


def test_there_are_more_sentences_than_a_billion(english):
    """Counted, and again by entropy: no fewer strings than exp(H) can have entropy H."""
    assert grammar.distinct_sentences() > 10**9
    nats = [-grammar.log_probability(text) for text in english]
    assert mean(nats) - 5 * stdev(nats) / SAMPLE**0.5 > math.log(10**9)


def test_the_vocabulary_has_several_hundred_words(english):
    words = grammar.vocabulary()
    assert 400 <= len(words) <= 720
    assert {unit for text in english for unit in grammar.units(text)} <= set(words)
    assert len({word.lower() for word in words}) == len(words)  # capitals can be undone
    assert "an" not in words
    assert all(len(unit) == 1 for unit in grammar.vocabulary("zh"))


def test_english_spelling_can_be_undone(english):
    proper = frozenset(word for word in grammar.vocabulary() if word[0].isupper())
    for text in english:
        assert re.fullmatch(r"[A-Z][a-zA-Z ,]*[.?]( [A-Z][a-zA-Z ,]*[.])*", text)
        assert not re.search(r"\b[Aa] [aeio]|\b[Aa]n [^aeiouh]|  | [.,?]", text)
        assert write_english(read_english(text, proper)) == text


def test_documents_that_begin_other_documents_keep_their_own_probability(english):
    """A story's first sentence is a document too; its end is part of its probability."""
    stories = [text for text in english if text.count(".") > 1]
    assert 0.1 < len(stories) / SAMPLE < 0.5
    for story in stories[:50]:
        first = story[: story.index(".") + 1]
        assert grammar.parses(first)
        assert grammar.log_probability(first) > grammar.log_probability(story)


def test_damaged_texts_do_not_parse(english):
    for text in english[:300]:
        words = text.split()
        assert not grammar.parses(text[:-1])
        assert not grammar.parses(" ".join(words[1:]))
        assert not grammar.parses(text.lower())
        assert not grammar.parses(text.replace(" ", "  ", 1))
        assert not grammar.parses(text + " " + text + " " + text + " " + text)
    for text in ("", " ", "zebra", "The", "\n", "Anna.", "。", "!"):
        assert not grammar.parses(text)
        assert not grammar.parses(text, language="zh")
        assert grammar.floor([text]) == math.inf


@pytest.mark.parametrize(
    ("good", "right", "wrong"),
    [
        ("The boy hid himself in the park.", "himself", "herself"),
        ("Two dogs slept in the park.", "dogs", "dog"),
        ("The queen sells her coats.", "sells", "sell"),
        ("The sailors who know the poet sell a map.", "sell", "sells"),
        ("Helen will eat an egg tomorrow.", "tomorrow", "yesterday"),
        ("Adam drank a cup of tea.", "drank", "ate"),
        ("Adam bought two maps and gave them to Irene.", "them", "it"),
        ("Helen ate an egg. Then she slept in the park.", "she", "he"),
        ("The cow ate the grass in the park. Then it slept near the hotel.", "it", "he"),
        ("Did Helen eat an egg?", "eat", "ate"),
    ],
)
def test_agreement(good, right, wrong):
    assert grammar.parses(good)
    assert not grammar.parses(good.replace(right, wrong))


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="'fr'"):
        grammar.documents(1, language="fr")
    with pytest.raises(ArgumentError, match="'de'"):
        grammar.log_probability("x", language="de")
    with pytest.raises(ArgumentError, match="-1"):
        grammar.documents(-1)
    assert grammar.documents(0) == []


def test_regular_forms():
    assert [plural(noun) for noun in ("dog", "fox", "sandwich")] == ["dogs", "foxes", "sandwiches"]
    assert [third_person(v) for v in ("eat", "watch", "carry", "play", "go", "wash")] == [
        "eats", "watches", "carries", "plays", "goes", "washes",
    ]  # fmt: skip
    assert [past_tense(v) for v in ("walk", "dance", "copy", "play")] == [
        "walked", "danced", "copied", "played",
    ]  # fmt: skip


def test_no_verb_looks_the_same_in_past_and_present():
    """Otherwise "they hurt" would have two readings, and two translations."""
    for table in lexicon.VERBS.values():
        for base, irregular, chinese, _ in entries(table):
            assert (irregular or past_tense(base)) != base
            assert re.fullmatch(r"[a-z]+", base)
            assert re.fullmatch(r"[一-鿿]+", chinese)


def test_word_lists_hold_every_word_once():
    for tables in (lexicon.NOUNS, lexicon.VERBS):
        for table in tables.values():
            words = table if isinstance(table, str) else ", ".join(table.values())
            counts = Counter(word for word, *_ in entries(words))
            assert max(counts.values()) == 1
            assert "" not in counts


def test_tables_are_split_into_their_forms():
    table = "ride/rode 骑, love 爱/爱"
    assert entries(table) == [("ride", "rode", "骑", ""), ("love", "", "爱", "爱")]
    assert verb_forms(table) == [
        ("ride", "rode", "rides", "骑", "骑了"), ("love", "loved", "loves", "爱", "爱"),
    ]  # fmt: skip


def test_english_is_written_and_read():
    units = ["a", "old", "dog", "barks", ".", "Anna", "runs", "."]
    assert write_english(units) == "An old dog barks. Anna runs."
    assert read_english("An old dog barks. Anna runs.", frozenset({"Anna"})) == units
