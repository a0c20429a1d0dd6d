"""Registered means tested: every model at its tiny size, on TensorFlow and, elsewhere, on JAX."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import lmzoo
from lmzoo.registry import tiny_arguments
from tests.zoo import as_array, perturbed, stepped, unmoved, weights_of

LANGUAGE_MODELS = lmzoo.list_models("*_lm")


def random_ids(model: lmzoo.LanguageModel, batch: int, time: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, model.vocab_size, (batch, time)).astype("int32")


@pytest.fixture(params=LANGUAGE_MODELS)
def name(request) -> str:
    return request.param


def test_every_builder_is_registered_and_exported():
    builders = {n.removeprefix("build_") for n in lmzoo.__all__ if n.startswith("build_")}
    assert builders - {"model"} == set(lmzoo.list_models())


def test_logits_have_the_promised_shape_and_are_finite(name):
    model = perturbed(name)
    logits = model(random_ids(model, 3, 7))
    assert tuple(logits.shape) == (3, 7, model.vocab_size)
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.isfinite(as_array(logits)).all()
    assert model.output_shape == (None, None, model.vocab_size)


@pytest.mark.parametrize("cuts", [[1, 2, 3, 4, 5, 6, 7, 8], [8], [3, 4, 7]])
def test_step_equals_call(name, cuts):
    model = perturbed(name)
    ids = random_ids(model, 2, 9)
    np.testing.assert_allclose(stepped(model, ids, cuts), as_array(model(ids)), atol=1e-4)


def test_step_equals_call_in_bfloat16(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = perturbed(name)
    finally:
        keras.config.set_dtype_policy("float32")
    ids = random_ids(model, 2, 9)
    whole = model(ids)
    assert keras.backend.standardize_dtype(whole.dtype) == "bfloat16"
    logits, _, _ = model.start(ids, 9)
    assert keras.backend.standardize_dtype(logits.dtype) == "bfloat16"
    scale = np.abs(as_array(whole)).max()
    np.testing.assert_allclose(
        stepped(model, ids, [2, 3, 4, 7]) / scale, as_array(whole) / scale, atol=3e-2
    )


def test_no_position_sees_a_later_one(name):
    model = perturbed(name)
    ids = random_ids(model, 2, 9)
    changed = ids.copy()
    changed[:, 5:] = (changed[:, 5:] + 7) % model.vocab_size
    before, after = as_array(model(ids)), as_array(model(changed))
    np.testing.assert_allclose(before[:, :5], after[:, :5], atol=1e-5)
    assert np.abs(before[:, 5:] - after[:, 5:]).max() > 1e-3


def test_rows_do_not_see_each_other(name):
    model = perturbed(name)
    ids = random_ids(model, 3, 6)
    alone = np.concatenate([as_array(model(row[None])) for row in ids])
    np.testing.assert_allclose(as_array(model(ids)), alone, atol=1e-5)


def test_a_gradient_reaches_every_weight_and_one_batch_can_be_learnt(name):
    keras.utils.set_random_seed(1)
    model = lmzoo.build_model(name, **{**tiny_arguments(name), "dropout": 0.0})
    ids = random_ids(model, 4, 9)
    before = weights_of(model)
    model.compile(optimizer=keras.optimizers.Adam(0.02))
    x, y = ids[:, :-1], ids[:, 1:]
    first = model.fit(x, y, epochs=1, verbose=0).history
    assert not unmoved(model, before)
    data = tf.data.Dataset.from_tensors((x, y)).repeat()  # one iterator for all epochs
    history = model.fit(data, steps_per_epoch=25, epochs=10, verbose=0).history
    assert history["loss"][-1] < 0.2 < 2 < first["loss"][0]


def test_padding_changes_neither_loss_nor_perplexity(name):
    model = perturbed(name)
    model.compile()
    ids = random_ids(model, 2, 9)
    x, y, weights = ids[:, :-1], ids[:, 1:], np.ones((2, 8), "float32")
    padding = np.zeros((2, 4), "int32")
    padded = [np.concatenate([a, padding.astype(a.dtype)], axis=1) for a in (x, y, weights)]
    short = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    long = model.evaluate(*padded[:2], sample_weight=padded[2], verbose=0, return_dict=True)
    np.testing.assert_allclose(short["loss"], long["loss"], rtol=1e-5)
    np.testing.assert_allclose(short["perplexity"], long["perplexity"], rtol=1e-5)
    np.testing.assert_allclose(np.log(short["perplexity"]), short["loss"], rtol=1e-5)


def test_an_unknown_id_is_named_and_never_gives_numbers(name):
    model = perturbed(name)
    ids = random_ids(model, 1, 5)
    ids[0, 2] = model.vocab_size
    with pytest.raises(lmzoo.errors.PromptError, match=f"id {model.vocab_size} is outside"):
        model.predict(ids, verbose=0)
    assert np.isnan(as_array(model(ids))[0, 2]).all()


def test_saved_and_loaded_it_gives_the_same_logits_and_goes_on_training(name, tmp_path):
    model = perturbed(name)
    model.compile(optimizer="adam")
    ids = random_ids(model, 2, 6)
    model.fit(ids, ids, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.recipe == model.recipe
    np.testing.assert_array_equal(as_array(loaded(ids)), as_array(model(ids)))
    assert int(loaded.optimizer.iterations) == 1
    loaded.fit(ids, ids, verbose=0)


def test_a_clone_has_the_weights_and_steps(name):
    model = perturbed(name)
    ids = random_ids(model, 2, 6)
    copy = lmzoo.clone(model)
    np.testing.assert_allclose(stepped(copy, ids, [2, 3]), as_array(model(ids)), atol=1e-4)
    assert copy.recipe == model.recipe


def test_the_recipe_is_json_and_builds_the_same_shapes(name):
    model = perturbed(name)
    recipe = json.loads(json.dumps(model.recipe))
    again = lmzoo.registry.rebuild(recipe)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_the_hidden_states_of_the_fused_loss_are_those_behind_the_logits(name):
    model = perturbed(name)
    ids = random_ids(model, 2, 6)
    hidden = model.hidden(ids)
    np.testing.assert_array_equal(as_array(model.head.project(hidden)), as_array(model(ids)))
    x = model.embedding(ids)
    for block in model.blocks:
        x = block(x)
    np.testing.assert_array_equal(as_array(model.head.prepare(x)), as_array(hidden))
    np.testing.assert_array_equal(as_array(model.head(x)), as_array(model(ids)))


def test_quantized_it_still_answers_saves_and_loads(name, tmp_path):
    model = perturbed(name)
    ids = random_ids(model, 2, 6)
    before = as_array(model(ids))
    model.quantize("int8")
    after = as_array(model(ids))
    assert 0 < np.abs(after - before).max() < 0.2 * np.abs(before).max()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(as_array(loaded(ids)), after, atol=1e-5)
