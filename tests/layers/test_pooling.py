"""What turns a text into one vector, and a vector into a decision, against NumPy and Keras."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import TokenEmbedding
from lmzoo.layers.channels import ConvolutionPooling, TwoChannelEmbedding
from lmzoo.layers.embeddings.ngrams import NgramEmbedding
from lmzoo.layers.heads.class_head import ClassHead
from lmzoo.layers.pooling import KINDS, Pooling

DIM = 6


def as_array(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


def ragged(seed, rows=4, time=7):
    """Vectors, and a mask of texts of 1 to `time` tokens at the left."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, time + 1, rows)
    x = rng.normal(size=(rows, time, DIM)).astype("float32")
    return x, np.arange(time) < lengths[:, None], lengths


def moved(layer, x, seed=0):
    """The layer, built, its weights drawn anew."""
    rng = np.random.default_rng(seed)
    layer(x)
    for weight in layer.weights:
        weight.assign(0.3 * rng.normal(size=weight.shape))
    return layer


def pooled(kind, layer, x):
    """One text (time, dim) without padding."""
    half = DIM // 2
    if kind == "attention":
        parts = (*layer.projection.weights, layer.context)
        kernel, bias, context = (as_array(w) for w in parts)
        scores = np.tanh(x @ kernel + bias) @ context[:, 0]
        shares = np.exp(scores - scores.max())
        return (shares / shares.sum()) @ x
    return {
        "last": x[-1],
        "first": x[0],
        "ends": np.concatenate([x[-1, :half], x[0, half:]]),
        "mean": x.mean(0),
        "max": x.max(0),
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**31))
def test_poolings_equal_numpy_and_do_not_see_padding(kind, seed):
    x, mask, lengths = ragged(seed)
    layer = moved(Pooling(kind), x)
    wanted = [pooled(kind, layer, row[:n]) for row, n in zip(x, lengths, strict=True)]
    found = as_array(layer(x, mask))
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    garbage = np.where(mask[..., None], x, np.float32(1e4))
    np.testing.assert_array_equal(as_array(layer(garbage, mask)), found)
    whole = as_array(layer(x))
    wanted = [pooled(kind, layer, row) for row in x]
    np.testing.assert_allclose(whole, wanted, atol=1e-5)


def test_the_gradient_of_a_maximum_goes_to_one_place_even_if_several_are_equal():
    x = tf.Variable([[[1.0, 5.0], [2.0, 5.0], [2.0, 0.0], [9.0, 9.0]]])
    mask = np.array([[True, True, True, False]])
    with tf.GradientTape() as tape:
        found = tf.reduce_sum(Pooling("max")(x, mask) * [3.0, 4.0])
    wanted = [[[0, 4], [3, 0], [0, 0], [0, 0]]]
    np.testing.assert_array_equal(tape.gradient(found, x), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_without_tokens_gives_zeros(kind):
    x, mask, _ = ragged(0)
    mask[1] = False
    found = as_array(moved(Pooling(kind), x)(x, mask=mask))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[1], np.zeros(DIM))


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ArgumentError, match="use one of last, first"):
        Pooling("median")


def convolved(layer, x):
    """One text (time, dim) by Keras's own convolution, padded with zeros if it is too short."""
    found = []
    for width, kernel in zip(layer.widths, layer.kernels, strict=True):
        border = (width - 1, width - 1) if layer.wide else (0, max(0, width - len(x)))
        text = np.pad(x, (border, (0, 0)))
        found.append(as_array(ops.conv(text[None], ops.convert_to_tensor(kernel)))[0].max(0))
    return as_array(layer.activation(np.concatenate(found) + as_array(layer.bias)))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@given(seed=st.integers(0, 2**31), time=st.integers(1, 7))
def test_convolutions_equal_those_of_keras_and_do_not_see_padding(activation, wide, seed, time):
    x, mask, lengths = ragged(seed, time=time)
    layer = moved(ConvolutionPooling(4, (1, 3, 4), activation, wide=wide), x)
    wanted = [convolved(layer, row[:n]) for row, n in zip(x, lengths, strict=True)]
    np.testing.assert_allclose(as_array(layer(x, mask)), wanted, atol=1e-5)
    wider = np.pad(x, ((0, 0), (0, 3), (0, 0)), constant_values=np.nan)
    mask = np.pad(mask, ((0, 0), (0, 3)))
    np.testing.assert_allclose(as_array(layer(wider, mask)), wanted, atol=1e-5)


def test_convolutions_that_cannot_be_are_refused():
    with pytest.raises(ArgumentError, match="at least one"):
        ConvolutionPooling(4, ())
    with pytest.raises(ArgumentError, match="each at least 1"):
        ConvolutionPooling(4, (0, 2))
    with pytest.raises(ArgumentError, match="use one of relu, tanh"):
        ConvolutionPooling(4, (2,), "sigmoid")


