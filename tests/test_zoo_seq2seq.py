"""Every registered sequence-to-sequence model, on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import lmzoo
from lmzoo.registry import tiny_arguments
from tests.zoo import as_array, perturbed, stepped, unmoved, weights_of

MODELS = lmzoo.list_models("*seq2seq")


def random_pair(model, batch=2, source_time=7, time=9, seed=0):
    """Sources of unequal length, padded with 0, and targets."""
    rng = np.random.default_rng(seed)
    source = rng.integers(4, model.input_sizes()[0], (batch, source_time)).astype("int32")
    for row in range(1, batch):
        source[row, source_time - row :] = 0
    return source, rng.integers(1, model.vocab_size, (batch, time)).astype("int32")


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def test_logits_have_the_promised_shape_and_are_finite(name):
    model = perturbed(name)
    logits = as_array(model(random_pair(model, 3)))
    assert logits.shape == (3, 9, model.vocab_size)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("cuts", [[1, 2, 3, 4, 5, 6, 7, 8], [8], [3, 4, 7]])
def test_step_equals_call(name, cuts):
    model = perturbed(name)
    source, ids = random_pair(model)
    np.testing.assert_allclose(
        stepped(model, ids, cuts, source), as_array(model([source, ids])), atol=1e-4
    )


def test_step_equals_call_in_bfloat16(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = perturbed(name)
    finally:
        keras.config.set_dtype_policy("float32")
    source, ids = random_pair(model)
    whole = model([source, ids])
    assert keras.backend.standardize_dtype(whole.dtype) == "bfloat16"
    scale = np.abs(as_array(whole)).max()
    np.testing.assert_allclose(
        stepped(model, ids, [2, 3, 4, 7], source) / scale, as_array(whole) / scale, atol=3e-2
    )


def test_no_position_sees_a_later_one_but_all_see_the_source(name):
    model = perturbed(name)
    source, ids = random_pair(model)
    changed = ids.copy()
    changed[:, 5:] = changed[:, 5:] % (model.vocab_size - 1) + 1
    before, after = as_array(model([source, ids])), as_array(model([source, changed]))
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-5)
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-3
    other = source.copy()
    other[:, 0] = 4 + (other[:, 0] - 3) % (model.input_sizes()[0] - 4)
    moved = np.abs(as_array(model([other, ids])) - before).max(axis=(0, 2))
    assert (moved > 1e-4).all()


def test_padding_of_the_source_and_other_rows_change_nothing(name):
    model = perturbed(name)
    source, ids = random_pair(model, 3)
    whole = as_array(model([source, ids]))
    wider = np.pad(source, ((0, 0), (0, 5)))
    np.testing.assert_allclose(as_array(model([wider, ids])), whole, atol=1e-5)
    for row in range(3):
        alone = source[row : row + 1]
        alone = alone[:, : int((alone != 0).sum())]
        found = as_array(model([alone, ids[row : row + 1]]))
        np.testing.assert_allclose(found[0], whole[row], atol=1e-5)


def test_a_gradient_reaches_every_weight_and_one_batch_can_be_learnt(name):
    keras.utils.set_random_seed(1)
    model = lmzoo.build_model(name, **tiny_arguments(name))
    source, ids = random_pair(model, 4)
    x, y = (source, ids[:, :-1]), ids[:, 1:]
    before = weights_of(model)
    model.compile(optimizer=keras.optimizers.Adam(0.01))
    first = model.fit(tf.data.Dataset.from_tensors((x, y)), epochs=1, verbose=0).history
    assert not unmoved(model, before)
    data = tf.data.Dataset.from_tensors((x, y)).repeat()  # one iterator for all epochs
    history = model.fit(data, steps_per_epoch=25, epochs=10, verbose=0).history
    assert history["loss"][-1] < 0.2 < 2 < first["loss"][0]


def test_the_fused_loss_gives_the_numbers_of_the_plain_one(name):
    model = perturbed(name)
    source, ids = random_pair(model, 4)
    weights = (np.random.default_rng(0).random((4, 8)) < 0.7).astype("float32")
    data = tf.data.Dataset.from_tensors(((source, ids[:, :-1]), ids[:, 1:], weights))
    found = []
    for loss in (lmzoo.losses.CrossEntropy, lmzoo.losses.FusedCrossEntropy):
        copy = lmzoo.clone(model)
        copy.compile(keras.optimizers.SGD(0.1), loss=loss(label_smoothing=0.1))
        history = copy.fit(data, epochs=2, verbose=0).history
        values = copy.evaluate(data, verbose=0, return_dict=True)
        found.append([*history["loss"], *history["perplexity"], *values.values()])
    np.testing.assert_allclose(*found, rtol=1e-4)


def test_saved_and_loaded_it_gives_the_same_logits(name, tmp_path):
    model = perturbed(name)
    pair = random_pair(model)
    model.compile("sgd")
    model.fit(tf.data.Dataset.from_tensors((pair, pair[1])), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.recipe == json.loads(json.dumps(model.recipe)) == model.recipe
    np.testing.assert_array_equal(as_array(loaded(pair)), as_array(model(pair)))
    source, ids = pair
    copy = lmzoo.clone(model)
    np.testing.assert_allclose(stepped(copy, ids, [2, 3], source), as_array(model(pair)), atol=1e-4)


def test_greedy_and_beam_equal_recomputation(name):
    model = perturbed(name)
    sources, _ = random_pair(model, 5)
    rows = [row[row != 0].tolist() for row in sources]
    found = lmzoo.generate(model, rows, max_new_tokens=8, temperature=0)
    beams = lmzoo.beam_search(model, rows, num_beams=1, max_new_tokens=8)
    for row, ids, same in zip(rows, found, beams, strict=True):
        # One call tells all argmaxes: no position sees a later one, as a test above shows.
        logits = as_array(model([np.array([row]), np.array([[2, *ids[:-1]]])]))
        assert list(ids) == logits[0].argmax(axis=-1).tolist()
        assert list(same) == list(ids)
    row, ids = rows[-1], list(found[-1])
    assert list(lmzoo.generate(model, row, max_new_tokens=8, temperature=0)) == ids
    assert list(lmzoo.stream(model, row, max_new_tokens=8, temperature=0)) == ids


OPTIONS = {
    "additive": ("lstm_seq2seq", {"score": "additive"}),
    "dot": ("gru_seq2seq", {"score": "dot"}),
    "input feeding": ("lstm_seq2seq", {"input_feeding": True, "num_layers": 2}),
    "input feeding, gru": ("gru_seq2seq", {"input_feeding": True}),
    "copying": ("transformer_seq2seq", {"copy": True, "norm_first": True}),
    "coverage": ("lstm_seq2seq", {"copy": True, "coverage": 0.5}),
    "two vocabularies": ("transformer_seq2seq", {"source_vocab_size": 30, "num_layers": 1}),
    "tied": ("gru_seq2seq", {"tie_embeddings": True}),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_options_step_equals_call_and_can_be_learnt(option):
    name, arguments = OPTIONS[option]
    model = perturbed(name, **arguments)
    source, ids = random_pair(model)
    np.testing.assert_allclose(
        stepped(model, ids, [2, 3, 7], source), as_array(model([source, ids])), atol=1e-4
    )
    keras.utils.set_random_seed(1)
    model = lmzoo.build_model(name, **{**tiny_arguments(name), **arguments, "dropout": 0.0})
    source, ids = random_pair(model, 4)
    before = weights_of(model)
    model.compile(keras.optimizers.Adam(0.01))
    data = tf.data.Dataset.from_tensors(((source, ids[:, :-1]), ids[:, 1:])).repeat()
    history = model.fit(data, steps_per_epoch=10, epochs=25, verbose=0).history
    assert history["loss"][-1] < 1 < 2 < history["loss"][0]
    assert not unmoved(model, before)


def test_options_that_cannot_be_are_refused():
    for arguments, words in (
        ({"copy": True, "source_vocab_size": 9}, "copied ids must mean the same"),
        ({"copy": True, "tie_embeddings": True}, "weights of its own"),
        ({"coverage": 0.5}, "only with copy=True"),
        ({"hidden_dim": 15}, "odd"),
        ({"score": "cosine"}, "use one of additive, dot"),
    ):
        with pytest.raises(lmzoo.errors.ArgumentError, match=words):
            lmzoo.build_lstm_seq2seq(50, **{"embed_dim": 8, "hidden_dim": 8, **arguments})
    for build in (lmzoo.build_transformer_seq2seq, lmzoo.build_cnn_seq2seq):
        with pytest.raises(lmzoo.errors.ArgumentError, match="embed_dim=15 is odd"):
            build(50, embed_dim=15)


def test_an_encoder_and_a_decoder_that_do_not_fit_are_refused():
    sizes = {"embed_dim": 8, "hidden_dim": 8}
    encoder = lmzoo.build_gru_encoder(50, **sizes)
    for decoder, words in (
        (lmzoo.build_gru_decoder(50, memory_dim=6, **sizes), "memory_dim=8, not 6"),
        (lmzoo.build_gru_decoder(40, memory_dim=8, copy=True, **sizes), "both need one vocabulary"),
    ):
        with pytest.raises(lmzoo.errors.ArgumentError, match=words):
            lmzoo.build_seq2seq(encoder, decoder)
    for arguments in ({}, {"vocab_size": 9, "feature_dim": 3}):
        with pytest.raises(lmzoo.errors.ArgumentError, match="give one of them"):
            lmzoo.build_gru_encoder(**arguments)


def test_the_coverage_loss_is_that_of_its_definition():
    """Attention that falls where attention fell before, a target token, in NumPy."""
    model = perturbed("lstm_seq2seq", copy=True, coverage=0.5)
    source, ids = random_pair(model, 3)
    ids[1, 6:] = 0
    plain = perturbed("lstm_seq2seq", copy=True, coverage=0.5)
    plain.head.coverage = 1e-30
    found = []
    for one in (model, plain):
        one.compile()
        target = np.where(ids > 0, 1.0, 0.0).astype("float32")
        data = tf.data.Dataset.from_tensors(((source, ids), ids, target))
        found.append(one.evaluate(data, verbose=0, return_dict=True)["loss"])
    state, places = model.init_state(source, 9), []
    for place in range(9):
        before = as_array(state["coverage"])
        _, state = model.step(ops.convert_to_tensor(ids[:, place : place + 1]), state, place)
        new = as_array(state["coverage"]) - before
        places.append(np.minimum(new, np.where(source > 0, before, 0.0)).sum(axis=1))
    again = np.stack(places, axis=1)[ids > 0].mean()
    assert again > 0.05
    np.testing.assert_allclose(found[0] - found[1], 0.5 * again, rtol=1e-3)


def test_sources_outside_the_vocabulary_are_named(name):
    model = perturbed(name)
    with pytest.raises(lmzoo.errors.PromptError, match="outside"):
        lmzoo.generate(model, [model.input_sizes()[0]])
    with pytest.raises(lmzoo.errors.PromptError, match=r"no tokens|empty"):
        lmzoo.beam_search(model, [[]])
    with pytest.raises(lmzoo.errors.PromptError, match="is outside the vocabulary"):
        model.predict([np.array([[5, 999]]), np.array([[2, 3]])], verbose=0)
