"""Word vectors: every format and packing, what is refused and where, and the embedding's rows."""

import gzip
import zipfile
from collections import Counter

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import ArgumentError, DataError
from lmzoo.layers import TokenEmbedding
from lmzoo.layers.channels import TwoChannelEmbedding
from lmzoo.layers.embeddings.ngrams import NgramEmbedding
from lmzoo.pretrained import load_vectors, read_vectors, vector_files
from lmzoo.tokenizers import train_tokenizer

WORDS = ["the", "café", "at name@domain.com", ". . .", "船", "7", "3.14", "The"]
VECTORS = np.random.default_rng(1).normal(0, 0.5, (len(WORDS), 5)).astype(np.float32)
FORMATS = ["glove", "fasttext", "word2vec", "binary", "binary_lines"]
PACKINGS = ["plain", "gz", "zip", "member"]


def as_bytes(form, words=WORDS, vectors=VECTORS):
    """Write words as the tools themselves write them."""
    dim = len(vectors[0])
    if form.startswith("binary"):
        # word2vec ends each vector with a newline, gensim does not.
        end = b"\n" if form == "binary_lines" else b""
        rows = [
            word.replace(" ", "_").encode() + b" " + np.asarray(row, "<f4").tobytes() + end
            for word, row in zip(words, vectors, strict=True)
        ]
        return b"%d %d\n" % (len(words), dim) + b"".join(rows)
    # GloVe writes no header; fastText and word2vec end each row with a space.
    header = {"glove": "", "fasttext": f"2519370 {dim}\n", "word2vec": f"{len(words)} {dim}\n"}
    end = "\n" if form == "glove" else " \n"
    rows = [
        " ".join([word, *map(repr, np.asarray(row).tolist())]) + end
        for word, row in zip(words, vectors, strict=True)
    ]
    return (header[form] + "".join(rows)).encode()


def pack(folder, data, packing):
    path = folder / "vectors"
    if packing == "gz":
        path.write_bytes(gzip.compress(data))
    elif packing == "plain":
        path.write_bytes(data)
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/v.100d.txt", data)
            archive.writestr("__MACOSX/a/._v.100d.txt", b"\0")
            if packing == "member":
                archive.writestr("a/v.50d.txt", b"other 1 2\n")
                return f"{path}::a/v.100d.txt"
    return path


@pytest.fixture
def write(tmp_path):
    return lambda data, packing="plain": pack(tmp_path, data, packing)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_read_back_exactly(write, form, packing):
    found = read_vectors(write(as_bytes(form), packing))
    binary = form.startswith("binary")
    assert found.words == [word.replace(" ", "_") if binary else word for word in WORDS]
    assert found.vectors.dtype == np.float32
    np.testing.assert_array_equal(found.vectors, VECTORS)
    assert found.file.kind == ("binary" if binary else "text")
    assert (found.file.rows, found.file.dim, found.file.duplicates) == (len(WORDS), 5, 0)
    declared = {"glove": None, "fasttext": 2519370}
    assert found.file.declared == declared.get(form, len(WORDS))


@given(
    words=st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), min_size=1),
        min_size=3,
        unique=True,
    ),
    form=st.sampled_from(FORMATS),
    block=st.integers(1, 40),
    dim=st.integers(2, 6),
    data=st.data(),
)
def test_any_words_and_block_sizes(tmp_path_factory, words, form, block, dim, data):
    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    row = st.lists(numbers, min_size=dim, max_size=dim)
    vectors = np.array(data.draw(st.tuples(*[row] * len(words))), np.float32)
    folder = tmp_path_factory.mktemp("any")
    path = pack(folder, as_bytes(form, words, vectors), "plain")
    before = vector_files.BLOCK_BYTES, vector_files.HEAD_BYTES
    # The beginning must hold the first row.
    vector_files.BLOCK_BYTES, vector_files.HEAD_BYTES = block, 100_000
    try:
        found = read_vectors(path, words[::2])
    finally:
        vector_files.BLOCK_BYTES, vector_files.HEAD_BYTES = before
    assert found.words == words[::2]
    np.testing.assert_array_equal(found.vectors, vectors[::2])
    assert found.file.rows == len(words)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("block", [1, 7, 64])
