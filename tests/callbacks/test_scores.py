"""BLEU in the logs: what sacreBLEU gives for what the model writes."""

import random

import keras
import pytest
import sacrebleu

import lmzoo
from lmzoo.callbacks import BleuCallback
from lmzoo.errors import ArgumentError

WORDS = ["red", "green", "blue", "old", "new", "big", "small", "wet"]


@pytest.fixture(scope="module")
def trained(request):
    """A model that learns to write a text backwards, with BLEU at the end of each second epoch."""
    keras.utils.set_random_seed(0)
    rng = random.Random(0)
    sources = [" ".join(rng.choices(WORDS, k=5)) for _ in range(400)]
    pairs = [(text, " ".join(reversed(text.split()))) for text in sources]
    data = lmzoo.data.prepare_seq2seq(pairs, tokenizer="whitespace", valid_fraction=0.0)
    model = lmzoo.build_gru_seq2seq(data.vocab_size, embed_dim=32, hidden_dim=64, dropout=0.0)
    model.compile(keras.optimizers.Adam(1e-2))
    held = pairs[:20]
    callback = BleuCallback(
        [source for source, _ in held],
        [target for _, target in held],
        tokenizer=data.tokenizers,
        every_epochs=2,
        show=1,
    )
    stop = keras.callbacks.EarlyStopping("val_bleu", mode="max", patience=100)
    history = model.fit(data.train, epochs=24, verbose=0, callbacks=[callback, stop]).history
    return model, data, held, callback, history


def test_it_rises_and_others_can_watch_it(trained):
    history = trained[-1]
    assert len(history["val_bleu"]) == len(history["loss"]) == 24
    assert history["val_bleu"][6] == history["val_bleu"][7]
    assert history["val_bleu"][0] < 60 < 90 < history["val_bleu"][-1]


def test_the_figure_is_sacrebleus_of_what_the_model_writes(trained):
    model, data, held, callback, _ = trained
    texts = lmzoo.answer(model, [s for s, _ in held], tokenizer=data.tokenizers, num_beams=1)
    expected = sacrebleu.corpus_bleu(texts, [[target for _, target in held]], force=True).score
    assert callback.evaluate(model) == {"val_bleu": pytest.approx(expected)}


def test_triples_are_shown(trained, capsys):
    model, _, held, callback, _ = trained
    callback.evaluate(model)
    shown = capsys.readouterr().out
    assert f"source:     {held[0][0]}" in shown
    assert "hypothesis:" in shown


def test_missing_references_are_refused():
    tokenizer = lmzoo.data.train_tokenizer(WORDS, kind="whitespace")
    with pytest.raises(ArgumentError, match="1 sources and 0 references"):
        BleuCallback(["red"], [], tokenizer=tokenizer)
    with pytest.raises(ArgumentError, match="source 1 is ' ', which has no token"):
        BleuCallback(["red", " "], ["red", "red"], tokenizer=tokenizer)
    with pytest.raises(ArgumentError, match="every_epochs"):
        BleuCallback(["red"], ["red"], tokenizer=tokenizer, every_epochs=0)
