"""Every registered encoder and decoder, and what is built of them."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import lmzoo
from tests.zoo import as_array, perturbed, unmoved, weights_of

ENCODERS = lmzoo.list_models("*_encoder")
DECODERS = lmzoo.list_models("*_decoder")


def rows_of(model, batch=3, time=7, seed=0):
    """Ids, or features, of unequal length, padded with 0."""
    rng = np.random.default_rng(seed)
    size = model.input_sizes()[0]
    if size is None:
        x = rng.standard_normal((batch, time, model.inputs[0].shape[-1])).astype("float32")
    else:
        x = rng.integers(4, size, (batch, time)).astype("int32")
    for row in range(1, batch):
        x[row, time - row :] = 0
    return x


def memory_of(decoder, batch=2, keys=5, time=6, seed=0):
    """Target ids, a memory and its mask, and for a head that copies the memory's ids."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(1, decoder.vocab_size, (batch, time)).astype("int32")
    memory = rng.standard_normal((batch, keys, decoder.memory_dim)).astype("float32")
    mask = np.arange(keys) < np.array([[keys], [keys - 2]])
    source = rng.integers(4, decoder.vocab_size, (batch, keys)).astype("int32")
    return [ids, memory, mask, np.where(mask, source, 0)][: len(decoder.inputs)]


@pytest.fixture(params=ENCODERS)
def encoder_name(request):
    return request.param


@pytest.fixture(params=DECODERS)
def decoder_name(request):
    return request.param


FORMS = [{}, {"vocab_size": None, "feature_dim": 3}]


@pytest.mark.parametrize("form", FORMS, ids=["ids", "features"])
def test_an_encoder_ignores_padding_saves_and_loads(encoder_name, form, tmp_path):
    model = perturbed(encoder_name, **form)
    x = rows_of(model)
    hidden, mask = (as_array(part) for part in model(x))
    assert hidden.shape == (3, 7, model.dim)
    np.testing.assert_array_equal(mask, x.reshape(3, 7, -1).any(axis=-1))
    wider = np.pad(x, ((0, 0), (0, 4)) + ((0, 0),) * (x.ndim - 2))
    again, wide_mask = (as_array(part) for part in model(wider))
    assert not wide_mask[:, 7:].any()
    np.testing.assert_allclose(again[:, :7][mask > 0], hidden[mask > 0], atol=1e-5)
    for row in range(3):
        alone = as_array(model(x[row : row + 1, : 7 - row])[0])[0]
        np.testing.assert_allclose(alone, hidden[row, : 7 - row], atol=1e-5)
    vectors = model.embed(x)
    np.testing.assert_array_equal(as_array(model.encode(vectors)[0]), hidden)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.recipe == model.recipe
    np.testing.assert_array_equal(as_array(loaded(x)[0]), hidden)
    np.testing.assert_array_equal(as_array(lmzoo.clone(model)(x)[0]), hidden)


@pytest.mark.parametrize("form", FORMS, ids=["ids", "features"])
def test_a_gradient_reaches_every_weight_of_an_encoder(encoder_name, form):
    model = perturbed(encoder_name, **form)
    x, weights = rows_of(model), np.random.default_rng(0).standard_normal(model.dim)
    before = weights_of(model)
    model.compile("sgd", loss=[lambda y, hidden: ops.sum(hidden * weights, axis=-1), None])
    model.fit(x, [np.zeros((3, 7)), np.zeros((3, 7))], verbose=0)
    assert not unmoved(model, before)


def test_a_decoder_steps_ignores_padding_saves_and_loads(decoder_name, tmp_path):
    model = perturbed(decoder_name)
    inputs = memory_of(model)
    logits = as_array(model(inputs))
    assert logits.shape == (2, 6, model.vocab_size)
    ids, memory, mask = inputs[:3]
    wider = [ids, np.pad(memory, ((0, 0), (0, 3), (0, 0))), np.pad(mask, ((0, 0), (0, 3)))]
    np.testing.assert_allclose(as_array(model(wider)), logits, atol=1e-5)
    state, pieces, position = (
        model.start_state(*map(ops.convert_to_tensor, (memory, mask)), 6),
        [],
        0,
    )
    for end in (1, 3, 6):
        piece, state = model.step(ops.convert_to_tensor(ids[:, position:end]), state, position)
        pieces.append(as_array(piece))
        position = end
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), logits, atol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.recipe == model.recipe
    np.testing.assert_array_equal(as_array(loaded(inputs)), logits)
    with pytest.raises(lmzoo.errors.ArgumentError, match="text can be generated from"):
        lmzoo.generate(model, [4, 5])


def test_a_gradient_reaches_every_weight_of_a_decoder(decoder_name):
    model = perturbed(decoder_name)
    inputs = memory_of(model)
    model.compile("sgd")
    before = weights_of(model)
    model.fit(inputs, inputs[0], verbose=0)
    assert not unmoved(model, before)


