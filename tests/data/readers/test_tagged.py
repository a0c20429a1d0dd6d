"""Tagged sentences come out of every kind of source as they went in; what is wrong is named."""

import gzip
import json

import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import lmzoo.data.readers.tfds
from lmzoo.data import detect_scheme, read_tagged
from lmzoo.data.tags.settling import in_scheme, settle_tags
from lmzoo.errors import ArgumentError, DataError
from lmzoo.grammar.tags import tagged as draw

SENTENCES = [
    (["Ann", "Lee", "slept"], ["B-PER", "I-PER", "O"]),
    (["In", "Rome"], ["O", "B-LOC"]),
]
BROKEN = [(["a", "b", "c"], ["O", "I-x", "I-x"]), (["d"], ["B-x"]), (["e"], ["B-x"])]


def sentences_of(corpus, split="train"):
    return [(record["tokens"], record["tags"]) for record in corpus.read(split)]


def scheme_of(corpus):
    return detect_scheme(record["tags"] for record in corpus.read())


def columns_of(sentences):
    lines = ["\n".join(map("\t".join, zip(*pair, strict=True))) for pair in sentences]
    return "\n\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.conll").write_text(columns_of(SENTENCES))
    (tmp_path / "x-ud-dev.conll.gz").write_bytes(gzip.compress(columns_of(SENTENCES).encode()))
    (tmp_path / "corpus_2nd.test").write_text(columns_of(SENTENCES[:1]))
    (tmp_path / "README_train.md").write_text("nothing")
    (tmp_path / "train_LICENSE.txt").write_text("nothing")
    return tmp_path


def test_a_folder_and_a_pattern(folder):
    tagged = read_tagged(folder)
    assert list(tagged.splits) == ["train", "valid", "test"]
    assert sentences_of(tagged, "valid") == sentences_of(tagged, "valid") == SENTENCES
    assert sentences_of(tagged, "test") == SENTENCES[:1]
    assert scheme_of(tagged) == "IOB2"
    assert tagged.notes == [
        "files read: train: train.conll; valid: x-ud-dev.conll.gz; test: corpus_2nd.test",
        f"not used in {folder.name}: README_train.md, train_LICENSE.txt",
    ]
    assert list(read_tagged(f"{folder}/*.conll").splits) == ["train"]
    (folder / "b.train").write_text("x O\n")
    with pytest.raises(DataError, match="several files for train"):
        read_tagged(folder)
    with pytest.raises(DataError, match="no sentences for training"):
        read_tagged(f"{folder}/*.gz")
    with pytest.raises(DataError, match="no file or folder"):
        read_tagged(folder / "nowhere")


def test_text_files_where_there_are_no_others(tmp_path):
    for part in ("train", "test"):
        (tmp_path / f"{part}.txt").write_text(columns_of(SENTENCES))
    (tmp_path / "README.txt").write_text("nothing")
    tagged = read_tagged(tmp_path)
    assert list(tagged.splits) == ["train", "test"]
    assert sentences_of(tagged, "test") == SENTENCES


def test_files_without_a_part_are_all_for_training(tmp_path):
    for name, sentence in zip("ab", SENTENCES, strict=True):
        (tmp_path / f"{name}.conll").write_text(columns_of([sentence]))
    assert sentences_of(read_tagged(tmp_path)) == SENTENCES
    paths = [tmp_path / "b.conll", tmp_path / "a.conll"]
    parts = read_tagged({"train": paths, "valid": tmp_path / "a.conll", "test": SENTENCES})
    assert sentences_of(parts) == SENTENCES[::-1]
    assert sentences_of(parts, "valid") == SENTENCES[:1]
    assert sentences_of(parts, "test") == SENTENCES
    with pytest.raises(DataError, match=r"there is no file .*nowhere"):
        read_tagged({"train": [tmp_path / "nowhere"]})
    with pytest.raises(DataError, match='it needs "train"'):
        read_tagged({"valid": SENTENCES})