def test_rows_may_lie_across_blocks(write, monkeypatch, form, block):
    monkeypatch.setattr(vector_files, "BLOCK_BYTES", block)
    monkeypatch.setattr(vector_files, "HEAD_BYTES", 200)
    found = read_vectors(write(as_bytes(form), "gz"))
    np.testing.assert_array_equal(found.vectors, VECTORS)


def test_a_limit_stops_early_whatever_follows(write):
    for form in ("glove", "binary"):
        path = write(as_bytes(form) + b"broken")
        assert read_vectors(path, limit=3).words[:2] == ["the", "café"]
        assert read_vectors(path, ["café", "7"], limit=3).words == ["café"]
    with pytest.raises(ArgumentError, match="limit is 0; use 1 or more"):
        read_vectors(path, limit=0)
    with pytest.raises(ArgumentError, match="one string"):
        read_vectors(path, "the")


def test_the_first_of_two_counts(write):
    found = read_vectors(write(b"a 1 2\nb 3 4\na 5 6\nc 7 8\nc 9 9\n"), ["a", "b"])
    assert found.words == ["a", "b"]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]
    assert (found.file.rows, found.file.duplicates) == (5, 1)
    assert "1 repeat a word" in found.file.describe()


def test_rows_of_a_binary_may_end_in_carriage_returns(write):
    rows = [
        word + b" " + np.array(v, "<f4").tobytes() for word, v in ((b"a", [1, 2]), (b"b", [3, 4]))
    ]
    found = read_vectors(write(b"2 2\r\n" + b"\r\n".join(rows) + b"\r\n"))
    assert found.words == ["a", "b"]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


def test_broken_utf8_in_a_word_is_replaced_and_counted(write):
    found = read_vectors(write("\ufeffcaf".encode() + b"\xe9 1 2\n\xef\xbf\xbd 3 4\nb 5 6\r\n\n"))
    assert found.words == ["caf\ufffd", "\ufffd", "b"]
    assert found.file.broken_words == 1
    assert "1 words are not UTF-8" in found.file.describe()
    found = read_vectors(write(b"1 2\ncaf\xe9 \0\0\0\0\0\0\x80?"))
    assert (found.words, found.vectors.tolist()) == (["caf\ufffd"], [[0, 1]])
    assert found.file.broken_words == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a 1 2\nb 3 4\nc 5\n", r"vectors, line 3: 1 numbers, but the first rows have 2"),
        (b"a .1 .2\nb .3 .4\nc .5 .6 .7\n", r"line 3: 3 numbers, .* 2"),
        (b"9 3\na 1 2 3\nb 3 4\n", r"line 3: 2 numbers, but its header says 3"),
        (b"a 1 2\nb 1 2x\n", r"line 2: number 2 of b'b' is b'2x', not a number"),
        (b"a 1 2\nb 1_0 2\n", r"line 2: number 1 of b'b' is b'1_0', not a number"),
        (b"a 1 2\nb  2\n", r"line 2: number 1 of b'b' is b'', not a number"),
        (b"2 2\na 1 2\nb nan 2\n", r"line 3: number 1 of b'b' is b'nan', NaN or infinite"),
        (b"a 1 2\nb 1 1e39\n", r"line 2: number 2 of b'b' is b'1e39', NaN or infinite"),
        (b"<!DOCTYPE html>\n<p>Not found</p>\n", r"not a file of word vectors.*begins b'<!DOC"),
        (b"", r"not a file of word vectors"),
        (b"\x80\x04\x95gensim \0\0 model\n", r"not a file of word vectors"),
        (b"3 2\n", r"no vectors, only a header"),
        (b"3 0\na\n", r"the header has 0 numbers"),
        (b"3 99999999\na\n", r"the header has 99,999,999 numbers"),
        (b"\xba\x16\x4f\x2f\0\0", r"fastText model.*\.vec file"),
        (as_bytes("binary")[:-1], r"ends in word 8, but its header says 8 words of 5 numbers"),
        (as_bytes("binary")[:40], r"ends in word 2"),
        (as_bytes("binary") + b"x", r"continues after the 8 words"),
        (as_bytes("binary", ["a", "b"], [[1, 2], [np.inf, 0]]), r"word 2: .* has NaN or inf"),
        (b"2 1\na \0\0\0\0" + bytes(range(33, 127)) * 1000, r"word 2: longer than 65,536 bytes"),
        (b"a 1 2\nb 1 2\n" + b"x" * (3 << 20), r"line 3: longer than 1,048,576 bytes"),
    ],
)
def test_damage_is_refused_and_named(write, data, message):
    with pytest.raises(DataError, match=message):
        read_vectors(write(data))