def test_two_channels_begin_alike_and_one_is_frozen():
    ids = np.array([[4, 1, 8]])
    embedding = TwoChannelEmbedding(9, DIM, initializer_range=1.0)
    single = TokenEmbedding(9, DIM)
    single(ids)
    found = as_array(embedding(ids))
    single.embeddings.assign(embedding.embeddings)
    np.testing.assert_allclose(found, 2 * as_array(single(ids)), rtol=1e-6)
    assert [w.shape for w in embedding.trainable_weights] == [(9, DIM)]
    table = np.random.default_rng(0).normal(size=(9, DIM)).astype("float32")
    embedding.set_table(table)
    embedding.embeddings.assign(0.5 * table)
    np.testing.assert_allclose(as_array(embedding(ids)), 1.5 * table[ids], rtol=1e-6)
    assert np.isnan(as_array(embedding(np.array([[9, 3]])))[0, 0]).all()


def numpy_bucket(words, buckets):
    """The hash of the docstring's source, in Python's own integers."""
    key = len(words)
    for word in words:
        key = ((key ^ word) * 0x9E3779B1) % 2**32
        key ^= key >> 15
    return ((key * 0x7FEB352D) % 2**32 >> 1) % buckets


@given(seed=st.integers(0, 2**31), ngrams=st.integers(1, 4), time=st.integers(1, 6))
def test_a_bag_is_the_mean_of_words_and_ngrams(seed, ngrams, time):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, time + 1, 4)
    ids = rng.integers(1, 30, (4, time)) * (np.arange(time) < lengths[:, None])
    layer = moved(NgramEmbedding(30, DIM, ngrams=ngrams, buckets=17), ids)
    words = as_array(layer.words.embeddings)
    wanted = []
    for row, length in zip(ids.tolist(), lengths, strict=True):
        text = row[:length]
        vectors = [words[i] for i in text]
        for n in range(2, ngrams + 1):
            for begin in range(len(text) - n + 1):
                place = numpy_bucket(text[begin : begin + n], 17)
                vectors.append(as_array(layer.grams.embeddings)[place])
        wanted.append(np.mean(vectors, axis=0) if vectors else np.zeros(DIM))
    np.testing.assert_allclose(as_array(layer(ids)), wanted, atol=1e-5)
    np.testing.assert_allclose(as_array(layer(np.pad(ids, ((0, 0), (0, 3))))), wanted, atol=1e-5)


def test_ngrams_are_spread_evenly_over_the_buckets():
    rng = np.random.default_rng(0)
    pairs = np.unique(rng.integers(1, 3000, (40_000, 2)), axis=0)
    layer = NgramEmbedding(3000, 2, buckets=1000)
    places, real = layer.hashed(ops.convert_to_tensor(pairs, "int32"), 2)
    assert as_array(real).sum(0).tolist() == [len(pairs), 0]
    counts = np.bincount(as_array(places)[:, 0].astype(int), minlength=1000)
    wanted = len(pairs) / 1000
    statistic = ((counts - wanted) ** 2 / wanted).sum()  # chi-square with 999 degrees of freedom
    assert 999 - 5 * np.sqrt(2 * 999) < statistic < 999 + 5 * np.sqrt(2 * 999)


def test_a_bag_names_what_it_cannot_be_and_shows_an_unknown_id():
    with pytest.raises(ArgumentError, match="ngrams=0"):
        NgramEmbedding(9, 2, ngrams=0)
    with pytest.raises(ArgumentError, match="buckets=0"):
        NgramEmbedding(9, 2, buckets=0)
    found = as_array(NgramEmbedding(9, 2, buckets=5)(np.array([[3, 9], [3, 8]])))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


def test_a_head_gives_logits_in_float32_and_keeps_its_norm():
    x = np.random.default_rng(0).normal(size=(5, DIM)).astype("float32")
    for classes, units in ((2, 1), (4, 4)):
        head = ClassHead(classes, max_norm=0.5)
        found = as_array(head(x))
        kernel, bias = (as_array(w) for w in head.weights)
        logits = x.astype("float64") @ kernel + bias
        assert found.shape == (5, units)
        np.testing.assert_allclose(found, logits, atol=1e-5)
        model = keras.Sequential([head])
        model.compile(keras.optimizers.SGD(10.0), "mse")
        model.fit(x, np.ones((5, units)), verbose=0)
        norms = np.linalg.norm(as_array(head.projection.kernel), axis=0)
        assert (norms < 0.5 + 1e-4).all()
        assert norms.max() > 0.4
    keras.config.set_dtype_policy("mixed_bfloat16")
    head = ClassHead(3)
    assert keras.backend.standardize_dtype(head(x).dtype) == "float32"
    assert keras.backend.standardize_dtype(head(keras.Input((DIM,))).dtype) == "float32"


def test_a_head_that_cannot_be_is_refused():
    with pytest.raises(ArgumentError, match="num_classes=1"):
        ClassHead(1)
    with pytest.raises(ArgumentError, match="max_norm=0"):
        ClassHead(2, max_norm=0)
