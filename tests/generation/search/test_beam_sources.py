"""`beam_search` on models of two texts: all of 100 random ones against every possible target."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

import lmzoo
from lmzoo.errors import ArgumentError
from tests.generation.standins import log_softmax

VOCAB, COUNT, STOP = 6, 3, 3
SIZE = {"embed_dim": 8, "hidden_dim": 8, "dropout": 0.0}


def make(name):
    more = {"num_heads": 2, "num_layers": 1} if name == "transformer_seq2seq" else {}
    return lmzoo.build_model(name, vocab_size=VOCAB, **SIZE, **more)


def randomize(model, seed):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.8, weight.shape))
    return rng


def targets():
    """All targets of COUNT tokens: (VOCAB ** COUNT, COUNT)."""
    return np.array(list(itertools.product(range(VOCAB), repeat=COUNT)), "int32")


def every_hypothesis(model, source, alpha, beta):
    """All targets, best first: (score, ids without the stop id)."""
    new = targets()
    sources = np.repeat([source], len(new), axis=0).astype("int32")
    read = np.concatenate([np.full((len(new), 1), 2), new[:, :-1]], axis=1).astype("int32")
    table = log_softmax(np.asarray(ops.convert_to_numpy(model([sources, read]))))
    gains = np.take_along_axis(table, new[:, :, None], axis=2)[:, :, 0]
    penalties = coverage_penalties(model, sources, read) if beta else np.zeros(new.shape)
    found = {}
    for ids, gain, penalty in zip(new.tolist(), gains, penalties, strict=True):
        length = ids.index(STOP) + 1 if STOP in ids else COUNT
        kept = tuple(ids[: length - 1] if STOP in ids else ids)
        score = gain[:length].sum() / ((5 + length) / 6) ** alpha + beta * penalty[length - 1]
        found[kept, STOP in ids] = score
    return sorted(((score, list(ids)) for (ids, _), score in found.items()), reverse=True)


def coverage_penalties(model, sources, read):
    """After each target token, the sum of log min(1, attention in all): (targets, COUNT)."""
    state, found = model.init_state(sources, COUNT, coverage=True), []
    for place in range(COUNT):
        _, state = model.step(ops.convert_to_tensor(read[:, place : place + 1]), state, place)
        covered = np.asarray(ops.convert_to_numpy(state["coverage"]), "float64")
        np.testing.assert_allclose(covered.sum(axis=1), place + 1, rtol=1e-5)
        found.append(np.log(np.minimum(covered, 1.0)).sum(axis=1))
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name", ["lstm_seq2seq", "transformer_seq2seq"])
@pytest.mark.parametrize("beta", [0.0, 0.4])
def test_a_wide_beam_equals_exhaustive_search(name, beta):
    model = make(name)
    for seed in range(25):
        rng = randomize(model, seed)
        sources = [rng.integers(4, VOCAB, n).tolist() for n in (2, 4)]
        alpha = float(rng.choice([0.0, 0.6, 1.0, 2.0]))
        answers, scores = lmzoo.beam_search(
            model,
            sources,
            num_beams=64,
            num_return=5,
            max_new_tokens=COUNT,
            length_penalty=alpha,
            coverage_penalty=beta,
            stop=STOP,
            return_scores=True,
        )
        for source, rows, values in zip(sources, answers, scores, strict=True):
            best = every_hypothesis(model, source, alpha, beta)[:5]
            np.testing.assert_allclose(values, [score for score, _ in best], atol=1e-4)
            assert rows == [ids for _, ids in best]


def test_batches_equal_single_sources():
    model = make("lstm_seq2seq")
    rng = randomize(model, 3)
    sources = [rng.integers(4, VOCAB, n).tolist() for n in (1, 7, 3, 20)]
    settings = {"num_beams": 3, "max_new_tokens": 9, "stop": STOP, "coverage_penalty": 0.2}
    together = lmzoo.beam_search(model, sources, **settings)
    assert together == [lmzoo.beam_search(model, source, **settings) for source in sources]


def test_a_prefix_is_kept_and_tokens_can_be_forbidden():
    model = make("transformer_seq2seq")
    rng = randomize(model, 4)
    source = rng.integers(4, VOCAB, 5).tolist()
    found = lmzoo.beam_search(
        model, source, prefix=[5, 1], allowed_tokens=[4], num_beams=2, max_new_tokens=6, stop=STOP
    )
    assert found[:2] == [5, 1]
    assert set(found[2:]) <= {4}


def test_coverage_needs_a_source():
    keras.utils.set_random_seed(0)
    model = lmzoo.build_gru_lm(VOCAB, embed_dim=4, hidden_dim=4)
    with pytest.raises(ArgumentError, match="coverage_penalty"):
        lmzoo.beam_search(model, [4], coverage_penalty=0.5, max_new_tokens=2)
