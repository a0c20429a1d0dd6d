"""The hand-written gradients equal automatic differentiation of Keras's own layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lmzoo.layers import GRUBlock, LSTMBlock, SimpleRNNBlock

PAIRS = [
    (SimpleRNNBlock, keras.layers.SimpleRNN),
    (GRUBlock, keras.layers.GRU),
    (LSTMBlock, keras.layers.LSTM),
]


def array(x):
    return ops.convert_to_numpy(x)


def same_weights(block, layer, shape, rng):
    """Gives both layers the same random weights."""
    block.build(shape)
    layer.build(shape)
    for weight in block.weights:
        weight.assign(0.3 * rng.standard_normal(weight.shape))
    bias = block.projection.bias
    if isinstance(block, GRUBlock):
        bias = np.stack([array(bias), array(block.recurrent_bias)])
    layer.set_weights([array(w) for w in (block.projection.kernel, block.recurrent_kernel, bias)])


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("xla", [False, True])
@pytest.mark.parametrize("time", [1, 7])
def test_outputs_and_gradients_equal_keras(ours, theirs, xla, time):
    rng = np.random.default_rng(time)
    block, layer = ours(5), theirs(5, return_sequences=True)
    x = tf.constant(rng.standard_normal((3, time, 4)), "float32")
    weight = tf.constant(rng.standard_normal((3, time, 5)), "float32")
    same_weights(block, layer, x.shape, rng)

    def gradients(part):
        weights = [v.value for v in part.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = part(x)
            loss = tf.reduce_sum(y * weight)
        return y, tape.gradient(loss, [x, *weights])

    y1, (dx1, *dw1) = tf.function(gradients, jit_compile=xla)(block)
    y2, (dx2, *dw2) = gradients(layer)
    np.testing.assert_allclose(y1, y2, atol=1e-5)
    np.testing.assert_allclose(dx1, dx2, atol=2e-5)
    ours_by_size = {np.prod(w.shape): w for w in dw1}
    for w in dw2:
        if isinstance(block, GRUBlock) and w.shape[0] == 2:  # Keras stacks both biases
            biases = [v for v in dw1 if v.shape == (15,)]
            total = np.sort(np.concatenate([b.numpy() for b in biases]))
            np.testing.assert_allclose(total, np.sort(w.numpy().ravel()), atol=2e-5)
        else:
            np.testing.assert_allclose(ours_by_size[np.prod(w.shape)], w, atol=2e-5)


@pytest.mark.parametrize("block", [SimpleRNNBlock, GRUBlock, LSTMBlock])
def test_state_given_back_goes_on_where_the_sequence_stopped(block):
    layer = block(4)
    x = np.random.default_rng(0).standard_normal((2, 9, 3)).astype("float32")
    whole = layer(x)
    first, state = layer.step(ops.convert_to_tensor(x[:, :4]), layer.init_state(2, 9), 0)
    second, _ = layer.step(ops.convert_to_tensor(x[:, 4:]), state, 4)
    np.testing.assert_allclose(ops.concatenate([first, second], axis=1), whole, atol=1e-5)


def test_lstm_forget_bias_starts_at_one():
    layer = LSTMBlock(3)
    layer.build((None, None, 2))
    expected = [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    np.testing.assert_array_equal(layer.projection.bias, expected)


def test_weight_dropout_drops_the_same_weights_at_all_times():
    """With all weights dropped a step has no memory, in training only."""
    layer = SimpleRNNBlock(4, weight_dropout=0.999999)
    x = np.random.default_rng(0).standard_normal((1, 6, 3)).astype("float32")
    layer(x)
    without_memory = np.tanh(layer.projection(x))
    np.testing.assert_allclose(layer(x, training=True), without_memory, atol=1e-6)
    assert np.abs(layer(x) - without_memory)[:, 1:].max() > 1e-3


def test_variational_dropout_takes_the_same_features_at_all_times():
    layer = SimpleRNNBlock(4, dropout=0.5, variational=True)
    x = np.ones((3, 20, 8), "float32")
    layer.build(x.shape)
    layer.recurrent_kernel.assign(np.zeros((4, 4)))
    y = np.array(layer(x, training=True))
    np.testing.assert_allclose(y, np.repeat(y[:, :1], 20, axis=1), atol=1e-6)
    assert np.abs(y[0] - y[1]).max() > 0
