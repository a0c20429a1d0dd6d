"""Documents in texts, and pieces of texts."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.text.documents import (
    check_kind,
    cut_pieces,
    join_blocks,
    slice_characters,
    split_documents_at,
    split_paragraphs,
)
from lmzoo.errors import ArgumentError

TEXT = st.text(st.sampled_from("ab \n"), max_size=40)


def blocks_of(text, marks):
    """Cut a text after some of its lines."""
    lines = text.splitlines(keepends=True)
    blocks = [""]
    for line, mark in zip(lines, marks, strict=False):
        blocks[-1] += line
        if mark:
            blocks.append("")
    blocks[-1] += "".join(lines[len(marks) :])
    return [block for block in blocks if block]


@given(text=TEXT, marks=st.lists(st.booleans(), max_size=20))
def test_documents_do_not_depend_on_the_blocks(text, marks):
    blocks = blocks_of(text, marks)
    assert "".join(blocks) == text
    counts = Counter()
    lines = list(split_documents_at(blocks, "line", counts))
    assert lines == [line for line in text.split("\n") if line.strip()]
    whole = [text] if text else []
    assert list(split_paragraphs(blocks)) == list(split_paragraphs(whole))


@given(TEXT)
def test_paragraphs_hold_all_lines_that_are_not_blank(text):
    paragraphs = list(split_paragraphs([text]))
    lines = [line for paragraph in paragraphs for line in paragraph.split("\n")]
    assert lines == [line for line in text.split("\n") if line.strip()]


def test_paragraphs_end_between_files():
    assert list(split_paragraphs(["", "a\n", "b\n", "", "c\n"])) == ["a\nb", "c"]


def test_blank_documents_are_counted():
    counts = Counter()
    assert list(split_documents_at(["a", "", " \n"], "document", counts)) == ["a"]
    assert counts == {"empty_documents": 2}


@given(st.lists(TEXT), st.integers(1, 9))
def test_pieces_join_to_the_text(blocks, size):
    pieces = list(cut_pieces(blocks, size))
    assert "".join(pieces) == "".join(blocks)
    assert all(0 < len(piece) <= size for piece in pieces)


def test_borders_of_documents_and_pieces():
    assert list(split_paragraphs(["title\nfirst line\n", "second\n\n\nnext\n"])) == [
        "title\nfirst line\nsecond", "next"
    ]  # fmt: skip
    assert list(cut_pieces(["one two\nthree four"], 9)) == ["one two\n", "three ", "four"]
    blocks = [{"text": "one", "block": 0}, {"text": "two\n", "block": 0}]
    assert list(join_blocks(blocks, "stream", Counter())) == ["one", "\n", "two\n"]


@given(st.lists(TEXT), st.integers(0, 60), st.one_of(st.none(), st.integers(0, 60)))
def test_slices_of_characters(blocks, start, stop):
    stop = None if stop is None else start + stop
    assert "".join(slice_characters(blocks, start, stop)) == "".join(blocks)[start:stop]


def test_words_for_borders():
    assert check_kind(None, True) == "document"
    assert check_kind(None, False) == "stream"
    assert check_kind("line", True) == "line"
    for wrong in ("lines", "document"):
        with pytest.raises(ArgumentError, match=f"documents is '{wrong}'; choose"):
            check_kind(wrong, False)
