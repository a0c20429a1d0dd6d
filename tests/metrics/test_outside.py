"""What belongs to no class: thresholds against counting by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.metrics import draw_outside, likeliest, outside_scores


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
    assert likeliest(probabilities, outside, threshold).tolist() == found
    scores = outside_scores(labels, probabilities, outside, threshold)
    wanted = {"inside_accuracy": right[False], "outside_recall": right[True]}
    for name, hits in wanted.items():
        assert scores[name] == pytest.approx(np.mean(hits) if hits else 0.0)


@given(seed=st.integers(0, 2**31))
def test_a_higher_threshold_never_finds_fewer_that_belong_nowhere(seed):
    labels, probabilities = drawn(seed)
    recalls = [
        outside_scores(labels, probabilities, 0, t)["outside_recall"] for t in np.linspace(0, 1, 11)
    ]
    assert recalls == sorted(recalls)


def test_two_classes_may_be_one_probability():
    scores = outside_scores([0, 1, 1], [[0.1], [0.9], [0.6]], outside=0, threshold=0.7)
    assert scores == {"inside_accuracy": 0.5, "outside_recall": 1.0}


def test_what_cannot_be_is_refused():
    _, probabilities = drawn(0)
    with pytest.raises(ArgumentError, match="it is a probability"):
        likeliest(probabilities, 0, 1.5)
    with pytest.raises(ArgumentError, match="without outside"):
        likeliest(probabilities, None, 0.5)


def test_the_figure_is_drawn(tmp_path):
    draw_outside(tmp_path / "outside.png", *drawn(0), 0, 0.5)
    assert (tmp_path / "outside.png").read_bytes()[:4] == b"\x89PNG"


def test_classify_gives_the_outside_label_below_the_threshold():
    texts = [("a fine film", "good"), ("a dull film", "bad"), ("a b", "none")] * 8
    data = lmzoo.data.prepare_classification(texts, tokenizer="word", valid_fraction=0.0)
    model = lmzoo.build_bow_classifier(data.vocab_size, num_classes=3, embed_dim=4)
    named = {"tokenizer": data.tokenizer, "labels": data.labels}
    chances = lmzoo.classify(model, "fine", probabilities=True, **named)
    best = max(chances, key=chances.get)
    below, above = chances[best] - 1e-3, chances[best] + 1e-3
    other = next(label for label in data.labels if label != best)
    assert lmzoo.classify(model, "fine", outside=other, threshold=below, **named) == best
    assert lmzoo.classify(model, "fine", outside=other, threshold=above, **named) == other
    with pytest.raises(ArgumentError, match="none of the 3 labels"):
        lmzoo.classify(model, "fine", outside="nowhere", **named)
