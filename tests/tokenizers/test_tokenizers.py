"""What every kind of tokenizer promises: ids, files, graphs, and clear refusals."""

import copy
import json
import pickle
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from lmzoo.errors import PromptError, TokenizerError
from lmzoo.tokenizers import Tokenizer, load_tokenizer, splitting, train_tokenizer
from lmzoo.tokenizers.byte import ByteTokenizer
from lmzoo.tokenizers.char import CharTokenizer
from lmzoo.tokenizers.cleaning import clean_text, normalized
from lmzoo.tokenizers.cleaning import lower as lowered
from lmzoo.tokenizers.texts import checked_texts
from lmzoo.tokenizers.ties import find_repetitions
from lmzoo.tokenizers.word import WhitespaceTokenizer, WordTokenizer
from lmzoo.tokenizers.wordpiece import WordPieceTokenizer

KINDS = ("byte", "char", "word", "whitespace", "bpe", "unigram", "wordpiece")
LOSSLESS = ("byte", "bpe", "unigram")
TEXTS = [
    "The old man, who sells red boats, left at half past nine.\nHe didn't come back!\n",
    'Two women (both bakers) bought 1,250 loaves at 9:30 a.m. and said: "Fine."',
    "老人在港口卖红船。他九点半离开了。\n",
    "Ärger über größere Öfen; naïve cafés\t– 100 % <unk> done...",
]
# Text in which all that needs care is likely.
SPECIAL = ["<s>", "</s>", "<unk>", "<pad>", "<0x41>", "\u2581", "\u2585", "\u2047", "##", "\ufffd"]
PIECES = st.one_of(
    st.characters(exclude_categories=["Cs"]).map(str),
    st.sampled_from([*SPECIAL, *"aeT .,'\"-\n\t\r\0老人。", "  ", "\n\n", "\r\n", "İ", "ΑΣ", "🙂"]),
    st.text("The oldmanws", max_size=6),
)
# Text with much to normalize; Unicode 3.2 is what Python and TensorFlow Text agree on for ever.
MARKS = "\u0301\u0323\u0344\u0f73\u0f71\u05b0\u064b\u3099\u1161\u11a8"
MARKED = [
    *MARKS,
    *"aeTé가각Åｶか中",
    "\u1100",
    "\u2126",
    "\ufeff",
    "\r",
    "\r\n",
    "\0",
    "\x85",
    "\x7f",
]
MARKED_TEXT = st.lists(st.sampled_from(MARKED), max_size=12).map("".join)
ANY_TEXT = st.lists(PIECES, max_size=30).map("".join)


@pytest.fixture(scope="module")
def tokenizers():
    return {kind: train_tokenizer(TEXTS, kind=kind) for kind in KINDS}


@pytest.fixture(scope="module")
def lower():
    return {kind: train_tokenizer(TEXTS, kind=kind, lowercase=True) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_the_four_special_tokens(tokenizers, kind):
    tokenizer = tokenizers[kind]
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.kind == kind
    assert (tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id) == (0, 2, 3)
    assert tokenizer.unk_id == (None if kind == "byte" else 1)
    names = [tokenizer.id_to_token(index) for index in range(tokenizer.vocab_size)]
    assert names[:4] == ["<pad>", "<unk>", "<s>", "</s>"]
    assert len(set(names)) == len(names)
    assert [tokenizer.token_bytes(index) for index in (0, 2, 3)] == [b"", b"", b""]


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(ANY_TEXT, max_size=4))
def test_graph_and_python_give_the_same_ids(tokenizers, kind, texts):
    tokenizer = tokenizers[kind]
    expected = [tokenizer.encode(text) for text in texts]
    ids = tokenizer(tf.constant(texts, tf.string))
    assert ids.dtype == tf.int32
    assert ids.row_splits.dtype == tf.int64
    assert ids.to_list() == expected
    batch = tokenizer.encode_batch(texts)
    assert [row.tolist() for row in batch] == expected
    assert all(row.dtype == np.int32 for row in batch)


@pytest.mark.parametrize("kind", KINDS)
@given(text=ANY_TEXT)
def test_no_text_becomes_a_special_id(tokenizers, kind, text):
    tokenizer = tokenizers[kind]
    ids = tokenizer.encode(text)
    assert not {0, 2, 3} & set(ids)
    if kind in LOSSLESS:
        assert 1 not in ids


