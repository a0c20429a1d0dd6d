"""`TextGenerator` goes on beyond the longest sequence, and begins documents after an end token."""

import keras
import numpy as np
import pytest

from lmzoo.errors import PromptError
from lmzoo.generation import TextGenerator
from tests.generation.standins import ByteTokenizer, PieceTokenizer, RecurrentModel

BYTES = ByteTokenizer()


@pytest.fixture
def model():
    """A plain model of bytes that never ends a text, with a longest sequence of 16."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(BYTES.vocab_size, 8),
            keras.layers.Dense(BYTES.vocab_size),
        ]
    )
    model.max_length = 16
    ascii_only = (np.arange(BYTES.vocab_size) < 36) | (np.arange(BYTES.vocab_size) > 100)
    model.layers[-1].bias.assign(np.where(ascii_only, -1e9, 0))
    return model


def test_it_goes_on_beyond_the_longest_sequence(model):
    generator = TextGenerator(model, BYTES, documents=False, max_new_tokens=45, seed=3)
    pieces = list(generator.stream("the sun"))
    assert len("".join(pieces)) == 45
    assert pieces == list(generator.stream("the sun"))
    with pytest.raises(PromptError, match="shorten"):
        list(generator.stream("the sun went down and"))


def test_documents_begin_after_an_end_token(model):
    generator = TextGenerator(model, BYTES)
    assert generator.prompt_ids() == [BYTES.eos_id]
    assert generator.prompt_ids("a b") == [BYTES.eos_id, *BYTES.encode("a b")]
    generator = TextGenerator(model, BYTES, documents=False)
    assert generator.prompt_ids("a b") == BYTES.encode("a b")
    assert generator.prompt_ids("") == BYTES.encode("\n")


def test_show_prints_the_prompt_and_its_continuation(model, capsys):
    generator = TextGenerator(model, BYTES, max_new_tokens=9, seed=0)
    text = "".join(generator.stream("one\ntwo"))
    generator.show("one\ntwo", indent="> ")
    assert capsys.readouterr().out == "> one\n> two" + text.replace("\n", "\n> ") + "\n"


def test_a_text_ends_at_its_end_token():
    tokenizer = PieceTokenizer()
    model = RecurrentModel(vocab_size=tokenizer.vocab_size)
    generator = TextGenerator(model, tokenizer, max_new_tokens=500, seed=2)
    assert 0 < len("".join(generator.stream("the cat"))) < 500
