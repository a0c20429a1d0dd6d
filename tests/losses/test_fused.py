"""The fused head and loss give the numbers and gradients of the plain path."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.losses import CrossEntropy, FusedCrossEntropy, head_nats
from lmzoo.training.rdrop import twin_penalty
from tests.zoo import compiled_step

VOCAB = 50


def case(seed, batch=3, time=5, dim=4, vocab=VOCAB):
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((batch, time, dim)).astype("float32")
    kernel = rng.standard_normal((dim, vocab)).astype("float32")
    bias = rng.standard_normal(vocab).astype("float32")
    ids = rng.integers(0, vocab, (batch, time)).astype("int32")
    weights = rng.choice([0.0, 0.5, 1.0], (batch, time)).astype("float32")
    return hidden, kernel, bias, ids, weights


def numpy_nats(hidden, kernel, bias, ids, weights):
    logits = hidden.astype("float64") @ kernel + bias
    logits -= logits.max(axis=-1, keepdims=True)
    logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return -(np.take_along_axis(logits, ids[..., None], -1)[..., 0] * weights).sum()


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    rows=st.integers(1, 20),
    training=st.booleans(),
    transposed=st.booleans(),
)
def test_the_sum_equals_numpy_for_any_number_of_rows(seed, rows, training, transposed):
    hidden, kernel, bias, ids, weights = case(seed)
    nats, tokens = head_nats(
        ops.convert_to_tensor(hidden),
        ops.convert_to_tensor(kernel.T if transposed else kernel),
        ops.convert_to_tensor(bias),
        ids,
        weights,
        transposed=transposed,
        training=training,
        logits_at_once=rows * VOCAB,
    )
    np.testing.assert_allclose(nats, numpy_nats(hidden, kernel, bias, ids, weights), rtol=1e-5)
    np.testing.assert_allclose(tokens, weights.sum())


@pytest.mark.parametrize("rows", [1, 4, 15, 100])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("xla", [False, True])
def test_gradients_equal_those_of_the_logits(rows, transposed, xla):
    hidden, kernel, bias, ids, weights = (tf.constant(x) for x in case(rows))

    def fused():
        with tf.GradientTape() as tape:
            tape.watch([hidden, kernel, bias])
            lying = tf.transpose(kernel) if transposed else kernel
            nats, tokens = head_nats(
                hidden, lying, bias, ids, weights,
                transposed=transposed, training=True, logits_at_once=rows * VOCAB,
            )  # fmt: skip
            loss = 3.0 * nats / tokens
        return loss, tape.gradient(loss, [hidden, kernel, bias])

    with tf.GradientTape() as tape:
        tape.watch([hidden, kernel, bias])
        loss = 3.0 * CrossEntropy()(ids, hidden @ kernel + bias, weights)
    wanted = tape.gradient(loss, [hidden, kernel, bias])
    found_loss, found = tf.function(fused, jit_compile=xla)()
    np.testing.assert_allclose(found_loss, loss, rtol=1e-5)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 4, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("xla", [False, True])
def test_the_divergence_of_twins_is_that_of_the_logits(rows, smoothing, xla):
    hidden, kernel, bias, ids, weights = (tf.constant(x) for x in case(rows, batch=4))
    ids, weights = (tf.concat([x[:2], x[:2]], axis=0) for x in (ids, weights))

    def fused():
        with tf.GradientTape() as tape:
            tape.watch([hidden, kernel, bias])
            nats, tokens = head_nats(
                hidden, kernel, bias, ids, weights, training=True, logits_at_once=rows * VOCAB,
                label_smoothing=smoothing, r_drop=3.0,
            )  # fmt: skip
            loss = nats[0] / tokens
        return loss, nats[1], tape.gradient(loss, [hidden, kernel, bias])

    plain = CrossEntropy(label_smoothing=smoothing)
    with tf.GradientTape() as tape:
        tape.watch([hidden, kernel, bias])
        logits = hidden @ kernel + bias
        loss = plain(ids, logits, weights) + twin_penalty(logits, weights, 3.0)
    wanted = tape.gradient(loss, [hidden, kernel, bias])
    found_loss, nats, found = tf.function(fused, jit_compile=xla)()
    np.testing.assert_allclose(found_loss, loss, rtol=1e-5)
    arrays = (x.numpy() for x in (hidden, kernel, bias, ids, weights))
    np.testing.assert_allclose(nats, numpy_nats(*arrays), rtol=1e-5)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_an_unknown_size_is_taken_too():
    hidden, kernel, bias, ids, weights = case(7)

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, 4), tf.float32),
            tf.TensorSpec((None, None), tf.int32),
            tf.TensorSpec((None, None), tf.float32),
        ]
    )
    def nats(hidden, ids, weights):
        return head_nats(hidden, tf.constant(kernel), bias, ids, weights, logits_at_once=200)[0]

    for rows in (1, 3):
        some = hidden[:rows], ids[:rows], weights[:rows]
        wanted = numpy_nats(some[0], kernel, bias, *some[1:])
        np.testing.assert_allclose(nats(*some), wanted, rtol=1e-5)


def test_an_id_outside_is_refused_and_in_a_graph_nan_unless_it_does_not_count():
    hidden, kernel, bias, ids, weights = case(1)
    ids[1, 2], weights[1, 2] = VOCAB, 0.0
    inputs = [ops.convert_to_tensor(x) for x in (hidden, kernel, bias)]
    assert np.isfinite(float(head_nats(*inputs, ids, weights)[0]))
    weights[1, 2] = 1.0
    with pytest.raises(ArgumentError, match=f"target {VOCAB} is outside"):
        head_nats(*inputs, ids, weights)
    in_graph = tf.function(head_nats, autograph=False)
    assert np.isnan(float(in_graph(*inputs, tf.constant(ids), weights)[0]))


BUILDS = {
    "gru": {"embed_dim": 8, "hidden_dim": 12, "dropout": 0.0, "l2": 1e-3},
    "lstm": {"embed_dim": 8, "hidden_dim": 12, "num_layers": 1, "dropout": 0.0,
             "tie_embeddings": True},
    "gpt2": {"embed_dim": 8, "num_layers": 1, "num_heads": 2, "max_length": 16, "dropout": 0.0},
}  # fmt: skip


@pytest.mark.parametrize("family", BUILDS)
def test_fit_and_evaluate_give_the_numbers_of_the_plain_loss(family):
    keras.utils.set_random_seed(1)
    model = lmzoo.build_model(f"{family}_lm", vocab_size=VOCAB, **BUILDS[family])
    twin = lmzoo.clone(model)
    rng = np.random.default_rng(0)
    ids = rng.integers(0, VOCAB, (12, 9)).astype("int32")
    weights = (rng.random((12, 8)) < 0.7).astype("float32")
    found = []
    for one, loss in ((model, FusedCrossEntropy(logits_at_once=500)), (twin, CrossEntropy())):
        one.compile(keras.optimizers.SGD(0.5), loss=loss)
        fitted = one.fit(
            ids[:, :-1], ids[:, 1:], sample_weight=weights, batch_size=4, epochs=2,
            shuffle=False, verbose=0,
        ).history  # fmt: skip
        measured = one.evaluate(
            ids[:, :-1], ids[:, 1:], sample_weight=weights, verbose=0, return_dict=True
        )
        found.append([*fitted["loss"], *fitted["perplexity"], *measured.values()])
    np.testing.assert_allclose(*found, rtol=2e-5)
    for a, b in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    assert model.predict(ids, verbose=0).shape == (12, 9, VOCAB)


def test_fit_holds_no_batch_of_logits():
    """The largest array of a compiled step is the chunk, not (batch, time, vocab)."""
    model = lmzoo.build_gru_lm(5000, embed_dim=8, hidden_dim=8)
    model.compile("sgd", loss=FusedCrossEntropy(logits_at_once=5000 * 4))
    ids = np.zeros((4, 16), "int32")
    model.fit(ids, ids, verbose=0)
    text = compiled_step(model, ids)
    assert "[4,5000]" in text
    assert "[4,16,5000]" not in text
    assert "[64,5000]" not in text


def test_large_vocabularies_take_it_by_themselves_and_small_ones_do_not():
    small, large = (lmzoo.build_gru_lm(n, embed_dim=2, hidden_dim=2) for n in (4095, 4096))
    small.compile("sgd")
    large.compile("sgd")
    assert type(small.loss) is CrossEntropy
    assert type(large.loss) is FusedCrossEntropy


def test_a_cross_entropy_given_to_compile_is_fused_with_its_settings():
    model = lmzoo.build_gru_lm(4096, embed_dim=2, hidden_dim=2)
    model.compile("sgd", loss=CrossEntropy(label_smoothing=0.1, name="nats"))
    assert type(model.loss) is FusedCrossEntropy
    assert (model.loss.label_smoothing, model.loss.name) == (0.1, "nats")
    model.compile("sgd", loss=FusedCrossEntropy(logits_at_once=700))
    assert model.loss.logits_at_once == 700


def test_smoothing_with_an_adaptive_softmax_takes_the_plain_path():
    ids = np.random.default_rng(0).integers(0, VOCAB, (4, 6))
    found = []
    for loss in (CrossEntropy(label_smoothing=0.1), FusedCrossEntropy(label_smoothing=0.1)):
        keras.utils.set_random_seed(0)
        model = lmzoo.build_gru_lm(
            VOCAB, embed_dim=8, hidden_dim=16, dropout=0.0, adaptive_cutoffs=[10, 30]
        )
        model.compile("sgd", loss=loss)
        assert type(model.loss) is type(loss)
        history = model.fit(ids, ids, verbose=0).history
        found.append([*history["loss"], *model.evaluate(ids, ids, verbose=0)])
    np.testing.assert_allclose(*found, rtol=1e-5)
    keras.utils.set_random_seed(0)
    with pytest.raises(ArgumentError, match="adaptive softmax"):
        model.loss.from_hidden(model.hidden(ids), model.head, ids, None, training=True)


def test_a_metric_that_needs_logits_gets_them():
    model = lmzoo.build_gru_lm(VOCAB, embed_dim=4, hidden_dim=4)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    model.compile("sgd", loss=FusedCrossEntropy(), weighted_metrics=[accuracy])
    ids = np.arange(12).reshape(2, 6)
    found = model.evaluate(ids, ids, verbose=0, return_dict=True)
    wanted = (model.predict(ids, verbose=0).argmax(axis=-1) == ids).mean()
    assert found["sparse_categorical_accuracy"] == pytest.approx(wanted)


def test_a_quantized_model_is_evaluated_by_its_logits():
    model = lmzoo.build_gru_lm(VOCAB, embed_dim=8, hidden_dim=8)
    model.quantize("int8")
    model.compile(None, loss=FusedCrossEntropy())
    ids = np.arange(12).reshape(2, 6)
    nats = -np.log(keras.ops.softmax(model.predict(ids, verbose=0)))
    wanted = np.take_along_axis(nats, ids[..., None], -1).mean()
    assert model.evaluate(ids, ids, verbose=0)[0] == pytest.approx(wanted, rel=1e-4)


def test_saved_it_is_compiled_alike_when_loaded(tmp_path):
    model = lmzoo.build_gru_lm(VOCAB, embed_dim=4, hidden_dim=4)
    model.compile("sgd", loss=FusedCrossEntropy(logits_at_once=700))
    ids = np.arange(12).reshape(2, 6)
    model.fit(ids, ids, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.logits_at_once == 700
    np.testing.assert_allclose(
        loaded.evaluate(ids, ids, verbose=0), model.evaluate(ids, ids, verbose=0), rtol=1e-6
    )


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_many_chunks_sum_gradients_as_one_product_does(policy):
    dtype = "float32" if policy == "float32" else "bfloat16"
    rng = np.random.default_rng(0)
    hidden = tf.constant(rng.standard_normal((1, 256, 4)), dtype)
    kernel = tf.constant(0.1 * rng.standard_normal((4, VOCAB)), dtype)
    ids = rng.integers(0, VOCAB, (1, 256))
    found = []
    for rows in (1, 256):
        with tf.GradientTape() as tape:  # an eager tape
            tape.watch([hidden, kernel])
            nats, _ = head_nats(
                hidden, kernel, None, ids, training=True, logits_at_once=rows * VOCAB
            )
        found.append([tf.cast(g, "float32") for g in tape.gradient(nats, [hidden, kernel])])
    for a, b in zip(*found, strict=True):
        scale = np.abs(b).max()
        np.testing.assert_allclose(a / scale, b / scale, atol=1e-5 if dtype == "float32" else 0.01)


def test_targets_that_do_not_fit_are_refused():
    model = lmzoo.build_gru_lm(VOCAB, embed_dim=4, hidden_dim=4)
    model.compile("sgd", loss=FusedCrossEntropy())
    ids = np.arange(12).reshape(2, 6)
    with pytest.raises(lmzoo.errors.ArgumentError, match="do not fit"):
        model.fit(ids, ids[:, 1:], verbose=0)


def test_distributions_as_targets_take_the_plain_path():
    model = lmzoo.build_gru_lm(VOCAB, embed_dim=4, hidden_dim=4)
    model.compile("sgd", loss=FusedCrossEntropy())
    ids = np.arange(12).reshape(2, 6)
    one_hot = np.eye(VOCAB, dtype="float32")[ids]
    found = model.evaluate(ids, one_hot, verbose=0)
    np.testing.assert_allclose(found, model.evaluate(ids, ids, verbose=0), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["bool", "int64", "float64"])
def test_weights_of_any_type_count(dtype):
    for arguments in ({}, {"adaptive_cutoffs": [10, 30]}):
        model = lmzoo.build_gru_lm(VOCAB, embed_dim=16, hidden_dim=16, **arguments)
        model.compile("sgd", loss=FusedCrossEntropy())
        ids = np.arange(12).reshape(2, 6)
        weights = (ids % 3 != 0).astype(dtype)
        found = model.evaluate(ids, ids, sample_weight=weights, verbose=0)
        nats = -np.log(keras.ops.softmax(model.predict(ids, verbose=0)))
        nats = np.take_along_axis(nats, ids[..., None], -1)[..., 0]
        assert found[0] == pytest.approx((nats * weights).sum() / weights.sum(), rel=1e-4)