def test_what_is_not_wanted_is_not_parsed_but_its_width_is_checked(write):
    assert read_vectors(write(b"a 1 2\nb x y\n"), ["a"]).words == ["a"]
    with pytest.raises(DataError, match="line 2"):
        read_vectors(write(b"a 1 2\nb 1\nc 1 2\n"), ["a"])


def test_files_that_cannot_be_opened(write, tmp_path):
    with pytest.raises(DataError, match=r"there is no file .*nowhere"):
        read_vectors(tmp_path / "nowhere")
    with pytest.raises(DataError, match="is a folder"):
        read_vectors(tmp_path)
    path = write(as_bytes("glove"), "member").split("::")[0]
    with pytest.raises(ArgumentError, match=r"2 members: name one, such as .*vectors::a/v\.100d"):
        read_vectors(path)
    with pytest.raises(ArgumentError, match=r"no member 'b', but a/v\.100d\.txt, a/v\.50d\.txt"):
        read_vectors(f"{path}::b")
    with pytest.raises(ArgumentError, match="not a zip archive; omit ::b"):
        read_vectors(f"{write(as_bytes('glove'))}::b")
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(DataError, match="is an empty archive"):
        read_vectors(path)


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_a_damaged_archive_is_refused(write, packing):
    path = write(as_bytes("glove", WORDS * 50, np.tile(VECTORS, (50, 1))), packing)
    data = bytearray(path.read_bytes())
    damaged = data[:-10] if packing == "gz" else data.replace(data[200:210], b"0" * 10, 1)
    path.write_bytes(damaged)
    with pytest.raises(DataError, match=r"is damaged .*download it again"):
        read_vectors(path)


def numpy(variable):
    return keras.ops.convert_to_numpy(variable)


def text_file(write, **rows):
    return write("".join(f"{w} {' '.join(map(str, v))}\n" for w, v in rows.items()).encode())


@pytest.mark.parametrize("kind", ["word", "whitespace", "char"])
def test_the_rows_of_an_embedding_are_those_of_its_words(write, kind):
    tokenizer = train_tokenizer(["a B c\nd e a B Q"], kind=kind)
    path = text_file(write, a=[1, 2, 3], b=[0, -1, 1], c=[4, 4, 4], D=[9, 9, 9], Q=[5, 5, 5])
    layer = TokenEmbedding(tokenizer.vocab_size, 3)
    coverage = load_vectors(layer, path, tokenizer, counts=Counter("aaBcde"))
    table = numpy(layer.embeddings)
    expected = {"a": [1, 2, 3], "B": [0, -1, 1], "c": [4, 4, 4], "Q": [5, 5, 5]}
    for word, vector in expected.items():
        np.testing.assert_array_equal(table[tokenizer.encode(word)[0]], vector)
    np.testing.assert_array_equal(table[0], 0)
    assert coverage.sigma == pytest.approx(np.std([*expected.values()]), rel=1e-6)
    blank = kind == "char"  # a space is a token of its own there
    assert (coverage.words, coverage.found, coverage.lowered) == (6 + blank, 3, 1)
    assert coverage.missing == (" ",) * blank + ("d", "e")
    assert (coverage.tokens, coverage.tokens_found) == (6, 4)
    assert layer.trainable
    assert f"4 of {6 + blank} words have a vector" in coverage.describe()
    assert "66.7% of 6 tokens" in coverage.describe()


