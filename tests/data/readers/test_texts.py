"""Where texts come from."""

import gzip
from collections import Counter

import pytest

from lmzoo.data import read_labeled, read_pairs, read_tagged, read_texts
from lmzoo.data.text.documents import join_blocks
from lmzoo.errors import ArgumentError, DataError


def write(folder, **texts):
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        data = text.encode()
        if name.endswith("_gz"):
            (folder / f"{name[:-3]}.txt.gz").write_bytes(gzip.compress(data))
        else:
            (folder / f"{name}.txt").write_bytes(data)
    return folder


def all_text(texts):
    """The text of each split, files joined at line ends."""
    return {
        split: "".join(
            join_blocks(texts.read(split), "stream", Counter())
            if "block" in next(texts.read(split))
            else texts_of(texts, split)
        )
        for split in texts.splits
    }


def texts_of(texts, split="train"):
    return [record["text"] for record in texts.read(split)]


def test_a_file_can_be_read_again(tmp_path):
    texts = read_texts(str(write(tmp_path, a="one\ntwo\n") / "a.txt"))
    assert all_text(texts) == all_text(texts) == {"train": "one\ntwo\n"}
    assert list(texts.read()) == [{"text": "one\ntwo\n", "block": 0}]


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        (["train.txt", "valid.txt"], {"train", "valid"}),
        (["train.txt.gz", "dev.txt", "test.txt.gz"], {"train", "valid", "test"}),
        (["wiki.train.tokens", "wiki.valid.tokens"], {"train", "valid"}),
        (["train_1.txt", "train-2.txt", "val.txt"], {"train", "valid"}),
        (["poems.txt", "more.txt"], {"train"}),
        (["training.text", "validation.text", "LICENSE", "train.md"], {"train", "valid"}),
        (["trainer.txt", "latest.txt"], {"train"}),
        (["emma.txt", "strangers on a train.txt", "the acid test.txt", "Dev Patel.txt"], {"train"}),
    ],
)
def test_the_parts_of_a_folder(tmp_path, files, parts):
    for name in files:
        data = f"{name}\n".encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    read = all_text(read_texts(tmp_path))
    assert set(read) == parts
    kept = [name for name in files if name not in ("LICENSE", "train.md")]
    assert sorted("".join(read.values()).splitlines()) == sorted(kept)
    left = [name for name in files if name not in kept]
    notes = [note for note in read_texts(tmp_path).notes if "not used" in note]
    assert notes == ([f"not used in {tmp_path.name}: {', '.join(left)}"] if left else [])


def test_a_file_beside_its_gzip_twin_is_read_once(tmp_path):
    texts = read_texts(write(tmp_path, train="plain\n", train_gz="packed\n"))
    assert all_text(texts) == {"train": "plain\n"}


def test_a_folder_without_training_text(tmp_path):
    for folder in (write(tmp_path / "empty"), write(tmp_path / "part", valid="a\n")):
        with pytest.raises(DataError, match=r"holds no text \(.txt, .* for training"):
            read_texts(folder)


def test_several_files_are_joined_at_line_ends(tmp_path):
    folder = write(tmp_path, b="two", a="one", c="three\n")
    texts = read_texts([folder / "b.txt", folder / "a.txt", folder / "c.txt"])
    assert all_text(texts) == {"train": "two\none\nthree\n"}


def test_a_dictionary_of_parts(tmp_path):
    folder = write(tmp_path, a="one\n", b="two\n")
    texts = read_texts({"train": folder / "a.txt", "valid": folder / "b.txt"})
    assert all_text(texts) == {"train": "one\n", "valid": "two\n"}
    with pytest.raises(DataError, match=r"has the keys \['valid'\]"):
        read_texts({"valid": ["a"]})


def test_strings_are_documents_even_if_they_look_odd():
    texts = read_texts(["a\nb", "", "x" * 5000, "nul\0", "grammar"])
    assert texts_of(texts) == ["a\nb", "", "x" * 5000, "nul\0", "grammar"]


def test_a_string_that_is_the_name_of_a_file_is_a_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, a="in the file\n") / "a.txt"
    assert texts_of(read_texts(["a.txt", "b"])) == ["a.txt", "b"]
    assert texts_of(read_texts([path])) == ["in the file\n"]
    assert texts_of(read_texts({"train": "a.txt", "valid": [path]}), "valid") == ["in the file\n"]
    with pytest.raises(DataError, match=r"item 1 of train is str among paths: give files as pathl"):
        read_texts([path, "a.txt"])
    with pytest.raises(DataError, match=r"item 1 of train is PosixPath, not a string.* with paths"):
        read_texts(["a.txt", path])


def test_columns_make_documents_of_rows(tmp_path):
    (tmp_path / "train.tsv").write_text("id\ttext\n1\tone\n\n2\ttwo\n")
    (tmp_path / "test.jsonl").write_text('{"text": "three"}\n')
    corpus = read_texts(tmp_path, columns=("text",))
    assert {split: texts_of(corpus, split) for split in corpus.splits} == {
        "train": ["one", "two"], "test": ["three"]
    }  # fmt: skip
    assert texts_of(read_texts(tmp_path / "train.tsv"))[0].startswith("id\t")
    with pytest.raises(ArgumentError, match="give one name, that of the text"):
        read_texts(tmp_path, columns=("id", "text"))


def test_an_iterator_can_be_read_again_and_side_by_side():
    texts = read_texts(str(number) for number in range(5))
    first, second = texts.read("train"), texts.read("train")
    numbers = [{"text": str(n)} for n in range(5)]
    assert list(zip(first, second, strict=True)) == list(zip(numbers, numbers, strict=True))


def test_what_is_not_text(tmp_path):
    with pytest.raises(DataError, match=r"no file or folder 'no/such'; check the path, or give"):
        read_texts("no/such")
    with pytest.raises(DataError, match="item 1 of train is bytes, not a string; decode"):
        list(read_texts(["a", b"b"]).read("train"))
    with pytest.raises(DataError, match=r"there is no file .*b\.txt \(of 2 paths\)"):
        read_texts([write(tmp_path, a="a") / "a.txt", tmp_path / "b.txt"])
    with pytest.raises(ArgumentError, match="errors is 'none'"):
        read_texts("a", errors="none")


def test_the_grammar_is_seeded_and_its_validation_is_another_sample():
    one, same = (read_texts("grammar", grammar_size=40) for _ in range(2))
    other = read_texts("grammar", grammar_size=40, seed=1)
    chinese = read_texts("grammar:zh", grammar_size=40)
    assert one.grammar == "en"
    assert chinese.grammar == "zh"
    assert list(one.read("train")) == list(same.read("train"))
    assert list(one.read("train")) != list(other.read("train"))
    assert len(list(one.read("train"))) == len(list(chinese.read("train"))) == 40
    assert list(one.read("valid"))[:40] != list(one.read("train"))
    assert len(list(one.read("valid"))) == 500
    with pytest.raises(DataError, match="no texts called 'fr'; choose from grammar, grammar:en, g"):
        read_texts("grammar:fr")
    with pytest.raises(ArgumentError, match="grammar_size is 0"):
        read_texts("grammar", grammar_size=0)


@pytest.mark.parametrize("source", [3, None, 1.5, {1: ["a"], "train": ["b"]}, {None: ["a"]}])
def test_what_is_no_source_at_all_is_named(source):
    for read in (read_texts, read_pairs, read_labeled, read_tagged):
        with pytest.raises(DataError, match=r"give a path|it needs"):
            read(source)
