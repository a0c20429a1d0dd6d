"""Labeled texts come out of every kind of source as they went in, and what is wrong is named."""

import gzip
import json

import pytest

from lmzoo.data import labeled as module
from lmzoo.data.labeled import Labeled, read_labeled
from lmzoo.errors import ArgumentError, DataError
from lmzoo.grammar.labels import labeled

EXAMPLES = [("a fine film", "pos"), ("", "neg"), ("dull , long", "neg"), ("good\u2028ly", "pos")]


def write(path, lines, encoding="utf-8"):
    data = "".join(f"{line}\n" for line in lines).encode(encoding)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def parts_of(found):
    return {part: list(found.read(part)) for part in found.openers}


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_tables_of_columns(tmp_path, name):
    path = write(tmp_path / name, [f"{text}\t{label}\tx" for text, label in EXAMPLES])
    found = read_labeled(path)
    assert parts_of(found) == {"train": EXAMPLES}
    assert list(found.read()) == EXAMPLES  # a second time
    assert next(read_labeled(str(path), fields=(2, 1)).read()) == ("x", "pos")
    with pytest.raises(DataError, match="line 1: 3 columns, but text and label are in columns 0"):
        list(read_labeled(path, fields=(0, 5)).read())


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ("text\tlabel", None), ("Label\tText", None), ("sentence\tlabel", None),
        ("text\tcategory", None), ("number\tlabel\ttext", None), ("a\tb", ("a", "b")),
        ("b\ta", ("a", "b")),
    ],
)  # fmt: skip
def test_columns_by_the_names_of_the_first_row(tmp_path, head, fields):
    places = {"text": 0, "sentence": 0, "a": 0, "label": 1, "category": 1, "b": 1, "number": 2}
    order = [places[name.lower()] for name in head.split("\t")]
    rows = ["\t".join((*example, "7")[place] for place in order) for example in EXAMPLES]
    path = write(tmp_path / "train.tsv", [head, *rows])
    found = read_labeled(tmp_path, fields=fields)
    assert list(found.read()) == EXAMPLES
    assert found.place("train", 3) == "train, line 4"
    assert list(read_labeled(path, fields=fields).read()) == EXAMPLES


def test_names_that_say_too_little(tmp_path):
    path = write(tmp_path / "a.tsv", ["id\ttext\tclass", "1\ta\tx"])
    with pytest.raises(ArgumentError, match=r"columns \['id', 'text', 'class'\]: say which hold"):
        list(read_labeled(path).read())
    assert list(read_labeled(path, fields=("text", "class")).read()) == [("a", "x")]
    with pytest.raises(ArgumentError, match="no column 'tag'"):
        list(read_labeled(path, fields=("text", "tag")).read())
    for fields in (("a", "a"), ("a",), "text"):
        with pytest.raises(ArgumentError, match="give two names"):
            read_labeled(path, fields=fields)


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_several_texts_are_joined(tmp_path, name):
    names, rows = ("premise", "label", "hypothesis"), [("it rains", "yes", "it is wet")] * 2
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    if not name.endswith("jsonl"):
        parted = "\t" if name.endswith("tsv") else ","
        lines = [parted.join(row) for row in (names, *rows)]
    path = write(tmp_path / name, lines)
    found = read_labeled(path, fields=("premise", "hypothesis", "label"))
    assert list(found.read()) == [("it rains ||| it is wet", "yes")] * 2


def test_a_text_that_is_none_is_named_by_its_key(tmp_path):
    path = write(tmp_path / "a.jsonl", ['{"premise": "it rains", "hypothesis": 3, "label": "no"}'])
    found = read_labeled(path, fields=("premise", "hypothesis", "label"))
    with pytest.raises(DataError, match="line 1: 'hypothesis' holds '3', which is no text"):
        list(found.read())


def test_csv_with_quotes_and_line_ends_inside(tmp_path):
    path = write(tmp_path / "a.csv", ["text,category", '"one, ""two""', 'three",x', "", "four,y"])
    found = read_labeled(path)
    assert list(found.read()) == [('one, "two"\nthree', "x"), ("four", "y")]
    assert [found.place("train", n) for n in (1, 2)] == ["train, line 3", "train, line 5"]


def test_json_lines(tmp_path):
    lines = [{"text": "a", "label": 1}, {"text": "b", "label": "two", "more": None}]
    path = write(tmp_path / "a.jsonl", map(json.dumps, lines))
    assert list(read_labeled(path).read()) == [("a", "1"), ("b", "two")]
    with pytest.raises(DataError, match="line 1 is no JSON object with the keys 'sentence'"):
        list(read_labeled(path, fields=("sentence", "label")).read())
    for wrong, says in (
        ({"text": "a", "label": 0.5}, "neither a string"),
        ([1], "no JSON object"),
        ({"text": 5, "label": 1}, "'text' holds '5', which is no text"),
    ):
        path = write(tmp_path / "b.jsonl", [json.dumps(lines[0]), "", json.dumps(wrong)])
        with pytest.raises(DataError, match=f"line 3.*{says}"):
            list(read_labeled(path).read())
    with pytest.raises(DataError, match="line 1 is no JSON:"):
        list(read_labeled(write(tmp_path / "c.jsonl", ["{"])).read())


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_row_without_label_is_named(tmp_path, name):
    comma = "," if name.endswith("csv") else "\t"
    path = write(tmp_path / name, [f"a{comma}x", f"b{comma} "])
    with pytest.raises(DataError, match=f"{name}, line 2 has no label"):
        list(read_labeled(path).read())