def test_json_lines_and_lists(tmp_path):
    records = [
        {"tokens": words, "tags": tags, "pos": ["X"] * len(tags)} for words, tags in SENTENCES
    ]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    assert sentences_of(read_tagged(path)) == SENTENCES
    assert sentences_of(read_tagged(path, columns=("tokens", "pos")))[0][1] == ["X"] * 3
    with pytest.raises(DataError, match=r"1 is not a JSON object with the keys 'tokens', 'ner'"):
        read_tagged(path, columns=("tokens", "ner"))
    for words, tags, message in (
        (["a"], ["O", "O"], "has 1 tokens and 2 tags; each token needs one tag: 'a'"),
        (["a"], [1], r"its tags are \[1\]; give a list of strings"),
        (["a"], [" "], "the tag of its token 0 is empty"),
        ("a", ["O"], "its tokens are a; give"),
    ):
        path.write_text("\n" + json.dumps({"tokens": words, "tags": tags}))
        with pytest.raises(DataError, match=f"train.jsonl, line 2:? {message}"):
            read_tagged(path)
        with pytest.raises(DataError, match=f"item 0 of train:? {message}"):
            read_tagged([(words, tags)])
    with pytest.raises(DataError, match=r"item 1 of train is .*: give \(tokens, tags\)"):
        read_tagged([SENTENCES[0], (["a"],)])


def test_broken_tags_are_an_error_or_counted(tmp_path):
    path = tmp_path / "a.conll"
    path.write_text(columns_of(BROKEN))
    with pytest.raises(DataError, match=r"a\.conll, line 2: 'I-x' behind 'O' breaks IOB2; corr"):
        read_tagged(path)
    with pytest.raises(DataError, match="item 0 of train, token 1: 'I-x' behind 'O'"):
        read_tagged(BROKEN)
    mended = read_tagged({"train": BROKEN, "test": BROKEN[1:]}, repair=True)
    assert sentences_of(mended)[0] == (["a", "b", "c"], ["O", "B-x", "I-x"])
    assert mended.notes == ["train: 1 tags of 1 sentences broke IOB2 and were repaired"]
    with pytest.raises(DataError, match=r"item 1 .*'B-x' at the beginning .* breaks IOB1"):
        read_tagged(BROKEN, scheme="IOB1")
    odd = [(["a", "b"], ["B-x", "Bx"])] * 2 + [(["c"], ["O"])]
    for repair in (False, True):
        with pytest.raises(DataError, match="token 1: 'Bx' is no tag of IOB2; correct it, or say"):
            read_tagged(odd, repair=repair)
    assert settle_tags(read_tagged(odd, scheme="plain"), "plain")[1] is None
    with pytest.raises(ArgumentError, match="choose one of IOB1, IOB2, IOBES, plain"):
        read_tagged(odd, scheme="BIO")


def test_empty_words_are_an_error_or_left_out_and_counted(tmp_path):
    (tmp_path / "a.conll").write_text("a\tO\n\tB-x\nb\tI-x\nc\tI-y\n")
    with pytest.raises(DataError, match=r"a\.conll, line 2: the token is empty; fill it, or rep"):
        read_tagged(tmp_path / "a.conll")
    tagged = read_tagged(tmp_path / "a.conll", repair=True)
    assert sentences_of(tagged) == [(["a", "b", "c"], ["O", "B-x", "B-y"])]
    assert tagged.notes == [
        "train: 1 empty tokens were left out",
        "train: 2 tags of 1 sentences broke IOB2 and were repaired",
    ]
    with pytest.raises(DataError, match="item 0 of train, token 1: the token is empty"):
        read_tagged([(["a", ""], ["DET", "NOUN"])])


def test_positions_behind_words(tmp_path):
    path = tmp_path / "a.train"
    path.write_text("科0\tO\n技1\tO\n20\tO\n\n#0\tO\n")
    assert [words for words, _ in sentences_of(read_tagged(path, strip_position=True))] == [
        ["科", "技", "2"],
        ["#"],
    ]
    with pytest.raises(
        DataError, match=r"item 0 .*, token 1: 'b' is not a token that ends in a digit"
    ):
        read_tagged([(["a0", "b"], ["O", "B-x"])], strip_position=True)
    with pytest.raises(DataError, match="'7' is not a token"):
        sentences_of(read_tagged([(["7"], ["NUM"])], strip_position=True))


