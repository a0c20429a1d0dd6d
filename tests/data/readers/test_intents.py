"""Sentences with intents come out of every kind of source as they went in."""

import json

import pytest

from lmzoo.data import detect_scheme, read_tagged
from lmzoo.errors import ArgumentError, DataError

SENTENCES = [
    (["play", "new", "jazz"], ["O", "B-genre", "I-genre"], "PlayMusic"),
    (["rain", "in", "Rome"], ["O", "O", "B-city"], "GetWeather"),
]


def all_of(corpus, split="train"):
    return [(r["tokens"], r["tags"], r["intent"]) for r in corpus.read(split)]


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
    intents = read_tagged(tmp_path)
    assert set(intents.splits) == {"train", "valid", "test"}
    for part in intents.splits:
        assert all_of(intents, part) == all_of(intents, part) == SENTENCES
    assert detect_scheme(record["tags"] for record in intents.read()) == "IOB2"
    assert all_of(read_tagged(tmp_path / "dev")) == SENTENCES
    assert read_tagged(intents) is intents


def test_json_lines_lists_and_parts(tmp_path):
    keys = ("tokens", "tags", "intent")
    lines = [json.dumps(dict(zip(keys, sentence, strict=True))) for sentence in SENTENCES]
    path = tmp_path / "train.jsonl"
    path.write_text("\n".join(lines))
    for source in (path, tmp_path, SENTENCES, {"train": path, "test": SENTENCES}):
        assert all_of(read_tagged(source)) == SENTENCES
    path.write_text('{"tokens": ["a"], "tags": ["O"]}')
    assert list(read_tagged(path).read()) == [{"tokens": ["a"], "tags": ["O"]}]
    with pytest.raises(DataError, match=r"line 1 is not a JSON object with .*, 'intent'"):
        read_tagged(path, columns=keys)
    path.write_text("\n".join(lines))
    without = read_tagged(path, columns=keys[:2])
    assert not any("intent" in record for record in without.read())
    path.write_text(lines[0] + '\n{"tokens": ["a"], "tags": ["O"]}')
    with pytest.raises(DataError, match="line 2: some sentences have an intent, others none"):
        read_tagged(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"label": "x\n"},
            r"seq\.in has 2, .*seq\.out has 2 lines and .*label has 1: line 2 of .*seq\.in, 'rain",
        ),
        ({"seq.out": "O O O\n\nO O O\n"}, "train, line 2 has 3 tokens and 0 tags"),
        ({"seq.out": "O O O\nO O\n"}, "train, line 2 has 3 tokens and 2 tags"),
        ({"label": "\nx\n"}, "train, line 1: its intent is ''; give a string"),
        ({"seq.out": "O I-x O\nO O B-x\n"}, "train, line 1, token 1: 'I-x' behind 'O' breaks IOB2"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changed, message):
    write(tmp_path / "train", SENTENCES, **changed)
    with pytest.raises(DataError, match=message):
        read_tagged(tmp_path)


def test_what_is_missing_is_named(tmp_path):
    write(tmp_path / "train", SENTENCES)
    (tmp_path / "train" / "label").unlink()
    with pytest.raises(DataError, match=r"there is no file .*label"):
        read_tagged(tmp_path)
    with pytest.raises(DataError, match="no file or folder"):
        read_tagged(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"is one of seq\.in, seq\.out, label: give the path of"):
        read_tagged(tmp_path / "train" / "seq.in")
    with pytest.raises(DataError, match='it needs "train"'):
        read_tagged({"test": SENTENCES})
    with pytest.raises(DataError, match=r"item 0 of train is .*: give .* or \(tokens, tags, in"):
        read_tagged([SENTENCES[0][:1]])
    with pytest.raises(DataError, match="its intent is '5'; give a string"):
        read_tagged([(["a"], ["O"], 5)])
    with pytest.raises(ArgumentError, match="choose one of"):
        read_tagged(SENTENCES, scheme="BIO")


def test_broken_slots_are_mended_and_counted():
    broken = [(["a", "b"], ["O", "I-x"], "Go"), *SENTENCES]
    intents = read_tagged(broken, repair=True)
    assert all_of(intents)[0] == (["a", "b"], ["O", "B-x"], "Go")
    assert intents.notes == ["train: 1 tags of 1 sentences broke IOB2 and were repaired"]
