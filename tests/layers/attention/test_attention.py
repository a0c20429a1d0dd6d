"""Attention against plain NumPy in float64."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import (
    AdditiveAttention,
    MultiHeadAttention,
    apply_rotary,
    sinusoidal_positions,
)
from lmzoo.layers.attention import multi_head


def array(x):
    return ops.convert_to_numpy(x).astype("float64")


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def dense(layer, x):
    return x @ array(layer.kernel) + array(layer.bias)


def attention_by_hand(layer, x, source, mask):
    """One query head and one position at a time."""
    heads, dim = layer.num_heads, layer.head_dim
    groups = heads // layer.num_kv_heads
    if layer.cross:
        q = dense(layer.query_projection, x)
        k, v = np.split(dense(layer.memory_projection, source), 2, -1)
    else:
        width = heads * dim
        both = dense(layer.query_projection, x)
        q, k, v = np.split(both, [width, width + layer.key_dim], -1)
    out = np.zeros((*x.shape[:2], heads * dim))
    for b in range(x.shape[0]):
        for h in range(heads):
            at = slice(h * dim, (h + 1) * dim)
            kv = slice(h // groups * dim, (h // groups + 1) * dim)
            scores = q[b, :, at] @ k[b, :, kv].T / np.sqrt(dim)
            scores = np.where(mask[b], scores, -np.inf)
            out[b, :, at] = softmax(scores) @ v[b, :, kv]
    return dense(layer.output_projection, out)


@settings(max_examples=12)
@given(
    kv_heads=st.sampled_from([1, 2, 4]),
    causal=st.booleans(),
    time=st.integers(1, 6),
    seed=st.integers(0, 1000),
)
def test_self_attention_equals_numpy(kv_heads, causal, time, seed):
    rng = np.random.default_rng(seed)
    layer = MultiHeadAttention(4, num_kv_heads=kv_heads, causal=causal)
    x = rng.standard_normal((2, time, 8)).astype("float32")
    real = np.arange(time)[None] < np.array([[time], [max(1, time - 2)]])
    mask = np.repeat(real[:, None], time, axis=1)
    if causal:
        mask = mask & np.tril(np.ones((time, time), bool))
    y = layer(x, mask=real)
    np.testing.assert_allclose(y, attention_by_hand(layer, x, x, mask), atol=1e-5)


@settings(max_examples=8)
@given(keys=st.integers(1, 5), seed=st.integers(0, 1000))
def test_cross_attention_and_its_step_equal_numpy(keys, seed):
    rng = np.random.default_rng(seed)
    layer = MultiHeadAttention(2, num_kv_heads=1, cross=True)
    x = rng.standard_normal((2, 3, 4)).astype("float32")
    memory = rng.standard_normal((2, keys, 6)).astype("float32")
    real = np.arange(keys)[None] < np.array([[keys], [max(1, keys - 1)]])
    y = layer(x, memory, memory_mask=real)
    expected = attention_by_hand(layer, x, memory, np.repeat(real[:, None], 3, axis=1))
    np.testing.assert_allclose(y, expected, atol=1e-5)
    read = layer.prepare_memory(ops.convert_to_tensor(memory))
    stepped = layer.attend(ops.convert_to_tensor(x), (*read, ops.convert_to_tensor(real)))
    np.testing.assert_allclose(stepped, expected, atol=1e-5)


def test_rotary_scores_depend_on_the_distance_only():
    rng = np.random.default_rng(0)
    query, key = rng.standard_normal((2, 1, 1, 1, 8)).astype("float32")

    def score(i, j):
        turned_query = np.array(apply_rotary(query, np.array([i])))
        return (turned_query * np.array(apply_rotary(key, np.array([j])))).sum()

    np.testing.assert_allclose(score(3, 1), score(45, 43), atol=1e-4)
    assert abs(score(3, 1) - score(3, 2)) > 1e-3
    np.testing.assert_allclose(apply_rotary(query, np.array([0])), query)


def test_rotary_rotates_each_pair_by_its_angle():
    x = np.random.default_rng(1).standard_normal((1, 1, 5, 6)).astype("float32")
    y = np.array(apply_rotary(x, np.arange(5), base=100.0))
    for t in range(5):
        for i in range(3):
            angle = t * 100.0 ** (-i / 3)
            pair = complex(x[0, 0, t, i], x[0, 0, t, i + 3]) * np.exp(1j * angle)
            np.testing.assert_allclose(y[0, 0, t, [i, i + 3]], [pair.real, pair.imag], atol=1e-5)


def test_sinusoidal_positions_equal_the_formula():
    table = np.array(sinusoidal_positions(ops.arange(7, dtype="float32"), 10))
    for pos in range(7):
        for i in range(5):
            angle = pos / 10000 ** (i / 5)
            np.testing.assert_allclose(table[pos, i], np.sin(angle), atol=1e-5)
            np.testing.assert_allclose(table[pos, 5 + i], np.cos(angle), atol=1e-5)


def test_additive_attention_equals_numpy():
    rng = np.random.default_rng(0)
    layer = AdditiveAttention(5)
    x = rng.standard_normal((2, 3, 4)).astype("float32")
    memory = rng.standard_normal((2, 6, 7)).astype("float32")
    real = np.arange(6)[None] < np.array([[6], [4]])
    context, weights = layer(x, memory, memory_mask=real)
    w, u, v = (array(p) for p in layer.weights if p.name != "bias")
    shapes = {p.shape: p for p in (w, u, v)}
    bias = array(layer.key_projection.bias)
    for b in range(2):
        for t in range(3):
            inner = x[b, t] @ shapes[4, 5] + memory[b] @ shapes[7, 5] + bias
            scores = np.where(real[b], np.tanh(inner) @ shapes[5,], -np.inf)
            np.testing.assert_allclose(weights[b, t], softmax(scores), atol=1e-5)
            np.testing.assert_allclose(context[b, t], softmax(scores) @ memory[b], atol=1e-5)


@pytest.mark.parametrize("qk_norm", [False, True])
def test_cache_steps_equal_the_whole_sequence(qk_norm):
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(4, num_kv_heads=2, rotary_base=1e4, qk_norm=qk_norm)
    x = ops.convert_to_tensor(rng.standard_normal((2, 7, 8)), "float32")
    whole = layer(x)
    state, pieces = layer.init_state(2, 12), []
    for begin, end in [(0, 3), (3, 4), (4, 7)]:
        y, state = layer.step(x[:, begin:end], state, begin)
        pieces.append(y)
    np.testing.assert_allclose(ops.concatenate(pieces, axis=1), whole, atol=1e-5)


def test_widths_that_do_not_divide_are_named():
    with pytest.raises(ArgumentError, match="num_heads=4 is no multiple of num_kv_heads=3"):
        MultiHeadAttention(4, num_kv_heads=3)
    with pytest.raises(ArgumentError, match="width 10 is no multiple of num_heads=4"):
        MultiHeadAttention(4)(np.ones((1, 2, 10), "float32"))


def test_heads_of_odd_width_cannot_turn():
    MultiHeadAttention(4).build((None, None, 20))
    with pytest.raises(ArgumentError, match="embed_dim as a multiple of 8"):
        MultiHeadAttention(4, rotary_base=100.0).build((None, None, 20))


@pytest.mark.parametrize("masked", [False, True])
def test_a_long_causal_attention_in_parts_equals_the_whole_one(masked, monkeypatch):
    keras.utils.set_random_seed(0)
    layer = MultiHeadAttention(4, num_kv_heads=2, rotary_base=100.0, qk_norm=True)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 128, 16)).astype("float32")
    mask = ops.convert_to_tensor(np.arange(128)[None, :] < [[128], [100]]) if masked else None
    assert len(multi_head._parts(128)) == 4
    assert len(multi_head._parts(127)) == len(multi_head._parts(None)) == 1
    in_parts = layer(x, mask=mask)
    monkeypatch.setattr(multi_head, "SHORTEST_IN_PARTS", 1000)
    np.testing.assert_allclose(in_parts, layer(x, mask=mask), atol=1e-5)
