"""Out-of-scope texts: thresholds against counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.metrics import draw_out_of_scope, out_of_scope_scores, predicted_classes

PROBABILITIES = {"from_logits": False}


def drawn(seed, rows=12, classes=4):
    rng = np.random.default_rng(seed)
    return rng.integers(0, classes, rows), rng.dirichlet(np.ones(classes), rows)


@given(seed=st.integers(0, 2**31), threshold=st.floats(0, 1), outside=st.integers(0, 3))
def test_scores_are_those_of_counting(seed, threshold, outside):
    labels, probabilities = drawn(seed)
    right, found = {True: [], False: []}, []
    for label, row in zip(labels.tolist(), probabilities.tolist(), strict=True):
        best = row.index(max(row))
        best = outside if max(row) < threshold else best
        found.append(best)
        right[label == outside].append(best == label)
    predicted = predicted_classes(probabilities, outside, threshold, **PROBABILITIES)
    assert predicted.tolist() == found
    scores = out_of_scope_scores(labels, probabilities, outside, threshold, **PROBABILITIES)
    wanted = {"in_scope_accuracy": right[False], "out_of_scope_recall": right[True]}
    for name, hits in wanted.items():
        assert scores[name] == pytest.approx(np.mean(hits) if hits else 0.0)
    logits = np.log(probabilities) + 3.0
    middle = threshold if np.abs(probabilities.max(1) - threshold).min() > 1e-9 else 0.0
    wanted = predicted_classes(probabilities, outside, middle, **PROBABILITIES)
    assert predicted_classes(logits, outside, middle).tolist() == wanted.tolist()


@given(seed=st.integers(0, 2**31))
def test_a_higher_threshold_never_finds_fewer_out_of_scope_texts(seed):
    labels, probabilities = drawn(seed)
    recalls = [
        out_of_scope_scores(labels, probabilities, 0, t, **PROBABILITIES)["out_of_scope_recall"]
        for t in np.linspace(0, 1, 11)
    ]
    assert recalls == sorted(recalls)


def test_two_classes_may_be_one_probability():
    rows = [0, 1, 1], [[0.1], [0.9], [0.6]]
    scores = out_of_scope_scores(*rows, out_of_scope=0, threshold=0.7, **PROBABILITIES)
    assert scores == {"in_scope_accuracy": 0.5, "out_of_scope_recall": 1.0}


def test_what_cannot_be_is_refused():
    _, probabilities = drawn(0)
    with pytest.raises(ArgumentError, match="it is a probability"):
        predicted_classes(probabilities, 0, 1.5)
    with pytest.raises(ArgumentError, match="without out_of_scope"):
        predicted_classes(probabilities, None, 0.5)


def test_the_figure_is_drawn(tmp_path):
    draw_out_of_scope(tmp_path / "scores.png", *drawn(0), 0, 0.5)
    assert (tmp_path / "scores.png").read_bytes()[:4] == b"\x89PNG"


def test_classify_gives_the_out_of_scope_label_below_the_threshold():
    texts = [("a fine film", "good"), ("a dull film", "bad"), ("a b", "none")] * 8
    data = lmzoo.data.prepare_classification(texts, tokenizer="word", valid_fraction=0.0)
    model = lmzoo.build_bow_classifier(data.vocab_size, num_classes=3, embed_dim=4)
    named = {"tokenizer": data.tokenizer, "labels": data.labels}
    chances = lmzoo.classify(model, "fine", probabilities=True, **named)
    best = max(chances, key=chances.get)
    below, above = chances[best] - 1e-3, chances[best] + 1e-3
    other = next(label for label in data.labels if label != best)
    assert lmzoo.classify(model, "fine", out_of_scope=other, threshold=below, **named) == best
    assert lmzoo.classify(model, "fine", out_of_scope=other, threshold=above, **named) == other
    with pytest.raises(ArgumentError, match="not one of the 3 labels"):
        lmzoo.classify(model, "fine", out_of_scope="nowhere", **named)