def test_two_models_share_an_encoder_and_are_saved_each_by_itself(tmp_path):
    encoder = lmzoo.build_gru_encoder(50, embed_dim=8, hidden_dim=8, dropout=0.0)
    decoder = lmzoo.build_gru_decoder(40, memory_dim=8, embed_dim=8, hidden_dim=8)
    translator = lmzoo.build_seq2seq(encoder, decoder)
    classifier = lmzoo.build_text_classifier(encoder, num_classes=3)
    assert translator.encoder is classifier.encoder
    x = rows_of(encoder)
    before = as_array(translator([x, x % 40]))
    classifier.compile("sgd")
    classifier.fit(x, np.array([0, 1, 2]), verbose=0)
    after = as_array(translator([x, x % 40]))
    assert np.abs(after - before).max() > 0  # one encoder, trained through the other model
    recipe = translator.recipe
    assert recipe["encoder"]["builder"] == "gru_encoder"
    assert recipe["decoder"]["vocab_size"] == 40
    for model, inputs in ((translator, [x, x % 40]), (classifier, x)):
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert loaded.recipe == model.recipe
        np.testing.assert_array_equal(as_array(loaded(inputs)), as_array(model(inputs)))


def test_a_nested_recipe_keeps_what_was_changed_inside(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    encoder = lmzoo.build_gru_encoder(50, embed_dim=8, hidden_dim=8)
    keras.config.set_dtype_policy("float32")
    decoder = lmzoo.build_gru_decoder(50, memory_dim=8, embed_dim=8, hidden_dim=8)
    decoder.quantize("int8")
    model = lmzoo.build_seq2seq(encoder, decoder)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.recipe == model.recipe
    assert loaded.encoder.embedding.dtype_policy.name == "mixed_bfloat16"
    assert loaded.decoder.embedding.dtype_policy.name == "float32"
    x = rows_of(encoder)
    np.testing.assert_array_equal(as_array(loaded([x, x])), as_array(model([x, x])))


@pytest.mark.parametrize("kind", ["gru", "transformer"])
def test_features_are_transcribed_once_learnt(kind):
    """Each frame is a letter: a noisy one-hot vector; the transcript is the letters."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    letters = rng.integers(4, 9, (64, 5))
    frames = np.eye(9)[letters][..., 4:] + 0.05 * rng.standard_normal((64, 5, 5))
    target = np.concatenate([np.full((64, 1), 2), letters, np.full((64, 1), 3)], axis=1)
    sizes = {"embed_dim": 32, "hidden_dim": 32, "dropout": 0.0}
    sizes |= {"num_layers": 1, "num_heads": 2} if kind == "transformer" else {}
    encoder = lmzoo.build_model(f"{kind}_encoder", feature_dim=5, **sizes)
    decoder = lmzoo.build_model(f"{kind}_decoder", vocab_size=9, memory_dim=32, **sizes)
    model = lmzoo.build_seq2seq(encoder, decoder)
    model.compile(keras.optimizers.Adam(0.01))
    data = tf.data.Dataset.from_tensors(((frames.astype("float32"), target[:, :-1]), target[:, 1:]))
    model.fit(data.repeat(), steps_per_epoch=60, epochs=5, verbose=0)
    prompts = [x.astype("float32") for x in frames[:8]]
    written = lmzoo.generate(model, prompts, max_new_tokens=6, temperature=0)
    np.testing.assert_array_equal(written, target[:8, 1:])


@pytest.mark.parametrize("kind", ["cnn", "lstm"])
def test_an_encoder_of_words_and_characters_makes_the_tagger_of_both(kind, tmp_path):
    sizes = {"embed_dim": 8, "hidden_dim": 8, "characters": kind, "num_characters": 20}
    encoder = lmzoo.build_lstm_encoder(30, **sizes)
    tagger = lmzoo.build_tagger(encoder, num_tags=5)
    other = lmzoo.build_bilstm_crf_tagger(30, num_tags=5, **sizes)
    assert [w.shape for w in tagger.weights] == [w.shape for w in other.weights]
    other.set_weights(tagger.get_weights())
    rng = np.random.default_rng(0)
    inputs = [rng.integers(1, 30, (2, 4)), rng.integers(1, 20, (2, 4, 6))]
    emissions = as_array(tagger(inputs))
    np.testing.assert_array_equal(as_array(other(inputs)), emissions)
    tagger.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(as_array(loaded(inputs)), emissions)
    with pytest.raises(lmzoo.errors.ArgumentError, match="give both"):
        lmzoo.build_gru_encoder(30, characters=kind)


def test_builders_of_variants_have_their_own_defaults():
    defaults = [
        inspect.signature(build).parameters["score"].default
        for build in (lmzoo.build_lstm_decoder, lmzoo.build_gru_decoder)
    ]
    assert defaults == ["dot", "additive"]
    assert lmzoo.build_gru_decoder.__doc__.startswith("GRU decoder")
