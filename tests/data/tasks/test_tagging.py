"""Batches hold every word once with its tag; what is left out, cut or unknown is counted."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo.data import prepare_tagging, read_tagged
from lmzoo.data.tags.vocabulary import cut_middle, load_tagging_vocabulary, word_key
from lmzoo.errors import ArgumentError, DataError
from lmzoo.tokenizers import load_tokenizer

WORDS = ["a", "Bb", "ccc", "Dddd", "eeeee", "F-f", "9g9", "语"]
TAGS = ["O", "B-x", "I-x", "B-y"]


def random_sentences(count, longest, seed):
    rng = np.random.default_rng(seed)
    sentences = []
    for _ in range(count):
        size = rng.integers(1, longest)
        tags = [TAGS[t] for t in rng.choice([0, 1, 3], size)]
        for place in range(1, size):
            if tags[place - 1].endswith("x") and rng.random() < 0.5:
                tags[place] = "I-x"
        sentences.append(([str(w) for w in rng.choice(WORDS, size)], tags))
    return sentences


def decoded(data, batches):
    """The sentences of batches, words read from their characters, and checks of the padding."""
    found = []
    for (words, letters), tags, weights in batches.as_numpy_iterator():
        assert words.dtype == letters.dtype == tags.dtype == np.int32
        assert weights.dtype == np.float32
        assert words.shape == tags.shape == weights.shape == letters.shape[:2]
        for row, weight in enumerate(weights):
            length = int(weight.sum())
            np.testing.assert_array_equal(weight, np.arange(len(weight)) < length)
            assert not tags[row, length:].any()
            assert not letters[row, length:].any()
            if not length:
                assert words[row].tolist() == [3] + [0] * (len(weight) - 1)
                continue
            assert (words[row, :length] > 0).all()
            assert not words[row, length:].any()
            read = [data.vocabulary.characters.decode(ids) for ids in letters[row, :length]]
            known = [data.tokenizer.decode([index]) for index in words[row, :length]]
            assert known == [word.lower() for word in read]
            found.append((read, [data.tags[tag] for tag in tags[row, :length]]))
    return found


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(2, 30), st.integers(1, 9))
def test_every_sentence_comes_once_in_an_epoch(seed, count, longest, size):
    sentences = random_sentences(count, longest, seed)
    source = read_tagged(sentences, scheme="IOB2")
    data = prepare_tagging(source, batch_size=size, valid_fraction=0.0, seed=seed)
    assert sorted(decoded(data, data.train)) == sorted(sentences)
    assert len(list(data.train)) == data.steps_per_epoch
    assert data.report["train"]["sentences"] == count
    assert data.report["train"]["words"] == sum(len(words) for words, _ in sentences)
    assert (
        data.word_counts.sum() == sum(data.class_counts.values()) == data.report["train"]["words"]
    )


def test_words_only_and_the_words_of_a_part():
    sentences = random_sentences(30, 9, 1)
    data = prepare_tagging(sentences, characters=False, valid_fraction=0.3)
    words, tags, weights = next(iter(data.valid))
    assert words.shape == tags.shape == weights.shape
    assert data.num_characters is None
    for part in ("train", "valid"):
        pairs = list(zip(data.words(part), data.tag_lists(part), strict=True))
        assert pairs == [(s["tokens"], s["tags"]) for s in data.corpus.read(part)]
        assert len(pairs) == data.report[part]["sentences"]
    assert (data.valid_steps, data.test_steps, data.test) == (len(list(data.valid)), 0, None)


def test_inputs_are_those_of_the_batches():
    sentences = [(["Ann", "Lee", "slept"], ["B-PER", "I-PER", "O"])]
    data = prepare_tagging(sentences, batch_size=1, valid_fraction=0.0)
    (words, letters), tags, _ = next(iter(data.train))
    mine = data.vocabulary.inputs(data.words("train"))
    np.testing.assert_array_equal(mine[0], words)
    np.testing.assert_array_equal(mine[1], letters)
    named = data.vocabulary.tag_names(tags.numpy(), data.words("train"))
    assert named == data.tag_lists("train")
    several = data.vocabulary.inputs([["Lee"], ["slept", "X", "Ann"]])
    alone = data.vocabulary.inputs([["Lee"]])
    np.testing.assert_array_equal(several[0][0, :1], alone[0][0, :1])
    np.testing.assert_array_equal(several[1][0, 0, :4], alone[1][0, 0])
    assert several[0][1].tolist() == [
        data.tokenizer.encode("slept")[0],
        1,
        *data.tokenizer.encode("ann"),
        0,
    ]
    for wrong in ([], [["a"], []]):
        with pytest.raises(ArgumentError, match="at least one word"):
            data.vocabulary.inputs(wrong)
    with pytest.raises(ArgumentError, match=r"shape \(1, 2\) for 1 sentences of up to 3 words"):
        data.vocabulary.tag_names(np.zeros((1, 2)), data.words("train"))


def test_words_in_any_unicode_form_are_the_same():
    forms = [unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD")]
    examples = [([word, "\x07"], ["B-PER", "O"]) for word in forms]
    data = prepare_tagging(examples, valid_fraction=0.0, max_word_length=3)
    assert data.vocab_size == 5 + 2
    (words, letters), *_ = next(iter(data.train))
    for form in forms:
        ids, characters = data.vocabulary.inputs([[form, "\x07"]])
        assert ids[0, :2].tolist() == words[0, :2].numpy().tolist()
        assert characters[0, 0, :3].tolist() == letters[0, 0, :3].numpy().tolist()


def test_what_is_left_out_and_cut_is_counted():
    sentences = [
        (["a", "b"], ["O", "O"]),
        ([], []),
        (["a"] * 9, ["O"] * 9),
        (["abcdefghij", "b"], ["B-x", "O"]),
    ]
    data = prepare_tagging(sentences, max_length=5, max_word_length=4, valid_fraction=0.0)
    report = data.report["train"]
    assert {k: report[k] for k in ("sentences", "words", "empty", "too_long", "words_cut")} == {
        "sentences": 4, "words": 4, "empty": 1, "too_long": 1, "words_cut": 1,
    }  # fmt: skip
    assert "too_long 1" in data.describe()
    assert len(data.words("train")) == 3
    (_, letters), _, _ = next(iter(data.train))
    read = {data.vocabulary.characters.decode(ids) for ids in letters.numpy().reshape(-1, 4)}
    assert read == {"", "a", "b", "abij"}
    with pytest.raises(DataError, match="for train: of 4 1 are empty and 3 are longer than 1"):
        prepare_tagging(sentences, max_length=1, valid_fraction=0.0)


@given(st.text(max_size=30), st.integers(2, 9))
def test_a_cut_word_keeps_both_ends(word, longest):
    cut = cut_middle(word, longest)
    assert len(cut) == min(len(word), longest)
    half = len(cut) // 2
    assert word.startswith(cut[: len(cut) - half])
    assert word.endswith(cut[len(cut) - half :])


def test_the_vocabulary_is_counted_on_training_words():
    assert word_key("In 1999", normalize_digits=True, lowercase=True) == "in_0000"
    sentences = [(["The", "the", "the", "1999", "1985", "New York", "<unk>"], ["X"] * 7)]
    parts = {"train": sentences, "test": [(["The", "2001", "new york", "cat"], ["X"] * 4)]}
    data = prepare_tagging(parts, normalize_digits=True, valid_fraction=0.0)
    assert [data.tokenizer.id_to_token(i) for i in range(5, data.vocab_size)] == [
        "the", "0000", "new_york",
    ]  # fmt: skip
    assert data.report["test"]["unknown_words"] == 1
    assert data.report["train"]["unknown_words"] == 1
    assert data.word_counts.tolist() == [0, 1, 0, 0, 0, 3, 2, 1]
    spaces = [([" ", "\t"], ["X", "X"])]
    assert prepare_tagging(spaces, valid_fraction=0.0).tokenizer.encode("_") == [5]
    data = prepare_tagging(parts, lowercase=False, min_count=2, valid_fraction=0.0)
    assert data.tokenizer.id_to_token(5) == "the"
    assert data.vocab_size == 6
    assert prepare_tagging(parts, vocab_size=7, valid_fraction=0.0).vocab_size == 7
    with pytest.raises(ArgumentError, match="no word of training occurs 9 times"):
        prepare_tagging(parts, min_count=9, valid_fraction=0.0)


def test_tags_and_intents_that_training_lacks_come_last_and_are_counted():
    train = [(["play", "jazz"], ["O", "B-genre"], "Play"), (["stop"], ["O"], "Stop")]
    test = [(["go", "to", "Rome"], ["O", "O", "B-city"], "Go"), (["stop"], ["O"], "Stop")]
    data = prepare_tagging({"train": train, "test": test}, valid_fraction=0.0)
    assert data.tags == ["O", "B-genre", "B-city"]
    assert data.intents == ["Play", "Stop", "Go"]
    assert data.class_counts == {"O": 2, "B-genre": 1}
    notes = "\n".join(data.report["notes"])
    assert "test: 1 words have tags that training lacks, and will count as wrong: B-city" in notes
    assert "test: 1 sentences have intents that training lacks" in notes
    assert data.intent_list("test") == ["Go", "Stop"]
    found = []
    for _, (intents, tags), (intent_weights, weights) in data.test.as_numpy_iterator():
        assert intents.shape == intent_weights.shape == tags.shape[:1]
        assert (intents.dtype, intent_weights.dtype) == (np.int32, np.float32)
        np.testing.assert_array_equal(intent_weights > 0, weights.any(axis=1))
        for row in np.flatnonzero(intent_weights):
            real = tags[row, weights[row] > 0]
            found.append((data.intents[intents[row]], [data.tags[tag] for tag in real]))
    assert sorted(found) == [("Go", ["O", "O", "B-city"]), ("Stop", ["O"])]


def test_schemes_to_train_on():
    sentences = [(["a", "b", "c"], ["B-x", "I-x", "O"]), (["d"], ["B-x"])]
    data = prepare_tagging(sentences, scheme="IOBES", valid_fraction=0.0)
    assert data.tags == ["O", "B-x", "E-x", "S-x"]
    assert (data.vocabulary.scheme, data.has_spans) == ("IOBES", True)
    assert [-1, 2] in data.forbidden
    assert [1, 4] in data.forbidden
    assert data.tag_lists("train")[0] == ["B-x", "E-x", "O"]
    plain = prepare_tagging([(["a"], ["DET"])], valid_fraction=0.0)
    assert (plain.vocabulary.scheme, plain.has_spans, plain.forbidden) == (None, False, [])
    with pytest.raises(ArgumentError, match="mark no spans"):
        prepare_tagging([(["a"], ["DET"])], scheme="IOB2")


@pytest.mark.parametrize("characters", [True, False])
def test_the_vocabulary_comes_back_from_its_file(tmp_path, characters):
    data = prepare_tagging(
        random_sentences(20, 9, 3), characters=characters, normalize_digits=True, max_word_length=3
    )
    path = tmp_path / "new" / "vocabulary.json"
    data.vocabulary.save(path)
    loaded = load_tagging_vocabulary(path)
    assert loaded == data.vocabulary
    sentences = [["a", "X9", "Dddd"], ["语"]]
    for mine, theirs in zip(
        data.vocabulary.inputs(sentences), loaded.inputs(sentences), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    data.tokenizer.save(tmp_path / "tokenizer.json")
    assert load_tokenizer(tmp_path / "tokenizer.json") == data.tokenizer
    for text in ("{}", "[]", "no JSON", '{"format": "x", "version": 1}'):
        path.write_text(text)
        with pytest.raises(DataError, match="is no"):
            load_tagging_vocabulary(path)
    with pytest.raises(DataError, match="there is no file"):
        load_tagging_vocabulary(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0}, {"min_count": 0}, {"max_length": 0}, {"max_word_length": 1},
        {"vocab_size": 5}, {"valid_fraction": 1.0}, {"scheme": "BIO"},
    ],
)  # fmt: skip
def test_arguments_outside_their_range(wrong):
    sentences = [(["a", "b"], ["B-x", "O"])]
    with pytest.raises(ArgumentError):
        prepare_tagging(sentences, **wrong)
    with pytest.raises(ArgumentError, match="columns is for a source that is yet to be read"):
        prepare_tagging(read_tagged(sentences), columns=(0, 1))
    with pytest.raises(DataError, match="too few different sentences to set some aside"):
        prepare_tagging(sentences)
    with pytest.raises(DataError, match="no word for training"):
        prepare_tagging([], valid_fraction=0.0)
