"""What every model of the zoo adds to Keras's: recipe, checks, compile; carried state."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import lmzoo
from lmzoo.errors import ArgumentError, LmzooError, PromptError, UnknownModelError
from lmzoo.layers import GRUBlock, LanguageModelHead, TokenEmbedding

TINY = {"embed_dim": 8, "hidden_dim": 8, "dropout": 0.0}


def by_hand():
    embedding = TokenEmbedding(9, 4)
    return lmzoo.LanguageModel(embedding, [GRUBlock(4)], LanguageModelHead(9))


def test_a_model_built_by_hand_works_and_says_why_it_cannot_be_saved(tmp_path):
    model = by_hand()
    model.compile()
    model.fit(np.zeros((2, 3), "int32"), np.zeros((2, 3), "int32"), verbose=0)
    with pytest.raises(LmzooError, match=r"@lmzoo\.register"):
        model.save(tmp_path / "model.keras")


def test_summary_names_the_model_and_its_layers():
    lines: list[str] = []
    lmzoo.build_lstm_lm(20, **TINY).summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert '"lstm_lm"' in text
    assert "LSTMBlock" in text


def test_fresh_process_that_only_imports_lmzoo_loads_the_same_logits(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = lmzoo.build_llama_lm(20, embed_dim=8, num_layers=1, num_heads=2)
    keras.config.set_dtype_policy("float32")
    model.layers[-1].trainable = False
    model.compile(optimizer=keras.optimizers.AdamW(1e-3))
    model.save(tmp_path / "model.keras")
    ids = np.arange(6).reshape(2, 3)
    program = f"""
import lmzoo, keras, numpy as np
model = keras.saving.load_model({str(tmp_path / "model.keras")!r})
logits = keras.ops.cast(model(np.arange(6).reshape(2, 3)), "float32")
np.save({str(tmp_path / "logits.npy")!r}, keras.ops.convert_to_numpy(logits))
assert model.dtype_policy.name == "mixed_bfloat16" or model.compute_dtype == "bfloat16"
assert model.recipe["transforms"][0]["name"] == "frozen", model.recipe
assert keras.config.dtype_policy().name == "float32"
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    here = ops.convert_to_numpy(ops.cast(model(ids), "float32"))
    np.testing.assert_array_equal(np.load(tmp_path / "logits.npy"), here)


def test_frozen_word_vectors_stay_frozen_when_saved(tmp_path):
    model = lmzoo.build_lstm_lm(20, embed_dim=4, hidden_dim=4)
    model.embedding.trainable = False  # it holds a layer, its dropout, and weights of its own
    count = len(model.trainable_weights)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_weights) == count
    loaded.embedding.trainable = True
    assert len(loaded.trainable_weights) == count + 1


def test_freezing_is_observed_in_the_encoder_and_in_what_shares_it(tmp_path):
    encoder = lmzoo.build_gru_encoder(20, embed_dim=4, hidden_dim=4, dropout=0.0)
    decoder = lmzoo.build_gru_decoder(20, memory_dim=4, embed_dim=4, hidden_dim=4)
    model = lmzoo.build_seq2seq(encoder, decoder)
    encoder.trainable = False
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.trainable_weights) == len(decoder.trainable_weights)
    encoder.trainable = True
    encoder.embedding.trainable = False
    assert lmzoo.clone(model).recipe == model.recipe
    assert not lmzoo.clone(model).encoder.embedding.trainable
    encoder.embedding.trainable = True
    assert model.recipe["transforms"] == []


def test_a_model_that_is_not_trainable_is_so_when_loaded(tmp_path):
    model = lmzoo.build_gru_lm(20, embed_dim=4, hidden_dim=4)
    model.trainable = False
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.trainable
    assert not loaded.trainable_weights
    loaded.trainable = True
    assert len(loaded.trainable_weights) == len(model.weights)