def test_a_folder_is_sorted_into_parts(tmp_path):
    for name in ("big.train.tsv", "big.dev.tsv.gz", "big.test.tsv"):
        write(tmp_path / name, [f"{name}\tx"])
    found = read_labeled(tmp_path)
    assert parts_of(found) == {
        part: [(name, "x")]
        for part, name in [("valid", "big.dev.tsv.gz"), ("test", "big.test.tsv"),
                           ("train", "big.train.tsv")]
    }  # fmt: skip
    write(tmp_path / "small.train.tsv", ["a\tb"])
    with pytest.raises(DataError, match=r"several files for train: big\.train\.tsv, small"):
        read_labeled(tmp_path)
    assert list(read_labeled(f"{tmp_path}/small.*").read()) == [("a", "b")]


def test_folders_named_by_labels(tmp_path):
    for part in ("train", "test"):
        for label in ("pos", "neg"):
            for number in range(2):
                write(tmp_path / part / label / f"{number}.txt", [f"{part} {label}", f"{number}"])
        write(tmp_path / part / "words.feat", ["no text"])
    write(tmp_path / "train" / "unsup" / "0.txt", ["nobody knows"])
    write(tmp_path / "README", ["about"])
    found = read_labeled(tmp_path)
    assert parts_of(found) == {
        part: [(f"{part} {label}\n{n}", label) for label in ("neg", "pos") for n in range(2)]
        for part in ("train", "test")
    }
    assert any("unsup is left out" in note for note in found.notes)
    alone = read_labeled(tmp_path / "test")
    assert set(alone.openers) == {"train"}
    assert {label for _, label in alone.read()} == {"neg", "pos"}
    with pytest.raises(DataError, match="no folders with files"):
        read_labeled(tmp_path / "train" / "pos", form="folders")


def test_files_named_by_labels_and_their_encoding(tmp_path):
    write(tmp_path / "mr.pos", ["tr\xe8s bon\x85 ", "one"], "latin-1")
    write(tmp_path / "mr.neg.txt.gz", ["b\xeate", ""], "utf-8")
    write(tmp_path / "README.md", ["about"])
    found = read_labeled(tmp_path, form="files")
    assert parts_of(found) == {
        "train": [("b\xeate", "neg"), ("", "neg"), ("tr\xe8s bon\x85 ", "pos"), ("one", "pos")]
    }
    assert "read as latin-1, because they are not UTF-8: 1 files, mr.pos" in found.notes
    write(tmp_path / "bf.pos", ["x"])
    with pytest.raises(DataError, match=r"two files for the label 'pos': bf\.pos, mr\.pos"):
        read_labeled(tmp_path, form="files")
    assert len(list(read_labeled(f"{tmp_path}/mr.*", form="files").read())) == 4
    write(tmp_path / "in parts" / "train.a", ["x"])
    write(tmp_path / "in parts" / "test.a", ["y"])
    parts = read_labeled(tmp_path / "in parts", form="files")
    assert parts_of(parts) == {"test": [("y", "a")], "train": [("x", "a")]}


def test_lines_that_begin_with_their_label(tmp_path):
    lines = ["LOC:city Where is  it ?", "", "HUM:ind", "LOC:other No\xebl ?"]
    path = write(tmp_path / "TREC.train", lines, "latin-1")
    fine = read_labeled(path, form="label first")
    assert list(fine.read()) == [
        ("Where is  it ?", "LOC:city"), ("", "HUM:ind"), ("No\xebl ?", "LOC:other")
    ]  # fmt: skip
    assert fine.place("train", 2) == "train, line 3"
    assert any("latin-1" in note for note in fine.notes)
    coarse = read_labeled({"train": path, "test": path}, form="coarse label first")
    assert [label for _, label in coarse.read("test")] == ["LOC", "HUM", "LOC"]
    with pytest.raises(DataError, match=r"line 1 \(' no label'\) has no label"):
        list(read_labeled(write(tmp_path / "b", [" no label"]), form="label first").read())


