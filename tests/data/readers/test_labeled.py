"""Labeled texts come out of every kind of source as they went in, and what is wrong is named."""

import gzip
import json

import pytest

from lmzoo.data import read_labeled
from lmzoo.data.corpus import place_of
from lmzoo.data.readers.folders import FORMATS
from lmzoo.errors import ArgumentError, DataError
from lmzoo.grammar.labels import labeled

EXAMPLES = [("a fine film", "pos"), ("", "neg"), ("dull , long", "neg"), ("good\u2028ly", "pos")]


def write(path, lines, encoding="utf-8"):
    data = "".join(f"{line}\n" for line in lines).encode(encoding)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def examples_of(found, split="train"):
    return [(record["text"], record["label"]) for record in found.read(split)]


def parts_of(found):
    return {split: examples_of(found, split) for split in found.splits}


def places_of(found, split="train"):
    return [place_of(record).removeprefix(f"{found.name}, ") for record in found.read(split)]


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz"])
def test_tables_of_columns(tmp_path, name):
    path = write(tmp_path / name, [f"{text}\t{label}\tx" for text, label in EXAMPLES])
    found = read_labeled(path)
    assert parts_of(found) == {"train": EXAMPLES}
    assert examples_of(found) == EXAMPLES  # a second time
    assert examples_of(read_labeled(str(path), columns=(2, 1)))[0] == ("x", "pos")
    with pytest.raises(DataError, match="line 1: 3 columns, but text and label are in columns 0"):
        examples_of(read_labeled(path, columns=(0, 5)))


@pytest.mark.parametrize(
    ("head", "columns"),
    [
        ("text\tlabel", None), ("Label\tText", None), ("sentence\tlabel", None),
        ("text\tcategory", None), ("number\tlabel\ttext", None), ("a\tb", ("a", "b")),
        ("b\ta", ("a", "b")),
    ],
)  # fmt: skip
def test_columns_by_the_names_of_the_first_row(tmp_path, head, columns):
    places = {"text": 0, "sentence": 0, "a": 0, "label": 1, "category": 1, "b": 1, "number": 2}
    order = [places[name.lower()] for name in head.split("\t")]
    rows = ["\t".join((*example, "7")[place] for place in order) for example in EXAMPLES]
    path = write(tmp_path / "train.tsv", [head, *rows])
    found = read_labeled(tmp_path, columns=columns)
    assert examples_of(found) == EXAMPLES
    assert place_of(list(found.read())[2]) == f"{path}, line 4"
    assert examples_of(read_labeled(path, columns=columns)) == EXAMPLES


def test_names_that_say_too_little(tmp_path):
    path = write(tmp_path / "a.tsv", ["id\ttext\tclass", "1\ta\tx"])
    with pytest.raises(ArgumentError, match=r"columns \['id', 'text', 'class'\]: say which hold"):
        examples_of(read_labeled(path))
    assert examples_of(read_labeled(path, columns=("text", "class"))) == [("a", "x")]
    with pytest.raises(ArgumentError, match="no column 'tag'"):
        examples_of(read_labeled(path, columns=("text", "tag")))
    for columns in (("a", "a"), ("a",), "text"):
        with pytest.raises(ArgumentError, match="give two names"):
            read_labeled(path, columns=columns)


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_several_texts_are_joined(tmp_path, name):
    names, rows = ("premise", "label", "hypothesis"), [("it rains", "yes", "it is wet")] * 2
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
    if not name.endswith("jsonl"):
        parted = "\t" if name.endswith("tsv") else ","
        lines = [parted.join(row) for row in (names, *rows)]
    path = write(tmp_path / name, lines)
    found = read_labeled(path, columns=("premise", "hypothesis", "label"))
    assert examples_of(found) == [("it rains ||| it is wet", "yes")] * 2


def test_a_text_that_is_none_is_named_by_its_key(tmp_path):
    path = write(tmp_path / "a.jsonl", ['{"premise": "it rains", "hypothesis": 3, "label": "no"}'])
    found = read_labeled(path, columns=("premise", "hypothesis", "label"))
    with pytest.raises(DataError, match="line 1: 'hypothesis' holds '3', which is not a text"):
        examples_of(found)


def test_csv_with_quotes_and_line_ends_inside(tmp_path):
    path = write(tmp_path / "a.csv", ["text,category", '"one, ""two""', 'three",x', "", "four,y"])
    found = read_labeled(path)
    assert examples_of(found) == [('one, "two"\nthree', "x"), ("four", "y")]
    assert places_of(found) == ["line 3", "line 5"]


