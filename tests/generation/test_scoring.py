"""`score` equals NumPy's log-softmax of the model's logits."""

import numpy as np
import pytest

from lmzoo.generation import generate, score
from lmzoo.generation.steppers.compiled import compilation_count
from tests.generation.standins import (
    AttentionModel,
    ByteTokenizer,
    RecurrentModel,
    log_softmax,
)


@pytest.fixture(scope="module", params=[RecurrentModel, AttentionModel])
def model(request):
    return request.param()


def expected(model, ids):
    table = log_softmax(model.numpy_logits(ids))
    return table[np.arange(len(ids) - 1), ids[1:]]


def test_scores_equal_numpy_on_unequal_rows(model):
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, 11, n) for n in rng.integers(1, 90, 20)]
    for row, got in zip(rows, score(model, rows), strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected(model, row), atol=1e-4)


def test_one_row_gives_one_array():
    model = RecurrentModel()
    got = score(model, [1, 2, 3])
    assert got.shape == (2,)
    assert score(model, [4]).shape == (0,)
    best = generate(model, [1, 2], max_new_tokens=1, temperature=0)
    others = score(model, [[1, 2, token] for token in range(11)])
    assert max(range(11), key=lambda token: others[token][1]) == best[-1]
    np.testing.assert_allclose(others[3], got, atol=1e-5)


def test_text_is_scored_as_its_ids():
    model = RecurrentModel(vocab_size=260)
    tokenizer = ByteTokenizer()
    texts = ["hello", "you"]
    ids = [tokenizer.encode(text) for text in texts]
    for got, row in zip(score(model, texts, tokenizer=tokenizer), ids, strict=True):
        np.testing.assert_allclose(got, expected(model, row), atol=1e-4)


def test_many_lengths_compile_rarely_and_new_weights_are_heard():
    model = RecurrentModel(seed=3)
    before = compilation_count()
    for length in range(1, 60):
        score(model, [1] * length)
    assert compilation_count() - before <= 2
    model.randomize(4)
    np.testing.assert_allclose(score(model, [1, 2, 3]), expected(model, [1, 2, 3]), atol=1e-4)
