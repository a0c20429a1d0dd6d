"""Models whose weights are NaN: predictions are refused, reports print and are strict JSON."""

import json

import numpy as np
import pytest

import lmzoo
from lmzoo.callbacks import BleuCallback
from lmzoo.errors import LmzooError
from lmzoo.evaluation import Report

SMALL = {"embed_dim": 4, "hidden_dim": 4}


def diverged(model):
    model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
    model.compile("adam", run_eagerly=True)
    return model


def of_json(report, tmp_path):
    assert "diverged" in str(report)
    report.save(tmp_path)

    def refuse(constant):
        raise AssertionError(constant)

    saved = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refuse)
    assert saved == json.loads(report.json(), parse_constant=refuse)
    assert saved["val_loss"] is None
    return saved


@pytest.fixture(scope="module")
def tagged():
    rows = [(["Ann", "slept"], ["B-PER", "O"])] * 4
    data = lmzoo.data.prepare_tagging({"train": rows, "valid": rows}, characters=False)
    crf, plain = (
        diverged(lmzoo.build_bilstm_crf_tagger(data.vocab_size, num_tags=2, crf=crf, **SMALL))
        for crf in (True, False)
    )
    return data, crf, plain


def test_tags_of_nan_are_refused(tagged):
    data, *models = tagged
    ids = data.vocabulary.inputs([["Ann", "slept"]])
    for model in models:
        for call in (
            lambda model=model: lmzoo.tag(model, "Ann slept", vocabulary=data.vocabulary),
            lambda model=model: model.decode(ids),
            lambda model=model: model.marginals(ids),
        ):
            with pytest.raises(LmzooError, match="training diverged"):
                call()


def test_a_transition_of_nan_is_refused(tagged):
    data, *_ = tagged
    model = lmzoo.build_bilstm_crf_tagger(data.vocab_size, num_tags=2, **SMALL)
    model.crf.start.assign([np.nan, 0.0])
    with pytest.raises(LmzooError, match="training diverged"):
        lmzoo.tag(model, "Ann slept", vocabulary=data.vocabulary)


def test_reports_of_taggers(tagged, tmp_path):
    data, crf, _ = tagged
    assert of_json(lmzoo.evaluation.tagging(crf, data), tmp_path)["f1"] is None


def test_reports_of_classifiers(tmp_path):
    rows = [("a fine film", "good"), ("a dull film", "bad")] * 4
    data = lmzoo.data.prepare_classification({"train": rows, "valid": rows}, tokenizer="word")
    model = diverged(lmzoo.build_bow_classifier(data.vocab_size, embed_dim=4))
    assert of_json(lmzoo.evaluation.classification(model, data), tmp_path)["accuracy"] is None


def test_reports_of_language_models(tmp_path):
    data = lmzoo.data.prepare_lm("grammar", grammar_size=60, tokenizer="word", batch_size=4)
    model = diverged(lmzoo.build_gru_lm(data.vocab_size, **SMALL))
    of_json(lmzoo.evaluation.language_model(model, data), tmp_path)


def test_reports_and_bleu_of_translators(tmp_path):
    pairs = [(f"{n} dogs", f"{n} cats") for n in range(8)]
    data = lmzoo.data.prepare_seq2seq({"train": pairs, "valid": pairs}, tokenizer="word")
    model = diverged(lmzoo.build_gru_seq2seq(data.vocab_size, **SMALL))
    of_json(lmzoo.evaluation.seq2seq(model, data), tmp_path)
    callback = BleuCallback(["1 dogs"], ["1 cats"], tokenizer=data.tokenizers)
    with pytest.raises(LmzooError, match="diverged"):
        callback.evaluate(model)


def test_json_is_strict_for_what_is_nested_and_of_numpy():
    metrics = {"a": np.float32("nan"), "b": {"c": [np.inf, np.int64(2)]}, "d": np.array([0.5])}
    assert json.loads(Report(metrics).json()) == {"a": None, "b": {"c": [None, 2]}, "d": [0.5]}
