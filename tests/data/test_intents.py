"""Sentences with intents come out of every kind of source as they went in."""

import json

import pytest

from lmzoo.data.intents import read_intents
from lmzoo.errors import ArgumentError, DataError

SENTENCES = [
    (["play", "new", "jazz"], ["O", "B-genre", "I-genre"], "PlayMusic"),
    (["rain", "in", "Rome"], ["O", "O", "B-city"], "GetWeather"),
]


def write(folder, sentences, **changed):
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "seq.in": "".join(f"{' '.join(words)} \n" for words, _, _ in sentences),
        "seq.out": "".join(f"{' '.join(tags)} \n" for _, tags, _ in sentences),
        "label": "".join(f"{intent}\n" for _, _, intent in sentences),
    } | changed
    for name, text in files.items():
        (folder / name).write_text(text)


def test_the_layout_of_snips(tmp_path):
    for part in ("train", "dev", "test"):
        write(tmp_path / part, SENTENCES)
    intents = read_intents(tmp_path)
    assert set(intents.openers) == {"train", "valid", "test"}
    for part in intents.openers:
        assert list(intents.read_all(part)) == list(intents.read_all(part)) == SENTENCES
    assert list(intents.read()) == [(words, tags) for words, tags, _ in SENTENCES]
    assert intents.scheme == "IOB2"
    assert list(read_intents(tmp_path / "dev").read_all()) == SENTENCES
    assert read_intents(intents) is intents


def test_json_lines_lists_and_parts(tmp_path):
    keys = ("tokens", "tags", "intent")
    lines = [json.dumps(dict(zip(keys, sentence, strict=True))) for sentence in SENTENCES]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(lines))
    for source in (path, tmp_path, SENTENCES, {"train": path, "test": SENTENCES}):
        assert list(read_intents(source).read_all()) == SENTENCES
    path.write_text('{"tokens": ["a"], "tags": ["O"]}')
    with pytest.raises(DataError, match="line 1 is no JSON object with the keys tokens, tags, int"):
        read_intents(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": "x\n"}, r"unequal length, in lines: .*seq\.in 2, .*seq\.out 2, .*label 1"),
        ({"seq.out": "O O O\n\nO O O\n"}, "train, line 2 has 3 words and 0 tags"),
        ({"seq.out": "O O O\nO O\n"}, "train, line 2 has 3 words and 2 tags"),
        ({"label": "\nx\n"}, "train, line 1: its intent is ''; give a string"),
        ({"seq.out": "O I-x O\nO O B-x\n"}, "train, line 1, word 1: 'I-x' behind 'O' breaks IOB2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changed, message):
    write(tmp_path / "train", SENTENCES, **changed)
    with pytest.raises(DataError, match=message):
        read_intents(tmp_path)


def test_what_is_missing_is_named(tmp_path):
    write(tmp_path / "train", SENTENCES)
    (tmp_path / "train" / "label").unlink()
    with pytest.raises(DataError, match=r"there is no file .*label"):
        read_intents(tmp_path)
    with pytest.raises(DataError, match="no file or folder"):
        read_intents(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"is no folder with seq\.in, seq\.out, label, and no"):
        read_intents(tmp_path / "train" / "seq.in")
    with pytest.raises(DataError, match='it needs "train"'):
        read_intents({"test": SENTENCES})
    with pytest.raises(DataError, match=r"item 0 of the sentences is .*: give \(words, tags, in"):
        read_intents([SENTENCES[0][:2]])
    with pytest.raises(DataError, match="its intent is '5'; give a string"):
        read_intents([(["a"], ["O"], 5)])
    with pytest.raises(ArgumentError, match="choose one of"):
        read_intents(SENTENCES, scheme="BIO")


def test_broken_slots_are_mended_and_counted():
    broken = [(["a", "b"], ["O", "I-x"], "Go"), *SENTENCES]
    intents = read_intents(broken, repair=True)
    assert next(intents.read_all()) == (["a", "b"], ["O", "B-x"], "Go")
    assert intents.notes == ["train: 1 tags of 1 sentences broke IOB2 and were mended"]