def test_models_of_one_builder_stand_in_one_model_which_is_saved(tmp_path):
    size = {"embed_dim": 4, "hidden_dim": 4}
    first, second = (lmzoo.build_gru_lm(20, **size) for _ in range(2))
    first.save(tmp_path / "first.keras")
    loaded = [keras.saving.load_model(tmp_path / "first.keras") for _ in range(2)]
    ids, x = keras.Input((None,), dtype="int32"), np.array([[1, 2, 3]])
    members = [first, second, lmzoo.clone(first), *loaded]
    ensemble = keras.Model(ids, keras.layers.Average()([member(ids) for member in members]))
    ensemble.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(x), ensemble(x))
    names = [layer.name for layer in ensemble.layers]
    assert [layer.name for layer in again.layers] == names
    assert len(set(names)) == len(names)


def test_a_clone_has_the_lora_weights_too():
    model = lmzoo.build_gru_lm(20, embed_dim=4, hidden_dim=4)
    model.head.project.enable_lora(2, lora_alpha=3)
    model.head.project.lora_kernel_b.assign(np.ones((2, 20)))
    copy, ids = lmzoo.clone(model), np.array([[1, 2, 3]])
    np.testing.assert_array_equal(copy(ids), model(ids))
    assert copy.head.project.lora_rank == 2
    assert len(copy.trainable_weights) == len(model.trainable_weights)


def test_a_model_is_loaded_from_h5_without_custom_objects(tmp_path):
    model, ids = lmzoo.build_gru_lm(20, embed_dim=4, hidden_dim=4), np.array([[1, 2, 3]])
    model.save(tmp_path / "model.h5")
    loaded = keras.saving.load_model(tmp_path / "model.h5")
    assert isinstance(loaded, lmzoo.LanguageModel)
    np.testing.assert_array_equal(loaded(ids), model(ids))


def test_a_transform_is_recorded_and_applied_again_in_order():
    @lmzoo.registry.register_transform()
    def scaled(model, factor):
        model.embedding.embeddings.assign(model.embedding.embeddings * 0 + factor)
        return model

    with pytest.raises(ArgumentError, match="'scaled' is registered already"):
        lmzoo.registry.register_transform()(scaled)
    model = lmzoo.build_gru_lm(20, **TINY)
    assert scaled(model, 2.0) is model
    scaled(model, factor=3.0)
    model.quantize("int8")
    recorded = [{"name": "scaled", "factor": 2.0}, {"name": "scaled", "factor": 3.0}]
    assert model.recipe["transforms"][:2] == recorded
    assert model.recipe["transforms"][2]["name"] == "quantized"
    again = lmzoo.registry.rebuild(model.recipe)
    assert again.recipe == model.recipe
    assert float(again.embedding.embeddings[0, 0]) == 3.0
    recipe = {**model.recipe, "transforms": [{"name": "dreamt"}]}
    with pytest.raises(UnknownModelError, match="import the module that registers it"):
        lmzoo.registry.rebuild(recipe)


def test_a_quantization_that_no_recipe_can_hold_is_refused():
    model = lmzoo.build_gru_lm(20, **TINY)
    config = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    with pytest.raises(ArgumentError, match="default config"):
        model.quantize(config=config)


def test_dropout_penalties_and_weight_dropout_act_in_training_only():
    model = lmzoo.build_lstm_lm(20, embed_dim=8, hidden_dim=8, weight_dropout=0.5, l1=0.1, l2=0.1)
    ids = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(model(ids), model(ids))
    assert np.abs(model(ids, training=True) - model(ids, training=True)).max() > 0
    weights = [w for w in model.trainable_weights if w.name in ("kernel", "recurrent_kernel")]
    expected = sum(0.1 * np.abs(w).sum() + 0.1 * np.square(w).sum() for w in weights)
    np.testing.assert_allclose(sum(model.losses), expected, rtol=1e-5)


@pytest.mark.parametrize("build", [lmzoo.build_rnn_lm, lmzoo.build_gru_lm, lmzoo.build_lstm_lm])
def test_carried_state_continues_in_training_and_nowhere_else(build, tmp_path):
    model = build(20, carry_batch_size=2, **TINY)
    ids = np.random.default_rng(0).integers(0, 20, (2, 12))
    fresh = np.array(model(ids))
    first = model(ids[:, :5], training=True)
    second = model(ids[:, 5:], training=True)
    np.testing.assert_allclose(np.concatenate([first, second], 1), fresh, atol=1e-5)
    np.testing.assert_allclose(model(ids), fresh, atol=1e-6)  # evaluation starts from zeros
    again = model(ids[:, :5], training=True)  # ... and left the carried state alone
    assert np.abs(again - fresh[:, :5]).max() > 1e-3
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(ids, training=True), fresh, atol=1e-6)
    model.reset_carried_state()
    np.testing.assert_allclose(model(ids, training=True), fresh, atol=1e-6)


