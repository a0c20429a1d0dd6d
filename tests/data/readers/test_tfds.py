"""TensorFlow Datasets as a source, without a download."""

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import lmzoo.data.readers.tfds
from lmzoo.data import read_pairs, read_texts
from lmzoo.errors import DataError


class LmzooLines(tfds.core.GeneratorBasedBuilder):
    """Three splits of numbered lines."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {"label": tf.int64, "title": tfds.features.Text(), "body": tf.string}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._lines(3), "validation": self._lines(2), "test": self._lines(1)}

    def _generate_examples(self, count):
        return self._lines(count)

    def _lines(self, count):
        for number in range(count):
            broken = b"\xff" if number == 2 else b""
            yield number, {"label": 0, "title": f"é {number}", "body": b"body" + broken}


def texts_of(corpus, split="train"):
    return [record["text"] for record in corpus.read(split)]


def pairs_of(corpus, split="train"):
    return [(record["source"], record["target"]) for record in corpus.read(split)]


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """Build the data set in a folder of the test."""
    LmzooLines(data_dir=tmp_path).download_and_prepare()

    def builder(name):
        if name == "lmzoo_lines":
            return LmzooLines(data_dir=tmp_path)
        raise tfds.core.DatasetNotFoundError(f"{name} was not found\nlonger help")

    monkeypatch.setattr(tfds, "builder", builder)


def test_parts_and_features(lines):
    texts = read_texts("tfds:lmzoo_lines")
    assert sorted(texts_of(texts, "train")) == ["é 0", "é 1", "é 2"]
    assert texts_of(texts, "train") == texts_of(texts, "train")
    assert tuple(len(texts_of(texts, split)) for split in ("valid", "test")) == (2, 1)
    assert texts_of(read_texts("tfds:lmzoo_lines:body"), "valid") == ["body", "body"]


def test_broken_utf8(lines):
    with pytest.raises(DataError, match="errors='replace'"):
        list(read_texts("tfds:lmzoo_lines:body").read("train"))
    texts = read_texts("tfds:lmzoo_lines:body", errors="replace")
    assert sorted(texts_of(texts, "train")) == ["body", "body", "body\ufffd"]
    repaired = [record["repaired"] for record in texts.read() if "repaired" in record]
    assert repaired == [{"broken_bytes": 1}]


def test_what_is_not_there(lines):
    with pytest.raises(
        DataError, match=r"label \(number\), title \(text\), body \(text\): .* one name.*label"
    ):
        read_texts("tfds:lmzoo_lines:label")
    with pytest.raises(DataError, match="has no data set 'no_such_data_set'"):
        read_texts("tfds:no_such_data_set")


def test_a_failed_download(lines, monkeypatch):
    def fail(self):
        raise ConnectionError("no network")

    monkeypatch.setattr(LmzooLines, "download_and_prepare", fail)
    with pytest.raises(DataError, match=r"could not be fetched to .* \(no network\); check"):
        read_texts("tfds:lmzoo_lines")


def test_pairs_are_two_features_of_an_example(lines):
    pairs = read_pairs("tfds:lmzoo_lines", columns=("title", "body"))
    assert sorted(pairs_of(pairs, "valid")) == [("é 0", "body"), ("é 1", "body")]
    assert pairs.notes == ["features read: title, body"]
    for columns in (None, ("title", "label"), ("title", "nothing")):
        with pytest.raises(
            DataError,
            match=r"features label .*, title \(text\), body \(text\): .* two names",
        ):
            read_pairs("tfds:lmzoo_lines", columns=columns)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("ted_hrlr_translate/pt_to_en", ("pt", "en")),
        ("wmt14_translate/de-en", ("de", "en")),
        ("cnn_dailymail", ("article", "highlights")),
    ],
)
def test_known_data_sets_say_what_source_and_target_are(name, fields, monkeypatch):
    # Which splits there are is known once a data set has been fetched.
    monkeypatch.setattr(lmzoo.data.readers.tfds, "_fetch", lambda builder: {"train": "train"})
    with tfds.testing.mock_data(num_examples=3):
        pairs = read_pairs(f"tfds:{name}")
        assert pairs.notes == [f"features read: {', '.join(fields)}"]
        found = pairs_of(pairs)
    assert len(found) == 3
    assert all(isinstance(text, str) for pair in found for text in pair)
