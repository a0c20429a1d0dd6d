"""R-Drop: the divergence of two passes, and a wrapper that behaves as the model inside."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import lmzoo
from lmzoo.errors import ArgumentError, PromptError
from lmzoo.losses import CrossEntropy, FusedCrossEntropy
from lmzoo.training import RDrop
from lmzoo.training.rdrop import twin_penalty
from tests.zoo import compiled_step

VOCAB = 50
IDS = np.random.default_rng(0).integers(0, VOCAB, (12, 9)).astype("int32")
X, Y = IDS[:, :-1], IDS[:, 1:]


def small(dropout=0.3, **arguments):
    keras.utils.set_random_seed(1)
    return lmzoo.build_gru_lm(VOCAB, embed_dim=8, hidden_dim=12, dropout=dropout, **arguments)


@given(seed=st.integers(0, 2**31))
def test_the_penalty_of_twins_equals_numpy(seed):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (4, 3, 9)).astype("float32")
    weights = np.concatenate([rng.uniform(0, 1, (2, 3)).astype("float32")] * 2)
    p = np.exp(logits.astype("float64"))
    p /= p.sum(-1, keepdims=True)
    twins = np.concatenate([p[2:], p[:2]])
    wanted = (weights * (p * np.log(p / twins)).sum(-1)).sum() / weights.sum()
    found = float(twin_penalty(logits, weights, 3.0))
    assert found == pytest.approx(1.5 * wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_fit_passes_twice_and_evaluate_once(dropout):
    found = {}
    for kind, alpha in ((FusedCrossEntropy, 500.0), (CrossEntropy, 500.0), (CrossEntropy, 0.0)):
        model = small(dropout)
        method = RDrop(model, alpha) if alpha else model
        method.compile(keras.optimizers.SGD(0.01), loss=kind())
        history = method.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
        found[kind, alpha] = [
            *history["loss"], *history["perplexity"], *method.evaluate(X, Y, verbose=0)
        ]  # fmt: skip
    twice, plain = found[CrossEntropy, 500.0], found[CrossEntropy, 0.0]
    np.testing.assert_allclose(found[FusedCrossEntropy, 500.0], twice, rtol=2e-5)
    if dropout:
        assert twice[0] > plain[0] + 0.001
    else:  # both passes are the same: no divergence
        np.testing.assert_allclose(twice, plain, rtol=2e-5)


def test_with_an_adaptive_softmax_and_without_a_fused_head_it_takes_the_logits():
    for arguments in ({"adaptive_cutoffs": [10, 30]}, {}):
        model = small(**arguments)
        if not arguments:
            model.quantize("int8")
            for layer in model.layers:
                layer.trainable = layer is model.embedding
        method = RDrop(model, alpha=1.0)
        method.compile(keras.optimizers.SGD(0.01), loss=FusedCrossEntropy())
        assert np.isfinite(method.fit(X, Y, verbose=0).history["loss"][0])


def test_a_step_of_the_fused_loss_holds_no_batch_of_logits():
    model = lmzoo.build_gru_lm(5000, embed_dim=8, hidden_dim=8)
    method = RDrop(model, alpha=1.0)
    method.compile("sgd", loss=FusedCrossEntropy(logits_at_once=5000 * 4))
    ids = np.zeros((4, 16), "int32")
    method.fit(ids, ids, verbose=0)
    text = compiled_step(method, ids)
    assert "[4,5000]" in text
    assert "[8,16,5000]" not in text
    assert "[128,5000]" not in text


def test_what_cannot_be_is_refused():
    carries = lmzoo.build_gru_lm(VOCAB, embed_dim=8, hidden_dim=8, carry_batch_size=4)
    with pytest.raises(ArgumentError, match="carries its state"):
        RDrop(carries)
    for alpha in (0.0, -1.0, float("inf")):
        with pytest.raises(ArgumentError, match="must be above 0"):
            RDrop(small(), alpha)
    with pytest.raises(ArgumentError, match="predict tokens"):
        RDrop(lmzoo.build_gru_encoder(VOCAB, embed_dim=8, hidden_dim=8))
    method = RDrop(small())
    method.compile()
    with pytest.raises(PromptError, match="is outside the vocabulary of 50"):
        method.fit(X + 50, Y, verbose=0)
    with pytest.raises(ArgumentError, match="sample_weight"):
        method.fit(X, Y, class_weight={0: 1.0}, verbose=0)


def test_the_wrapper_trains_and_stands_for_the_model_inside(tmp_path):
    model = small()
    method = RDrop(model, alpha=1.0)
    method.compile(keras.optimizers.Adam(0.01))
    assert method.optimizer is model.optimizer
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "last.weights.h5", save_weights_only=True),
        keras.callbacks.EarlyStopping(patience=1, min_delta=1e9, restore_best_weights=True),
    ]
    data = tf.data.Dataset.from_tensors((X, Y))
    history = method.fit(data, validation_data=data, epochs=5, callbacks=callbacks, verbose=0)
    assert len(history.history["loss"]) == 2  # stopped early
    assert set(history.history) == {"loss", "perplexity", "val_loss", "val_perplexity"}
    assert int(model.optimizer.iterations) == 2
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert type(best) is lmzoo.LanguageModel
    assert best.recipe == model.recipe == method.recipe
    twin = lmzoo.clone(model)
    twin.load_weights(tmp_path / "last.weights.h5")
    np.testing.assert_array_equal(twin(X), best(X))
    twin.set_weights(method.get_weights())
    np.testing.assert_array_equal(twin(X), model(X))
    method.load_weights(tmp_path / "last.weights.h5")
    np.testing.assert_array_equal(best(X), model(X))
    assert method.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(method.predict(X, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_array_equal(method.predict_on_batch(X), model.predict_on_batch(X))
    assert method.test_on_batch(X, Y) == model.test_on_batch(X, Y)
    assert np.isfinite(method.train_on_batch(X, Y)).all()
    assert lmzoo.generate(method, [3, 4], max_new_tokens=3, temperature=0) == lmzoo.generate(
        model, [3, 4], max_new_tokens=3, temperature=0
    )
    method.save(tmp_path / "saved.keras")
    assert keras.saving.load_model(tmp_path / "saved.keras").optimizer.iterations == 3
    with pytest.raises(AttributeError, match="no attribute 'dreams'"):
        method.dreams()


def test_a_model_that_is_compiled_already_needs_no_second_compile():
    model = small()
    model.compile("sgd", loss=CrossEntropy(label_smoothing=0.1))
    method = RDrop(model, alpha=1.0)
    assert np.isfinite(method.fit(X, Y, verbose=0).history["loss"][0])
    assert method.loss is model.loss