def test_carried_state_through_fit_equals_one_long_sequence():
    """A learning rate of 0: the loss over two contiguous batches is that of the whole."""
    model = lmzoo.build_lstm_lm(20, carry_batch_size=2, **TINY)
    ids = np.random.default_rng(0).integers(0, 20, (2, 13))
    pieces = np.stack([ids[:, 0:6], ids[:, 6:12]]), np.stack([ids[:, 1:7], ids[:, 7:13]])
    model.compile(optimizer=keras.optimizers.SGD(0.0))
    whole = model.evaluate(ids[:, :-1], ids[:, 1:], verbose=0, return_dict=True)
    data = tf.data.Dataset.from_tensor_slices(pieces)
    history = model.fit(data, verbose=0, shuffle=False).history
    np.testing.assert_allclose(history["loss"][0], whole["loss"], rtol=1e-5)


def test_a_batch_of_another_size_than_the_carried_state_is_named():
    model = lmzoo.build_lstm_lm(20, carry_batch_size=2, **TINY)
    with pytest.raises(ArgumentError, match="3 rows for carry_batch_size=2"):
        model(np.zeros((3, 4), "int32"), training=True)


def test_class_weight_is_refused_and_a_data_set_is_not_shuffled_again():
    model = by_hand()
    model.compile()
    ids = np.zeros((2, 3), "int32")
    with pytest.raises(ArgumentError, match="sample_weight"):
        model.fit(ids, ids, class_weight={0: 2.0}, verbose=0)
    data = tf.data.Dataset.from_tensors((ids, ids))
    model.fit(data, verbose=0)  # Keras would warn of shuffle=True, and warnings are errors


def test_compile_turns_xla_on_and_keeps_what_is_asked():
    model = by_hand()
    model.compile()
    assert model.jit_compile is (keras.backend.backend() == "tensorflow")
    assert isinstance(model.loss, lmzoo.losses.CrossEntropy)
    model.compile(jit_compile=False, loss=lmzoo.losses.CrossEntropy(label_smoothing=0.1))
    assert model.jit_compile is False
    assert model.loss.label_smoothing == 0.1
    model.compile(run_eagerly=True)
    assert model.jit_compile is False


@pytest.mark.parametrize(
    "loss",
    [
        "sparse_categorical_crossentropy",
        keras.losses.sparse_categorical_crossentropy,
        keras.losses.SparseCategoricalCrossentropy(),
        lmzoo.losses.CrossEntropy(from_logits=False),
    ],
)
def test_a_loss_that_expects_probabilities_is_refused(loss):
    with pytest.raises(ArgumentError, match=r"expects probabilities.*CrossEntropy"):
        by_hand().compile(loss=loss)
    by_hand().compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))


def test_the_first_step_of_fit_is_traced_once():
    model = lmzoo.build_gru_lm(20, **TINY)
    traces = []
    inner = model.train_step

    def train_step(data):
        traces.append(data)
        return inner(data)

    model.train_step = train_step
    model.compile()
    ids = np.zeros((4, 5), "int32")
    model.fit(ids, ids, batch_size=2, epochs=2, verbose=0)
    assert len(traces) == 1


def test_ids_are_checked_in_every_entry():
    model = by_hand()
    model.compile()
    good, y = np.zeros((2, 3), "int32"), np.zeros((2, 3), "int32")
    calls = {
        "fit": lambda x: model.fit(x, y, verbose=0),
        "evaluate": lambda x: model.evaluate(x, y, verbose=0),
        "predict": lambda x: model.predict(x, verbose=0),
        "train_on_batch": lambda x: model.train_on_batch(x, y),
        "test_on_batch": lambda x: model.test_on_batch(x, y),
        "predict_on_batch": lambda x: model.predict_on_batch(x),
    }
    for name, call in calls.items():
        call(good)
        with pytest.raises(PromptError, match="id 9 is outside"):
            call(good + 9)
        with pytest.raises(PromptError, match="give integers"):
            call(good + 0.5)
        assert name
    floats = tf.data.Dataset.from_tensors((good.astype("float32"), y))
    with pytest.raises(PromptError, match="give integers"):
        model.fit(floats, verbose=0)