def test_json_lines(tmp_path):
    lines = [{"text": "a", "label": 1}, {"text": "b", "label": "two", "more": None}]
    path = write(tmp_path / "a.jsonl", map(json.dumps, lines))
    assert examples_of(read_labeled(path)) == [("a", "1"), ("b", "two")]
    with pytest.raises(DataError, match="line 1 is not a JSON object with the keys 'sentence'"):
        examples_of(read_labeled(path, columns=("sentence", "label")))
    for wrong, says in (
        ({"text": "a", "label": 0.5}, "neither a string"),
        ([1], "not a JSON object"),
        ({"text": 5, "label": 1}, "'text' holds '5', which is not a text"),
    ):
        path = write(tmp_path / "b.jsonl", [json.dumps(lines[0]), "", json.dumps(wrong)])
        with pytest.raises(DataError, match=f"line 3.*{says}"):
            examples_of(read_labeled(path))
    with pytest.raises(DataError, match="line 1 is invalid JSON:"):
        examples_of(read_labeled(write(tmp_path / "c.jsonl", ["{"])))


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_row_without_label_is_named(tmp_path, name):
    comma = "," if name.endswith("csv") else "\t"
    path = write(tmp_path / name, [f"a{comma}x", f"b{comma} "])
    with pytest.raises(DataError, match=f"{name}, line 2 has no label"):
        examples_of(read_labeled(path))


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
    assert examples_of(read_labeled(f"{tmp_path}/small.*")) == [("a", "b")]


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
    assert set(alone.splits) == {"train"}
    assert {label for _, label in examples_of(alone)} == {"neg", "pos"}
    with pytest.raises(DataError, match="no folders with files"):
        read_labeled(tmp_path / "train" / "pos", format="folders")


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["pos/1.txt", "neu/1.txt", "neg/2020/05/1.txt"], {"train": "neg neu pos"}),
        (["pos/1.txt", "pos/more/2.txt", "neg/1.txt"], {"train": "neg pos pos"}),
        (["train/1.txt", "bus/1.txt", "plane/1.txt"], {"train": "bus plane train"}),
        (["train/a/1.txt", "bus/b/1.txt"], {"train": "bus train"}),
        (["acid test/1.txt", "the train/1.txt"], {"train": "acid_test the_train"}),
        (["train/a/1.txt", "train/b/1.txt", "val/a/1.txt", "dev/a/1.txt", "dev/b/x/1.txt"],
         {"train": "a b", "valid": "a a b"}),
    ],
)  # fmt: skip
def test_class_folders_at_any_depth_and_of_any_name(tmp_path, names, labels):
    for name in names:
        write(tmp_path / name, [f"text of {name}"])
    found = read_labeled(tmp_path)
    parts = {split: [label.replace(" ", "_") for _, label in part]
             for split, part in parts_of(found).items()}  # fmt: skip
    assert {split: " ".join(sorted(part)) for split, part in parts.items()} == labels
    texts = [text for part in parts_of(found).values() for text, _ in part]
    assert sorted(texts) == sorted(f"text of {name}" for name in names)


def test_folders_of_splits_without_labels_are_no_labels(tmp_path):
    for names in (["train/1.txt", "test/1.txt"], ["val/a/1.txt", "test/a/1.txt"]):
        for name in names:
            write(tmp_path / names[0][:2] / name, ["a"])
        with pytest.raises(DataError, match="is not a table"):
            read_labeled(tmp_path / names[0][:2])


def test_what_is_not_used_is_said(tmp_path):
    for name in ("train/a/1.txt", "train/b/1.txt", "train/x.feat", "extra/a/1.txt", "README"):
        write(tmp_path / name, ["a"])
    notes = read_labeled(tmp_path).notes
    assert f"not used in {tmp_path.name}: README, extra" in notes
    assert "not used in train: x.feat" in notes
    for name in ("train.tsv", "more.tsv", "notes.md"):
        write(tmp_path / "tables" / name, ["a\tx"])
    assert "not used in tables: more.tsv, notes.md" in read_labeled(tmp_path / "tables").notes
    for name in ("train.txt", "bus.txt", "train.pos.gz"):
        write(tmp_path / "files" / name, ["a"])
    found = read_labeled(tmp_path / "files", format="files")
    assert examples_of(found) == [("a", "bus"), ("a", "pos"), ("a", "train")]


