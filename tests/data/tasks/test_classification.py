"""Batches hold every labeled text once, with its label, its weight and its padding in place."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo.data import encode_texts, prepare_classification, train_tokenizer
from lmzoo.data.corpus import Corpus
from lmzoo.data.transforms.class_balance import sort_labels
from lmzoo.errors import ArgumentError, DataError

WORDS = ["a", "b", "c", "d", "e", "f", "g", "h"]
WORD = train_tokenizer(WORDS, kind="word")


def random_texts(count, longest, seed, classes="xyz"):
    rng = np.random.default_rng(seed)
    return [
        (" ".join(rng.choice(WORDS, rng.integers(1, longest + 1))), str(rng.choice(list(classes))))
        for _ in range(count)
    ]


def decoded(data, batches):
    """The examples of batches, and checks of what stands around them."""
    found = []
    for ids, labels, weights in batches.as_numpy_iterator():
        assert (ids.dtype, labels.dtype, weights.dtype) == (np.int32, np.int32, np.float32)
        assert len(ids) == len(labels) == len(weights)
        for row, label, weight in zip(ids, labels, weights, strict=True):
            length = int((row > 0).sum())
            assert (row[length:] == 0).all()
            if weight:
                assert weight == 1
                found.append((data.tokenizer.decode(row), data.labels[label]))
            else:
                assert row[:length].tolist() == [3]
    return found


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 40), st.integers(1, 20))
def test_every_text_comes_once_in_an_epoch(seed, count, longest, batch_size):
    texts = [*random_texts(count, longest, seed), ("a", "x"), ("b", "y")]
    data = prepare_classification(
        texts, tokenizer=WORD, batch_size=batch_size, valid_fraction=0.0, seed=seed
    )
    assert sorted(decoded(data, data.train)) == sorted(texts)
    assert len(list(data.train)) == data.steps_per_epoch
    assert all(len(ids) == batch_size for ids, _, _ in data.train)
    counts = Counter(label for _, label in texts)
    assert list(data.class_counts.items()) == sorted(counts.items())


def test_validation_has_every_labels_share_and_no_text_of_training():
    texts = [(f"{n % 400} {'ab'[n % 2]}", "xy"[n % 4 == 0]) for n in range(1000)]
    parts = {"train": texts, "test": texts[:7]}
    data = prepare_classification(parts, tokenizer="char", valid_fraction=0.2)
    (train, of_train), (valid, of_valid) = data.texts("train"), data.texts("valid")
    assert not set(train) & set(valid)
    assert sorted(zip(train + valid, of_train + of_valid, strict=True)) == sorted(texts)
    assert abs(of_valid.count("y") - 50) < 3
    assert abs(of_valid.count("x") - 150) < 3
    assert data.texts("test") == ([text for text, _ in texts[:7]], [y for _, y in texts[:7]])
    assert data.class_counts == {"x": of_train.count("x"), "y": of_train.count("y")}
    assert sorted(decoded(data, data.valid)) == sorted(zip(valid, of_valid, strict=True))
    assert data.valid_steps + data.test_steps == data.report["valid"]["batches"] + 1


def test_what_is_cut_or_dropped_is_counted_and_said():
    texts = [("a b", "x"), ("", "y"), (" ", "x"), ("a " * 30, "y"), ("b q", "x")]
    data = prepare_classification(
        {"train": texts, "valid": [("a " * 4, "x")]}, tokenizer=WORD, max_length=4
    )
    found = decoded(data, data.train)
    assert sorted(found) == sorted([("a b", "x"), ("a a a a", "y"), ("b <unk>", "x")])
    report = data.report["train"]
    assert report == {
        "texts": 5, "empty": 2, "cut": 1, "tokens": 8, "unknown_tokens": 1, "batches": 1
    }  # fmt: skip
    assert "1 of 5 texts of train are longer than 4 tokens" in data.describe()
    assert "classes    x 2, y 1" in data.describe()
    many = prepare_classification([(str(n), n) for n in range(29)] + [("a", 7)], valid_fraction=0.0)
    assert "classes    29 labels, the smallest 0 (1), the largest 7 (2)" in many.describe()
    assert data.report["valid"]["cut"] == 0
    assert data.texts("train")[0] == ["a b", "a " * 30, "b q"]


def test_labels_are_sorted_as_numbers_or_as_strings():
    texts = [("a", 10), ("b", 9), ("c", 2)]
    data = prepare_classification(texts, valid_fraction=0.0)
    assert (data.labels, data.num_classes) == (["2", "9", "10"], 3)
    assert sort_labels({"b", "B", "10", "9"}) == ["10", "9", "B", "b"]
    assert sort_labels({"10", "9"}) == ["9", "10"]


def test_labels_that_cannot_be_used_are_named(tmp_path):
    with pytest.raises(DataError, match="holds only the label 'x' for training"):
        prepare_classification([("a", "x"), ("b", "x")])
    with pytest.raises(DataError, match="holds no text for training"):
        prepare_classification([])
    for part in ("train", "test"):
        path = tmp_path / f"{part}.tsv"
        path.write_text(f"text\tlabel\na\tx\n\tx\nb\t{'z' if part == 'test' else 'y'}\n")
    with pytest.raises(DataError, match=r"test.tsv, line 4 has the label 'z', .*\('b'\).* x, y$"):
        prepare_classification(tmp_path, valid_fraction=0.0)
    with pytest.raises(DataError, match="no usable text for test: of 1 none has a token"):
        prepare_classification({"train": [("a", "x"), ("b", "y")], "test": [("", "x")]},
                               valid_fraction=0.0)  # fmt: skip
    with pytest.raises(DataError, match="too few different texts to set 10% aside"):
        prepare_classification([("a", "x"), ("b", "y")])


@pytest.mark.parametrize(
    "wrong", [{"max_length": 0}, {"batch_size": 0}, {"valid_fraction": 1.0}, {"format": "lines"}]
)
def test_arguments_outside_their_range(wrong):
    with pytest.raises(ArgumentError):
        prepare_classification([("a", "x"), ("b", "y")], **wrong)


def test_what_is_found_already_and_the_grammar_are_prepared_alike():
    records = [{"text": "A a", "label": "x"}, {"text": "b", "label": "y"}]
    one = prepare_classification(
        Corpus("mine", {"train": lambda: records}, ["a note"]), valid_fraction=0.0, lowercase=True
    )
    two = prepare_classification(records, valid_fraction=0.0, lowercase=True)
    assert one.describe().splitlines()[1:-1] == two.describe().splitlines()[1:]
    assert "note       a note" in one.describe()
    assert one.vocab_size == train_tokenizer(["a b"], kind="word").vocab_size
    data = prepare_classification("grammar", grammar_size=60)
    assert data.labels == ["negative", "positive"]
    assert (data.report["train"]["texts"], data.report["valid"]["texts"]) == (60, 500)


def test_texts_for_a_prediction_are_padded_and_cut():
    ids = encode_texts(WORD, ["a b c", "h", "a " * 9], 6)
    assert ids.dtype == np.int32
    a, b, c, h = (WORD.encode(word)[0] for word in "abch")
    assert ids.tolist() == [[a, b, c] + [0] * 5, [h] + [0] * 7, [a] * 6 + [0] * 2]
    for texts, says in (([], "no texts"), (["a", " "], "text 1 is ' ': it has no token")):
        with pytest.raises(DataError, match=says):
            encode_texts(WORD, texts)
    for texts, longest in (("a b", 5), (["a"], 0)):
        with pytest.raises(ArgumentError):
            encode_texts(WORD, texts, longest)
