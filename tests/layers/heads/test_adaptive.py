"""The adaptive softmax is a distribution, and its cheap loss is that of its log-probabilities."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import lmzoo
from lmzoo.errors import ArgumentError
from lmzoo.layers import AdaptiveHead
from lmzoo.losses import CrossEntropy, FusedCrossEntropy
from lmzoo.registry import tiny_arguments

VOCAB = 60


def head(cutoffs=(10, 30)):
    keras.utils.set_random_seed(1)
    layer = AdaptiveHead(VOCAB, cutoffs)
    layer.build((None, None, 32))
    return layer


def case(seed=0):
    rng = np.random.default_rng(seed)
    hidden = tf.constant(rng.standard_normal((3, 7, 32)), "float32")
    ids = tf.constant(rng.integers(0, VOCAB, (3, 7)), "int32")
    return hidden, ids, tf.constant(rng.choice([0.0, 0.5, 1.0], (3, 7)), "float32")


@pytest.mark.parametrize("cutoffs", [(10,), (10, 30), (1, 2, 59)])
def test_probabilities_add_up_to_one(cutoffs):
    probabilities = np.exp(head(cutoffs)(case()[0]))
    assert probabilities.shape == (3, 7, VOCAB)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1.0, rtol=1e-5)


def test_log_probabilities_equal_numpy():
    layer, hidden = head(), case()[0].numpy().astype("float64")

    def log_softmax(x):
        x = x - x.max(axis=-1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))

    parts = layer.project
    first = log_softmax(hidden @ parts.first.kernel.numpy() + parts.first.bias.numpy())
    tails = [
        first[..., 10 + k : 11 + k] + log_softmax(hidden @ p.kernel.numpy() @ o.kernel.numpy())
        for k, (p, o) in enumerate(zip(parts.projections, parts.outputs, strict=True))
    ]
    wanted = np.concatenate([first[..., :10], *tails], axis=-1)
    np.testing.assert_allclose(layer(case()[0]), wanted, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("at_once", [60, 400, 10**6])
@pytest.mark.parametrize("xla", [False, True])
def test_the_cheap_loss_and_its_gradients_equal_those_of_the_whole_softmax(seed, at_once, xla):
    layer, (hidden, ids, weights) = head(), case(seed)

    def gradients(fused):
        variables = [v.value for v in layer.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(hidden)
            if fused:
                loss = FusedCrossEntropy(at_once)
                value = loss.from_hidden(hidden, layer, ids, weights, training=True)[0]
            else:
                value = CrossEntropy()(ids, layer(hidden), weights)
        return value, tape.gradient(value, [hidden, *variables])

    found, wanted = tf.function(gradients, jit_compile=xla)(True), gradients(False)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-5)
    for a, b in zip(found[1], wanted[1], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_an_id_outside_is_refused_and_in_compiled_code_nan():
    layer, (hidden, ids, _) = head(), case()

    def loss(ids):
        return FusedCrossEntropy().from_hidden(hidden, layer, ids, None, training=False)[0]

    compiled = tf.function(loss, autograph=False)
    for wrong in (-1, VOCAB):
        changed = ops.where(ids == ids[0, 0], wrong, ids)
        with pytest.raises(ArgumentError, match=f"target {wrong} is outside 0 to {VOCAB - 1}"):
            loss(changed)
        assert np.isnan(float(compiled(changed)))


def test_a_model_with_it_trains_steps_saves_and_loads(tmp_path):
    keras.utils.set_random_seed(0)
    model = lmzoo.build_lstm_lm(
        VOCAB, embed_dim=16, hidden_dim=32, num_layers=1, dropout=0.0, adaptive_cutoffs=[10, 30]
    )
    model.compile(keras.optimizers.Adam(0.02))
    assert type(model.loss) is FusedCrossEntropy
    ids = np.random.default_rng(0).integers(0, VOCAB, (4, 9)).astype("int32")
    before = model.evaluate(ids[:, :-1], ids[:, 1:], verbose=0)[0]
    often = np.tile(ids, (300, 1))
    model.fit(often[:, :-1], often[:, 1:], batch_size=4, verbose=0)
    after = model.evaluate(ids[:, :-1], ids[:, 1:], verbose=0)[0]
    assert after < 0.3 < 3 < before
    logits, _, _ = model.start(ids, 9)
    np.testing.assert_allclose(logits, model(ids), atol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(ids), model(ids))


@pytest.mark.parametrize("cutoffs", [[], [0, 5], [5, 5], [60], [30, 10]])
def test_cutoffs_that_do_not_rise_are_refused(cutoffs):
    with pytest.raises(ArgumentError, match="rising numbers"):
        AdaptiveHead(VOCAB, cutoffs)


def test_a_tied_output_is_refused():
    with pytest.raises(ArgumentError, match="choose one of the two"):
        lmzoo.build_gru_lm(VOCAB, tie_embeddings=True, adaptive_cutoffs=[10])


@pytest.mark.parametrize("name", ["llama_lm", "cnn_lm"])
def test_models_with_a_norm_before_it_step_and_learn_without_logits(name):
    keras.utils.set_random_seed(0)
    sizes = {**tiny_arguments(name), "dropout": 0.0}
    model = lmzoo.build_model(name, **sizes, adaptive_cutoffs=[10, 25])
    ids = np.random.default_rng(0).integers(0, 50, (8, 9)).astype("int32")
    whole = ops.convert_to_numpy(model(ids))
    np.testing.assert_allclose(np.exp(whole).sum(-1), 1.0, rtol=1e-5)
    logits, state, position = model.start(ids[:, :4], 9)
    rest, _ = model.step(ids[:, 4:], state, position)
    found = np.concatenate([logits, rest], axis=1)
    np.testing.assert_allclose(found, whole, atol=1e-4)
    twin = lmzoo.clone(model)
    kept = []
    for one, loss in ((model, FusedCrossEntropy()), (twin, CrossEntropy())):
        one.compile(keras.optimizers.SGD(0.2), loss=loss)
        run = one.fit(ids[:, :-1], ids[:, 1:], epochs=3, shuffle=False, verbose=0)
        kept.append(run.history["loss"])
    np.testing.assert_allclose(*kept, rtol=1e-4)
