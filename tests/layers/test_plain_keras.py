"""Every public layer is an ordinary Keras layer: it is saved and loaded in a plain model."""

import inspect
import json

import keras
import numpy as np
import pytest

import lmzoo
from lmzoo import layers

BATCH, TIME, KEYS, DIM = 2, 5, 7, 8
SHAPES = {
    "x": (TIME, DIM),
    "vector": (DIM,),
    "memory": (KEYS, 6),
    "ids": (TIME,),
    "source": (KEYS,),
    "characters": (TIME, 6),
}
# The inputs of a layer, and its arguments.
CASES = {
    "AdaptiveHead": ("x", {"vocab_size": 20, "cutoffs": [5, 10]}),
    "AdditiveAttention": ("x memory", {"hidden_dim": 4}),
    "CRF": ("x", {"num_tags": DIM, "forbidden": [[-1, 2], [0, 2]]}),
    "CharacterEncoder": ("characters", {"num_characters": 20, "kind": "lstm"}),
    "ClassHead": ("vector", {"num_classes": 3, "max_norm": 2.0}),
    "ConvolutionPooling": ("x", {"filters": 2, "widths": (2, 3)}),
    "CopyHead": ("x memory source", {"vocab_size": 20, "coverage": 1.0}),
    "CrossAttentionBlock": ("x memory", {"num_heads": 2}),
    "Dense": ("x", {"units": 4}),
    "Dropout": ("x", {"rate": 0.5}),
    "FeatureEmbedding": ("x", {"embed_dim": 4, "positions": "sinusoidal"}),
    "FeedForward": ("x", {"hidden_dim": 6, "output_initializer": "zeros"}),
    "GRU": ("x", {"units": 4}),
    "GRUBlock": ("x", {"hidden_dim": 4, "regularizer": keras.regularizers.L2(0.1)}),
    "GatedConvolutionBlock": ("x", {"kernel_size": 3, "causal": False}),
    "GlobalAttentionBlock": ("x memory", {"hidden_dim": 4, "score": "additive"}),
    "InputFeedingBlock": ("x memory", {"hidden_dim": 4, "cell": "gru"}),
    "LSTM": ("x", {"units": 4, "return_sequences": True}),
    "LSTMBlock": ("x memory", {"hidden_dim": 4, "from_memory": True}),
    "LanguageModelHead": ("x", {"vocab_size": 20, "use_bias": False}),
    "MultiHeadAttention": ("x memory", {"num_heads": 4, "num_kv_heads": 2, "cross": True}),
    "NgramEmbedding": ("ids", {"vocab_size": 20, "embed_dim": 4, "buckets": 9}),
    "Pooling": ("x", {"kind": "attention"}),
    "RecurrentEncoderBlock": ("x", {"hidden_dim": 4}),
    "SimpleRNN": ("x", {"units": 4}),
    "SimpleRNNBlock": ("x", {"hidden_dim": 4, "variational": True}),
    "SlotGate": ("x vector", {}),
    "TokenEmbedding": ("ids", {"vocab_size": 20, "embed_dim": 4, "positions": "sinusoidal"}),
    "TransformerBlock": (
        "x memory",
        {"num_heads": 2, "hidden_dim": 6, "kind": "cross", "dropout": (0.1, 0.2)},
    ),
    "TwoChannelEmbedding": ("ids", {"vocab_size": 20, "embed_dim": 4}),
}
ABSTRACT = {"Head", "RecurrentBlock"}


def test_every_public_layer_is_here():
    public = {name for name in layers.__all__ if inspect.isclass(getattr(layers, name))}
    assert public - ABSTRACT == set(CASES)


def plain_model(kind, **keras_arguments):
    """A functional model of one layer, with random weights; and the layer."""
    inputs, arguments = CASES[kind]
    layer = getattr(layers, kind)(**arguments, **keras_arguments)
    given = {
        name: keras.Input(
            SHAPES[name], dtype="float32" if name in ("x", "vector", "memory") else "int32"
        )
        for name in inputs.split()
    }
    first, *others = given.values()
    model = keras.Model(list(given.values()), layer(first, *others[:1], **named(given)))
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(rng.normal(size=weight.shape))
    return model, layer


