"""From texts to batches in one call."""

import json
import math
import tempfile
import unicodedata

import numpy as np
import pytest

from lmzoo import grammar
from lmzoo.data import prepare_lm, read_texts, train_tokenizer
from lmzoo.data.batching.token_store import TokenStore
from lmzoo.errors import ArgumentError, DataError, TokenizerError

TEXT = "".join(f"line {number}: to be, or not to be\n" for number in range(40))
POEMS = [f"title {n}\n" + f"the {n} moons are far away\n" * (n % 4 + 1) for n in range(60)]
SMALL = {"tokenizer": "char", "sequence_length": 16, "batch_size": 4}


def write(tmp_path, text):
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    return path


def weighted(data):
    """Return the targets of weight 1 in the order of the batches."""
    return [int(n) for _, ids, w in data.as_numpy_iterator() for n in ids[w == 1]]


def test_a_stream_from_file_to_batches(tmp_path):
    data = prepare_lm(write(tmp_path, TEXT), **SMALL)
    border = int(0.9 * len(TEXT))
    encode = data.tokenizer.encode
    assert data.ids("train").tolist() == encode(TEXT[:border])
    assert weighted(data.valid) == encode(TEXT[border + 1 :])
    assert sorted(weighted(data.train)) == sorted(encode(TEXT[1:border]))
    assert data.valid_counts["characters"] == len(TEXT) - border - 1
    lengths = border - 1, len(TEXT) - border - 1
    steps = [math.ceil(math.ceil(length / 16) / 4) for length in lengths]
    assert data.valid_steps == steps[1]
    assert 0 <= data.steps_per_epoch - steps[0] <= 1
    assert data.test is None
    assert data.test_steps == 0
    assert data.vocab_size == data.tokenizer.vocab_size == len(set(TEXT)) + 4
    assert data.floor_nats is None


def test_the_tokenizer_sees_the_training_text_only(tmp_path):
    data = prepare_lm(write(tmp_path, TEXT + "好" * 30), **SMALL)
    assert data.report["valid"]["unknown_tokens"] == 30
    assert data.report["valid"]["unknown_rate"] == 30 / data.report["valid"]["tokens"]
    assert any("unknown tokens in validation" in note for note in data.report["notes"])
    assert any("does not give back" in note for note in data.report["notes"])


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_documents_fill_rows_whole(layout):
    data = prepare_lm(POEMS, **SMALL | {"sequence_length": 128}, layout=layout)
    end = data.tokenizer.eos_id
    seen = []
    for part in (data.train, data.valid):
        for ids, next_ids, weights in part.as_numpy_iterator():
            for row in range(4):
                length = int(weights[row].sum())
                if not length:
                    continue
                assert weights[row, :length].all()
                assert ids[row, 0] == end == next_ids[row, length - 1]
                assert (ids[row, 1:length] == next_ids[row, : length - 1]).all()
                assert not ids[row, length:].any()
                texts = np.split(next_ids[row, :length], np.flatnonzero(ids[row, :length] == end))
                found = [data.tokenizer.decode(text) for text in texts if len(text)]
                assert layout == "packed" or len(found) == 1
                seen += found
    assert sorted(seen) == sorted(POEMS)
    assert data.report["train"]["cut_documents"] == 0


def test_long_documents_go_on_in_further_rows_and_are_counted():
    data = prepare_lm(["x" * 40 + str(n) for n in range(20)], **SMALL)
    assert data.report["train"]["cut_documents"] == 18
    assert data.report["valid"]["cut_documents"] == 2
    assert len(weighted(data.train)) == data.report["train"]["tokens"]


def test_poems_are_paragraphs_of_a_file(tmp_path):
    path = write(tmp_path, "\n".join(POEMS) + "\n" + POEMS[0])
    data = prepare_lm(path, **SMALL, documents="paragraph")
    assert data.report["documents"] == "paragraph"
    assert data.report["train"]["documents"] + data.report["valid"]["documents"] == 60
    assert data.report["reading"]["duplicate_documents"] == 1
    assert prepare_lm(path, **SMALL, documents="line").report["documents"] == "line"


def test_contiguous_batches_carry_on():
    data = prepare_lm([TEXT], **SMALL, documents="stream", layout="contiguous")
    for part in (data.train, data.valid):
        ids, next_ids, weights = (np.array(x) for x in zip(*part.as_numpy_iterator(), strict=True))
        assert (next_ids[:-1, :, -1] == ids[1:, :, 0])[weights[1:, :, 0] == 1].all()
    border = int(0.9 * len(TEXT))
    lanes = next_ids.transpose(1, 0, 2)[weights.transpose(1, 0, 2) == 1]
    assert lanes.tolist() == data.tokenizer.encode(TEXT[border + 1 :])


def test_contiguous_lanes_of_documents_begin_with_a_document():
    data = prepare_lm(POEMS, **SMALL, layout="contiguous")
    for part in (data.train, data.valid):
        first = next(part.as_numpy_iterator())
        assert (first[0][:, 0] == data.tokenizer.eos_id).all()
    assert len(weighted(data.valid)) == data.valid_counts["tokens"]


def test_the_seed_decides_everything():
    def batches(seed):
        data = prepare_lm(POEMS, **SMALL, seed=seed)
        data.start_at(3)
        train = data.train
        return [part.tolist() for _ in "ab" for b in train.as_numpy_iterator() for part in b]

    assert batches(1) == batches(1) != batches(2)


