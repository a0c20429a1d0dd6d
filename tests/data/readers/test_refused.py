"""Whatever the system refuses, every reader says so with lmzoo's own error and a remedy."""

import errno
import json
import os
from pathlib import Path

import pytest

from lmzoo import data
from lmzoo.data.tags.vocabulary import load_tagging_vocabulary
from lmzoo.errors import DataError, LmzooError
from lmzoo.pretrained.vector_files import VectorFile, stream_rows


def read_all(read):
    def all_of(path):
        corpus = read(path)
        return [list(corpus.read(split)) for split in corpus.splits]

    return all_of


READERS = {
    **{name: read_all(getattr(data, name)) for name in
       ("read_texts", "read_pairs", "read_labeled", "read_tagged", "read_dialogues")},
    "a list": lambda path: read_all(data.read_texts)([Path(path)]),
    "label first": read_all(lambda path: data.read_labeled(path, format="label first")),
    "read_conll": lambda path: list(data.read_conll(path)),
    "load_tokenizer": data.load_tokenizer,
    "choose_tokenizer": lambda path: data.prepare_lm(["a b", "c"], tokenizer=Path(path)),
    "load_task": data.load_task,
    "load_tagging_vocabulary": load_tagging_vocabulary,
    "stream_rows": lambda path: list(stream_rows(path, VectorFile("vectors"))),
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_text_in_place_of_a_path(name):
    for text in ("one line\nand another\n", "many words " * 500, "a\0b", "all * of\nit*"):
        with pytest.raises(LmzooError):
            READERS[name](text)


def test_a_text_in_place_of_a_path_is_told_apart_from_a_wrong_path():
    for text in ("to be or not " * 500, "to be *\n" * 500):
        with pytest.raises(DataError, match=r"is a text of .* give texts as a list|them.* as a li"):
            data.prepare_lm(text)


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_not_waited_for(tmp_path, name):
    path = tmp_path / ("task.json" if name == "load_task" else "a.jsonl")
    os.mkfifo(path)
    with pytest.raises(LmzooError, match="pipe"):
        READERS[name](str(tmp_path if name == "load_task" else path))


@pytest.mark.parametrize("code", ["EACCES", "EIO", "EISDIR", "ESTALE", "ELOOP"])
def test_every_refusal_of_the_system_has_a_remedy(tmp_path, monkeypatch, code):
    """Permissions mean nothing to root, so that the refusal is made here."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n')
    number = getattr(errno, code)

    def refuse(*args, **kwargs):
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    for name in ("read_labeled", "a list", "load_tokenizer", "load_tagging_vocabulary"):
        with pytest.raises(LmzooError, match=r"a\.jsonl .*(; |read a copy|name one file)"):
            READERS[name](str(path))


def test_json_that_is_nested_too_deeply(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("[" * 100_000)
    for name in ("read_labeled", "read_pairs", "load_tokenizer", "load_tagging_vocabulary"):
        with pytest.raises(LmzooError, match="nested too deeply"):
            READERS[name](str(path))
    (tmp_path / "task.json").write_text("[" * 100_000)
    (tmp_path / "a.json").write_text("[" * 100_000)
    for name, wrong in (("load_task", tmp_path), ("read_labeled", tmp_path / "a.json")):
        with pytest.raises(LmzooError, match="nested too deeply"):
            READERS[name](str(wrong))


@pytest.mark.parametrize("line", [json.dumps({"text": "new", "label": "z"}), "{"])
def test_a_file_that_grows_is_refused(tmp_path, line):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "a", "label": "x"}) + "\n")
    for source in (path, [path], tmp_path):
        corpus = data.read_labeled(source)
        assert len(list(corpus.read())) == 1
        with path.open("a") as file:
            file.write(line + "\n")
        with pytest.raises(DataError, match=r"a\.jsonl changed after it was first read"):
            list(corpus.read())
        path.write_text(json.dumps({"text": "a", "label": "x"}) + "\n")


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("one\n")
    records = data.read_texts(path).read()
    next(records)
    with path.open("a") as file:
        file.write("two\n")
    with pytest.raises(DataError, match="changed after it was first read"):
        list(records)