@pytest.mark.parametrize("kind", KINDS)
def test_special_strings_are_ordinary_text(tokenizers, kind):
    tokenizer = tokenizers[kind]
    text = "<s> </s> <pad> <0x0A>"
    assert min(tokenizer.encode(text)) >= (1 if tokenizer.unknown(text) else 4)
    if kind in LOSSLESS:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", LOSSLESS)
@settings(max_examples=150)
@given(text=st.one_of(ANY_TEXT, st.text()))
def test_lossless_on_any_unicode(tokenizers, kind, text):
    tokenizer = tokenizers[kind]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode()
    assert tokenizer.unknown(text) == []


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_detokenize_equals_decode_on_any_ids(tokenizers, kind, data):
    tokenizer = tokenizers[kind]
    ids = st.integers(0, tokenizer.vocab_size - 1)
    rows = data.draw(st.lists(st.lists(ids, max_size=20), min_size=1, max_size=3))
    expected = [tokenizer.decode(row) for row in rows]
    ragged = tf.ragged.constant(rows, tf.int32, ragged_rank=1)
    assert [text.decode() for text in tokenizer.detokenize(ragged).numpy()] == expected
    dense = ragged.to_tensor(default_value=tokenizer.pad_id)
    assert [text.decode() for text in tokenizer.detokenize(dense).numpy()] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_decode_drops_padding_begin_and_end(tokenizers, kind):
    tokenizer = tokenizers[kind]
    ids = tokenizer.encode("old red")
    assert tokenizer.decode([2, *ids, 3, 0, 0]) == tokenizer.decode(ids) == "old red"


@pytest.mark.parametrize("kind", KINDS)
def test_decode_takes_lists_arrays_and_tensors(tokenizers, kind):
    tokenizer = tokenizers[kind]
    ids = tokenizer.encode(TEXTS[0])
    expected = tokenizer.decode(ids)
    for same in (tuple(ids), np.array(ids, np.int64), tf.constant(ids)):
        assert tokenizer.decode(same) == expected
    assert tokenizer.decode([]) == tokenizer.decode(np.zeros(0)) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_what_joins_plainly_does(tokenizers, kind):
    tokenizer = tokenizers[kind]
    ids = tokenizer.encode(TEXTS[0])
    joined = b"".join(map(tokenizer.token_bytes, ids)).decode()
    assert (joined == tokenizer.decode(ids)) == tokenizer.concatenates


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(ANY_TEXT, max_size=3))
def test_lower_case_in_graph_and_python(lower, kind, texts):
    tokenizer = lower[kind]
    expected = [tokenizer.encode(text) for text in texts]
    assert tokenizer(tf.constant(texts, tf.string)).to_list() == expected
    assert tokenizer.encode("THE OLD MAN") == tokenizer.encode("the old man")
    if kind in LOSSLESS:
        assert [tokenizer.decode(ids) for ids in expected] == [lowered(text) for text in texts]


@pytest.fixture(scope="module")
def normalizing(tmp_path_factory):
    """Tokenizers that normalize, saved and loaded again."""
    found, folder = {}, tmp_path_factory.mktemp("normalizing")
    for kind in KINDS:
        texts = [unicodedata.normalize("NFD", text) + "\r\n\0" for text in TEXTS]
        train_tokenizer(texts, kind=kind, normalize=True).save(folder / kind)
        found[kind] = load_tokenizer(folder / kind)
    return found


