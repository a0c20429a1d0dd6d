"""Pairs come out of every kind of source as they went in, and what is wrong is named."""

import gzip
import json

import pytest

from lmzoo import grammar
from lmzoo.data import read_pairs
from lmzoo.errors import ArgumentError, DataError

PAIRS = [("a dog", "ein Hund"), ("", "leer"), ("two cats", "zwei Katzen"), ("end", "")]


def write(path, texts):
    text = "\n".join(texts) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")
    return path


@pytest.fixture
def folder(tmp_path):
    for part, gz in (("train", ".gz"), ("val", ""), ("test_2016", "")):
        write(tmp_path / f"{part}.en{gz}", [a for a, _ in PAIRS])
        write(tmp_path / f"{part}.de{gz}", [b for _, b in PAIRS])
    return tmp_path


def test_parallel_files_of_a_folder(folder):
    pairs = read_pairs(folder, fields=("en", "de"))
    assert set(pairs.openers) == {"train", "valid", "test"}
    for part in pairs.openers:
        assert list(pairs.read(part)) == PAIRS
    assert list(pairs.read("train")) == PAIRS  # a second time
    reverse = read_pairs(str(folder), fields=("de", "en"))
    assert list(reverse.read("test")) == [(b, a) for a, b in PAIRS]
    assert list(read_pairs(folder).read()) == [(b, a) for a, b in PAIRS]  # by their names


def test_a_pattern_chooses_among_corpora(folder):
    write(folder / "new.train.en", ["x"])
    write(folder / "new.train.de", ["y"])
    with pytest.raises(DataError, match="several files for train"):
        read_pairs(folder, fields=("en", "de"))
    assert list(read_pairs(f"{folder}/new.*", fields=("en", "de")).read()) == [("x", "y")]


def test_a_third_language_must_be_chosen_from(folder):
    write(folder / "train.fr", [b for _, b in PAIRS])
    with pytest.raises(DataError, match="de, en, fr"):
        read_pairs(folder)
    with pytest.raises(DataError, match=r"no pair of files train\.en and train\.it"):
        read_pairs(folder, fields=("en", "it"))


def test_unequal_files_name_both_counts_and_the_first_odd_line(tmp_path):
    first = write(tmp_path / "train.en", ["one", "two", "three"])
    second = write(tmp_path / "train.de", ["eins", "zwei", "drei", "vier", "fünf"])
    for paths in ((first, second), (second, first)):
        with pytest.raises(DataError, match=r"line 4 of .*train\.de, 'vier'") as caught:
            list(read_pairs(paths).read())
        assert f"{first} has 3" in str(caught.value)
        assert f"{second} has 5" in str(caught.value)


@pytest.mark.parametrize("name", ["train.tsv", "train.tsv.gz"])
def test_tables(tmp_path, name):
    write(tmp_path / name, ["en\tzh\tby", *(f"{a}\t{b}\tsomeone" for a, b in PAIRS)])
    write(tmp_path / "valid.tsv", ["en\tzh\tby", "x\ty\tz"])
    by_name = read_pairs(tmp_path, fields=("zh", "en"))
    assert list(by_name.read()) == [(b, a) for a, b in PAIRS]
    assert list(by_name.read("valid")) == [("y", "x")]
    assert list(read_pairs(tmp_path / name).read())[1:] == PAIRS
    assert list(read_pairs(tmp_path / name, fields=(2, 0)).read())[1] == ("someone", "a dog")
    with pytest.raises(ArgumentError, match="no column 'fr'"):
        list(read_pairs(tmp_path, fields=("en", "fr")).read())
    with pytest.raises(DataError, match="line 1: 3 columns"):
        list(read_pairs(tmp_path / name, fields=(0, 7)).read())


def test_csv_and_json_lines(tmp_path):
    write(tmp_path / "a.csv", ['"one, two",eins'])
    assert list(read_pairs(tmp_path / "a.csv").read()) == [("one, two", "eins")]
    lines = [{"source": ["One.", "Two."], "target": "Eins."}, {"source": "x", "target": ["y"]}]
    write(tmp_path / "a.jsonl", map(json.dumps, lines))
    assert list(read_pairs(tmp_path / "a.jsonl").read()) == [("One. Two.", "Eins."), ("x", "y")]
    with pytest.raises(DataError, match="line 1 is no JSON object with the keys 'text'"):
        list(read_pairs(tmp_path / "a.jsonl", fields=("text", "target")).read())


@pytest.mark.parametrize("value", [5, None, {"text": "x"}, True])
def test_json_values_that_are_no_texts_are_named(tmp_path, value):
    path = write(tmp_path / "a.jsonl", [json.dumps({"source": "a", "target": value})])
    with pytest.raises(DataError, match=r"line 1: 'target' is .*, neither a text nor a list"):
        list(read_pairs(path).read())


def test_lists_dictionaries_and_the_grammar(tmp_path):
    assert list(read_pairs(PAIRS).read()) == PAIRS
    parts = read_pairs({"train": PAIRS, "valid": PAIRS[:1]})
    assert list(parts.read("valid")) == PAIRS[:1]
    english = read_pairs("grammar", grammar_pairs=30, seed=2)
    assert list(english.read()) == grammar.pairs(30, seed=4)
    assert len(list(english.read("valid"))) == 500
    chinese = read_pairs("grammar", grammar_pairs=3, fields=("zh", "en"))
    assert list(chinese.read()) == [(b, a) for a, b in grammar.pairs(3)]
    with pytest.raises(DataError, match="item 1 of the pairs"):
        list(read_pairs([("a", "b"), "c"]).read())
    with pytest.raises(DataError, match="no file or folder"):
        read_pairs(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="two names"):
        read_pairs(PAIRS, fields=("en", "en"))
    with pytest.raises(ArgumentError, match="speaks"):
        read_pairs("grammar", fields=("en", "fr"))
