"""Splits by name, hash and label: each record once, equal texts together, every label in each."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data import read_labeled
from lmzoo.data.corpus import Corpus
from lmzoo.data.splits import (
    folds,
    group_by_split,
    list_files,
    split_by_hash,
    split_documents,
    split_of,
    split_point,
    splits_by_name,
    stratified_split,
    unused_note,
)
from lmzoo.errors import ArgumentError, DataError

LABELS = st.lists(st.sampled_from("aabbbbc"), min_size=1, max_size=120)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.txt", "train"), ("a/wiki.dev.txt.gz", "valid"), ("train/notes.txt", None),
        ("test_2016.en", "test"), ("trainer.txt", None), ("task1trn", "train"), ("eval", "valid"),
        ("strangers on a train.txt", None), ("the acid test.txt", None), ("Dev Patel.txt", None),
        ("The Train.txt", None), ("Train.TXT", "train"), ("en_ewt-ud-dev.conllu.gz", "valid"),
        ("train data.txt", "train"), ("test set (2).csv", "test"), ("Dev's diary.txt", None),
        ("contest.txt", None), ("trainé.txt", None), ("oos-val", "valid"), ("", None),
    ],
)  # fmt: skip
def test_the_split_that_a_name_tells(name, split):
    assert split_of(Path(name)) == split_of(name) == split


def test_splits_of_a_data_set_have_exact_names():
    names = ["train", "validation", "validation_mismatched", "dev", "test"]
    assert splits_by_name("x", names) == {"train": "train", "valid": "validation", "test": "test"}
    with pytest.raises(DataError, match=r"x has no split for training, only \['test'\]"):
        splits_by_name("x", ["test"])


def test_files_are_grouped_by_split(tmp_path):
    def group(*names, **options):
        files = [tmp_path / name for name in names]
        groups = group_by_split(tmp_path, files, "tables", **options)
        return {split: [file.name for file in files] for split, files in groups.items()}

    assert group("all.tsv", "test.tsv") == {"train": ["all.tsv"], "test": ["test.tsv"]}
    assert group("all.tsv", "train.tsv") == {"train": ["train.tsv"]}
    assert group("a", "b", several=True) == {"train": ["a", "b"]}
    assert group("train1", "train-2", "c", several=True) == {"train": ["train1", "train-2"]}
    assert group("a", "b", "a_test", several=True) == {"train": ["a", "b"], "test": ["a_test"]}
    for names in (("a", "b"), ("a", "b", "test"), ("valid",), ()):
        with pytest.raises(DataError, match="holds no tables for training"):
            group(*names)
    with pytest.raises(DataError, match="several files for test: a_test, test"):
        group("train", "a_test", "test")


def test_hidden_files_and_packed_twins_are_left_out(tmp_path):
    for name in (".hidden", "a.txt", "a.txt.gz", "b.txt.gz"):
        (tmp_path / name).touch()
    assert [file.name for file in list_files(tmp_path)] == ["a.txt", "b.txt.gz"]
    assert [file.name for file in list_files(tmp_path / "b*")] == ["b.txt.gz"]
    with pytest.raises(DataError, match="no file or folder"):
        list_files(tmp_path / "nowhere")


def test_what_a_folder_holds_besides_is_named(tmp_path):
    names = ["a.txt", "a.txt.gz", "b.txt", "c", ".hidden", "__MACOSX"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "in" / "deep").mkdir(parents=True)
    used = [tmp_path / "a.txt", tmp_path / "in" / "deep" / "x"]
    assert unused_note(tmp_path, used) == [f"not used in {tmp_path.name}: b.txt, c"]
    assert unused_note(tmp_path / "*.txt", used) == ["not used in *.txt: b.txt"]
    assert unused_note(tmp_path / "in", used) == []


def test_equal_keys_stand_on_one_side():
    records = [{"tokens": [str(i % 50), "x"]} for i in range(500)]
    corpus = Corpus("numbers", {"train": lambda: records}, ["a note"])

    def split(corpus, fraction, seed):
        return split_by_hash(corpus, fraction, key=lambda r: " ".join(r["tokens"]), seed=seed)

    parts = split(corpus, 0.2, 1)
    train, valid = list(parts.read()), list(parts.read("valid"))
    assert len(train) + len(valid) == 500
    assert len(valid) % 10 == 0
    assert valid
    assert not {r["tokens"][0] for r in train} & {r["tokens"][0] for r in valid}
    assert parts.notes == ["a note"]
    assert split(parts, 0.5, 0) is parts
    assert split(corpus, 0.0, 0) is corpus
    with pytest.raises(ArgumentError, match="valid_fraction"):
        split(parts, 1.0, 0)


def test_the_customary_split_of_tiny_shakespeare():
    assert split_point(1_115_394, 0.1) == 1_003_854


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=60).filter(lambda x: len(set(x)) > 1),
    st.floats(0.01, 0.99),
)
def test_equal_documents_stand_on_the_same_side(numbers, fraction):
    valid = split_documents(np.array(numbers, np.uint64), fraction)
    sides = [{n for n, v in zip(numbers, valid, strict=True) if v == side} for side in (0, 1)]
    assert not sides[0] & sides[1]
    assert all(sides)
    wanted = fraction * len(set(numbers))
    assert abs(len(sides[1]) - wanted) <= 1


def test_no_validation():
    assert not split_documents(np.arange(5, dtype=np.uint64), 0).any()


def test_one_document_cannot_be_split():
    with pytest.raises(DataError, match="1 different document"):
        split_documents(np.array([3, 3], np.uint64), 0.1)


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5])
def test_fractions_outside_the_range(fraction):
    with pytest.raises(ArgumentError, match=f"valid_fraction is {fraction}"):
        split_point(100, fraction)


@given(LABELS, st.floats(0.01, 0.9), st.integers(-3, 10**12))
def test_a_split_takes_the_same_share_of_every_label(labels, fraction, seed):
    held = stratified_split(labels, fraction, seed)
    np.testing.assert_array_equal(held, stratified_split(labels, fraction, seed))
    counts, taken = Counter(labels), Counter(np.array(labels)[held].tolist())
    for label, count in counts.items():
        assert taken[label] < count
        assert abs(taken[label] - fraction * count) < 1 or taken[label] == count - 1
    if all(count * (1 - fraction) >= 2 for count in counts.values()):
        assert held.sum() == int(np.ceil(fraction * len(labels) - 1e-9))


@given(st.lists(st.integers(0, 30), min_size=2, max_size=90), st.floats(0, 0.9), st.integers(0, 99))
def test_equal_texts_stand_on_one_side(texts, fraction, seed):
    held = stratified_split([text % 3 for text in texts], fraction, seed, texts=texts)
    sides = {}
    for text, side in zip(texts, held, strict=True):
        assert sides.setdefault(text, side) == side
    assert bool(fraction) or not held.any()


def test_another_seed_takes_others():
    labels = ["a"] * 50 + ["b"] * 50
    one, two = (stratified_split(labels, 0.2, seed) for seed in (0, 1))
    assert (one != two).any()
    for fraction in (-0.1, 1.0):
        with pytest.raises(ArgumentError, match=r"^fraction is"):
            stratified_split(labels, fraction)
    with pytest.raises(ArgumentError, match="1 texts have 100 labels"):
        stratified_split(labels, 0.1, texts=["x"])


def fold_examples(examples, k, **options):
    """The (text, label) of both sides of each fold."""
    return [
        tuple([(r["text"], r["label"]) for r in fold.read(side)] for side in ("train", "test"))
        for fold in folds(read_labeled(examples), k, **options)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 60).map(str), st.sampled_from("ab")), min_size=30),
    st.integers(2, 8),
    st.integers(0, 99),
)
def test_every_example_is_tested_once_by_a_model_that_never_saw_its_text(found, k, seed):
    examples = [*found, ("x", "a"), ("y", "a"), ("z", "b"), ("v", "b"), ("w", "b"), ("u", "b"),
                ("t", "b"), ("s", "b")]  # fmt: skip
    parts = fold_examples(examples, k, seed=seed)
    assert parts == fold_examples(examples, k, seed=seed)
    assert len(parts) == k
    tested = Counter()
    for train, test in parts:
        assert Counter(train) + Counter(test) == Counter(examples)
        assert not {text for text, _ in train} & {text for text, _ in test}
        tested += Counter(test)
    assert tested == Counter(examples)


@given(st.integers(2, 40), st.integers(2, 40), st.integers(2, 10))
def test_folds_are_even_where_texts_differ(of_a, of_b, k):
    examples = [(str(n), "a" if n < of_a else "b") for n in range(of_a + of_b)]
    if len(examples) < k:
        return
    tests = [test for _, test in fold_examples(examples, k)]
    for label in "ab":
        counts = [sum(its == label for _, its in test) for test in tests]
        assert max(counts) - min(counts) <= 1
    assert max(map(len, tests)) - min(map(len, tests)) <= 1


def test_what_cannot_be_parted():
    examples = [(str(n), "ab"[n % 2]) for n in range(6)]
    with pytest.raises(ArgumentError, match="k is 1"):
        fold_examples(examples, 1)
    with pytest.raises(DataError, match="6 different texts cannot be divided into 7 folds"):
        fold_examples(examples, 7)
    with pytest.raises(DataError, match=r"the label 'c' has one text only.*'alone'"):
        fold_examples([*examples, ("alone", "c"), ("alone", "c")], 2)
    with pytest.raises(DataError, match="3 texts of the most frequent label cannot be divided"):
        fold_examples(examples, 4)