def test_files_named_by_labels_and_their_encoding(tmp_path):
    write(tmp_path / "mr.pos", ["tr\xe8s bon\x85 ", "one"], "latin-1")
    write(tmp_path / "mr.neg.txt.gz", ["b\xeate", ""], "utf-8")
    write(tmp_path / "README.md", ["about"])
    found = read_labeled(tmp_path, format="files")
    assert parts_of(found) == {
        "train": [("b\xeate", "neg"), ("", "neg"), ("tr\xe8s bon\x85 ", "pos"), ("one", "pos")]
    }
    assert "read as latin-1, because they are not UTF-8: 1 files, mr.pos" in found.notes
    write(tmp_path / "bf.pos", ["x"])
    with pytest.raises(DataError, match=r"two files for the label 'pos': bf\.pos, mr\.pos"):
        read_labeled(tmp_path, format="files")
    assert len(examples_of(read_labeled(f"{tmp_path}/mr.*", format="files"))) == 4
    write(tmp_path / "in parts" / "train.a", ["x"])
    write(tmp_path / "in parts" / "test.a", ["y"])
    parts = read_labeled(tmp_path / "in parts", format="files")
    assert parts_of(parts) == {"test": [("y", "a")], "train": [("x", "a")]}


def test_lines_that_begin_with_their_label(tmp_path):
    lines = ["LOC:city Where is  it ?", "", "HUM:ind", "LOC:other No\xebl ?"]
    path = write(tmp_path / "TREC.train", lines, "latin-1")
    fine = read_labeled(path, format="label first")
    assert examples_of(fine) == [
        ("Where is  it ?", "LOC:city"), ("", "HUM:ind"), ("No\xebl ?", "LOC:other")
    ]  # fmt: skip
    assert places_of(fine)[1] == "line 3"
    assert any("latin-1" in note for note in fine.notes)
    coarse = read_labeled({"train": path, "test": path}, format="coarse label first")
    assert [label for _, label in examples_of(coarse, "test")] == ["LOC", "HUM", "LOC"]
    with pytest.raises(DataError, match=r"line 1 \(' no label'\) has no label"):
        examples_of(read_labeled(write(tmp_path / "b", [" no label"]), format="label first"))


def test_trees_give_phrases_for_training_and_sentences_for_the_rest(tmp_path):
    trees = ["(3 (2 a) (4 (2 fine) (3 film)))", "(2 (2 a) (1 bore))"]
    for name in ("train.txt.gz", "dev.txt", "test.txt"):
        write(tmp_path / name, trees)
    found = read_labeled(tmp_path, format="trees")
    phrases = [("a", "2"), ("fine", "2"), ("film", "3"), ("fine film", "4"), ("a fine film", "3"),
               ("bore", "1"), ("a bore", "2")]  # fmt: skip
    assert examples_of(found) == phrases
    assert examples_of(found, "test") == [("a fine film", "3"), ("a bore", "2")]
    assert found.notes == [
        "files read: train: train.txt.gz; valid: dev.txt; test: test.txt",
        "train.txt.gz: every phrase of its trees, each once",
    ]
    alone = read_labeled(tmp_path / "train.txt.gz", format="trees")
    assert any("held out are phrases" in note for note in alone.notes)
    two = read_labeled(tmp_path, format="binary trees")
    names = {"1": "negative", "3": "positive", "4": "positive"}
    assert examples_of(two) == [(t, names[label]) for t, label in phrases if label != "2"]
    assert examples_of(two, "valid") == [("a fine film", "positive")]
    assert place_of(list(found.read("valid"))[1]) == f"{tmp_path / 'dev.txt'}, line 2"


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
    assert places_of(found, "valid") == ["val, item 0", "oos_val, item 0"]
    listed = write(tmp_path / "list.json", [json.dumps([["a", 1]])])
    assert parts_of(read_labeled({"train": listed, "test": [("b", "2")]})) == {
        "train": [("a", "1")], "test": [("b", "2")]
    }  # fmt: skip
    for wrong, says in (({"val": []}, 'it needs "train"'), ({"more": []}, "'more' is not a list"),
                        ([["a"]], "item 0 is "), (5, 'it needs "train"')):  # fmt: skip
        with pytest.raises(DataError, match=says):
            read_labeled(write(tmp_path / "wrong.json", [json.dumps(wrong)]))
    with pytest.raises(DataError, match="is invalid JSON"):
        read_labeled(write(tmp_path / "wrong.json", ["{"]))


