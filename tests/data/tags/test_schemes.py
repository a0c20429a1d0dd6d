"""Tags become spans and come back, in every scheme; what breaks a scheme is found and mended."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB1, IOB2, IOBES, Entities

from lmzoo.data.tags.schemes import (
    SCHEMES,
    convert_tags,
    detect_scheme,
    find_fault,
    forbidden_transitions,
    may_follow,
    read_spans,
    repair_tags,
    respelled,
    spans_of,
    tags_of,
)
from lmzoo.errors import ArgumentError, DataError

KINDS = ("PER", "creative-work", "x")
NAMES = {
    scheme: ["O", *(f"{prefix}-{kind}" for kind in KINDS for prefix in prefixes)]
    for scheme, prefixes in SCHEMES.items()
}
schemes = st.sampled_from(sorted(SCHEMES))
any_tags = st.lists(st.sampled_from(NAMES["IOBES"]), max_size=8)


@st.composite
def sentences(draw):
    """A length and spans that do not overlap, some of which touch."""
    borders = sorted(draw(st.sets(st.integers(0, 12), min_size=2)))
    chosen = [pair for pair in itertools.pairwise(borders) if draw(st.booleans())]
    return borders[-1], [(draw(st.sampled_from(KINDS)), *pair) for pair in chosen]


@given(sentences(), schemes)
def test_spans_come_back(sentence, scheme):
    length, spans = sentence
    tags = tags_of(reversed(spans), length, scheme)
    assert len(tags) == length
    assert find_fault(tags, scheme) is None
    assert spans_of(tags, scheme) == spans


@given(sentences(), schemes, schemes)
def test_another_scheme_marks_the_same_spans(sentence, source, target):
    length, spans = sentence
    tags = tags_of(spans, length, source)
    there = convert_tags(tags, source, target)
    assert spans_of(there, target) == spans
    assert convert_tags(there, target, source) == tags


@given(any_tags)
def test_any_tags_are_read_as_seqeval_reads_them(tags):
    found = [(kind, start, end - 1) for kind, start, end in read_spans(tags)]
    assert found == get_entities(tags)


@given(sentences())
def test_spans_are_those_of_seqevals_strict_mode(sentence):
    length, spans = sentence
    for scheme, strict in (("IOB1", IOB1), ("IOB2", IOB2), ("IOBES", IOBES)):
        entities = Entities([tags_of(spans, length, scheme)], strict).entities[0]
        assert [(e.tag, e.start, e.end) for e in entities] == spans


@given(any_tags, schemes)
def test_repairs_keep_to_the_scheme_and_are_counted(tags, scheme):
    mended, count = repair_tags(tags, scheme)
    assert find_fault(mended, scheme) is None
    assert read_spans(mended) == read_spans(tags)
    assert count == sum(old != new for old, new in zip(tags, mended, strict=True))
    if find_fault(tags, scheme) is None:
        assert (mended, count) == (tags, 0)
    else:
        assert count > 0
        with pytest.raises(DataError, match="repair_tags"):
            spans_of(tags, scheme)


@given(st.data(), schemes)
def test_what_is_not_forbidden_is_exactly_what_has_no_fault(data, scheme):
    names = NAMES[scheme]
    path = data.draw(st.lists(st.integers(0, len(names) - 1), min_size=1, max_size=6))
    forbidden = {tuple(pair) for pair in forbidden_transitions(names, scheme)}
    steps = itertools.pairwise([-1, *path, len(names)])
    is_allowed = not any(step in forbidden for step in steps)
    assert is_allowed == (find_fault([names[tag] for tag in path], scheme) is None)


def test_legal_sequences_are_those_that_spans_can_give():
    """Against brute force: every way of three words to hold spans of two types."""
    names = {scheme: [n for n in NAMES[scheme] if not n.endswith("x")] for scheme in SCHEMES}
    cuts = list(itertools.combinations(range(4), 2))
    placed = [
        spans
        for count in range(4)
        for chosen in itertools.combinations(cuts, count)
        if all(a[1] <= b[0] for a, b in itertools.combinations(chosen, 2))
        for kinds in itertools.product(KINDS[:2], repeat=count)
        for spans in [[(kind, *pair) for kind, pair in zip(kinds, chosen, strict=True)]]
    ]
    for scheme in SCHEMES:
        legal = {tuple(tags_of(spans, 3, scheme)) for spans in placed}
        assert len(legal) == len(placed)
        every = itertools.product(names[scheme], repeat=3)
        assert legal == {tags for tags in every if find_fault(tags, scheme) is None}


def test_faults_say_what_is_wrong():
    assert find_fault(["O", "I-x"], "IOB2") == (1, "'I-x' behind 'O' breaks IOB2")
    assert find_fault(["I-x"], "IOB2") == (0, "'I-x' at the beginning of a sentence breaks IOB2")
    assert find_fault(["B-x"], "IOBES") == (0, "'B-x' at the end of a sentence breaks IOBES")
    assert find_fault(["O", "B-x"], "IOB1")[0] == 1
    for tag in ("S-x", "NOUN", "", "B-", "b", "I_x", "S"):
        assert find_fault(["O", tag], "IOB2") == (1, f"{tag!r} is no tag of IOB2")
    assert not may_follow("I-x", "B-y", "IOB2")


def test_schemes_are_told_from_the_tags():
    sentences = [("a", 0, 2), ("a", 2, 3), ("b", 4, 6)]
    for scheme in SCHEMES:
        assert detect_scheme([["O", "O"], tags_of(sentences, 6, scheme)]) == scheme
    assert detect_scheme([["DET", "NOUN", "O"], []]) is None
    assert detect_scheme([["O"]]) is None
    # One slip among many does not make another scheme of it, nor does a broken tag.
    assert detect_scheme([["B-a", "O", "B-b"]] * 3 + [["O", "I-a"]]) == "IOB2"
    assert detect_scheme([["I-a", "O"]] * 3 + [["B-a"]]) == "IOB1"
    assert detect_scheme([["B-a", "O", "Ba"]]) == "IOB2"
    for tag in ("U-x", "L-x", "M-x"):
        with pytest.raises(DataError, match="of BILOU or BMES: write L- as E-"):
            detect_scheme([["O", "B-x", tag]])


def test_prefixes_without_a_type_mark_spans():
    assert detect_scheme([["B", "I", "O"]]) == "IOB2"
    assert detect_scheme([["S", "O", "B", "E"]]) == "IOBES"
    assert detect_scheme([["O", "I", "I"], ["I", "O"]]) == "IOB1"
    # Subject, verb and object are no spans, and neither are S and O alone.
    assert detect_scheme([["S", "V", "O"]]) is detect_scheme([["S", "O"]]) is None
    assert spans_of(["B", "I", "O", "B"], "IOB2") == [("", 0, 2), ("", 3, 4)]
    assert convert_tags(["B", "I", "O", "B"], "IOB2", "IOBES") == ["B", "E", "O", "S"]
    assert repair_tags(["I", "O"], "IOB2") == (["B", "O"], 1)
    assert forbidden_transitions(["O", "B", "I"], "IOB2") == [[-1, 2], [0, 2]]


@pytest.mark.parametrize(
    ("tags", "new"),
    [
        (["b-per", "i-per", "o"], ["B-per", "I-per", "O"]),
        (["B_PER", "I_PER", "O"], ["B-PER", "I-PER", "O"]),
        (["PER-B", "PER-I", "O"], ["B-PER", "I-PER", "O"]),
        (["a-b_s", "O"], ["S-a-b", "O"]),
        (["B-PER", "b-per", "O"], ["B-PER", "B-per", "O"]),
        (["B-PER", "I-PER", "O"], None), (["b-per", "i-per"], None), (["NN-b", "DT", "O"], None),
        (["O"], None), (["DET", "O"], None), (["B", "I", "O"], None),
    ],
)  # fmt: skip
def test_tags_in_other_spellings(tags, new):
    found = respelled(tags)
    assert [found.get(tag, tag) for tag in tags] == (new or tags)
    assert bool(found) == bool(new)


def test_arguments_outside_their_range():
    for call in (spans_of, repair_tags):
        with pytest.raises(ArgumentError, match="choose one of IOB1"):
            call(["O"], "BIO")
    with pytest.raises(ArgumentError, match="choose one of"):
        forbidden_transitions(["O"], "BIO")
    assert forbidden_transitions(["NOUN"], None) == []
    for spans in ([("x", 1, 1)], [("x", 0, 4)], [("x", 0, 2), ("y", 1, 3)]):
        with pytest.raises(ArgumentError, match="is empty, overlaps another or leaves"):
            tags_of(spans, 3, "IOB2")
    with pytest.raises(DataError, match="'NOUN' is no tag"):
        repair_tags(["NOUN"], "IOB2")
