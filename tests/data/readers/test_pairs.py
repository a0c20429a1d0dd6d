"""Pairs come out of every kind of source as they went in, and what is wrong is named."""

import gzip
import json
from pathlib import Path

import pytest

from lmzoo import grammar
from lmzoo.data import read_pairs
from lmzoo.errors import ArgumentError, DataError


def pairs_of(corpus, split="train"):
    return [(record["source"], record["target"]) for record in corpus.read(split)]


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
    pairs = read_pairs(folder, columns=("en", "de"))
    assert set(pairs.splits) == {"train", "valid", "test"}
    for part in pairs.splits:
        assert pairs_of(pairs, part) == PAIRS
    assert pairs_of(pairs, "train") == PAIRS  # a second time
    reverse = read_pairs(str(folder), columns=("de", "en"))
    assert pairs_of(reverse, "test") == [(b, a) for a, b in PAIRS]
    assert pairs_of(read_pairs(folder)) == [(b, a) for a, b in PAIRS]  # by their names


def test_a_pattern_chooses_among_corpora(folder):
    write(folder / "new.train.en", ["x"])
    write(folder / "new.train.de", ["y"])
    with pytest.raises(DataError, match="several files for train"):
        read_pairs(folder, columns=("en", "de"))
    assert pairs_of(read_pairs(f"{folder}/new.*", columns=("en", "de"))) == [("x", "y")]


def test_a_third_language_must_be_chosen_from(folder):
    write(folder / "train.fr", [b for _, b in PAIRS])
    with pytest.raises(DataError, match="de, en, fr"):
        read_pairs(folder)
    with pytest.raises(DataError, match=r"no pair of files train\.en and train\.it"):
        read_pairs(folder, columns=("en", "it"))


def test_unequal_files_name_both_counts_and_the_first_odd_line(tmp_path):
    first = write(tmp_path / "train.en", ["one", "two", "three"])
    second = write(tmp_path / "train.de", ["eins", "zwei", "drei", "vier", "fünf"])
    for paths in ((first, second), (second, first)):
        with pytest.raises(DataError, match=r"line 4 of .*train\.de, 'vier'") as caught:
            pairs_of(read_pairs(paths))
        assert f"{first} has 3" in str(caught.value)
        assert f"{second} has 5" in str(caught.value)


@pytest.mark.parametrize("name", ["train.tsv", "train.tsv.gz"])
def test_tables(tmp_path, name):
    write(tmp_path / name, ["en\tzh\tby", *(f"{a}\t{b}\tsomeone" for a, b in PAIRS)])
    write(tmp_path / "valid.tsv", ["en\tzh\tby", "x\ty\tz"])
    by_name = read_pairs(tmp_path, columns=("zh", "en"))
    assert pairs_of(by_name) == [(b, a) for a, b in PAIRS]
    assert pairs_of(by_name, "valid") == [("y", "x")]
    assert pairs_of(read_pairs(tmp_path / name, columns=(0, 1)))[1:] == PAIRS
    with pytest.raises(ArgumentError, match=r"columns \['en', 'zh', 'by'\]: say which hold source"):
        pairs_of(read_pairs(tmp_path / name))
    assert pairs_of(read_pairs(tmp_path / name, columns=(2, 0)))[1] == ("someone", "a dog")
    with pytest.raises(ArgumentError, match="no column 'fr'"):
        pairs_of(read_pairs(tmp_path, columns=("en", "fr")))
    with pytest.raises(DataError, match="line 1: 3 columns"):
        pairs_of(read_pairs(tmp_path / name, columns=(0, 7)))


def test_csv_and_json_lines(tmp_path):
    write(tmp_path / "a.csv", ['"one, two",eins'])
    assert pairs_of(read_pairs(tmp_path / "a.csv")) == [("one, two", "eins")]
    lines = [{"source": ["One.", "Two."], "target": "Eins."}, {"source": "x", "target": ["y"]}]
    write(tmp_path / "a.jsonl", map(json.dumps, lines))
    assert pairs_of(read_pairs(tmp_path / "a.jsonl")) == [("One. Two.", "Eins."), ("x", "y")]
    with pytest.raises(DataError, match="line 1 is not a JSON object with the keys 'text'"):
        pairs_of(read_pairs(tmp_path / "a.jsonl", columns=("text", "target")))


def test_json_in_splits(tmp_path):
    value = {"train": [["a", "b"], {"source": ["One.", "Two."], "target": "c"}], "dev": []}
    path = write(tmp_path / "a.json", [json.dumps(value)])
    corpus = read_pairs(path)
    assert pairs_of(corpus) == [("a", "b"), ("One. Two.", "c")]
    assert list(corpus.read("valid")) == []
    with pytest.raises(DataError, match="holds the splits train, valid; give it alone"):
        read_pairs({"train": path})