def test_the_grammar():
    tagged = read_tagged("grammar", grammar_size=20, seed=3)
    assert sentences_of(tagged) == draw(20, seed=6)
    assert sentences_of(tagged, "valid") == draw(500, seed=7)
    assert scheme_of(tagged) == "IOB2"
    assert read_tagged(tagged) is tagged
    with pytest.raises(ArgumentError, match="grammar_size is 0"):
        read_tagged("grammar", grammar_size=0)


def test_another_scheme():
    tagged = read_tagged(SENTENCES)
    converted, scheme = in_scheme(tagged, "IOB2", "IOBES")
    assert scheme == "IOBES"
    assert sentences_of(converted)[0][1] == ["B-PER", "E-PER", "O"]
    assert converted.notes == ["tags written in IOBES instead of IOB2"]
    assert in_scheme(converted, "IOBES", None) == (converted, "IOBES")
    first, scheme = settle_tags(read_tagged([(["a", "b"], ["I-x", "B-x"])] * 2))
    assert scheme == "IOB1"
    assert sentences_of(in_scheme(first, scheme, None)[0])[0][1] == ["B-x", "B-x"]
    plain, scheme = settle_tags(read_tagged([(["a"], ["DET"])]))
    with pytest.raises(ArgumentError, match="mark no spans"):
        in_scheme(plain, scheme, "IOB2")


def conll(self, *args, **kwargs):
    """Two sentences with the features of CoNLL-2003."""
    examples = [
        {"tokens": words, "ner": ner, "pos": ner, "chunks": ner}
        for words, ner in (([b"Ann", b"Lee", "né".encode()], [1, 2, 0]), ([b"Rome"], [5]))
    ]
    numbers = tf.TensorSpec([None], tf.int64)
    spec = {"tokens": tf.TensorSpec([None], tf.string)}
    spec |= dict.fromkeys(("ner", "pos", "chunks"), numbers)
    return tf.data.Dataset.from_generator(lambda: iter(examples), output_signature=spec)


def test_conll2003_of_tensorflow_datasets(monkeypatch):
    # Which splits there are is known once a data set has been fetched.
    monkeypatch.setattr(lmzoo.data.readers.tfds, "_fetch", lambda builder: {"train": "train"})
    with tfds.testing.mock_data(as_dataset_fn=conll):
        tagged = read_tagged("tfds:conll2003")
        assert sentences_of(tagged) == [
            (["Ann", "Lee", "né"], ["B-PER", "I-PER", "O"]),
            (["Rome"], ["B-LOC"]),
        ]
        assert scheme_of(tagged) == "IOB2"
        assert "features read: tokens, ner" in tagged.notes
        speech = read_tagged("tfds:conll2003", columns=("tokens", "pos"))
        assert scheme_of(speech) is None
        with pytest.raises(
            DataError, match=r"tokens \(texts\).*: .* two names, that of the tokens"
        ):
            read_tagged("tfds:conll2003", columns=("tokens", "words"))


def test_features_that_must_be_named(monkeypatch):
    class Builder:
        name = "x"

        class info:
            features = tfds.features.FeaturesDict(
                {"a": tfds.features.Sequence(tf.string), "b": tfds.features.Sequence(tf.string)}
            )

    monkeypatch.setattr(lmzoo.data.readers.tfds, "_builder", lambda name: Builder)
    with pytest.raises(DataError, match=r"features a \(texts\), b \(texts\): .* two names"):
        read_tagged("tfds:x")


def test_tags_in_another_spelling_are_spans_and_the_notes_say_so():
    given = [(["a", "b", "c"], ["b-per", "i-per", "o"]), (["d"], ["b-loc"])]
    tagged = read_tagged(given)
    assert [tags for _, tags in sentences_of(tagged)] == [["B-per", "I-per", "O"], ["B-loc"]]
    assert tagged.notes == [
        "tags are spelled as the schemes have them: b-loc as B-loc, b-per as B-per, i-per as "
        "I-per, o as O"
    ]
    plain = read_tagged(given, scheme="plain")
    assert (sentences_of(plain), plain.notes) == (given, [])
