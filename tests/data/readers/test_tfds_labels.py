"""Labeled texts of TensorFlow Datasets, without a download."""

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import lmzoo.data.readers.tfds
from lmzoo.data import read_labeled
from lmzoo.errors import DataError


class LmzooLabels(tfds.core.GeneratorBasedBuilder):
    """Three splits, the last of which has no labels."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "words": tfds.features.Text(), "grade": tfds.features.ClassLabel(names=["no", "yes"]),
            "stars": tf.int64, "name": tf.string, "score": tf.float32,
        }  # fmt: skip
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {part: self._lines(part) for part in ("train", "validation", "test")}

    def _generate_examples(self, count):
        return self._lines(count)

    def _lines(self, part):
        for number in range(3):
            grade = -1 if part == "test" else number % 2
            name = b"\xff" if part == "validation" else f"n{number}".encode()
            yield number, {"words": f"é {number}", "grade": grade, "stars": number, "name": name,
                           "score": 0.5}  # fmt: skip


def examples_of(corpus, split="train"):
    return [(record["text"], record["label"]) for record in corpus.read(split)]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Build the data set in a folder of the test."""
    LmzooLabels(data_dir=tmp_path).download_and_prepare()
    monkeypatch.setattr(tfds, "builder", lambda name: LmzooLabels(data_dir=tmp_path))


def test_labels_have_their_names_and_a_part_without_labels_is_left_out(built):
    found = read_labeled("tfds:lmzoo_labels", columns=("words", "grade"))
    examples = [("é 0", "no"), ("é 1", "yes"), ("é 2", "no")]
    assert {split: sorted(examples_of(found, split)) for split in found.splits} == {
        "train": examples, "valid": examples
    }  # fmt: skip
    assert list(found.read()) == list(found.read())
    assert "test is left out: its texts have no labels" in found.notes


def test_labels_may_be_numbers_or_strings(built):
    numbers = read_labeled("tfds:lmzoo_labels", columns=("words", "stars"))
    assert sorted(examples_of(numbers, "test")) == [(f"é {n}", str(n)) for n in range(3)]
    named = read_labeled("tfds:lmzoo_labels", columns=("words", "name"))
    assert sorted(examples_of(named)) == [(f"é {n}", f"n{n}") for n in range(3)]
    with pytest.raises(DataError, match="validation, example 0 is not UTF-8"):
        list(named.read("valid"))


def test_fields_that_must_be_chosen(built):
    for columns in (None, ("words", "score"), ("grade", "words"), ("words", "nothing")):
        with pytest.raises(
            DataError, match=r"words \(text\), grade \(class\), .* score \(other\): .* two"
        ):
            read_labeled("tfds:lmzoo_labels", columns=columns)


@pytest.mark.parametrize(
    ("name", "read", "labels"),
    [
        ("imdb_reviews", "text, label", {"neg", "pos"}),
        ("ag_news_subset", "description, label", {"World", "Sports", "Business", "Sci/Tech"}),
        ("glue/sst2", "sentence, label", {"negative", "positive"}),
    ],
)
def test_known_data_sets_say_what_text_and_label_are(name, read, labels, monkeypatch):
    # Which splits there are is known once a data set has been fetched.
    monkeypatch.setattr(lmzoo.data.readers.tfds, "_fetch", lambda builder: {"train": "train"})
    with tfds.testing.mock_data(num_examples=5):
        found = read_labeled(f"tfds:{name}")
        assert found.notes == [f"features read: {read}"]
        examples = examples_of(found)
    assert len(examples) == 5
    assert {label for _, label in examples} <= labels
    assert all(isinstance(text, str) for text, _ in examples)


def test_of_several_texts_those_that_are_named_are_joined(monkeypatch):
    monkeypatch.setattr(lmzoo.data.readers.tfds, "_fetch", lambda builder: {"train": "train"})
    says = r"sentence1 \(text\), sentence2 \(text\), label \(class\), .*: .* two names"
    with tfds.testing.mock_data(num_examples=3):
        with pytest.raises(DataError, match=says):
            read_labeled("tfds:glue/mrpc")
        pairs = read_labeled("tfds:glue/mrpc", columns=("sentence1", "sentence2", "label"))
        firsts = read_labeled("tfds:glue/mrpc", columns=("sentence1", "label"))
        found = [text.partition(" ||| ") for text, _ in examples_of(pairs)]
        assert [first for first, _, _ in found] == [text for text, _ in examples_of(firsts)]
        assert all(second for _, _, second in found)
    assert pairs.notes == ["features read: sentence1, sentence2, label"]