def test_unknown_names_bring_close_matches():
    with pytest.raises(UnknownModelError, match=r"lstm_lm"):
        lmzoo.build_model("lstmlm", vocab_size=9)
    with pytest.raises(UnknownModelError, match="large, medium, small, xl"):
        lmzoo.build_model("gpt2_lm/tiny")


def test_registering_twice_or_a_wrong_name_raises():
    with pytest.raises(ArgumentError, match=r"registered already.*unregister\('lstm_lm'\)"):

        @lmzoo.register(tiny={"vocab_size": 9})
        def build_lstm_lm(vocab_size):
            return by_hand()

    with pytest.raises(ArgumentError, match="build_<name>"):

        @lmzoo.register(tiny={"vocab_size": 9})
        def make_lm(vocab_size):
            return by_hand()


def parameters(vocab_size, embed_dim, num_layers, num_heads, **sizes):
    """Weights of a decoder, counted from its sizes."""
    if "hidden_dim" not in sizes:  # GPT-2: biases, two LayerNorms a block, learned positions
        block = 12 * embed_dim**2 + 13 * embed_dim
        return (vocab_size + 1024) * embed_dim + num_layers * block + 2 * embed_dim
    key_dim = embed_dim // num_heads * sizes["num_kv_heads"]
    attention = 2 * embed_dim**2 + 2 * embed_dim * key_dim
    block = attention + 3 * embed_dim * sizes["hidden_dim"] + 2 * embed_dim
    tables = 1 if sizes.get("tie_embeddings") else 2
    return tables * vocab_size * embed_dim + num_layers * block + embed_dim


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gpt2_lm/small", 124.44e6),
        ("gpt2_lm/medium", 354.82e6),
        ("gpt2_lm/large", 774.03e6),
        ("gpt2_lm/xl", 1557.61e6),
        ("llama_lm/smollm2_135m", 134.52e6),
        ("llama_lm/tinyllama_1b", 1100.05e6),
        ("llama_lm/llama2_7b", 6738.42e6),
        ("llama_lm/llama2_13b", 13015.86e6),
        ("llama_lm/llama3_8b", 8030.26e6),
        ("llama_lm/llama3_70b", 70553.71e6),
    ],
)
def test_presets_have_the_published_sizes(name, count):
    """The counts that model cards give; the formula is held against a model that is built."""
    family, preset = name.split("/")
    sizes = lmzoo.registry.preset_arguments(family)[preset]
    np.testing.assert_allclose(parameters(**sizes), count, rtol=1e-4)
    tiny = {**sizes, "vocab_size": 30, "num_layers": 2, "embed_dim": 8 * sizes["num_heads"]}
    tiny |= {"hidden_dim": 16} if "hidden_dim" in sizes else {}
    assert lmzoo.build_model(family, **tiny).count_params() == parameters(**tiny)


def test_describe_model_lists_arguments_and_presets():
    text = lmzoo.describe_model("gpt2_lm")
    assert "vocab_size" in text
    assert "gpt2_lm/xl" in text
    assert "num_layers = 12" in text


def test_adam_squares_the_summed_gradient_of_a_repeated_id():
    model = lmzoo.build_gru_lm(20, embed_dim=4, hidden_dim=4, num_layers=1, dropout=0.0)
    ids, targets = np.array([[3, 3, 3, 5, 1]]), np.array([[1, 2, 3, 4, 5]])
    with tf.GradientTape() as tape:
        loss = lmzoo.losses.CrossEntropy()(targets, model(ids))
    gradient = tape.gradient(loss, model.embedding.embeddings.value)
    assert not isinstance(gradient, tf.IndexedSlices)
    optimizer = keras.optimizers.Adam(beta_2=0.5)
    model.compile(optimizer)
    model.train_on_batch(ids, targets)
    velocity = next(v for v in optimizer.variables if v.path.endswith("embeddings_velocity"))
    np.testing.assert_allclose(velocity, 0.5 * np.square(gradient), rtol=1e-3, atol=1e-12)
