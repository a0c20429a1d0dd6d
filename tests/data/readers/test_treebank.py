"""Every phrase of a tree comes once, with its label, and broken brackets are named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.corpus import place_of
from lmzoo.data.readers.treebank import parse_tree, read_trees
from lmzoo.errors import DataError

WORDS = st.sampled_from(["a", "fine", "film", ",", "'s", "-LRB-", "3"])
LABELS = st.sampled_from("01234")
TREES = st.recursive(
    st.tuples(LABELS, st.lists(WORDS, min_size=1, max_size=2)),
    lambda inner: st.tuples(LABELS, st.lists(inner, min_size=1, max_size=3)),
)


def spell(tree):
    """Return a tree in brackets, and its phrases by a walk over the tree itself."""
    label, items = tree
    if isinstance(items[0], str):
        return f"({label} {' '.join(items)})", [(" ".join(items), label)]
    spelled = [spell(item) for item in items]
    phrases = [phrase for _, found in spelled for phrase in found]
    text = " ".join(found[-1][0] for _, found in spelled)
    return f"({label} {' '.join(s for s, _ in spelled)})", [*phrases, (text, label)]


@given(TREES)
def test_every_phrase_comes_with_its_label(tree):
    line, phrases = spell(tree)
    assert parse_tree(line) == phrases
    assert parse_tree(line.replace(" (", "(")) == phrases


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("(3 (2 a) (4 film)", "1 brackets are not closed"),
        ("(3 (2 a)) (4 film))", "outside the brackets"),
        ("(3 a) b", "'b' stands outside"),
        ("3 a", "'3' stands outside"),
        ("(3 ())", "without label"),
        ("(3 (2))", "'2' holds no word"),
        ("(", "without label"),
        (")", "outside"),
        (" ", "no bracket"),
    ],
)
def test_broken_trees_are_named(line, says):
    with pytest.raises(DataError, match=says):
        parse_tree(line)


def test_files(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("(3 (2 a) (3 film))\n\n(3 (2 a) (3 film))\n(7 (2 a))\n(2 (9\n")

    def read(**options):
        return read_trees(path, encoding="utf-8", **options)

    def rows_of(records, count):
        found = [next(records) for _ in range(count)]
        return [(place_of(r).rpartition(" ")[2], r["text"], r["label"]) for r in found]

    rows = read(phrases=True, binary=False)
    assert rows_of(rows, 4) == [
        ("1", "a", "2"), ("1", "film", "3"), ("1", "a film", "3"), ("4", "a", "7")
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"train\.txt, line 5: .* is not a tree"):
        next(rows)
    rows = read(phrases=False, binary=True)
    assert rows_of(rows, 2) == [("1", "a film", "positive"), ("3", "a film", "positive")]
    with pytest.raises(DataError, match="line 4: the label '7' is not one of 0 to 4"):
        next(rows)
