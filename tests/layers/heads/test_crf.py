"""The CRF layer: what it scores and forbids, and that it trains in plain Keras."""

import itertools

import keras
import numpy as np
import pytest
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import GRU
from lmzoo.layers.heads.crf import CRF
from lmzoo.losses import CRFLoss
from lmzoo.metrics import TagAccuracy

# O, B, I: I follows only B and I; it does not end a sentence, for the sake of the test.
FORBIDDEN = [[-1, 2], [0, 2], [2, 3]]


def array(x):
    return ops.convert_to_numpy(x)


def test_emissions_stay_and_scores_hold_transitions_start_and_end():
    rng = np.random.default_rng(0)
    crf = CRF(3, forbidden=FORBIDDEN)
    emissions = rng.standard_normal((2, 4, 3)).astype("float32")
    crf.build(emissions.shape)
    weights = [rng.standard_normal(w.shape).astype("float32") for w in crf.weights]
    crf.set_weights(weights)
    transitions, start, end = (w.copy() for w in weights)
    start[2] = transitions[0, 2] = end[2] = -1e4
    for score, wanted in zip(crf.scores(), (transitions, start, end), strict=True):
        np.testing.assert_array_equal(array(score), wanted)
    np.testing.assert_array_equal(crf(emissions), emissions)
    shown = crf.compute_output_spec(keras.KerasTensor((None, None, 3), "bfloat16"))
    assert (shown.shape, shown.dtype) == ((None, None, 3), "float32")


def test_what_is_forbidden_is_never_decoded_and_has_no_probability():
    rng = np.random.default_rng(1)
    crf = CRF(3, forbidden=FORBIDDEN)
    lengths = rng.integers(1, 10, 64)
    mask = np.arange(9)[None] < lengths[:, None]
    emissions = crf((30 * rng.standard_normal((64, 9, 3))).astype("float32"))
    tags = array(crf.decode(emissions, mask))
    seen = set()
    for row, length in zip(tags, lengths, strict=True):
        path = [-1, *row[:length].tolist(), 3]
        seen |= set(itertools.pairwise(path))
    assert not seen & {tuple(pair) for pair in FORBIDDEN}
    assert {(1, 2), (2, 2), (2, 0), (0, 3)} <= seen
    p = array(crf.marginals(emissions, mask))
    assert (p[:, 0, 2] == 0).all()
    assert (p[np.arange(64), lengths - 1, 2] == 0).all()
    np.testing.assert_allclose(p.sum(-1), mask, atol=1e-5)


def test_it_trains_in_a_plain_keras_model_and_is_saved(tmp_path):
    """Tag 2 where an odd word came before: only the transitions and a recurrent layer know."""
    rng = np.random.default_rng(2)
    ids = rng.integers(1, 9, (64, 6))
    ids[:, 4:] *= rng.random((64, 1)) < 0.5
    tags = np.where(np.roll(ids, 1, axis=1) % 2, 2, ids % 2)
    words = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(9, 8, mask_zero=True)(words)
    x = GRU(16, return_sequences=True)(x)
    crf = CRF(3, forbidden=[[-1, 0]], name="tag")
    model = keras.Model(words, crf(keras.layers.Dense(3)(x)))
    arguments = {"weighted_metrics": [TagAccuracy(crf)], "jit_compile": True}
    model.compile(keras.optimizers.Adam(0.03), loss=CRFLoss(crf), **arguments)
    tags[:, 0] = 1
    weights = (ids > 0).astype("float32")
    history = model.fit(ids, tags, sample_weight=weights, epochs=25, batch_size=32, verbose=0)
    assert history.history["loss"][-1] < 0.1 < 0.7 < history.history["loss"][0]
    emissions = model.predict(ids, verbose=0)
    found = array(crf.decode(emissions, ids > 0))
    assert (found == np.where(ids > 0, tags, 0)).mean() > 0.97
    figures = model.evaluate(ids, tags, sample_weight=weights, verbose=0, return_dict=True)
    correct = (found == tags)[ids > 0].mean()
    assert figures["accuracy"] == pytest.approx(correct, abs=1e-5)
    # The embedding's mask reaches loss and metrics, which need no weights then.
    masked = model.evaluate(ids, tags, verbose=0, return_dict=True)
    assert masked == pytest.approx(figures, rel=1e-5)
    assert all(np.abs(array(w)).max() > 0 for w in model.layers[-1].weights)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(ids, verbose=0), emissions)
    assert loaded.layers[-1].forbidden == ((-1, 0),)
    metric = keras.metrics.deserialize(keras.metrics.serialize(TagAccuracy(crf)))
    with pytest.raises(ArgumentError, match=r"TagAccuracy\(model.get_layer\('tag'\)\)"):
        metric.update_state(tags, emissions)
    with pytest.raises(ArgumentError, match=r"CRFLoss\(model.get_layer\('tag'\)\)"):
        loaded.evaluate(ids, tags, verbose=0)
    crf = loaded.get_layer("tag")
    arguments["weighted_metrics"] = [TagAccuracy(crf)]
    loaded.compile("adam", loss=CRFLoss(crf), **arguments)
    again = loaded.evaluate(ids, tags, sample_weight=weights, verbose=0, return_dict=True)
    assert again == pytest.approx(figures, rel=1e-5)


def test_it_stays_in_float32_under_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    emissions = CRF(3)(ops.ones((2, 4, 3), "bfloat16"))
    assert keras.backend.standardize_dtype(emissions.dtype) == "float32"


@pytest.mark.parametrize("pair", [[3, 0], [0, 4], [-2, 0], [0, -1], [-1, 3], [0], [0, 1, 2]])
def test_pairs_that_are_no_tags_are_refused(pair):
    with pytest.raises(ArgumentError, match="forbidden pair"):
        CRF(3, forbidden=[[0, 1], pair])


def test_another_number_of_emissions_is_refused():
    with pytest.raises(ArgumentError, match="4 scores a word"):
        CRF(3)(ops.ones((2, 5, 4)))
    with pytest.raises(ArgumentError, match="at least 1"):
        CRF(0)
