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
    rotary_frequencies,
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


def test_each_row_may_have_positions_of_its_own():
    x = np.random.default_rng(2).standard_normal((2, 3, 4, 6)).astype("float32")
    positions = np.array([[0, 1, 2, 3], [7, 7, 0, 5]])
    rows = [np.array(apply_rotary(x[i : i + 1], positions[i])) for i in range(2)]
    np.testing.assert_allclose(apply_rotary(x, positions), np.concatenate(rows), atol=1e-6)


def llama3_by_hand(wavelength):
    """Dubey et al. 2024: one frequency at a time, factor 8 beyond 1,000 positions."""
    if wavelength < 1000 / 4:
        return 2 * np.pi / wavelength
    if wavelength > 1000 / 1:
        return 2 * np.pi / wavelength / 8
    smooth = (1000 / wavelength - 1) / (4 - 1)
    return (1 - smooth) * 2 * np.pi / wavelength / 8 + smooth * 2 * np.pi / wavelength


def test_llama3_stretches_the_slow_rotations():
    scaling = {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 1000}
    found, factor = rotary_frequencies(64, base=500.0, scaling=scaling)
    plain, _ = rotary_frequencies(64, base=500.0)
    wanted = [llama3_by_hand(2 * np.pi / frequency) for frequency in plain.astype("float64")]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert factor == 1
    assert found[0] == plain[0]
    assert found[-1] == pytest.approx(plain[-1] / 8)


def test_yarn_interpolates_between_fast_and_slow_rotations():
    """Peng et al. 2023, eq. 19 to 22, with its defaults: pairs of 32 turns and more stay."""
    scaling = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096}
    found, factor = rotary_frequencies(128, scaling=scaling)
    plain = 10000.0 ** (-np.arange(64) / 64)
    # As in the authors' code, the ramp runs from pair to pair, rounded outward.
    first, last = (64 * np.log(4096 / (2 * np.pi * turns)) / np.log(10000) for turns in (32, 1))
    for i, frequency in enumerate(plain):
        ramp = min(1, max(0, (i - np.floor(first)) / (np.ceil(last) - np.floor(first))))
        assert found[i] == pytest.approx(frequency * (1 - ramp) + frequency / 4 * ramp, rel=1e-5)
    assert factor == pytest.approx(0.1 * np.log(4) + 1)
    x = np.random.default_rng(1).standard_normal((1, 1, 5, 128)).astype("float32")
    norms = [np.linalg.norm(y) for y in (apply_rotary(x, np.arange(5), scaling=scaling), x)]
    assert norms[0] / norms[1] == pytest.approx(factor, rel=1e-5)


def test_ntk_slows_the_slowest_rotation_by_the_factor():
    found, _ = rotary_frequencies(16, scaling={"rope_type": "ntk", "factor": 3.0})
    plain, _ = rotary_frequencies(16)
    assert found[0] == plain[0] == 1
    assert found[-1] == pytest.approx(plain[-1] / 3)
    assert (np.diff(found / plain) < 0).all()


def test_linear_scaling_is_a_division_of_the_positions():
    x = np.random.default_rng(1).standard_normal((1, 1, 3, 6)).astype("float32")
    scaled = apply_rotary(x, np.array([0, 4, 8]), scaling={"rope_type": "linear", "factor": 4.0})
    np.testing.assert_allclose(scaled, apply_rotary(x, np.array([0, 1, 2])), atol=1e-6)


@pytest.mark.parametrize(
    ("scaling", "words"),
    [
        ({"rope_type": "longrope", "factor": 2.0}, "use one of linear, ntk, yarn, llama3"),
        ({"rope_type": "linear"}, "needs factor"),
        ({"rope_type": "ntk", "factor": 0.5}, "at least 1"),
        ({"rope_type": "linear", "factor": 2.0, "beta_fast": 1}, "has no beta_fast"),
    ],
)
def test_a_scaling_that_does_not_exist_is_refused(scaling, words):
    with pytest.raises(ArgumentError, match=words):
        rotary_frequencies(8, scaling=scaling)


@pytest.mark.parametrize("causal", [True, False])
def test_attention_scores_are_those_behind_the_output(causal):
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(4, num_kv_heads=2, causal=causal, dropout=0.5)
    x = rng.standard_normal((2, 5, 8)).astype("float32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)
    output, scores = layer(x, mask=mask, return_attention_scores=True)
    np.testing.assert_array_equal(output, layer(x, mask=mask))
    scores = array(scores)
    assert scores.shape == (2, 4, 5, 5)
    np.testing.assert_allclose(scores.sum(axis=-1), 1, atol=1e-5)
    assert (scores[1, :, :, 3:] == 0).all()
    assert (np.triu(scores, 1) == 0).all() == causal
    inputs = keras.Input((None, 8))
    made = layer(inputs, return_attention_scores=True)
    found = keras.Model(inputs, made).predict(x, verbose=0)
    assert [tuple(tensor.shape) for tensor in made] == [(None, None, 8), (None, 4, None, None)]
    np.testing.assert_allclose(found[0], layer(x), atol=1e-5)


def test_cross_attention_returns_its_scores():
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(2, cross=True)
    x = rng.standard_normal((2, 3, 4)).astype("float32")
    memory = rng.standard_normal((2, 5, 6)).astype("float32")
    real = np.arange(5)[None] < np.array([[5], [2]])
    _, scores = layer(x, memory, memory_mask=real, return_attention_scores=True)
    weights = []
    state = (*layer.prepare_memory(ops.convert_to_tensor(memory)), ops.convert_to_tensor(real))
    layer.attend(ops.convert_to_tensor(x), state, weights)
    np.testing.assert_allclose(array(scores).mean(axis=1), weights[0], atol=1e-6)
    assert (array(scores)[1, :, :, 2:] == 0).all()


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
