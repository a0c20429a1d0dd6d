"""Dropout drops the given fraction, independently, and the same for the same seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dropout import Dropout, random_bits


def bits(count, seed):
    return ops.convert_to_numpy(random_bits((count,), ops.convert_to_tensor(seed))).astype("int64")


def test_bits_equal_the_mixing_function_in_numpy():
    def mix(x, key=0):
        x = ((x ^ (x >> 16)) * 0x7FEB352D % 2**32) ^ key
        x = (x ^ (x >> 15)) * 0x846CA68B % 2**32
        return x ^ (x >> 16)

    key = mix((5 + mix((3 + 0x9E3779B9) % 2**32)) % 2**32)
    places = (np.arange(100, dtype="int64") + key) % 2**32
    np.testing.assert_array_equal(bits(100, [5, 3]), mix(places, mix(key)))


def test_every_bit_is_set_half_the_time_and_no_two_go_together():
    count = 2**16
    ones = (bits(count, [1, 2])[:, None] >> np.arange(32) & 1) - 0.5
    error = 0.5 * count**-0.5
    assert np.abs(ones.mean(axis=0)).max() < 4.5 * error
    covariance = ones.T @ ones / count - np.eye(32) / 4
    assert np.abs(covariance).max() < 5 * error / 2


@pytest.mark.parametrize("other", [[1, 3], [2, 2], [3, 1]])
def test_neighbouring_seeds_give_unrelated_masks(other):
    count = 2**16
    first, second = (bits(count, seed) >= 0.3 * 2**32 for seed in ([1, 2], other))
    for lag in (0, 1, 2, 64):
        together = (first[lag:] & second[: count - lag]).mean()
        assert abs(together - 0.49) < 5 * 0.5 * count**-0.5
    assert abs((first[1:] & first[:-1]).mean() - 0.49) < 5 * 0.5 * count**-0.5


@settings(max_examples=25, deadline=None)
@given(rate=st.floats(0.01, 0.99), seed=st.integers(0, 2**31 - 1))
def test_share_and_scale(rate, seed):
    x = np.random.default_rng(seed).uniform(1, 2, (40, 50, 3)).astype("float32")
    y = ops.convert_to_numpy(Dropout(rate, seed=seed)(x, training=True))
    kept = y != 0
    np.testing.assert_allclose(y[kept], x[kept] / (1 - rate), rtol=1e-5)
    assert abs(kept.mean() - (1 - rate)) < 5 * (rate * (1 - rate) / x.size) ** 0.5


def test_noise_shape_drops_alike_along_a_dimension():
    y = ops.convert_to_numpy(Dropout(0.5, (None, 1, None))(np.ones((4, 9, 32)), training=True))
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], y.shape))
    assert {0.0, 2.0} == set(y.flat)


def test_identity_outside_training_and_zero_at_rate_one():
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(Dropout(0.5)(x), x)
    np.testing.assert_array_equal(Dropout(0.0)(x, training=True), x)
    np.testing.assert_array_equal(Dropout(1.0)(x, training=True), 0 * x)


def test_each_call_draws_anew_and_xla_draws_as_eager_does():
    def masks(function):
        return [ops.convert_to_numpy(function(np.ones((8, 16), "float32"))) for _ in range(3)]

    eager, compiled = Dropout(0.4, seed=3), Dropout(0.4, seed=3)
    first = masks(lambda x: eager(x, training=True))
    second = masks(tf.function(lambda x: compiled(x, training=True), jit_compile=True))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first[0], first[1])


def test_gradient_goes_through_what_was_kept():
    layer = Dropout(0.5, seed=1)
    x = tf.ones((5, 7))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)


def test_config_rebuilds_it():
    layer = Dropout(0.25, noise_shape=(None, 1, 4), seed=9)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    x = np.ones((6, 2, 4), "float32")
    np.testing.assert_array_equal(layer(x, training=True), copy(x, training=True))


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan")])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(ArgumentError, match=f"dropout={rate}"):
        Dropout(rate)


@pytest.mark.parametrize("shape", [(1,), (None, 1), (None, 1, 4, 4)])
def test_a_noise_shape_of_other_rank_is_refused(shape):
    with pytest.raises(ArgumentError, match="noise_shape="):
        Dropout(0.5, noise_shape=shape)(np.ones((6, 2, 4), "float32"), training=True)
