"""Data sets of the Hugging Face hub, through a stand-in for its package, without a network."""

import sys
import types

import pytest

from lmzoo.data import read_labeled, read_pairs, read_tagged, read_texts
from lmzoo.errors import DataError


class Value:
    def __init__(self, dtype):
        self.dtype = dtype


class ClassLabel(Value):
    def __init__(self, names):
        super().__init__("int64")
        self.names = names


class Sequence:
    def __init__(self, feature):
        self.feature = feature


class Translation:
    def __init__(self, languages):
        self.languages = languages


class Dataset:
    """Rows with features, as `datasets.Dataset` gives them."""

    def __init__(self, features, rows):
        self.features, self.rows = features, rows

    def select_columns(self, names):
        return [{name: row[name] for name in names} for row in self.rows]


TEXT, LABEL = Value("string"), ClassLabel(["neg", "pos"])
REVIEWS = {"text": TEXT, "label": LABEL}
TAGS = ClassLabel(["O", "B-PER"])
HUB = {
    ("imdb", None): {
        "train": Dataset(REVIEWS, [{"text": "fine", "label": 1}, {"text": "dull", "label": 0}]),
        "unsupervised": Dataset(REVIEWS, []),
        "test": Dataset(REVIEWS, [{"text": "?", "label": -1}]),
    },
    ("opus", "de-en"): {
        "train": Dataset(
            {"id": Value("int64"), "translation": Translation(["de", "en"])},
            [{"id": 0, "translation": {"de": "ein Hund", "en": "a dog"}}],
        ),
        "validation": Dataset({}, [{"id": 1, "translation": {"de": "eine Katze", "en": "a cat"}}]),
    },
    ("conll", None): {
        "train": Dataset(
            {"tokens": Sequence(TEXT), "ner_tags": [TAGS], "score": Value("float32")},
            [{"tokens": ["Ann", "slept"], "ner_tags": [1, 0], "score": 0.5}],
        )
    },
    ("tests only", None): {"test": Dataset(REVIEWS, [])},
}


def load_dataset(name, configuration):
    if name == "offline":
        raise ConnectionError("Couldn't reach 'offline' on the Hub\nlonger help")
    if (name, configuration) not in HUB:
        raise ValueError(f"Dataset '{name}' doesn't exist on the Hub")
    return HUB[name, configuration]


@pytest.fixture
def hub(monkeypatch):
    """A module that stands in for `datasets`."""
    module = types.ModuleType("datasets")
    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_labels_have_their_names_and_a_split_without_labels_is_left_out(hub):
    found = read_labeled("hf:imdb")
    assert list(found.read()) == list(found.read()) == [
        {"text": "fine", "label": "pos"}, {"text": "dull", "label": "neg"}
    ]  # fmt: skip
    assert list(found.splits) == ["train"]
    assert found.notes == [
        "features read: text, label", "splits not used: unsupervised",
        "test is left out: its texts have no labels",
    ]  # fmt: skip
    texts = read_texts("hf:imdb")
    assert [record["text"] for record in texts.read()] == ["fine", "dull"]
    assert [record["text"] for record in texts.read("test")] == ["?"]


def test_the_languages_of_a_translation_are_columns(hub):
    pairs = read_pairs("hf:opus:de-en", columns=("en", "de"))
    assert list(pairs.read()) == [{"source": "a dog", "target": "ein Hund"}]
    assert list(pairs.read("valid")) == [{"source": "a cat", "target": "eine Katze"}]
    with pytest.raises(DataError, match=r"features id \(number\), de \(text\), en \(text\): .*two"):
        read_pairs("hf:opus:de-en")


def test_tokens_and_tags_are_sequences(hub):
    assert list(read_tagged("hf:conll").read()) == [
        {"tokens": ["Ann", "slept"], "tags": ["B-PER", "O"]}
    ]
    with pytest.raises(DataError, match=r"score \(other\): .* not \('tokens', 'score'\)"):
        read_tagged("hf:conll", columns=("tokens", "score"))


def test_what_is_missing_is_named_with_its_remedy(hub, monkeypatch):
    for name, says in (
        ("offline", "Couldn't reach 'offline' on the Hub.; check the name, .* and the network"),
        ("nothing", "could not be fetched .*'nothing' doesn't exist"),
        ("tests only", "has no split for training, only .*test"),
    ):
        with pytest.raises(DataError, match=f"hf:{name} .*{says}"):
            read_labeled(f"hf:{name}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"hf:imdb needs the package datasets: pip install 'lmzoo"):
        read_labeled("hf:imdb")