@pytest.mark.parametrize("value", [5, None, {"text": "x"}, True])
def test_json_values_that_are_no_texts_are_named(tmp_path, value):
    path = write(tmp_path / "a.jsonl", [json.dumps({"source": "a", "target": value})])
    with pytest.raises(DataError, match=r"line 1: 'target' is .*, neither a text nor a list"):
        pairs_of(read_pairs(path))


def test_types_decide_what_is_a_text_and_what_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [write(Path(name), [f"text of {name}"]) for name in ("a", "b")]
    assert pairs_of(read_pairs([("a", "b")])) == [("a", "b")]
    for parallel in (paths, tuple(paths)):
        corpus = read_pairs({"train": parallel, "test": [("x", "y")]})
        assert pairs_of(corpus) == [("text of a", "text of b")]
    with pytest.raises(DataError, match=r"item 0 of train is 'a': .* files are given as pathlib"):
        read_pairs(("a", "b"))
    with pytest.raises(DataError, match="item 1 of train is tuple among paths"):
        read_pairs([paths[0], ("a", "b")])
    with pytest.raises(DataError, match="3 files for train"):
        read_pairs([*paths, paths[0]])
    with pytest.raises(DataError, match=r"there is no file c \(of 2 paths\)"):
        read_pairs([paths[0], Path("c")])


def test_lists_dictionaries_and_the_grammar(tmp_path):
    assert pairs_of(read_pairs(PAIRS)) == PAIRS
    parts = read_pairs({"train": PAIRS, "valid": PAIRS[:1]})
    assert pairs_of(parts, "valid") == PAIRS[:1]
    english = read_pairs("grammar", grammar_size=30, seed=2)
    assert pairs_of(english) == grammar.pairs(30, seed=4)
    assert len(pairs_of(english, "valid")) == 500
    chinese = read_pairs("grammar", grammar_size=3, columns=("zh", "en"))
    assert pairs_of(chinese) == [(b, a) for a, b in grammar.pairs(3)]
    documents = read_pairs("grammar:headlines", grammar_size=3, seed=1)
    assert pairs_of(documents) == grammar.headlines(3, seed=2)
    with pytest.raises(DataError, match="item 1 of train"):
        pairs_of(read_pairs([("a", "b"), "c"]))
    with pytest.raises(DataError, match="no file or folder"):
        read_pairs(tmp_path / "nowhere")
    with pytest.raises(ArgumentError, match="two names"):
        read_pairs(PAIRS, columns=("en", "en"))
    with pytest.raises(ArgumentError, match="supported languages"):
        read_pairs("grammar", columns=("en", "fr"))


def test_the_last_line_of_a_parallel_file_may_end_in_a_carriage_return(tmp_path):
    (tmp_path / "train.de").write_bytes(b"x\r\ny\r")
    (tmp_path / "train.en").write_bytes(b"a\nb\n")
    assert pairs_of(read_pairs(tmp_path)) == [("x", "a"), ("y", "b")]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('"Hello\nWorld","Hallo\r\nWelt"\n', [("Hello\nWorld", "Hallo\nWelt")]),
        ("a,b\n\n , \nc,d\n", [("a", "b"), ("c", "d")]),
        ("x " * 70_000 + ",b\n", [("x " * 70_000, "b")]),
        ("source;target\na, b;c\n", [("a, b", "c")]),
        ("a, b;c\nd;e\nf, g, h;i\n", [("a, b", "c"), ("d", "e"), ("f, g, h", "i")]),
    ],
)
def test_csv(tmp_path, text, pairs):
    (tmp_path / "a.csv").write_text(text)
    assert pairs_of(read_pairs(tmp_path / "a.csv")) == pairs


def test_quoted_columns_separated_by_tabs(tmp_path):
    path = write(tmp_path / "a.tsv", ['"she said ""no"""\tpos', '"x" y\t"', '"well\t,'])
    assert pairs_of(read_pairs(path)) == [('she said "no"', "pos"), ('"x" y', '"'), ('"well', ",")]
    path = write(tmp_path / "b.tsv", ['"source"\t"target"', '"a\tb', 'c"\t"d"'])
    assert pairs_of(read_pairs(path)) == [("a\tb\nc", "d")]


def test_null_is_no_text(tmp_path):
    for value in ('{"source": "a", "target": [null]}', '{"source": null, "target": "a"}'):
        with pytest.raises(DataError, match="neither a text nor a list of texts"):
            pairs_of(read_pairs(write(tmp_path / "a.jsonl", [value])))


def test_what_cannot_be_used_is_skipped_and_counted(tmp_path):
    path = write(tmp_path / "a.csv", ["a,b", "c", "d,e"])
    corpus = read_pairs(path, skip_unusable=True)
    assert pairs_of(corpus) == [("a", "b"), ("d", "e")]
    assert len(corpus.notes) == 1
    assert corpus.notes[0].startswith("train: 1 unusable records were skipped; ")
    assert "line 2: 1 columns" in corpus.notes[0]