def test_validation_may_read_earlier_tokens_again():
    plain = prepare_lm([TEXT], **SMALL, documents="stream")
    again = prepare_lm([TEXT], **SMALL, documents="stream", valid_overlap=12)
    assert weighted(plain.valid) == weighted(again.valid)
    assert again.valid_steps > plain.valid_steps
    with pytest.raises(ArgumentError, match="valid_overlap=3 is for streams"):
        prepare_lm(POEMS, **SMALL, valid_overlap=3)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_floor_of_the_grammar(language):
    source = "grammar" if language == "en" else "grammar:zh"
    texts = read_texts(source, grammar_size=30)
    data = prepare_lm(texts, tokenizer="byte", sequence_length=512, batch_size=4)
    valid = [record["text"] for record in texts.read("valid")]
    assert data.floor_nats == pytest.approx(grammar.floor(valid, language=language))
    assert len(data.floor_per_document) == len(valid) == data.report["valid"]["documents"]
    assert data.floor_nats == pytest.approx(data.floor_per_document.sum())
    assert data.valid_counts["tokens"] == sum(len(text.encode()) + 1 for text in valid)
    assert data.report["reading"] == {}
    assert not any(data.report["cleaning"].values())


def test_no_floor_where_none_holds():
    texts = read_texts("grammar", grammar_size=30)
    short = prepare_lm(texts, **SMALL | {"tokenizer": "byte"})
    assert short.floor_nats is None
    assert any("no floor: " in n and "sequence_length=16" in n for n in short.report["notes"])
    letters = train_tokenizer(["abc"], kind="char")
    lossy = prepare_lm(texts, tokenizer=letters, sequence_length=256, batch_size=4)
    assert lossy.floor_nats is None
    assert any("no floor: the tokenizer" in note for note in lossy.report["notes"])


def test_many_tokens_go_to_a_file(tmp_path, monkeypatch):
    in_memory = weighted(prepare_lm(POEMS, **SMALL).train)
    monkeypatch.setattr(TokenStore.__init__, "__defaults__", (100,))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = prepare_lm(POEMS, **SMALL)
    assert list(tmp_path.rglob("tokens.bin"))
    assert weighted(data.train) == in_memory


def test_tokenizers_by_path_and_by_object(tmp_path):
    tokenizer = train_tokenizer([TEXT], kind="char")
    tokenizer.save(tmp_path / "tokenizer.json")
    options = SMALL | {"documents": "stream"}
    for given in (tokenizer, tmp_path / "tokenizer.json", str(tmp_path / "tokenizer.json")):
        data = prepare_lm([TEXT], **options | {"tokenizer": given})
        assert data.tokenizer == tokenizer
    with pytest.raises(ArgumentError, match="vocab_size=9, but the given tokenizer has"):
        prepare_lm([TEXT], **options | {"tokenizer": tokenizer, "vocab_size": 9})
    with pytest.raises(TokenizerError, match="no tokenizer kind 'chars'"):
        prepare_lm([TEXT], **options | {"tokenizer": "chars"})
    with pytest.raises(TokenizerError, match=r"nowhere\.json"):
        prepare_lm([TEXT], **options | {"tokenizer": "nowhere.json"})


@pytest.mark.parametrize("documents", [None, "line"])
def test_a_text_shorter_than_a_sequence(tmp_path, documents):
    path = write(tmp_path, "ab\ncd\n")
    with pytest.raises(DataError, match=r"[34] tokens to predict, fewer than one sequence of 16"):
        prepare_lm(path, **SMALL, documents=documents)


def test_a_validation_text_without_a_token_to_predict(tmp_path):
    with pytest.raises(DataError, match="larger valid_fraction"):
        prepare_lm(write(tmp_path, TEXT), **SMALL, valid_fraction=0.0005)


@pytest.mark.parametrize("name", ["sequence_length", "batch_size"])
def test_sizes_below_1(name):
    with pytest.raises(ArgumentError, match=f"{name} is 0; it must be at least 1"):
        prepare_lm(POEMS, **SMALL | {name: 0})
    with pytest.raises(ArgumentError, match="layout is 'lanes'; choose one of packed"):
        prepare_lm(POEMS, **SMALL, layout="lanes")


def test_the_report_is_json_and_reads_well(tmp_path):
    data = prepare_lm(write(tmp_path, "\ufeff" + TEXT.replace("\n", "\r\n")), **SMALL)
    assert json.loads(json.dumps(data.report)) == data.report
    lines = data.describe().splitlines()
    assert lines[1] == "documents  stream (one text without document borders)"
    assert lines[2] == "cleaning   bom 1, line_ends 40, nul 0, controls 0, unicode 0"
    assert lines[3].startswith("tokenizer  kind char")


@pytest.mark.parametrize(
    ("clean", "normalize"),
    [(True, True), (["markup", "unicode"], True), ("markup", False), (False, False)],
)
def test_the_tokenizer_normalizes_later_text_as_training_text(clean, normalize):
    nfd = unicodedata.normalize("NFD", "café crème")
    data = prepare_lm([f"{nfd} {i}" for i in range(40)], tokenizer="word", clean=clean)
    assert data.tokenizer.normalize == normalize
    if normalize:
        assert data.tokenizer.encode(nfd) == data.tokenizer.encode("café crème")
        assert 1 not in data.tokenizer.encode(nfd)