@pytest.mark.parametrize("kind", KINDS)
@given(texts=st.lists(MARKED_TEXT, max_size=3))
def test_normalization_in_graph_and_python(normalizing, kind, texts):
    tokenizer = normalizing[kind]
    assert tokenizer.normalize
    expected = [tokenizer.encode(text) for text in texts]
    assert tokenizer(tf.constant(texts, tf.string)).to_list() == expected
    assert [tokenizer.encode(clean_text(text)[0]) for text in texts] == expected
    if kind in LOSSLESS:
        assert [tokenizer.decode(ids) for ids in expected] == list(map(normalized, texts))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_typed_later_meets_what_was_learned(normalizing, tokenizers, kind):
    for text in [*TEXTS[:3:2], "Ärger cafés"]:
        typed = "\ufeff" + unicodedata.normalize("NFD", text).replace("\n", "\r\n") + "\0"
        assert normalizing[kind].encode(typed) == normalizing[kind].encode(text)
    # What is learned is the same as from clean texts; without the flag nothing is changed.
    clean = train_tokenizer([text + "\n" for text in TEXTS], kind=kind, normalize=True)
    assert clean == normalizing[kind]
    assert clean != train_tokenizer([text + "\n" for text in TEXTS], kind=kind)
    assert normalizing[kind].unknown(unicodedata.normalize("NFD", TEXTS[3])) == (
        normalizing[kind].unknown(TEXTS[3])
    )
    assert not tokenizers[kind].normalize


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_and_copy_also_after_use_in_a_graph(tokenizers, normalizing, kind):
    for tokenizer in (tokenizers[kind], normalizing[kind]):
        tokenizer(tf.constant(TEXTS))
        tokenizer.encode(TEXTS[0])
        for same in (pickle.loads(pickle.dumps(tokenizer)), copy.deepcopy(tokenizer)):
            assert same == tokenizer
            assert (same.report, same.normalize) == (tokenizer.report, tokenizer.normalize)
            assert same.encode(TEXTS[3]) == tokenizer.encode(TEXTS[3])


@pytest.mark.parametrize("kind", KINDS)
def test_works_inside_tf_data(tokenizers, kind):
    tokenizer = tokenizers[kind]
    rows = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3).map(tokenizer).unbatch()
    found = [row.numpy().tolist() for row in rows]
    assert found == [tokenizer.encode(text) for text in TEXTS]


@pytest.mark.parametrize("kind", KINDS)
def test_works_inside_a_saved_model(tokenizers, kind, tmp_path):
    class Both(tf.Module):
        def __init__(self, tokenizer):
            super().__init__()
            self.tokenizer = tokenizer

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def ids(self, texts):
            return self.tokenizer(texts)

        @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
        def texts(self, ids):
            return self.tokenizer.detokenize(ids)

    # A fresh tokenizer, so that nothing was made before the module is saved.
    tokenizers[kind].save(tmp_path / "tokenizer.json")
    tf.saved_model.save(Both(load_tokenizer(tmp_path / "tokenizer.json")), str(tmp_path / "model"))
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    texts = [*TEXTS, "", "a\u2581b 新"]
    ids = loaded.ids(tf.constant(texts))
    assert ids.to_list() == [tokenizers[kind].encode(text) for text in texts]
    decoded = [text.decode() for text in loaded.texts(ids.to_tensor()).numpy()]
    assert decoded == [tokenizers[kind].decode(row) for row in ids.to_list()]


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_gives_back_an_equal_tokenizer(tokenizers, lower, kind, tmp_path):
    for tokenizer in (tokenizers[kind], lower[kind]):
        path = tmp_path / "folder" / "tokenizer.json"
        tokenizer.save(path)
        assert [entry.name for entry in path.parent.iterdir()] == ["tokenizer.json"]
        loaded = load_tokenizer(str(path))
        assert loaded == tokenizer
        assert hash(loaded) == hash(tokenizer)
        assert loaded.fingerprint == tokenizer.fingerprint
        assert loaded.report == tokenizer.report
        text = "".join(TEXTS) + "新\u2581\0Ω"
        assert loaded.encode(text) == tokenizer.encode(text)
    assert tokenizers[kind] != lower[kind]
    assert tokenizers[kind].fingerprint != lower[kind].fingerprint


def test_different_kinds_are_different(tokenizers):
    assert len({tokenizer.fingerprint for tokenizer in tokenizers.values()}) == len(KINDS)
    assert tokenizers["byte"] != tokenizers["char"]
    assert tokenizers["byte"] != "byte"


