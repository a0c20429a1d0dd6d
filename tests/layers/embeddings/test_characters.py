"""The character encoder against a loop over words, and padding that changes nothing."""

import keras
import numpy as np
import pytest
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.embeddings.characters import CharacterEncoder
from lmzoo.layers.slot_gate import SlotGate


def array(x):
    return ops.convert_to_numpy(x)


def words(rng, shape=(2, 3, 6)):
    """Random words of 1 to 5 letters; the last word of the second sentence has none."""
    ids = rng.integers(1, 20, shape)
    lengths = rng.integers(1, shape[-1], shape[:2])
    lengths[0, 0] = shape[-1]
    lengths[1, -1] = 0
    return np.where(np.arange(shape[-1]) < lengths[..., None], ids, 0), lengths


def perturbed(kind, **arguments):
    rng = np.random.default_rng(0)
    layer = CharacterEncoder(20, kind=kind, **arguments)
    layer.build((None, None, None))
    for weight in layer.trainable_weights:
        weight.assign(weight + 0.3 * rng.standard_normal(weight.shape))
    return layer


def test_the_convolution_equals_a_loop():
    layer = perturbed("cnn", char_dim=4, output_dim=7)
    ids, lengths = words(np.random.default_rng(1))
    table, kernel = array(layer.embedding.embeddings), array(layer.reader.kernel)
    found = array(layer(ids))
    assert found.shape == (2, 3, 7)
    for place in np.ndindex(2, 3):
        vectors = np.zeros((lengths[place] + 2, 4))
        vectors[1:-1] = table[ids[place][: lengths[place]]]
        windows = [vectors[i : i + 3].ravel() @ kernel for i in range(lengths[place])]
        if windows:
            wanted = np.tanh(np.max(windows, axis=0) + array(layer.reader.bias))
        else:
            wanted = np.zeros(7)
        np.testing.assert_allclose(found[place], wanted, atol=1e-5)


def test_the_lstm_equals_keras_one_word_at_a_time():
    layer = perturbed("lstm", char_dim=4)
    ids, lengths = words(np.random.default_rng(2))
    theirs = keras.layers.Bidirectional(keras.layers.LSTM(4))
    theirs.build((None, None, 4))
    theirs.set_weights(layer.reader.get_weights())
    table, found = array(layer.embedding.embeddings), array(layer(ids))
    assert found.shape == (2, 3, 8)
    for place in np.ndindex(2, 3):
        letters = table[ids[place][: lengths[place]]]
        wanted = array(theirs(letters[None]))[0] if len(letters) else np.zeros(8)
        np.testing.assert_allclose(found[place], wanted, atol=1e-5)


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_padding_changes_nothing(kind):
    layer = perturbed(kind)
    ids, _ = words(np.random.default_rng(3))
    whole = array(layer(ids))
    wider = array(layer(np.pad(ids, ((0, 0), (0, 2), (0, 3)))))
    np.testing.assert_allclose(wider[:, :3], whole, atol=1e-6)
    assert (wider[:, 3:] == 0).all()
    assert whole.shape[-1] == {"cnn": 30, "lstm": 50}[kind]
    shown = layer.compute_output_spec(keras.KerasTensor((None, None, None), "int32"))
    assert shown.shape == (None, None, whole.shape[-1])


def test_arguments_that_cannot_be_are_refused():
    with pytest.raises(ArgumentError, match="use one of cnn, lstm"):
        CharacterEncoder(20, kind="gru")
    with pytest.raises(ArgumentError, match="odd"):
        CharacterEncoder(20, kind="lstm", output_dim=7)


def test_the_slot_gate_is_that_of_its_definition():
    rng = np.random.default_rng(4)
    x, sentence = rng.standard_normal((2, 3, 4)), rng.standard_normal((2, 6))
    gate = SlotGate()
    found = array(gate(x.astype("float32"), sentence.astype("float32")))
    projected = sentence @ array(gate.projection.kernel)
    scale = np.tanh(x + projected[:, None]) @ array(gate.score.kernel)
    np.testing.assert_allclose(found, x * (1 + scale), atol=1e-5)
