"""The labels of the grammar's documents are functions of their text, and no single word's."""

from collections import Counter

import pytest

from lmzoo import grammar
from lmzoo.errors import ArgumentError
from lmzoo.grammar.labels import KINDS, labeled, sentiment, topic
from lmzoo.grammar.orthography import write_english

GOOD = {
    "beautiful", "brave", "clever", "delicious", "fresh", "funny", "happily", "happy", "honest",
    "kind", "sweet", "warm", "choose", "chooses", "chose", "help", "helps", "helped", "enjoy",
    "enjoys", "enjoyed", "invite", "invites", "invited", "laugh", "laughs", "laughed", "love",
    "loves", "loved", "sing", "sings", "sang", "trust", "trusts", "trusted",
}  # fmt: skip
BAD = {
    "angry", "cheap", "cold", "expensive", "hot", "hungry", "lazy", "nervous", "sad", "thirsty",
    "tired", "hide", "hides", "hid", "lose", "loses", "lost", "rain", "rains", "rained", "sell",
    "sells", "sold", "snow", "snows", "snowed", "wait", "waits", "waited",
}  # fmt: skip
# Where one of these stands, words are not all that counts.
SCOPES = {
    "although", "when", "after", "before", "not", "had", "has", "have", "very", "music", "concert",
    "film", "lesson", "stop", "stops", "stopped",
}  # fmt: skip


@pytest.fixture(scope="module")
def drawn():
    trees = grammar.derivations(20_000, seed=3)
    return [(grammar.units(write_english(t.units("en"))), sentiment(t), topic(t)) for t in trees]


def test_equal_texts_have_equal_labels(drawn):
    known, repeated = {}, 0
    for units, *labels in drawn:
        repeated += tuple(units) in known
        assert known.setdefault(tuple(units), labels) == labels
    assert repeated  # texts are long: few come twice


def test_without_scopes_the_sentiment_is_the_sum_of_the_words(drawn):
    checked = 0
    for units, label, _ in drawn:
        if not SCOPES & set(units) and units[-1] != "?":
            score = sum((unit in GOOD) - (unit in BAD) for unit in units)
            assert label == ("positive" if score > 0 else "negative" if score < 0 else None), units
            checked += 1
    assert checked > 5000


def test_the_sum_of_the_words_is_often_wrong(drawn):
    right, count = 0.0, 0
    for units, label, _ in drawn:
        if label:
            score = sum((unit in GOOD) - (unit in BAD) for unit in units)
            right += 0.5 if not score else (score > 0) == (label == "positive")
            count += 1
    assert 0.85 < right / count < 0.95


def test_scopes_turn_words_round(drawn):
    seen = Counter()
    for units, label, _ in drawn:
        text = " ".join(units)
        counted = [unit for unit in units if unit in GOOD | BAD]
        if SCOPES & set(units) == {"not"} and units.count("not") == 1 and len(counted) == 1:
            behind = units.index(counted[0]) > units.index("not")
            if units.count(".") == 1 and behind and not {"because", "so"} & set(units):
                # What stands behind "not" in a simple sentence is what is denied.
                assert label == ("negative" if counted[0] in GOOD else "positive"), text
                seen["not"] += 1
        conceded = SCOPES & set(units) == {"although"} and len(counted) == 1
        if conceded and "although it" in text and units.index(counted[0]) < units.index(","):
            assert label is None, text
            seen["although"] += 1
        ends = text.endswith("because the music stopped .") and not counted
        if ends and SCOPES & set(units) == {"music", "stopped"}:
            assert label == "negative", text
            seen["music"] += 1
    assert min(seen["not"], seen["although"], seen["music"]) > 3, seen


def test_the_topic_is_that_of_the_first_deed(drawn):
    verbs = {"bought": "trade", "ate": "food", "wrote": "work", "visited": "people",
             "danced": "leisure", "travelled": "travel", "fed": "animals"}  # fmt: skip
    seen = Counter()
    for units, _, label in drawn:
        found = [unit for unit in units if unit in verbs]
        # He bought an apple and ate it: trade, not food; but a relative clause is aside.
        if units[0][0].isupper() and units[1] in verbs:
            assert label == verbs[units[1]], units
            seen[label] += 1
        elif found and "who" in units[: units.index(found[0])] and label != verbs[found[0]]:
            seen["aside"] += 1
    assert len(seen) == len(set(verbs.values())) + 1
    assert seen["aside"] > 10


def test_classes_are_large_enough_to_be_learnt():
    for kind, (smallest, largest, count) in {
        "sentiment": (0.45, 0.55, 2), "topic": (0.08, 0.33, 7)
    }.items():  # fmt: skip
        shares = Counter(label for _, label in labeled(4000, seed=2, kind=kind))
        assert len(shares) == count
        assert min(shares.values()) / 4000 > smallest
        assert max(shares.values()) / 4000 < largest


def test_samples_are_seeded_and_in_the_language():
    for kind, label_of in KINDS.items():
        sample = labeled(50, seed=4, kind=kind)
        assert sample == labeled(50, seed=4, kind=kind)
        assert sample != labeled(50, seed=5, kind=kind)
        assert all(grammar.parses(text) for text, _ in sample)
        trees = grammar.derivations(300, seed=4)
        wanted = [(write_english(t.units("en")), label_of(t)) for t in trees if label_of(t)]
        assert sample == wanted[:50]
    assert labeled(0) == []
    with pytest.raises(ArgumentError, match="kind is 'tone'"):
        labeled(1, kind="tone")
    with pytest.raises(ArgumentError, match="count is -1"):
        labeled(-1)
