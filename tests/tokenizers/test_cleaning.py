"""Cleaning: every rule counts what it does, and cleaning twice does no more than once."""

import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import ArgumentError
from lmzoo.tokenizers.cleaning import (
    DEFAULT_RULES,
    RULES,
    apply_rules,
    choose_rules,
    clean_text,
    composed,
    normalized,
)

BITS = "<b>|</|br/>|<|>|&|amp;|lt;|#60;|\r|\n|\0|\x07|\ufeff|e|\u0301|\u1100\u1161|\u2126|\u2000"
DIRTY = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from([*BITS.split("|"), " ", "\t", "<unk>"]), max_size=25).map("".join),
)


@given(text=DIRTY, rules=st.lists(st.sampled_from(sorted(RULES)), unique=True))
def test_cleaning_twice_is_cleaning_once(text, rules):
    clean, counts = clean_text(text, rules)
    assert clean_text(clean, rules) == (clean, {})
    assert (clean == text) == (counts == {})


@given(text=DIRTY, name=st.sampled_from(sorted(RULES)))
def test_a_rule_counts_if_and_only_if_it_changes(text, name):
    clean, count = RULES[name](text)
    assert (count > 0) == (clean != text)


@given(text=DIRTY)
def test_the_default_takes_only_what_it_says(text):
    clean, counts = clean_text(text)
    assert set(counts) <= set(DEFAULT_RULES)
    assert unicodedata.is_normalized("NFC", clean)
    assert not set(clean) & {"\r", "\0", *map(chr, range(1, 9)), *map(chr, range(127, 160))}
    kept = [c for c in unicodedata.normalize("NFC", text) if c.isprintable() and c != "\ufeff"]
    left = [c for c in clean if c.isprintable() and c != "\ufeff"]
    # Dropping a control character can let its neighbours combine; else nothing printable goes.
    assert left == kept or counts.keys() & {"nul", "controls", "bom"}


@pytest.mark.parametrize(
    "text",
    [
        "First Citizen:\nBefore we proceed any further, hear me speak.\n\n",
        " = Robert <unk> = \n \n He was born @-@ in 1979 , a < b & c > d ; AT&T; \n",
        "to keep \tinner\ttabs  and runs \u00a0 \n\n\n\nof lines\x20\n",
    ],
)
def test_the_default_leaves_ordinary_text_alone(text):
    assert clean_text(text) == (text, {})


@pytest.mark.parametrize(
    ("text", "clean", "count"),
    [
        ("a < b and c > d", "a < b and c > d", 0),
        ("<unk> <s> </s> <pad> <eos> <e>", "<unk> <s> </s> <pad> <eos> <e>", 0),
        ("one<br>two<BR />three", "one two three", 2),
        ('<a href="x">link</a>', "link", 2),
        ("AT&T; &unknown; R&D", "AT&T; &unknown; R&D", 0),
        ("&quot;&#233;&#x4e2d;&quot;", '"é中"', 4),
        ("&amp;lt;", "<", 2),
        ("a<!-- hidden\n -->b", "ab", 1),
    ],
)
def test_markup(text, clean, count):
    assert RULES["markup"](text) == (clean, count)


@pytest.mark.parametrize(
    ("name", "text", "clean", "count"),
    [
        ("bom", "\ufeffhello\ufeff", "hello\ufeff", 1),
        ("line_ends", "one\r\ntwo\rthree\n", "one\ntwo\nthree\n", 2),
        ("controls", "bell\x07\n", "bell\n", 1),
        ("unicode", "cafe\u0301 noir", "café noir", 1),
        ("trailing_spaces", "one \ntwo\t\n", "one\ntwo\n", 2),
        ("space_runs", "far  apart\tand on", "far apart and on", 2),
        ("markup", "<b>Tom</b> &amp; Eva:<br/>2 &lt; 3 <unk>", "Tom & Eva: 2 < 3 <unk>", 5),
    ],
)
def test_other_rules(name, text, clean, count):
    assert RULES[name](text) == (clean, count)


@given(text=st.lists(st.sampled_from([*"ae\u0301\u0323\u0344\u0f73\u0f72é가 \n"]), max_size=20),
       repeat=st.integers(1, 40))  # fmt: skip
def test_composed_is_nfc_in_runs_of_any_length(text, repeat):
    text = "".join(text) * repeat
    assert composed(text) == unicodedata.normalize("NFC", text)


@given(text=DIRTY)
def test_normalized_is_what_the_default_rules_leave(text):
    assert normalized(text) == clean_text(text)[0]
    assert normalized(normalized(text)) == normalized(text)


HOSTILE = {
    "marks": "a" + "\u0301" * 60_000 + "\u0323" * 60_000,
    "marks that decompose": "a" + "\u0f73" * 100_000,
    "comments": "<!--" * 100_000,
    "tags": "<b" * 100_000 + ">" * 100_000,
    "entities": "&" + "amp;" * 100_000,
    "references": "&#59" * 100_000 + ";" * 100_000,
    "spaces": " " * 400_000 + "a" + " \t" * 100_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_time_grows_with_the_text_not_with_its_square(name):
    """With quadratic time this would not end."""
    for rule in RULES.values():
        clean, _ = rule(HOSTILE[name])
        assert rule(clean) == (clean, 0)


def test_markup_that_appears_when_other_markup_goes():
    remove = RULES["markup"]
    assert remove("<b<i>>x")[0] == remove("&lt;b&gt;x")[0] == remove("<<!-- > -->b>x")[0] == "x"
    assert remove("<!<b>-- y -->x")[0] == remove("&#38;#60;b&#59;")[0].replace("<b;", "x") == "x"
    assert remove("<!--->x")[0] == "<!--->x"
    assert remove("<!-- a <b> > x") == ("<!-- a  > x", 1)


def test_counts_add_up_over_texts():
    counts = Counter()
    rules = choose_rules(True)
    assert [apply_rules(t, rules, counts) for t in ("a\r\n", "b\r\n\0")] == ["a\n", "b\n"]
    assert counts == {"line_ends": 2, "nul": 1}


def test_a_rule_of_ones_own_runs_after_the_named_ones():
    def shout(text):
        return text.upper(), sum(c.islower() for c in text)

    assert clean_text("<b>hi</b>", [shout, "markup"]) == ("HI", {"markup": 2, "shout": 2})
    assert list(choose_rules([shout, "markup"])) == ["markup", "shout"]


def test_rules_that_never_end_are_refused():
    with pytest.raises(ArgumentError, match="never come to an end"):
        clean_text("a", [lambda text: (text + "a", 1)])


def test_names_of_rules():
    assert choose_rules(False) == {}
    assert list(choose_rules(True)) == list(DEFAULT_RULES)
    assert list(choose_rules("markup")) == ["markup"]
    with pytest.raises(ArgumentError, match="no cleaning rule is called 'html'; choose from"):
        choose_rules(["html"])
