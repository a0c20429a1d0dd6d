"""What begins a text in training begins it in generation and scores; ids stay as they are."""

import keras
import numpy as np
import pytest

import lmzoo
from lmzoo.errors import ArgumentError, PromptError
from tests.generation.standins import RecurrentModel

DOCUMENTS = ["a dog sleeps", "a cat runs", "the dog runs", "the cat sleeps"] * 4


def prepare(tokenizer="word", **settings):
    sizes = {"sequence_length": 4, "batch_size": 2, "valid_fraction": 0.0}
    settings |= {"deduplicate": False, **sizes}
    return lmzoo.data.prepare_lm(DOCUMENTS, tokenizer=tokenizer, **settings)


@pytest.fixture(scope="module")
def tokenizer():
    return prepare().tokenizer


@pytest.fixture(scope="module")
def model(tokenizer):
    return RecurrentModel(vocab_size=tokenizer.vocab_size, seed=3)


def test_texts_begin_as_documents_did(tokenizer, model):
    assert tokenizer.start_id == tokenizer.eos_id
    text = "the dog"
    ids = [tokenizer.eos_id, *tokenizer.encode(text)]
    arguments = {"tokenizer": tokenizer, "max_new_tokens": 6}
    for function, more in (
        (lmzoo.generate, {"temperature": 0}),
        (lmzoo.generate, {"seed": 1}),
        (lmzoo.beam_search, {"num_beams": 3}),
    ):
        wanted = tokenizer.decode(function(model, ids, **arguments, **more))
        assert function(model, text, **arguments, **more) == wanted
        assert function(model, [text], **arguments, **more) == [wanted]
    pieces = lmzoo.stream(model, text, temperature=0, **arguments)
    whole = lmzoo.generate(model, text, temperature=0, **arguments)
    assert text + "".join(pieces) == whole
    values = lmzoo.score(model, text, tokenizer=tokenizer)
    assert len(values) == 2
    np.testing.assert_array_equal(values, lmzoo.score(model, ids))


def test_lists_of_ids_stay_as_they_are(tokenizer, model):
    row = tokenizer.encode("the dog")
    arguments = {"max_new_tokens": 6, "temperature": 0}
    found = lmzoo.generate(model, row, tokenizer=tokenizer, **arguments)
    assert found[:2] == row
    assert found == lmzoo.generate(model, row, stop=tokenizer.eos_id, **arguments)
    assert len(lmzoo.score(model, row, tokenizer=tokenizer)) == 1


def test_a_document_is_generated_from_nothing(tokenizer, model):
    arguments = {"tokenizer": tokenizer, "max_new_tokens": 6, "temperature": 0}
    text = lmzoo.generate(model, "", **arguments)
    ids = lmzoo.generate(model, [tokenizer.eos_id], **arguments)
    assert text == tokenizer.decode(ids) != ""


def test_it_is_saved_and_can_be_left_out(tokenizer, model):
    tokenizer.save("tokenizer.json")
    loaded = lmzoo.data.load_tokenizer("tokenizer.json")
    assert loaded == tokenizer
    assert loaded.start_id == tokenizer.eos_id
    loaded.start_id = None
    loaded.save("tokenizer.json")
    loaded = lmzoo.data.load_tokenizer("tokenizer.json")
    assert loaded.start_id is None
    assert len(lmzoo.score(model, "the dog", tokenizer=loaded)) == 1
    with pytest.raises(PromptError, match="no tokens"):
        lmzoo.generate(model, "", tokenizer=loaded)


def test_a_stream_begins_with_nothing():
    text = " ".join(DOCUMENTS)
    with open("text.txt", "w", encoding="utf-8") as file:
        file.write(text)
    data = lmzoo.data.prepare_lm(
        "text.txt", tokenizer="word", sequence_length=4, valid_fraction=0.0
    )
    assert data.tokenizer.start_id is None
    # A tokenizer that begins other texts is not changed by a second use.
    given = prepare().tokenizer
    data = lmzoo.data.prepare_lm("text.txt", tokenizer=given, sequence_length=4, valid_fraction=0)
    assert (given.start_id, data.tokenizer.start_id) == (given.eos_id, None)
    own = lmzoo.data.train_tokenizer(DOCUMENTS, kind="char")
    assert own.start_id is None
    assert prepare(own).tokenizer is own
    assert own.start_id == own.eos_id


def test_a_folder_of_an_older_training_knows_its_documents():
    data = prepare()
    data.tokenizer.report.pop("start_id")
    data.save("run")
    assert lmzoo.data.load_task("run").tokenizer.start_id == data.tokenizer.eos_id


def test_sources_have_no_beginning(tokenizer):
    keras.utils.set_random_seed(0)
    model = lmzoo.build_gru_seq2seq(tokenizer.vocab_size, embed_dim=4, hidden_dim=4)
    settings = {"max_new_tokens": 4, "temperature": 0, "tokenizer": tokenizer}
    ids = lmzoo.generate(model, tokenizer.encode("the dog"), **settings)
    assert lmzoo.generate(model, "the dog", **settings) == tokenizer.decode(ids)
    with pytest.raises(PromptError, match="no tokens"):
        lmzoo.generate(model, "", **settings)


def test_scores_that_are_no_numbers_are_no_scores():
    model = RecurrentModel()
    model.tables[2].assign(np.full(model.tables[2].shape, np.nan))
    with pytest.raises(ArgumentError, match="diverged"):
        lmzoo.score(model, [[1, 2], [3, 4, 5]])
