"""Perplexities of a language model: sums of nats, per word and byte, beside the floor."""

import itertools
import json
import math

import keras
import numpy as np
import pytest

from lmzoo.data import prepare_lm
from lmzoo.evaluation import Report, language_model
from lmzoo.evaluation.lm_report import excess_error
from lmzoo.metrics import Perplexity


def numpy_nats(model, ids):
    """Nats of each id after the first, in float64."""
    logits = model(np.array([ids[:-1]], "int32"), training=False)[0].numpy().astype("float64")
    logits -= logits.max(axis=-1, keepdims=True)
    logp = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -logp[np.arange(len(ids) - 1), ids[1:]]


@pytest.fixture
def documents():
    texts = ["a b c", "c c a b", "b", "a a b a c a", "b c a", "c a b"] * 4
    data = prepare_lm(texts, tokenizer="word", sequence_length=8, batch_size=2, valid_fraction=0.5,
                      deduplicate=False)  # fmt: skip
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(data.vocab_size, 8),
            keras.layers.Dense(data.vocab_size),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, weighted_metrics=[Perplexity()])
    return data, model


def test_nats_are_added_up(documents):
    data, model = documents
    ids = data.ids("valid")
    nats = numpy_nats(model, ids)  # this model sees one token only, so rows do not matter
    found = language_model(model, data).metrics
    assert found["val_tokens"] == len(nats)
    assert found["val_loss"] == pytest.approx(nats.mean(), abs=1e-5)
    assert found["val_perplexity"] == pytest.approx(math.exp(nats.mean()), rel=1e-5)
    bits = nats.sum() / data.valid_counts["bytes"] / math.log(2)
    assert found["val_bits_per_byte"] == pytest.approx(bits, rel=1e-5)
    words = nats.sum() / data.valid_counts["words"]
    assert found["val_perplexity_per_word"] == pytest.approx(math.exp(words), rel=1e-4)


def test_a_floor_gives_the_excess_per_word(documents):
    data, model = documents
    ids = data.ids("valid").tolist()
    nats = numpy_nats(model, ids)
    ends = [i for i, token in enumerate(ids) if token == data.tokenizer.eos_id]
    rows = [ids[a : b + 1] for a, b in itertools.pairwise(ends)]
    data.floor_nats = 1.5 * len(nats)
    data.floor_per_document = np.array([1.5 * (len(row) - 1) for row in rows])
    report = language_model(model, data, samples=0)
    words = data.valid_counts["words"]
    excess = (nats - 1.5).sum() / words
    assert report.metrics["excess_per_word"] == pytest.approx(excess, abs=1e-4)
    assert f"(floor {math.exp(1.5):.2f})" in str(report)
    assert f"{math.expm1(excess):,.1%} per word ({excess:.4f} nats, standard error" in str(report)


def test_the_standard_error_is_that_of_a_ratio_over_documents(documents):
    data, model = documents
    ids = data.ids("valid").tolist()
    ends = [i for i, token in enumerate(ids) if token == data.tokenizer.eos_id]
    rows = [ids[a : b + 1] for a, b in itertools.pairwise(ends)]
    data.floor_per_document = np.linspace(0.5, 2.0, len(rows)) * [len(row) for row in rows]
    excess = np.array([numpy_nats(model, r).sum() for r in rows]) - data.floor_per_document
    words = np.array([len(row) - 2 for row in rows])
    rng = np.random.default_rng(0)
    draws = rng.integers(len(rows), size=(4000, len(rows)))
    bootstrap = np.std(excess[draws].sum(1) / words[draws].sum(1))
    assert excess_error(model, data) == pytest.approx(bootstrap, rel=0.25)


def test_a_text_without_words_has_no_perplexity_per_word(documents):
    data, model = documents
    data.valid_counts["words"] = 0
    report = language_model(model, data)
    assert report.metrics["val_perplexity_per_word"] is None
    assert report.metrics["val_bits_per_byte"] > 0
    assert "not finite" in str(report)


def test_a_report_is_strict_json_and_saves_its_files(tmp_path):
    report = Report({"a": float("nan"), "b": float("inf"), "c": 1.5}, files={"more.txt": "text"})
    report.figures["figure.png"] = lambda path: path.write_bytes(b"png")
    report.save(tmp_path, seed=3)
    wanted = {"a": None, "b": None, "c": 1.5, "seed": 3}
    assert json.loads(report.json()) == wanted
    assert json.loads((tmp_path / "metrics.json").read_text()) == wanted
    assert (tmp_path / "more.txt").read_text() == "text"
    assert (tmp_path / "figure.png").exists()