@pytest.mark.parametrize("kind", KINDS)
def test_training_again_gives_an_equal_tokenizer(tokenizers, kind):
    assert train_tokenizer(iter(TEXTS), kind=kind) == tokenizers[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_save_leaves_the_old_file(tokenizers, kind, tmp_path, monkeypatch):
    path = tmp_path / "tokenizer.json"
    tokenizers[kind].save(path)
    before = path.read_bytes()

    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        tokenizers[kind].save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_refused(tokenizers, kind, tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizers[kind].save(path)
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(TokenizerError, match="not a complete tokenizer file"):
        load_tokenizer(path)
    record = json.loads(whole)
    for change in (
        {"content": 5},
        {"content": ""},
        {"content": ["x"]},
        {"lowercase": True},
        {"report": None},
        {"kind": "words"},
    ):
        if kind == "byte" and "content" in change:
            continue
        path.write_text(json.dumps(record | change), encoding="utf-8")
        with pytest.raises(TokenizerError):
            load_tokenizer(path)


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "file"
    with pytest.raises(TokenizerError, match=r"there is no file|is a folder"):
        load_tokenizer(path)
    with pytest.raises(TokenizerError, match=r"there is no file|is a folder"):
        load_tokenizer(tmp_path)
    path.write_bytes(b"\x80\x81\x82")
    with pytest.raises(TokenizerError, match="not a complete tokenizer"):
        load_tokenizer(path)
    path.write_text('{"model": {}}')
    with pytest.raises(TokenizerError, match="not a file that"):
        load_tokenizer(path)
    path.write_text('{"format": "lmzoo tokenizer", "version": 99}')
    with pytest.raises(TokenizerError, match="version 99"):
        load_tokenizer(path)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_outside_the_vocabulary_are_named(tokenizers, kind):
    tokenizer = tokenizers[kind]
    size = tokenizer.vocab_size
    for wrong in (size, -1, 2**40):
        with pytest.raises(PromptError, match=f"id {wrong} at position 1.*0 to {size - 1}"):
            tokenizer.decode([4, wrong])
        with pytest.raises(PromptError, match=f"id {wrong} "):
            tokenizer.id_to_token(wrong)
        with pytest.raises(PromptError, match=f"id {wrong} "):
            tokenizer.token_bytes(wrong)
    with pytest.raises(tf.errors.InvalidArgumentError, match=str(size)):
        tokenizer.detokenize(tf.constant([[4, size]]))
    for wrong in ([[4, 5]], [4.0], ["4"]):
        with pytest.raises(PromptError, match="flat list of int ids"):
            tokenizer.decode(wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_text_is_refused(tokenizers, kind):
    tokenizer = tokenizers[kind]
    with pytest.raises(TokenizerError, match=r"surrogate U\+D800 at character 2"):
        tokenizer.encode("ab\ud800")
    for wrong in (b"bytes", 3, None, ["text"]):
        with pytest.raises(TokenizerError, match=f"got {type(wrong).__name__}"):
            tokenizer.encode(wrong)
    with pytest.raises(TokenizerError, match="list of strings"):
        tokenizer.encode_batch("text")
    with pytest.raises(TokenizerError, match="float32"):
        tokenizer(tf.constant([1.0]))
    with pytest.raises(TokenizerError, match="shape"):
        tokenizer(tf.constant([["text"]]))


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_training_texts_are_refused(kind):
    for nothing in ([], iter([]), ["", ""]):
        with pytest.raises(TokenizerError, match="nothing to train on"):
            train_tokenizer(nothing, kind=kind)
    with pytest.raises(TokenizerError, match=r"pass a list of texts: \[text\]"):
        train_tokenizer("text", kind=kind)
    with pytest.raises(TokenizerError, match="got int"):
        train_tokenizer(5, kind=kind)
    if kind != "byte":  # which looks at the first text only
        with pytest.raises(TokenizerError, match=r"text number 1: .*got NoneType"):
            train_tokenizer(["text", None], kind=kind)
        with pytest.raises(TokenizerError, match=r"text number 1: .*surrogate"):
            train_tokenizer(["text", "\udfff"], kind=kind)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "byte"])
def test_sizes_out_of_reach_name_the_nearest(kind):
    with pytest.raises(TokenizerError, match="largest possible is") as error:
        train_tokenizer(TEXTS, kind=kind, vocab_size=100_000)
    largest = int(str(error.value).split("largest possible is ")[1].split(":")[0])
    assert train_tokenizer(TEXTS, kind=kind, vocab_size=largest).vocab_size == largest
    with pytest.raises(TokenizerError, match="cannot be reached"):
        train_tokenizer(TEXTS, kind=kind, vocab_size=largest + 1)
    with pytest.raises(TokenizerError, match="smallest possible is") as error:
        train_tokenizer(TEXTS, kind=kind, vocab_size=4)
    smallest = int(str(error.value).rpartition(" ")[2])
    assert train_tokenizer(TEXTS, kind=kind, vocab_size=smallest).vocab_size == smallest
    with pytest.raises(TokenizerError, match=f"smallest possible is {smallest}"):
        train_tokenizer(TEXTS, kind=kind, vocab_size=smallest - 1)
    between = (smallest + largest) // 2
    assert train_tokenizer(TEXTS, kind=kind, vocab_size=between).vocab_size == between
    for wrong in ("8000", True, 300.0):
        with pytest.raises(TokenizerError, match="must be an int"):
            train_tokenizer(TEXTS, kind=kind, vocab_size=wrong)


def test_unknown_kinds_list_the_kinds():
    with pytest.raises(TokenizerError, match="wordpiece; did you mean 'unigram'"):
        train_tokenizer(TEXTS, kind="unigramm")
    with pytest.raises(TokenizerError, match="the kinds are byte, char"):
        train_tokenizer(TEXTS, kind=None)


def test_the_plain_kinds_load_no_optional_library():
    code = f"""
import sys
for name in ("sentencepiece", "tensorflow_text", "tokenizers"):
    sys.modules[name] = None
from lmzoo.tokenizers import train_tokenizer
from lmzoo.errors import TokenizerError
texts = {TEXTS!r}
for kind in ("byte", "char", "word", "whitespace"):
    tokenizer = train_tokenizer(texts, kind=kind)
    assert tokenizer(texts).to_list() == [tokenizer.encode(text) for text in texts], kind
for kind, package in (("bpe", "sentencepiece"), ("wordpiece", "tokenizers")):
    try:
        train_tokenizer(texts, kind=kind)
    except TokenizerError as error:
        assert f"python -m pip install {{package}}" in str(error), error
    else:
        raise AssertionError(kind)
print("fine")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "fine", done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_seed_breaks_nothing(tokenizers, kind):
    tokenizer = tokenizers[kind]
    expected = [tokenizer.encode(text) for text in TEXTS]
    rows = tf.data.Dataset.from_tensor_slices(TEXTS).batch(4).map(tokenizer)
    function = tf.function(tokenizer.__call__)
    for seed in range(2):
        assert tokenizer(TEXTS).to_list() == expected
        assert function(tf.constant(TEXTS)).to_list() == expected
        assert next(iter(rows)).to_list() == expected
        tf.keras.utils.set_random_seed(seed)  # empties TensorFlow's cache of kernels


def test_tokenizers_are_made_of_their_vocabulary():
    byte, char = ByteTokenizer(), CharTokenizer("abc")
    assert byte.encode("hé") == [108, 199, 173]
    assert byte.decode([108, 199, 173]) == "hé"
    assert char.encode("cab!") == [6, 4, 5, 1]
    assert char.unknown("cab!") == ["!"]
    words = WhitespaceTokenizer(["red", "boat"])
    assert words.encode("red  boat\n<unk> red") == [5, 6, 4, 1, 5]
    assert words.decode([5, 6, 4, 1, 5]) == "red boat\n<unk> red"
    pieces = WordPieceTokenizer(["play", "##ing", "##s"])
    assert pieces.encode("playing plays") == [5, 6, 5, 7]
    assert pieces.decode([5, 6, 5, 7]) == "playing plays"


def test_small_functions_of_tokenizers():
    assert lowered("ÄRGER IN ΣΑΜΟΣ") == "ärger in σαμοσ"
    assert list(checked_texts(["One", "", "Two"], lowered)) == ["one", "two"]
    assert find_repetitions(["a", "ab", "aa", "abab", "b"]).group.tolist() == [1, 2, 1, 2, 0]
    tokens = splitting.split("Don't go: it's 9:30.", splitting.word_pattern())
    assert tokens == ["Don't", "go", ":", "it's", "9:30", "."]
    english = ["(", "She", "said", ":", '"', "yes", '"', ".", ")"]
    assert splitting.join(english, prose=True) == '(She said: "yes".)'
    assert splitting.join(["老", "人", "，", "船", "。"], prose=True) == "老人，船。"
    text = "The old man, who sells red boats, left at half past nine."
    tokenizer = WordTokenizer.train([text])
    assert len(tokenizer.encode(text)) == 15
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.unknown("The new boats") == ["new"]
    unigram = train_tokenizer(["old boats and old boots"], kind="unigram")
    assert unigram.decode(unigram.encode("any text: 中文\t🙂")) == "any text: 中文\t🙂"


def test_a_vocabulary_that_no_memory_holds_is_refused():
    with pytest.raises(TokenizerError, match="give at most 16,777,216"):
        train_tokenizer(["a b c"], kind="wordpiece", vocab_size=10**9)
