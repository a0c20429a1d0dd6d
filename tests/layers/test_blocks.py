"""Embedding, head, feed-forward, Transformer and convolution blocks against NumPy."""

import math

import numpy as np
import pytest
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import (
    FeedForward,
    GatedConvolutionBlock,
    LanguageModelHead,
    TokenEmbedding,
    TransformerBlock,
    make_norm,
)

RNG = np.random.default_rng(0)


def array(x):
    return ops.convert_to_numpy(x).astype("float64")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer_norm(x, epsilon=1e-5):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)


def dense(layer, x):
    y = x @ array(layer.kernel)
    return y if layer.bias is None else y + array(layer.bias)


@pytest.mark.parametrize("activation", ["gelu", "relu", "relu2", "swiglu"])
def test_feedforward_equals_numpy(activation):
    layer = FeedForward(6, activation=activation)
    x = RNG.standard_normal((2, 3, 4)).astype("float32")
    y = layer(x)
    inner = dense(layer.expand, x)
    if activation == "swiglu":
        gate, inner = np.split(inner, 2, -1)
        inner = gate * sigmoid(gate) * inner
    elif activation == "gelu":
        tanh = np.tanh(math.sqrt(2 / math.pi) * (inner + 0.044715 * inner**3))
        inner = 0.5 * inner * (1 + tanh)
    else:
        inner = np.maximum(inner, 0) ** (2 if activation == "relu2" else 1)
    np.testing.assert_allclose(y, dense(layer.contract, inner), atol=1e-5)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ArgumentError, match="gelu, relu, relu2, swiglu"):
        FeedForward(4, activation="tanhh")
    with pytest.raises(ArgumentError, match="'layer' or 'rms'"):
        make_norm("batch", 1e-5)
    with pytest.raises(ArgumentError, match="'learned' or 'sinusoidal'"):
        TokenEmbedding(4, 4, positions="rotary")
    with pytest.raises(ArgumentError, match="need max_length"):
        TokenEmbedding(4, 4, positions="learned")


def test_convolution_equals_a_loop_over_windows():
    block = GatedConvolutionBlock(3)
    x = RNG.standard_normal((2, 6, 4)).astype("float32")
    y = block(x)
    kernel = array(block.convolution.kernel).reshape(3, 4, 8)
    inner = np.concatenate([np.zeros((2, 2, 4)), layer_norm(x)], axis=1)
    for t in range(6):
        both = sum(inner[:, t + i] @ kernel[i] for i in range(3))
        expected = x[:, t] + both[:, :4] * sigmoid(both[:, 4:])
        np.testing.assert_allclose(y[:, t], expected, atol=1e-5)


@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_block_is_its_parts(norm_first):
    block = TransformerBlock(num_heads=2, hidden_dim=8, norm_first=norm_first)
    x = ops.convert_to_tensor(RNG.standard_normal((2, 5, 4)), "float32")
    y = block(x)
    attend, feed = block.attention, block.feedforward
    if norm_first:
        h = x + attend(layer_norm(np.array(x)))
        expected = h + feed(layer_norm(np.array(h)))
    else:
        h = layer_norm(np.array(x + attend(x)))
        expected = layer_norm(np.array(h + feed(h)))
    np.testing.assert_allclose(y, expected, atol=1e-5)
    stepped, _ = block.step(x, block.init_state(2, 5), 0)
    np.testing.assert_allclose(stepped, y, atol=1e-5)


@pytest.mark.parametrize("positions", [None, "learned", "sinusoidal"])
def test_embedding_step_goes_on_with_the_positions(positions):
    layer = TokenEmbedding(9, 6, positions=positions, max_length=10)
    ids = RNG.integers(0, 9, (2, 7))
    whole = layer(ids)
    for begin, end in [(0, 2), (2, 3), (3, 7)]:
        np.testing.assert_allclose(layer.step(ids[:, begin:end], begin), whole[:, begin:end])


def test_too_long_for_learned_positions_is_named():
    layer = TokenEmbedding(9, 6, positions="learned", max_length=4)
    with pytest.raises(ArgumentError, match="5 ids is longer than max_length=4"):
        layer(np.zeros((1, 5), "int32"))


def test_tied_head_is_the_transposed_table():
    embedding = TokenEmbedding(9, 4)
    embedding.build((None, None))
    head = LanguageModelHead(9, embedding=embedding)
    x = RNG.standard_normal((2, 3, 4)).astype("float32")
    np.testing.assert_allclose(head(x), x @ array(embedding.embeddings).T, atol=1e-6)
    narrow = LanguageModelHead(9, embedding=embedding, use_bias=False)
    wide = RNG.standard_normal((2, 3, 7)).astype("float32")
    assert tuple(narrow(wide).shape) == (2, 3, 9)


def test_attention_weights_are_dropped_by_themselves():
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    plain = {"num_heads": 2, "hidden_dim": 8}
    assert TransformerBlock(**plain, dropout=0.5).attention.dropout.rate == 0.5
    block = TransformerBlock(**plain, dropout=(0.5, 0.0))
    attention = block.attention
    block.build(x.shape)
    attended = attention(x, training=True)
    np.testing.assert_allclose(attended, attention(x), atol=1e-6)
    assert np.abs(block(x, training=True) - block(x)).max() > 0.1
