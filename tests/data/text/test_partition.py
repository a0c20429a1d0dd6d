"""What is kept, dropped, and put on either side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.data.corpus import Corpus
from lmzoo.data.sources import read_texts
from lmzoo.data.text.partition import clean_and_split
from lmzoo.errors import DataError
from lmzoo.tokenizers.cleaning import choose_rules


def corpus_of(source, kind, *, valid_fraction=0.25, deduplicate=True, seed=0, clean=True):
    return clean_and_split(
        read_texts(source),
        documents=kind,
        rules=choose_rules(clean),
        valid_fraction=valid_fraction,
        deduplicate=deduplicate,
        seed=seed,
    )


DOCUMENTS = st.lists(st.text("abc\r", min_size=1, max_size=3), min_size=2, max_size=40).filter(
    lambda texts: len({t.replace("\r", "\n") for t in texts if t.strip()}) > 1
)


@given(texts=DOCUMENTS, deduplicate=st.booleans(), seed=st.integers(0, 3))
def test_no_document_is_on_both_sides_and_none_is_lost(texts, deduplicate, seed):
    corpus = corpus_of(texts, "document", deduplicate=deduplicate, seed=seed)
    train, valid = list(corpus.read("train")), list(corpus.read("valid"))
    assert not set(train) & set(valid)
    clean = [text.replace("\r", "\n") for text in texts if text.strip()]
    assert sorted(train + valid) == sorted(dict.fromkeys(clean) if deduplicate else clean)
    assert corpus.sizes == {"train": len(train), "valid": len(valid)}
    assert corpus.counts["duplicate_documents"] == deduplicate * (len(clean) - len(set(clean)))


@given(st.text("ab\n ", min_size=20, max_size=80), st.floats(0.1, 0.9))
def test_a_stream_is_cut_once_and_loses_nothing(text, fraction):
    corpus = corpus_of([text], "stream", valid_fraction=fraction)
    whole = text if text.endswith("\n") else text + "\n"
    border = int((1 - fraction) * len(whole))
    assert "".join(corpus.read("train")) == whole[:border]
    assert "".join(corpus.read("valid")) == whole[border:]
    assert corpus.sizes == {"train": border, "valid": len(whole) - border}


def test_the_seed_chooses_the_validation_documents():
    texts = [str(number) for number in range(100)]
    chosen = [set(corpus_of(texts, "document", seed=seed).read("valid")) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(chosen[0]) == len(chosen[2]) == 25


def test_validation_texts_of_the_source_stay_whole_and_leave_training():
    source = {"train": ["a", "b", "b", "c"], "valid": ["b", "b", "d"], "test": ["c"]}
    corpus = corpus_of(source, "document")
    assert list(corpus.read("train")) == ["a"]
    assert list(corpus.read("valid")) == ["b", "b", "d"]
    assert list(corpus.read("test")) == ["c"]
    assert corpus.counts["training_documents_in_validation_or_test"] == 2
    assert corpus.counts["duplicate_documents"] == 1


def test_the_grammar_keeps_its_repetitions():
    splits = {
        "train": lambda: [{"text": text} for text in "aab"],
        "valid": lambda: [{"text": text} for text in "acc"],
    }
    corpus = corpus_of(Corpus("grammar", splits, grammar="en"), "document")
    assert list(corpus.read("train")) == ["a", "a", "b"]
    assert list(corpus.read("valid")) == ["a", "c", "c"]


def test_changes_are_counted_once_however_often_the_text_is_read(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\ntwo\0 e\u0301\r\n\r\n".encode() * 2)
    corpus = corpus_of(tmp_path / "a.txt", "line", valid_fraction=0.5)
    for _ in range(2):
        texts = [*corpus.read("train"), *corpus.read("valid")]
    assert sorted(texts) == ["one", "two é", "\ufeffone"]
    expected = {"bom": 1, "line_ends": 6, "nul": 2, "unicode": 2, "empty_documents": 2}
    assert corpus.counts == expected | {"duplicate_documents": 1}


@pytest.mark.parametrize("kind", ["stream", "line", "paragraph"])
def test_an_empty_file_is_named(tmp_path, kind):
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(DataError, match=r"a\.txt holds no text for train; give a file"):
        corpus_of(tmp_path / "a.txt", kind)


def test_a_document_per_line_of_each_text():
    corpus = corpus_of(["a\nb", "c"], "line", valid_fraction=0)
    assert list(corpus.read("train")) == ["a", "b", "c"]
    assert list(corpus.corpus.splits) == ["train"]


def test_files_are_not_mixed_with_documents(tmp_path):
    (tmp_path / "a.txt").write_text("one\n")
    with pytest.raises(DataError, match="mixes files and documents"):
        corpus_of({"train": tmp_path / "a.txt", "valid": ["a"]}, None)