def test_lists_dictionaries_and_the_grammar(tmp_path):
    assert examples_of(read_labeled(EXAMPLES)) == EXAMPLES
    assert examples_of(read_labeled(iter([("a", 0), ("b", 1)]))) == [("a", "0"), ("b", "1")]
    found = read_labeled({"train": EXAMPLES, "test": tuple(EXAMPLES[:1])})
    assert examples_of(found, "test") == EXAMPLES[:1]
    assert read_labeled(found) is found
    english = read_labeled("grammar", grammar_size=30, seed=2)
    assert examples_of(english) == labeled(30, seed=4)
    assert len(examples_of(english, "valid")) == 500
    assert examples_of(read_labeled("grammar:topic", grammar_size=9)) == labeled(9, kind="topic")
    given = [{"text": "a", "label": 1}, {"text": "b", "label": "x"}]
    assert examples_of(read_labeled(given)) == [("a", "1"), ("b", "x")]
    with pytest.raises(DataError, match="item 0 of train has no 'label'"):
        read_labeled([{"text": "a"}])
    with pytest.raises(DataError, match=r"item 1 of train is 'b': give \(text, label\)"):
        read_labeled([("a", "x"), "b"])
    with pytest.raises(DataError, match="item 0 of test has no label"):
        read_labeled({"train": [], "test": [("a", "")]})
    with pytest.raises(DataError, match="keys"):
        read_labeled({"dev": EXAMPLES})
    with pytest.raises(ArgumentError, match="grammar_size is 0"):
        read_labeled("grammar", grammar_size=0)


def test_what_has_no_known_form_is_named_with_the_forms(tmp_path):
    path = write(tmp_path / "train.txt", ["1 a"])
    for source in (path, tmp_path):
        with pytest.raises(DataError, match=r"is not a table .* what it holds with format: table"):
            read_labeled(source)
    assert examples_of(read_labeled(tmp_path, format="label first")) == [("a", "1")]
    with pytest.raises(ArgumentError, match="format is 'lines'; the formats are table"):
        read_labeled(path, format="lines")
    with pytest.raises(DataError, match="is one file; format='files' reads a folder"):
        read_labeled(path, format="files")
    with pytest.raises(DataError, match="no file or folder"):
        read_labeled(tmp_path / "nowhere")
    with pytest.raises(DataError, match="there is no file"):
        read_labeled({"train": tmp_path / "nowhere.tsv"})
    binary = tmp_path / "b.txt"
    binary.write_bytes(bytes(range(32)) * 100)
    with pytest.raises(DataError, match="not a text file"):
        read_labeled(binary, format="label first")


def test_every_form_is_read():
    assert set(FORMATS) == {
        "table", "label first", "coarse label first", "folders", "files", "trees", "binary trees",
        "json",
    }  # fmt: skip


@pytest.mark.parametrize("head", ["review,sentiment", "english,french", "cmnt,gefuehl", "was,wie"])
def test_a_row_of_other_names_is_no_example(tmp_path, head):
    rows = [f"text {i},{'good' if i % 2 else 'bad'}" for i in range(6)]
    if head == "was,wie":
        rows = [f"text {i},{i % 2}" for i in range(6)]
    path = write(tmp_path / "a.csv", [head, *rows])
    names = tuple(head.split(","))
    with pytest.raises(ArgumentError) as error:
        examples_of(read_labeled(path))
    assert f"has the columns {list(names)}" in str(error.value)
    assert f"such as columns={names}" in str(error.value)
    assert len(examples_of(read_labeled(path, columns=names))) == 6
    assert len(examples_of(read_labeled(path, columns=(0, 1)))) == 7


def test_an_unclosed_quotation_mark_is_named(tmp_path):
    path = write(tmp_path / "a.csv", ["good,pos", '"bad film,neg', 'nice "one",pos', "x,neg"])
    with pytest.raises(DataError, match=r"the row that begins in line 2 is not one of \.csv"):
        examples_of(read_labeled(path))
    with pytest.raises(DataError, match=r"the row that begins in line 1 is not one of \.csv"):
        examples_of(read_labeled(write(path, ['"bad film,neg', "x,neg"])))


def test_what_cannot_be_used_is_skipped_and_counted(tmp_path):
    lines = ['{"text": "a", "label": 1}', '{"text": null, "label": 1}', "{", '{"text": "b"}', "[]"]
    found = read_labeled(write(tmp_path / "a.jsonl", lines), skip_unusable=True)
    assert examples_of(found) == [("a", "1")]
    assert found.notes[0].startswith("train: 4 unusable records were skipped; ")
    given = [("a", "x"), ("b", ""), ("c", None), ("d", "y"), 5]
    assert examples_of(read_labeled(given, skip_unusable=True)) == [("a", "x"), ("d", "y")]
    with pytest.raises(DataError, match="item 1 of train has no label"):
        read_labeled(given)
