"""`stream` gives generate's continuation in pieces, whole characters only."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lmzoo
from lmzoo.generation import generate, stream
from lmzoo.generation.continuation import Continuation
from tests.generation.standins import (
    ByteTokenizer,
    PieceTokenizer,
    RecurrentModel,
    ScriptedModel,
)

BYTES = ByteTokenizer()
WRITTEN = "na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve \N{EURO SIGN}5, \N{GRINNING FACE}! END of it"


@pytest.fixture(scope="module")
def scripted():
    return ScriptedModel(BYTES.encode(WRITTEN), start=1, vocab_size=260)


@pytest.fixture(scope="module")
def bytes_model():
    return RecurrentModel(vocab_size=260)


def test_no_piece_holds_a_part_of_a_character(scripted):
    count = len(WRITTEN.encode())
    arguments = {"tokenizer": BYTES, "max_new_tokens": count, "temperature": 0}
    pieces = list(stream(scripted, "a", **arguments))
    assert pieces == list(WRITTEN)


@pytest.mark.parametrize("stop", [["END"], ["5,", "END"], ["\N{GRINNING FACE}"], ["EN of"]])
def test_stop_strings_are_never_shown(scripted, stop):
    arguments = {"tokenizer": BYTES, "max_new_tokens": 33, "temperature": 0, "stop": stop}
    pieces = list(stream(scripted, "a", **arguments))
    assert "a" + "".join(pieces) == generate(scripted, "a", **arguments)
    assert all(pieces)
    ids = list(stream(scripted, [5], **arguments))
    assert [5, *ids] == generate(scripted, [5], **arguments)


@pytest.mark.parametrize("seed", range(4))
def test_pieces_join_to_generates_text(bytes_model, seed):
    """Random bytes: mostly broken UTF-8."""
    arguments = {"tokenizer": BYTES, "max_new_tokens": 40, "seed": seed, "stop": ["a", "0"]}
    whole = generate(bytes_model, "xyz", **arguments)
    assert "xyz" + "".join(stream(bytes_model, "xyz", **arguments)) == whole


def test_ids_come_one_by_one_and_the_end_token_is_not_shown(bytes_model):
    arguments = {"max_new_tokens": 20, "seed": 5, "stop": 3}
    tokens = list(stream(bytes_model, [9, 8], **arguments))
    assert [9, 8, *tokens] == generate(bytes_model, [9, 8], **arguments)
    assert all(type(token) is int for token in tokens)
    assert 3 not in tokens


def test_pieces_of_words_keep_their_spaces():
    tokenizer = PieceTokenizer()
    script = [tokenizer.pieces.index(p) for p in ("_cat", "s", "_sat", ".")] + [3]
    model = ScriptedModel(script, start=1, vocab_size=tokenizer.vocab_size)
    pieces = list(stream(model, "the", tokenizer=tokenizer, temperature=0))
    assert pieces == [" cat", "s", " sat", "."]


class QuotingTokenizer(PieceTokenizer):
    """Sets a quotation mark to its word only once that is known, as word tokenizers do."""

    kind = "word"
    pieces = ("", "", "", "", "she", "said", '"', "yes", "no", "so")
    vocab_size = len(pieces)

    def encode(self, text):
        return [self.pieces.index(word) for word in text.split()]

    def decode(self, ids):
        words = " ".join(self.pieces[i] for i in ids if i > 3)
        first, *rest = words.split(' "')
        return "".join([first, *(f' "{part[1:]}' if part[:1] == " " else '"' for part in rest)])


def test_text_that_may_change_waits_for_the_next_word():
    tokenizer = QuotingTokenizer()
    assert tokenizer.decode([4, 5, 6]) == 'she said"'
    assert tokenizer.decode([4, 5, 6, 7]) == 'she said "yes'
    model = ScriptedModel([5, 6, 7, 8, 3], start=1, vocab_size=tokenizer.vocab_size)
    arguments = {"tokenizer": tokenizer, "temperature": 0}
    assert generate(model, "she ", **arguments) == 'she said "yes no'
    assert list(stream(model, "she ", **arguments)) == ["said", ' "yes', " no"]
    for stop, expected in (('d"', 'she said "yes no'), ("yes", 'she said "'), ("no", None)):
        text = generate(model, "she ", stop=stop, **arguments)
        assert text == (expected or 'she said "yes ')
        assert "she " + "".join(stream(model, "she ", stop=stop, **arguments)) == text


WORDS = ["he", "said", '"', "'", "good", ".", "morning", "\n", "(", "-", "\N{EURO SIGN}"]
KINDS = ("word", "whitespace", "wordpiece", "unigram", "byte")


@pytest.fixture(scope="module")
def tokenizers():
    texts = [" ".join(WORDS * 3)] * 5
    return {kind: lmzoo.data.train_tokenizer(texts, kind=kind) for kind in KINDS}


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_what_is_stable_begins_the_whole_text(tokenizers, data):
    tokenizer = tokenizers[data.draw(st.sampled_from(KINDS))]
    prompt = data.draw(st.sampled_from([" ", ""]).flatmap(
        lambda end: st.lists(st.sampled_from(WORDS), max_size=6).map(lambda w: " ".join(w) + end)
    ))  # fmt: skip
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size - 1), max_size=10))
    marks = tokenizer.encode("\" ' good")
    ids = [marks[i % len(marks)] if i % 2 else i for i in ids]
    decoder = Continuation(tokenizer.encode(prompt), tokenizer, given=prompt)
    whole = decoder.finish(ids)
    for count in range(len(ids) + 1):
        assert whole.startswith(decoder.stable(ids[:count]))


@pytest.mark.parametrize("stop", [None, '"', "morning", 'd "', '." h'])
def test_quotations_are_streamed_as_they_are_generated(tokenizers, stop):
    tokenizer = tokenizers["word"]
    script = tokenizer.encode('good morning" . \' "he" said \'good\' . " morning')
    model = ScriptedModel(script, start=1, vocab_size=tokenizer.vocab_size)
    for prompt in ("he", 'he said "good', 'he said "', "he said 'good \"", "'"):
        start = len(tokenizer.encode(prompt))
        arguments = {"tokenizer": tokenizer, "temperature": 0, "stop": stop}
        arguments["max_new_tokens"] = len(script) + 1 - start
        whole = generate(model, prompt, **arguments)
        assert prompt + "".join(stream(model, prompt, **arguments)) == whole
        if stop is None:
            right = tokenizer.decode([*tokenizer.encode(prompt), *script[start - 1 :]])
            assert "".join(whole.split()) == "".join(right.split())
            assert right.endswith(whole[len(prompt) :])


def test_closing_early_is_fine(scripted):
    pieces = stream(scripted, "a", tokenizer=BYTES, temperature=0)
    assert next(pieces) == "n"
    pieces.close()
    assert next(pieces, "closed") == "closed"


letters = st.text("abc", max_size=12)


@settings(deadline=None, max_examples=200)
@given(letters, st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_what_is_settled_never_belongs_to_a_stop_string(text, stops):
    """Growing the text character by character gives the same cut as one search."""
    decoder = Continuation([], BYTES, stops)
    shown = 0
    for end in range(len(text) + 1):
        place = decoder.stop_at(text[:end])
        if place is not None:
            assert shown <= place
            assert place == decoder.stop_at(text)
            break
        settled = decoder.settled(text[:end])
        assert settled >= shown
        shown = settled
    else:
        assert not any(stop in text for stop in stops)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=8), st.binary(max_size=8))
def test_decoding_after_a_prompt_loses_nothing(prompt, new):
    ids = [byte + 4 for byte in new]
    text = Continuation(BYTES.encode(prompt), BYTES).decode(ids)
    assert text == new.decode(errors="replace").rstrip("\N{REPLACEMENT CHARACTER}")
