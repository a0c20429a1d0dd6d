"""Perplexity against NumPy in float64."""

import math
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import ArgumentError
from lmzoo.metrics import (
    NatsPerToken,
    Perplexity,
    bits_per_byte,
    perplexity,
    perplexity_per_word,
)
from lmzoo.metrics._perplexity import _sum

VOCAB = 13


def oracle(logits, ids, weights):
    """Total nats and tokens in float64."""
    logits = np.asarray(logits, np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    nats = -np.take_along_axis(log_probabilities, ids[..., None], -1)[..., 0]
    return float((nats * weights).sum()), float(weights.sum())


def batch(rng, rows, time):
    logits = rng.normal(0, 4, (rows, time, VOCAB)).astype("float32")
    ids = rng.integers(0, VOCAB, (rows, time))
    lengths = rng.integers(0, time + 1, rows)
    return logits, ids, (np.arange(time) < lengths[:, None]).astype("float32")


@given(
    seed=st.integers(0, 2**31),
    shapes=st.lists(st.tuples(st.integers(1, 5), st.integers(1, 7)), min_size=1, max_size=5),
    as_logits=st.booleans(),
)
def test_equals_numpy_on_ragged_unequal_batches(seed, shapes, as_logits):
    rng = np.random.default_rng(seed)
    metrics = [Perplexity(from_logits=as_logits), NatsPerToken(from_logits=as_logits)]
    nats = tokens = 0.0
    for rows, time in shapes:
        logits, ids, weights = batch(rng, rows, time)
        weights *= rng.uniform(0.5, 2.0)
        given_ids = np.where(weights == 0, -100, ids)  # any id may stand under weight 0
        outputs = logits if as_logits else np.asarray(keras.ops.softmax(logits))
        for metric in metrics:
            metric.update_state(given_ids, outputs, weights)
        more = oracle(logits, ids, weights)
        nats, tokens = nats + more[0], tokens + more[1]
    if tokens == 0:
        assert math.isnan(float(metrics[0].result()))
        return
    assert float(metrics[0].result()) == pytest.approx(math.exp(nats / tokens), rel=1e-5)
    assert float(metrics[1].result()) == pytest.approx(nats / tokens, rel=1e-5)
    assert metrics[0].totals() == pytest.approx((nats, tokens), rel=1e-5)


@pytest.mark.parametrize("time", [None, 4])
def test_one_hot_targets_equal_ids(time):
    rng = np.random.default_rng(1)
    shape = (6, VOCAB) if time is None else (6, time, VOCAB)
    logits = rng.normal(size=shape).astype("float32")
    ids = rng.integers(0, VOCAB, shape[:-1])
    rows = rng.random(6).astype("float32")
    results = []
    for targets in (ids, np.eye(VOCAB, dtype="float32")[ids], ids[..., None]):
        metric = Perplexity()
        metric.update_state(targets, logits, rows)
        results.append(float(metric.result()))
    weights = np.broadcast_to(rows.reshape(-1, *[1] * (ids.ndim - 1)), ids.shape)
    nats, tokens = oracle(logits, ids, weights)
    assert results == pytest.approx([math.exp(nats / tokens)] * 3, rel=1e-5)


def test_keras_mask_counts_as_weight():
    rng = np.random.default_rng(2)
    logits, ids, weights = batch(rng, 4, 6)
    masked = keras.ops.convert_to_tensor(logits)
    masked._keras_mask = keras.ops.convert_to_tensor(np.arange(6) % 2 == 0)[None] & (weights > -1)
    metric = Perplexity()
    metric.update_state(ids, masked, weights)
    nats, tokens = oracle(logits, ids, weights * (np.arange(6) % 2 == 0))
    assert float(metric.result()) == pytest.approx(math.exp(nats / tokens), rel=1e-5)


def test_an_unknown_id_is_refused_and_in_a_graph_nan():
    metric = Perplexity()
    batch = tf.constant([[VOCAB, 0]]), np.zeros((1, 2, VOCAB), "float32")
    with pytest.raises(ArgumentError, match=f"target {VOCAB} is outside 0 to {VOCAB - 1}"):
        metric.update_state(*batch)
    tf.function(metric.update_state, autograph=False)(*batch)
    assert math.isnan(float(metric.result()))


def test_wrong_shapes_are_named():
    with pytest.raises(ArgumentError, match=r"\(2, 3\).*\(2, 4\)"):
        Perplexity().update_state(np.zeros((2, 3), int), np.zeros((2, 4, VOCAB), "float32"))


@pytest.mark.parametrize("jit_compile", [True, False])
def test_counts_stay_right_beyond_float32(jit_compile):
    """The state as after 3 * 10^9 tokens: one float32 would no longer notice a batch."""
    metric = NatsPerToken()
    update = tf.function(metric.add, jit_compile=jit_compile)
    already = 3_000_000_512.0
    for low, high in (
        (metric.nats_low, metric.nats_high),
        (metric.tokens_low, metric.tokens_high),
    ):
        low.assign(already % 4096)
        high.assign(already // 4096)
    rng = np.random.default_rng(3)
    nats = tokens = already
    for count in rng.integers(1, 100, 300):
        amount = np.float32(count * rng.uniform(1, 9))
        update(tf.constant(amount), tf.constant(float(count)))
        nats, tokens = nats + float(amount), tokens + float(count)
    assert metric.totals()[1] == tokens
    assert metric.totals()[0] == pytest.approx(nats, abs=0.1)
    assert np.float32(already) + np.float32(10) == np.float32(already)  # what is avoided
    metric.reset_state()
    assert metric.totals() == (0.0, 0.0)


@pytest.mark.parametrize("jit_compile", [True, False])
def test_sum_over_a_large_batch_does_not_drift(jit_compile):
    values = np.full((256, 1024), 2.3456789, "float32")
    total = tf.function(_sum, jit_compile=jit_compile)(values)
    assert float(total) == pytest.approx(float(values.astype("float64").sum()), rel=2e-6)


@pytest.mark.parametrize(("jit_compile", "policy"), [(True, "mixed_bfloat16"), (False, "float32")])
def test_in_fit_and_evaluate(jit_compile, policy):
    keras.config.set_dtype_policy(policy)
    rng = np.random.default_rng(4)
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(VOCAB, 4, mask_zero=True),
            keras.layers.Dense(VOCAB, dtype="float32"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.0),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[Perplexity()],
        jit_compile=jit_compile,
    )
    _, ids, weights = batch(rng, 22, 5)
    inputs = rng.integers(0, VOCAB, ids.shape)
    data = tf.data.Dataset.from_tensor_slices((inputs, ids, weights)).batch(8)
    logits = np.asarray(model(inputs))
    nats, tokens = oracle(logits, ids, weights * (inputs != 0))
    history = model.fit(data, validation_data=data, epochs=1, verbose=0).history
    wanted = pytest.approx(math.exp(nats / tokens), rel=1e-5)
    assert history["perplexity"] == [wanted]
    assert history["val_perplexity"] == [wanted]


def test_serialises_with_its_arguments():
    metric = Perplexity(from_logits=False, name="ppl")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is Perplexity
    assert again.get_config() == metric.get_config()
    assert again._direction == "down"


def test_host_side_figures():
    assert perplexity(30 * math.log(7), 30) == pytest.approx(7)
    assert perplexity_per_word(30 * math.log(7), 15) == pytest.approx(49)
    assert bits_per_byte(30 * math.log(8), 45) == pytest.approx(2)
    assert perplexity(1e6, 1) == math.inf
    with pytest.raises(ArgumentError, match="tokens"):
        perplexity(1.0, 0)


OTHER_PROCESS = """
    import math, os, sys
    import numpy as np
    replicas = "tensorflow" in sys.argv
    os.environ["KERAS_BACKEND"] = "tensorflow" if replicas else "jax"
    import keras
    scope = None
    if replicas:
        import tensorflow as tf
        cpu, one = tf.config.list_physical_devices("CPU")[0], tf.config.LogicalDeviceConfiguration()
        tf.config.set_logical_device_configuration(cpu, [one, one])
        scope = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope()
        scope.__enter__()
    from lmzoo.losses import CrossEntropy
    from lmzoo.metrics import Perplexity
    from lmzoo.callbacks import Checkpoint, PerplexityCallback, TimeBudget, restore

    rng = np.random.default_rng(0)
    start = rng.normal(size=(7, 7)).astype("float32")
    inputs, ids = rng.integers(0, 7, (2, 12, 5))
    weights = (rng.random((12, 5)) < 0.5).astype("float32")
    weights[2:4] = 0  # under two replicas, the second gets nothing of the first batch
    wanted, table = [], start.astype("float64")
    for _ in range(2):
        nats = tokens = 0.0
        for first in range(0, 12, 4):
            rows = slice(first, first + 4)
            logits = table[inputs[rows]]
            p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
            hot, w = np.eye(7)[ids[rows]], weights[rows]
            nats -= (np.log((p * hot).sum(-1)) * w).sum()
            tokens += w.sum()
            gradient = np.zeros_like(table)
            np.add.at(gradient, inputs[rows], (p - hot) * w[..., None] / w.sum())
            table = table - 0.5 * gradient
        wanted.append(math.exp(nats / tokens))
    model = keras.Sequential([keras.Input((5,), dtype="int32"), keras.layers.Embedding(7, 7)])
    model.set_weights([start])
    model.compile(keras.optimizers.SGD(0.5), CrossEntropy(), weighted_metrics=[Perplexity()])
    data = (inputs, ids, weights)
    callbacks = [PerplexityCallback(data, prefix="own_")]
    if not replicas:
        callbacks += [TimeBudget(60, schedule="constant", warmup=0), Checkpoint(sys.argv[2])]
    history = model.fit(
        inputs, ids, sample_weight=weights, validation_data=data, batch_size=4, epochs=2,
        shuffle=False, verbose=0, callbacks=callbacks,
    ).history
    np.testing.assert_allclose(history["perplexity"], wanted, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], table, atol=1e-5)
    np.testing.assert_allclose(history["own_perplexity"], history["val_perplexity"], rtol=1e-5)
    if not replicas:
        trained = model.get_weights()[0]
        model.set_weights([start])
        assert restore(sys.argv[2], model)["step"] == 6
        np.testing.assert_array_equal(model.get_weights()[0], trained)
    print("all right")
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_replicas_and_jax_give_the_same_numbers(backend, tmp_path):
    """Training by hand in NumPy against `fit` on two replicas, and under JAX."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(OTHER_PROCESS), backend, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip().endswith("all right"), done.stdout + done.stderr