def test_trees_give_phrases_for_training_and_sentences_for_the_rest(tmp_path):
    trees = ["(3 (2 a) (4 (2 fine) (3 film)))", "(2 (2 a) (1 bore))"]
    for name in ("train.txt.gz", "dev.txt", "test.txt"):
        write(tmp_path / name, trees)
    found = read_labeled(tmp_path, form="trees")
    phrases = [("a", "2"), ("fine", "2"), ("film", "3"), ("fine film", "4"), ("a fine film", "3"),
               ("bore", "1"), ("a bore", "2")]  # fmt: skip
    assert list(found.read()) == phrases
    assert list(found.read("test")) == [("a fine film", "3"), ("a bore", "2")]
    assert found.notes == ["train.txt.gz: every phrase of its trees, each once"]
    alone = read_labeled(tmp_path / "train.txt.gz", form="trees")
    assert any("set aside are phrases" in note for note in alone.notes)
    two = read_labeled(tmp_path, form="binary trees")
    names = {"1": "negative", "3": "positive", "4": "positive"}
    assert list(two.read()) == [(t, names[label]) for t, label in phrases if label != "2"]
    assert list(two.read("valid")) == [("a fine film", "positive")]
    assert found.place("valid", 2) == "valid, line 2"


@pytest.mark.parametrize("packed", [False, True])
def test_json_in_parts_with_what_is_out_of_scope(tmp_path, packed):
    value = {"oos_val": [["d", "oos"]], "train": [["a", "x"]], "oos_train": [["b", "oos"]],
             "val": [["c", "x"]]}  # fmt: skip
    path = write(tmp_path / ("data_full.json" + ".gz" * packed), [json.dumps(value)])
    found = read_labeled(path)
    assert parts_of(found) == {
        "train": [("a", "x"), ("b", "oos")], "valid": [("c", "x"), ("d", "oos")]
    }  # fmt: skip
    assert found.notes == ["joined to the other texts: oos_val, oos_train"]
    assert found.place("valid", 2) == "valid, example 2"
    listed = write(tmp_path / "list.json", [json.dumps([["a", 1]])])
    assert parts_of(read_labeled({"train": listed, "test": [("b", "2")]})) == {
        "train": [("a", "1")], "test": [("b", "2")]
    }  # fmt: skip
    for wrong, says in (({"val": []}, 'it needs "train"'), ({"more": []}, "'more' is no list"),
                        ([["a"]], "item 0 is "), (5, 'it needs "train"')):  # fmt: skip
        with pytest.raises(DataError, match=says):
            read_labeled(write(tmp_path / "wrong.json", [json.dumps(wrong)]))
    with pytest.raises(DataError, match="is no JSON"):
        read_labeled(write(tmp_path / "wrong.json", ["{"]))


def test_lists_dictionaries_and_the_grammar(tmp_path):
    assert list(read_labeled(EXAMPLES).read()) == EXAMPLES
    assert list(read_labeled(iter([("a", 0), ("b", 1)])).read()) == [("a", "0"), ("b", "1")]
    found = read_labeled({"train": EXAMPLES, "test": tuple(EXAMPLES[:1])})
    assert list(found.read("test")) == EXAMPLES[:1]
    assert read_labeled(found) is found
    english = read_labeled("grammar", grammar_documents=30, seed=2)
    assert list(english.read()) == labeled(30, seed=4)
    assert len(list(english.read("valid"))) == 500
    assert list(read_labeled("grammar:topic", grammar_documents=9).read()) == labeled(
        9, kind="topic"
    )
    one = Labeled("one", {"train": lambda: iter(EXAMPLES)})
    assert one.place("train", 3) == "train, example 3"
    with pytest.raises(DataError, match=r"item 1 of train is 'b': give \(text, label\)"):
        read_labeled([("a", "x"), "b"])
    with pytest.raises(DataError, match="item 0 of test has no label"):
        read_labeled({"train": [], "test": [("a", "")]})
    with pytest.raises(DataError, match="keys"):
        read_labeled({"dev": EXAMPLES})
    with pytest.raises(ArgumentError, match="grammar_documents is 0"):
        read_labeled("grammar", grammar_documents=0)


def test_what_has_no_known_form_is_named_with_the_forms(tmp_path):
    path = write(tmp_path / "train.txt", ["1 a"])
    for source in (path, tmp_path):
        with pytest.raises(DataError, match=r"is no table .* say what it holds with form: table"):
            read_labeled(source)
    assert list(read_labeled(tmp_path, form="label first").read()) == [("a", "1")]
    with pytest.raises(ArgumentError, match="form is 'lines'; the forms are table"):
        read_labeled(path, form="lines")
    with pytest.raises(DataError, match="is one file; form='files' reads a folder"):
        read_labeled(path, form="files")
    with pytest.raises(DataError, match="no file or folder"):
        read_labeled(tmp_path / "nowhere")
    with pytest.raises(DataError, match="there is no file"):
        read_labeled({"train": tmp_path / "nowhere.tsv"})
    binary = tmp_path / "b.txt"
    binary.write_bytes(bytes(range(32)) * 100)
    with pytest.raises(DataError, match="not a text file"):
        read_labeled(binary, form="label first")


def test_every_form_is_read():
    assert set(module.FORMS) == {
        "table", "label first", "coarse label first", "folders", "files", "trees", "binary trees",
        "json",
    }  # fmt: skip