def named(given):
    """The source of a copying head stands behind a mask."""
    return {"source": given["source"]} if "source" in given else {}


def values(model):
    rng = np.random.default_rng(1)
    inputs = [
        rng.normal(size=(BATCH, *x.shape[1:])).astype("float32")
        if x.dtype == "float32"
        else rng.integers(1, 20, (BATCH, *x.shape[1:])).astype("int32")
        for x in model.inputs
    ]
    return [np.asarray(y) for y in keras.tree.flatten(model(inputs))]


@pytest.mark.parametrize("name", CASES)
def test_saved_and_loaded_in_a_plain_model(name, tmp_path):
    model, layer = plain_model(name, name="mine", trainable=False)
    assert not model.trainable_weights
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for before, after in zip(values(model), values(loaded), strict=True):
        np.testing.assert_array_equal(before, after)
    again = loaded.get_layer("mine")
    assert again.get_config() == json.loads(json.dumps(layer.get_config()))
    assert not loaded.trainable_weights
    outputs = keras.tree.flatten(model.outputs)
    assert [tuple(y.shape[1:]) for y in outputs] == [y.shape[1:] for y in values(model)]
    assert [y.dtype for y in outputs] == [y.dtype.name for y in values(model)]


@pytest.mark.parametrize("name", sorted(set(CASES) - {"CRF"}))  # it computes in float32
def test_the_dtype_reaches_every_part(name):
    _, layer = plain_model(name, dtype="mixed_bfloat16")
    parts = list(layer._flatten_layers())
    assert {part.dtype_policy.name for part in parts} == {"mixed_bfloat16"}, parts


def test_a_tied_head_is_loaded_with_its_embedding(tmp_path):
    embedding = layers.TokenEmbedding(20, 4)
    ids = keras.Input((None,), dtype="int32")
    head = layers.LanguageModelHead(
        20, embedding=embedding, norm=keras.layers.LayerNormalization(epsilon=1e-3)
    )
    model = keras.Model(ids, head(layers.GRUBlock(4)(embedding(ids))))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(model.weights)
    x = np.array([[3, 4, 5]])
    np.testing.assert_array_equal(model(x), loaded(x))


def test_the_mask_of_a_plain_embedding_reaches_encoder_blocks_and_pooling():
    ids = np.array([[3, 4, 0, 0], [5, 6, 7, 8]])
    embedding = keras.layers.Embedding(9, 8, mask_zero=True)
    blocks = [
        layers.RecurrentEncoderBlock(8),
        layers.TransformerBlock(num_heads=2, hidden_dim=8, kind="encoder"),
        layers.GatedConvolutionBlock(3, causal=False),
    ]
    model = keras.Sequential([embedding, *blocks, layers.Pooling("mean")])
    short = np.asarray(model(ids[:1, :2]))
    np.testing.assert_allclose(np.asarray(model(ids))[:1], short, atol=1e-5)


def test_layers_inside_a_zoo_model_are_loaded_and_a_plain_model_from_h5(tmp_path):
    """Transfer learning: what precedes the output weights has no public name, but is saved."""
    lm = lmzoo.build_lstm_lm(20, embed_dim=4, hidden_dim=4)
    pooled = keras.layers.GlobalAveragePooling1D()(lm.layers[-2].output)
    model = keras.Model(lm.input, keras.layers.Dense(2)(pooled))
    x = np.array([[3, 4, 5]])
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        loaded = keras.saving.load_model(tmp_path / name)
        np.testing.assert_array_equal(model(x), loaded(x))


def test_every_layer_of_the_package_is_registered():
    def classes(cls):
        for inner in cls.__subclasses__():
            yield inner
            yield from classes(inner)

    ours = [c for c in classes(keras.layers.Layer) if c.__module__.startswith("lmzoo.layers")]
    assert len(ours) > len(CASES)
    for cls in ours:
        if cls is not layers.layer.Layer and not cls.__name__.startswith("_"):
            assert keras.saving.get_registered_name(cls) == f"lmzoo>{cls.__name__}"