def test_unknown_words_are_drawn_as_wide_as_the_found_vectors(write):
    words = ["<pad>", "a", "b", *(f"x{i}" for i in range(4000))]
    path = text_file(write, a=[1, 2, 3, 4], b=[0, -1, 1, 7])
    tables = []
    for seed in (3, 3, 4):
        layer = keras.layers.Embedding(len(words), 4)
        coverage = load_vectors(layer, path, words, seed=seed)
        tables.append(numpy(layer.embeddings))
    drawn = tables[0][3:]
    assert coverage.sigma == pytest.approx(np.std([[1, 2, 3, 4], [0, -1, 1, 7]]))
    assert abs(drawn.mean()) < 4 * coverage.sigma / 126
    assert drawn.std() == pytest.approx(coverage.sigma, rel=0.03)
    np.testing.assert_array_equal(tables[0], tables[1])
    assert (tables[0][3:] != tables[2][3:]).all()
    assert coverage.missing == tuple(words[3:13])
    assert "4,000 are drawn" in coverage.describe()
    assert coverage.describe().endswith("'x9', ...")


def test_special_tokens_are_looked_up_but_not_counted(write):
    words = ["<pad>", "<unk>", "<s>", "</s>", "\n", "a", "A"]
    layer = keras.layers.Embedding(len(words), 2)
    path = write(b"<pad> 8 8\n<unk> 1 2\na 3 4\n</s> 5 6\n")
    coverage = load_vectors(layer, path, words)
    table = numpy(layer.embeddings)
    assert table[[0, 1, 3, 5, 6]].tolist() == [[0, 0], [1, 2], [5, 6], [3, 4], [3, 4]]
    assert (coverage.words, coverage.found, coverage.lowered) == (2, 1, 1)
    assert (coverage.missing, coverage.fraction, coverage.token_fraction) == ((), 1.0, None)


def test_two_channels_are_set_alike_and_one_stays_frozen(write):
    layer = TwoChannelEmbedding(3, 2)
    load_vectors(layer, text_file(write, a=[1, 2]), ["<pad>", "a", "b"])
    one, other = numpy(layer.embeddings), numpy(layer.frozen_embeddings)
    np.testing.assert_array_equal(one, other)
    assert one[1].tolist() == [1, 2]
    assert np.abs(one[2]).min() > 0
    assert len(layer.trainable_variables) == 1


def test_a_layer_may_list_its_tables(write):
    layer = keras.layers.Layer()
    layer.tables = [keras.Variable(np.ones((3, 2))) for _ in range(3)]
    load_vectors(layer, text_file(write, a=[1, 2]), ["<pad>", "a", "b"])
    for table in layer.tables:
        assert numpy(table)[:2].tolist() == [[0, 0], [1, 2]]


def test_of_a_bag_of_ngrams_the_words_are_set(write):
    layer = NgramEmbedding(3, 2, buckets=5)
    layer.build((None, None))
    before = numpy(layer.grams.embeddings)
    load_vectors(layer, text_file(write, a=[1, 2]), ["<pad>", "a", "b"], trainable=False)
    assert numpy(layer.words.embeddings)[:2].tolist() == [[0, 0], [1, 2]]
    np.testing.assert_array_equal(numpy(layer.grams.embeddings), before)
    assert [v.path for v in layer.trainable_variables] == [layer.grams.embeddings.path]
    unbuilt = NgramEmbedding(3, 2, ngrams=1)
    load_vectors(unbuilt, text_file(write, a=[1, 2]), ["<pad>", "a", "b"])
    assert numpy(unbuilt(np.array([[1, 0]]))).tolist() == [[1, 2]]


