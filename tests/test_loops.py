"""What is computed by hand can be differentiated: against Keras, finite differences, NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lmzoo import layers, losses
from lmzoo.errors import ArgumentError
from lmzoo.layers.recurrent.recurrence import run_coverage
from tests.backends.jax_process import run_on_jax

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)


def second_gradients(function, x, others):
    """The gradients in `others` of the squared norm of the gradient in x."""
    with tf.GradientTape() as outer:
        outer.watch(others)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = function(x)
        penalty = tf.reduce_sum(inner.gradient(loss, x) ** 2)
    return outer.gradient(penalty, others)


def pair(name):
    """Keras's layer, and ours with the same weights."""
    theirs, ours = (getattr(module, name)(4) for module in (keras.layers, layers))
    theirs.build(X.shape)
    ours.build(X.shape)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_second_derivatives_and_forward_mode_equal_keras(name):
    x, mask = tf.constant(X), tf.constant(MASK)
    found = []
    for layer in pair(name):
        weights = [v.value for v in layer.trainable_variables]

        def loss(x, layer=layer):
            return tf.reduce_sum(layer(x, mask=mask) ** 2)

        with tf.autodiff.ForwardAccumulator(x, tf.ones_like(x)) as forward:
            y = layer(x)
        found.append([*second_gradients(loss, x, weights), forward.jvp(y)])
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_second_derivatives_of_a_graph_whose_lengths_vary_and_not_of_one_for_xla():
    theirs, ours = pair("SimpleRNN")

    def second(layer):
        weights = [v.value for v in layer.trainable_variables]
        return lambda x: second_gradients(lambda x: tf.reduce_sum(layer(x) ** 2), x, weights)

    spec = [tf.TensorSpec((None, None, 3))]
    varying = tf.function(second(ours), input_signature=spec, autograph=False)
    for a, b in zip(varying(X), second(theirs)(tf.constant(X)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    with pytest.raises(ArgumentError, match="jit_compile=False"):
        tf.function(second(ours), jit_compile=True, autograph=False)(tf.constant(X))


def test_no_length_is_compiled_by_itself():
    """An eager call of another length uses what was traced before."""
    layer = layers.GRU(4, return_sequences=True)
    layer(np.zeros((2, 3, 3), "float32"))
    graphs = []
    make = tf.Graph.__init__

    def counted(graph, *args, **kwargs):
        graphs.append(graph)
        make(graph, *args, **kwargs)

    layer(np.zeros((2, 4, 3), "float32"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tf.Graph, "__init__", counted)
        for length in (5, 6, 7):
            assert layer(np.zeros((2, length, 3), "float32")).shape == (2, length, 4)
    assert not graphs


def differences(function, value, step=1e-2):
    """The gradient of a number, by central differences."""
    found = np.zeros_like(value)
    for place in np.ndindex(value.shape):
        change = np.zeros_like(value)
        change[place] = step
        found[place] = (function(value + change) - function(value - change)) / (2 * step)
    return found


def penalty(function, x, other):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x, tf.constant(other))
    return float(tf.reduce_sum(tape.gradient(value, x) ** 2))


@pytest.mark.parametrize("kind", ["crf", "far_tags", "coverage", "fused", "smoothed"])
def test_second_derivatives_equal_finite_differences(kind):
    rng = np.random.default_rng(1)
    other = rng.normal(size=(3, 3)).astype("float32")
    x, ids = tf.constant(X), tf.constant(rng.integers(0, 3, (2, 5)))
    zeros, real = tf.zeros(3), tf.constant(MASK)

    def function(x, other):
        if kind in ("crf", "far_tags"):
            # Far below the others its terms would be lost: steps are computed in logs.
            far = other - 200.0 * tf.eye(3)[:1] if kind == "far_tags" else other
            return tf.reduce_sum(losses.crf_log_partition(x, far, zeros, zeros, real))
        if kind == "coverage":
            return tf.reduce_sum(run_coverage(x, other[0, 0], tf.zeros((2, 3))) ** 2 * x)
        smoothing = 0.1 if kind == "smoothed" else 0.0
        nats, _ = losses.head_nats(
            x, other, None, ids, training=True, logits_at_once=9, label_smoothing=smoothing
        )
        return nats[0] if smoothing else nats

    wanted = differences(lambda value: penalty(function, x, value), other)
    changing = tf.constant(other)
    (found,) = second_gradients(lambda x: function(x, changing), x, [changing])
    np.testing.assert_allclose(found, wanted, atol=2e-2, rtol=2e-2)


JAX = """
import jax, keras, numpy as np, lmzoo
from jax import numpy as jnp
from keras import ops
rng = np.random.default_rng(0)
x = jnp.asarray(rng.normal(size=(2, 5, 3)).astype("float32"))
mask = jnp.asarray([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], "bool")

def compare(ours, theirs, x, other, all_kinds=True):
    norm = lambda f: lambda x, other: ops.sum(jax.grad(f)(x, other) ** 2)
    ones = jnp.ones_like(x)
    kinds = [
        lambda f: jax.grad(norm(f), 1)(x, other),
        lambda f: jax.jvp(lambda x: f(x, other), (x,), (ones,))[1],
        lambda f: jax.jacfwd(jax.grad(f))(x, other),
        lambda f: jax.grad(lambda x: jax.jvp(lambda x: f(x, other), (x,), (ones,))[1])(x),
    ]
    for derive in kinds if all_kinds else kinds[:1]:
        found, wanted = (jax.jit(lambda f=f: derive(f))() for f in (ours, theirs))
        np.testing.assert_allclose(found, wanted, atol=2e-4, rtol=2e-4)

for name in ("LSTM", "GRU", "SimpleRNN"):
    found = []
    for module in (lmzoo.layers, keras.layers):
        layer = getattr(module, name)(4)
        layer.build(x.shape)
        place = [w.path for w in layer.trainable_variables].index(layer.cell.recurrent_kernel.path)
        same = np.random.default_rng(1)
        values = [
            jnp.asarray(same.normal(size=w.shape), "float32") for w in layer.trainable_variables
        ]
        def loss(x, kernel, layer=layer, place=place, values=values):
            weights = [*values[:place], kernel, *values[place + 1:]]
            others = [v.value for v in layer.non_trainable_variables]
            return ops.sum(ops.sin(layer.stateless_call(weights, others, x, mask=mask)[0]))
        found.append(loss)
        kernel = values[place]
    compare(*found, x, kernel, name == "LSTM")

def scores(e, t):
    import itertools
    paths = jnp.asarray(list(itertools.product(range(3), repeat=5)))
    total = e[:, jnp.arange(5), paths].sum(-1) + t[paths[:, :-1], paths[:, 1:]].sum(-1)
    return ops.sum(jax.nn.logsumexp(total, axis=1))

zeros = jnp.zeros(3)
t = jnp.asarray(rng.normal(size=(3, 3)), "float32")
compare(lambda e, t: ops.sum(lmzoo.losses.crf_log_partition(e, t, zeros, zeros)), scores, x, t)
ids = jnp.asarray(rng.integers(0, 3, (2, 5)))
fused = lambda h, k: lmzoo.losses.head_nats(h, k, None, ids, training=True, logits_at_once=9)[0]
plain = lambda h, k: ops.sum(ops.sparse_categorical_crossentropy(ids, h @ k, from_logits=True))
compare(fused, plain, x, t)
"""


def test_every_kind_of_derivative_on_jax():
    run_on_jax("-c", JAX)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_a_stateless_call_casts_its_inputs(name, policy):
    layer = getattr(layers, name)(2, dtype=policy)
    layer.build(X.shape)
    weights = [v.value for v in layer.trainable_variables]
    others = [v.value for v in layer.non_trainable_variables]
    y, _ = layer.stateless_call(weights, others, ops.convert_to_tensor(X))
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_array_equal(y, layer(X))
