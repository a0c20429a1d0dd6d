"""Unknown words of an answer are those of the source with the largest attention weight."""

import keras
import numpy as np
import pytest

import lmzoo
from lmzoo.generation import answer_text


@pytest.fixture(scope="module")
def trained():
    """A model that repeats the second and the first of three words; half of them are unknown."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(40)]
    rows = [rng.choice(words, 3, replace=False) for _ in range(600)]
    pairs = [(" ".join(row), f"{row[1]} and {row[0]}") for row in rows]
    tokenizer = lmzoo.data.train_tokenizer(["and", *words[:20]], kind="whitespace")
    data = lmzoo.data.prepare_seq2seq(
        pairs, tokenizer=tokenizer, tokens_per_batch=256, valid_fraction=0.0
    )
    model = lmzoo.build_lstm_seq2seq(
        data.vocab_size, embed_dim=16, hidden_dim=32, dropout=0.0, copy=True
    )
    model.compile(keras.optimizers.Adam(1e-2), steps_per_execution=5)
    model.fit(data.train, epochs=25, verbose=0)
    return model, tokenizer


def test_known_and_unknown_words_are_copied(trained):
    model, tokenizer = trained
    sources = ["w3 w7 w1", "w25 w7 w39", "w3 new w1", "other new w1"]
    wanted = ["w7 and w3", "w7 and w25", "new and w3", "new and other"]
    for beams in (1, 3):
        found = lmzoo.answer(model, sources, tokenizer=tokenizer, num_beams=beams)
        right = sum(a == b for a, b in zip(found, wanted, strict=True))
        assert right >= 3, found
    assert "<unk>" in tokenizer.decode(tokenizer.encode("new and other"))


def test_other_tokenizers_and_models_decode_as_ever(trained):
    model, tokenizer = trained
    ids = tokenizer.encode("w3 and new")
    two = lmzoo.data.train_tokenizer(["w3 and"], kind="whitespace")
    assert answer_text(model, (two, tokenizer), "a b", ids) == "w3 and <unk>"
    plain = lmzoo.build_gru_seq2seq(tokenizer.vocab_size, embed_dim=8, hidden_dim=8)
    assert answer_text(plain, tokenizer, "a b", ids) == "w3 and <unk>"


def test_attention_adds_up_to_one_and_leaves_padding_out(trained):
    model, _ = trained
    source = np.array([[5, 6, 7], [5, 0, 0]])
    weights = np.asarray(model.attention(source, np.array([[2, 6, 4], [2, 5, 4]])))
    assert weights.shape == (2, 3, 3)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(weights[1, :, 0], 1, rtol=1e-5)