def small_model():
    model = keras.Sequential([keras.layers.Embedding(3, 2), keras.layers.Dense(1)])
    model.embedding = model.layers[0]
    return model


def test_a_frozen_embedding_is_not_trained(write):
    path = text_file(write, a=[1, 2])
    model = small_model()
    load_vectors(model, path, ["<pad>", "a", "b"], trainable=False)
    model.compile("sgd", "mse")
    before = numpy(model.embedding.embeddings)
    model.fit(np.array([[1, 2]]), np.ones((1, 2, 1)), verbose=0)
    np.testing.assert_array_equal(numpy(model.embedding.embeddings), before)
    with pytest.raises(ArgumentError, match=r"trainable=True on a compiled model.*before compile"):
        load_vectors(model, path, ["<pad>", "a", "b"], trainable=True)
    load_vectors(model, path, ["<pad>", "a", "b"], trainable=False)


def test_a_table_of_another_precision_takes_rounded_numbers(write):
    layer = keras.layers.Embedding(2, 2, dtype="bfloat16")
    load_vectors(layer, text_file(write, a=[1.001, 2]), ["<pad>", "a"])
    assert np.asarray(layer.embeddings, np.float32)[1].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("words", "dim", "error", "message"),
    [
        (["<pad>", "a"], 3, ArgumentError, r"vectors of 2 numbers, .* has 3: .*embed_dim=2"),
        (["<pad>", "a", "b"], 2, ArgumentError, r"vocabulary has 3 ids, but the embedding 2"),
        (["<pad>", "z"], 2, DataError, r"none of the 2 words .* is among them"),
        (["<pad>", 7], 2, ArgumentError, r"a list of words with 7 in it"),
        ("ab", 2, ArgumentError, r"tokenizer of kind 'str'"),
    ],
)
def test_what_does_not_fit_is_refused(write, words, dim, error, message):
    layer = keras.layers.Embedding(2, dim)
    with pytest.raises(error, match=message):
        load_vectors(layer, text_file(write, a=[1, 2]), words)


def test_tokenizers_without_words_and_models_without_embedding(write):
    path = text_file(write, a=[1, 2])
    with pytest.raises(ArgumentError, match=r"kind 'byte': train one of kind 'word' or"):
        load_vectors(keras.layers.Embedding(260, 2), path, train_tokenizer(["a"], kind="byte"))
    for layer in (keras.layers.Dense(2), keras.Sequential([keras.layers.Dense(2)])):
        with pytest.raises(ArgumentError, match="has no table of float vectors"):
            load_vectors(layer, path, ["<pad>", "a"])
    quantized = keras.layers.Embedding(2, 2)
    quantized.build((None, None))
    quantized.quantize("int8")
    with pytest.raises(ArgumentError, match="neither quantized nor adapted"):
        load_vectors(quantized, path, ["<pad>", "a"])


def test_the_coverage_is_described_in_words(tmp_path):
    tokenizer = train_tokenizer(["the boat", "The zebra"], kind="word")
    layer = TokenEmbedding(tokenizer.vocab_size, 2)
    path = tmp_path / "tiny.txt"
    path.write_text("the 0.5 0.25\nboat 1 2\n")
    assert load_vectors(layer, path, tokenizer).describe().splitlines() == [
        f"{path}: 2 rows of 2 numbers (text)",
        "3 of 4 words have a vector (75.0%), 1 of them only in lower case",
        "1 are drawn, with standard deviation 0.612: 'zebra'",
    ]
