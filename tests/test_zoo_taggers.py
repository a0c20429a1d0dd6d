"""Every registered model that tags words, on TensorFlow and on JAX."""

import itertools
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import lmzoo
from lmzoo.errors import ArgumentError, PromptError
from lmzoo.layers import CRF
from lmzoo.losses import CRFLoss, TagCrossEntropy
from lmzoo.metrics import SpanF1Metric, TagAccuracy
from lmzoo.registry import tiny_arguments
from tests.zoo import perturbed, unmoved, weights_of

MODELS = lmzoo.list_models("*tagger")
LETTERS = {"characters": "cnn", "num_characters": 20, "char_dim": 4}
# [-1, 4]: tag 4 begins no sentence; [0, 1]: tag 1 never follows tag 0; [2, 5]: 2 ends none.
FORBIDDEN = [[-1, 4], [0, 1], [2, 5]]


def letters_of(name):
    """Arguments for characters, where the builder itself makes the encoder."""
    return {} if name == "tagger" else LETTERS


def sentences(model, batch=3, time=7, letters=5, seed=0):
    """Sentences of unequal length, padded with 0; with their letters where the model reads them."""
    rng = np.random.default_rng(seed)
    lengths = np.maximum(time - np.arange(batch), 1)
    real = np.arange(time) < lengths[:, None]
    ids = np.where(real, rng.integers(4, 50, (batch, time)), 0).astype("int32")
    if model.characters is None:
        return ids, real
    spelled = np.arange(letters) < rng.integers(1, letters + 1, (batch, time, 1))
    found = rng.integers(1, model.characters.num_characters, (batch, time, letters))
    return (ids, np.where(spelled & real[..., None], found, 0).astype("int32")), real


def batch_of(model, inputs, real, seed=0):
    """One batch of training: inputs, tags and weights, with intents where the model has them."""
    rng = np.random.default_rng(seed)
    tags = np.where(real, rng.integers(0, model.num_tags, real.shape), 0).astype("int32")
    if model.crf is not None and model.crf.forbidden:
        tags = np.where(real, 3, 0).astype("int32")
    weights = real.astype("float32")
    if model.num_intents is None:
        return inputs, tags, weights
    intents = rng.integers(0, model.num_intents, len(real)).astype("int32")
    return inputs, (intents, tags), (np.ones(len(real), "float32"), weights)


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def outputs(model, inputs):
    """All outputs of the model as float32 arrays; the last is that of the tags."""
    found = keras.tree.flatten(model(inputs))
    return [ops.convert_to_numpy(ops.cast(x, "float32")) for x in found]


def padded(inputs, words, letters=0):
    """The same sentences with more padding."""
    if not isinstance(inputs, tuple):
        return np.pad(inputs, ((0, 0), (0, words)))
    ids, spelled = inputs
    return padded(ids, words), np.pad(spelled, ((0, 0), (0, words), (0, letters)))


def one_of(inputs, row, length):
    """One sentence without its padding."""
    return keras.tree.map_structure(lambda x: x[row : row + 1, :length], inputs)


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


# What a model learns with, beside itself as it comes.
OPTIONS = {
    "bilstm_crf_tagger": {**LETTERS, "characters": "lstm"},
    "lstm_intent_tagger": {**LETTERS, "slot_gate": True},
    "transformer_tagger": LETTERS,
}
SHAPES = [
    *((name, {}) for name in MODELS),
    *OPTIONS.items(),
    ("lstm_intent_tagger", {"crf": False, "pooling": "max"}),
    ("transformer_tagger", {"crf": True}),
]


@pytest.mark.parametrize(("name", "arguments"), SHAPES)
def test_outputs_have_the_promised_shapes_and_padding_changes_nothing(name, arguments):
    model = perturbed(name, **arguments)
    inputs, real = sentences(model)
    found = outputs(model, inputs)
    assert [x.dtype for x in found] == ["float32"] * len(found)
    assert found[-1].shape == (3, 7, 5)
    assert found[-1].min() < 0  # not probabilities
    assert all(np.isfinite(x).all() for x in found)
    if model.num_intents is not None:
        assert found[0].shape == (3, 3)
    np.testing.assert_allclose(model.marginals(inputs).sum(-1), real, atol=1e-5)
    wide = outputs(model, padded(inputs, 3, 2))
    np.testing.assert_allclose(wide[-1][:, :7][real], found[-1][:, :7][real], atol=1e-5)
    np.testing.assert_allclose(wide[0][:, :3], found[0][:, :3], atol=1e-5)
    for row in range(3):
        length = int(real[row].sum())
        alone = outputs(model, one_of(inputs, row, length))[-1][0]
        np.testing.assert_allclose(alone, found[-1][row, :length], atol=1e-5)


def test_a_gradient_reaches_every_weight_and_one_batch_can_be_learnt(name):
    keras.utils.set_random_seed(1)
    model = lmzoo.build_model(name, **{**tiny_arguments(name), **OPTIONS.get(name, {})})
    batch = batch_of(model, *sentences(model, batch=4))
    data = tf.data.Dataset.from_tensors(batch).repeat()
    model.compile(keras.optimizers.Adam(0.02))
    before = weights_of(model)
    history = model.fit(data, steps_per_epoch=5, epochs=30, verbose=0).history
    assert not unmoved(model, before)
    assert history["loss"][-1] < 0.2 < 1 < history["loss"][0]
    names = ["accuracy"] if model.num_intents is None else ["intent_accuracy", "tag_accuracy"]
    assert all(history[name][-1] == 1 for name in names)
    inputs, labels, _ = batch
    tags = labels if model.num_intents is None else labels[1]
    np.testing.assert_array_equal(model.decode(inputs), tags)
    if model.num_intents is not None:
        np.testing.assert_array_equal(model.decode_intents(inputs), labels[0])


def test_saved_and_loaded_it_gives_the_same_outputs(name, tmp_path):
    model = perturbed(name, **letters_of(name))
    inputs, real = sentences(model)
    spans = SpanF1Metric(["O", "B-a", "I-a", "B-b", "I-b"], crf=model.crf)
    metrics = [TagAccuracy(model.crf), spans]
    metrics = metrics if model.num_intents is None else [[], metrics]
    model.compile("sgd", weighted_metrics=metrics)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.recipe == json.loads(json.dumps(model.recipe))
    for found, wanted in zip(outputs(loaded, inputs), outputs(model, inputs), strict=True):
        np.testing.assert_array_equal(found, wanted)
    batch = tf.data.Dataset.from_tensors(batch_of(model, inputs, real))
    figures = [m.evaluate(batch, verbose=0, return_dict=True) for m in (model, loaded)]
    assert figures[1] == pytest.approx(figures[0])
    assert any(name.endswith("span_f1") for name in figures[1])
    history = loaded.fit(batch, verbose=0).history
    assert history["loss"][0] == pytest.approx(figures[0]["loss"], rel=1e-4)


def test_bfloat16_gives_finite_float32_outputs_close_to_the_others(name):
    model = perturbed(name, **letters_of(name))
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = perturbed(name, **letters_of(name))
    inputs, _ = sentences(model)
    for found, wanted in zip(outputs(half, inputs), outputs(model, inputs), strict=True):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, wanted, atol=0.1 * np.abs(wanted).max())
    assert {keras.backend.standardize_dtype(x.dtype) for x in half.outputs} == {"float32"}


def test_decoding_obeys_what_is_forbidden_and_does_not_depend_on_the_batch(name):
    model = perturbed(name, crf=True, forbidden=FORBIDDEN, seed=3)
    model.crf.set_weights([5 * w for w in model.crf.get_weights()])
    inputs, real = sentences(model, batch=150, time=6)
    found = model.decode(inputs)
    assert found.shape == (150, 6)
    assert (found[~real] == 0).all()
    pairs = set()
    for row, length in zip(found, real.sum(1), strict=True):
        path = [-1, *row[:length].tolist(), 5]
        pairs |= set(itertools.pairwise(path))
    assert len(pairs) > 5
    assert not pairs & {tuple(pair) for pair in FORBIDDEN}
    np.testing.assert_array_equal(model.decode(inputs[3:6]), found[3:6])
    p = model.marginals(inputs[:5])
    np.testing.assert_allclose(p.sum(-1), real[:5], atol=1e-5)
    assert (p[:, 0, 4] == 0).all()


def test_without_a_crf_the_most_probable_tags_are_taken():
    model = perturbed("bilstm_crf_tagger", crf=False)
    inputs, real = sentences(model)
    p = softmax(outputs(model, inputs)[-1])
    np.testing.assert_array_equal(model.decode(inputs), np.where(real, p.argmax(-1), 0))
    np.testing.assert_allclose(model.marginals([inputs]), p * real[..., None], atol=1e-6)


def test_tag_accuracy_counts_words_whatever_the_width_of_their_batches():
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((3, 4, 3)).astype("float32")
    crf = CRF(3, name="tag")
    crf.build(scores.shape)
    crf.set_weights([rng.standard_normal(w.shape) for w in crf.weights])
    tags = rng.integers(0, 3, (3, 4))
    weights = np.array([[1, 1, 1, 1], [1, 2, 0, 0], [0, 0, 0, 0]], "float32")
    best = ops.convert_to_numpy(crf.decode(scores, weights > 0))
    assert (best != scores.argmax(-1))[weights > 0].any()
    for layer, found in ((crf, best), (None, scores.argmax(-1))):
        metric = TagAccuracy(layer)
        assert float(metric.result()) == 0
        for row, width in ((0, 4), (1, 2), (2, 1)):
            place = np.s_[row : row + 1, :width]
            metric.update_state(tags[place], scores[place], weights[place])
        wanted = ((found == tags) * weights).sum() / weights.sum()
        assert float(metric.result()) == pytest.approx(wanted)
        again = keras.metrics.deserialize(keras.metrics.serialize(metric))
        assert (again.crf, again.name) == (layer and "tag", "accuracy")
        metric.update_state(tags, np.full_like(scores, np.nan), weights)
        assert np.isnan(float(metric.result()))
    metric = TagAccuracy(crf)
    crf.start.assign([np.nan, 0.0, 0.0])
    metric.update_state(tags, scores, weights)
    assert np.isnan(float(metric.result()))


def test_the_penalty_is_that_of_the_kernels():
    model = perturbed("bilstm_crf_tagger", l2=0.5, **LETTERS)
    kernels = [ops.convert_to_numpy(w) for w in model.weights if "kernel" in w.name]
    assert len(kernels) == 1 + 4 + 1
    wanted = 0.5 * sum((k**2).sum() for k in kernels)
    assert float(sum(model.losses)) == pytest.approx(wanted, rel=1e-5)


def test_the_slot_gate_is_its_projection_and_its_vector():
    plain, gated = (perturbed("lstm_intent_tagger", slot_gate=gate) for gate in (False, True))
    assert gated.count_params() - plain.count_params() == 8 * 8 + 8


def test_the_losses_of_intents_and_tags_have_equal_weight():
    model = perturbed("lstm_intent_tagger")
    inputs, real = sentences(model)
    inputs, (intents, tags), weights = batch_of(model, inputs, real)
    model.compile()
    data = tf.data.Dataset.from_tensors((inputs, (intents, tags), weights))
    figures = model.evaluate(data, verbose=0, return_dict=True)
    logits, emissions = outputs(model, inputs)
    p = softmax(logits)
    nats = -np.log(p[np.arange(3), intents]).mean()
    of_tags = float(CRFLoss(model.crf)(tags, emissions, weights[1]))
    assert figures["loss"] == pytest.approx(nats + of_tags, rel=1e-5)
    assert figures["intent_loss"] == pytest.approx(nats, rel=1e-5)
    assert figures["intent_accuracy"] == pytest.approx((p.argmax(-1) == intents).mean())
    assert figures["tag_loss"] == pytest.approx(of_tags, rel=1e-5)


def test_metrics_of_fit_are_those_of_the_weights_of_the_loss():
    model = perturbed("bilstm_crf_tagger")
    inputs, tags, weights = batch_of(model, *sentences(model))
    model.compile(keras.optimizers.SGD(5.0))
    data = tf.data.Dataset.from_tensors((inputs, tags, weights))
    before = model.evaluate(data, verbose=0, return_dict=True)
    history = model.fit(data, verbose=0).history
    assert {name: values[0] for name, values in history.items()} == pytest.approx(before, rel=1e-4)
    assert model.evaluate(data, verbose=0, return_dict=True)["loss"] != before["loss"]


def test_any_encoder_may_be_given_to_a_tagger():
    encoder = lmzoo.build_lstm_encoder(50, embed_dim=8, hidden_dim=6)
    ids = np.array([[5, 6, 7, 0]])
    tagger = lmzoo.build_tagger(encoder, num_tags=3, forbidden=[[0, 1]], dropout=0.0)
    hidden, _ = encoder(ids)
    emissions = ops.convert_to_numpy(tagger.head(hidden))
    np.testing.assert_allclose(outputs(tagger, ids)[0], emissions, atol=1e-6)
    assert tagger.decode(ids).shape == (1, 4)
    both = lmzoo.build_tagger(encoder, num_tags=3, num_intents=2, slot_gate=True)
    assert [x.shape for x in outputs(both, ids)] == [(1, 2), (1, 4, 3)]
    with pytest.raises(ArgumentError, match="needs num_intents"):
        lmzoo.build_tagger(encoder, num_tags=3, slot_gate=True)


def test_arguments_that_cannot_be_are_refused():
    sizes = {"num_tags": 3, "embed_dim": 8, "hidden_dim": 8}
    for arguments, words in (
        ({"characters": "cnn"}, "give both"),
        ({"num_characters": 9}, "give both"),
        ({"characters": "gru", "num_characters": 9}, "use one of cnn, lstm"),
        ({"crf": False, "forbidden": [[0, 1]]}, "crf=True"),
        ({"forbidden": [[0, 9]]}, "forbidden pair"),
        ({"hidden_dim": 7}, "odd"),
    ):
        with pytest.raises(ArgumentError, match=words):
            lmzoo.build_model("bilstm_crf_tagger", vocab_size=50, **{**sizes, **arguments})
    with pytest.raises(ArgumentError, match="odd"):
        lmzoo.build_model("transformer_tagger", vocab_size=50, **{**sizes, "embed_dim": 7})
    model = perturbed("bilstm_crf_tagger", **LETTERS)
    (ids, letters), _ = sentences(model)
    with pytest.raises(ArgumentError, match="does not train the CRF"):
        model.compile(loss=TagCrossEntropy(label_smoothing=0.1))
    with pytest.raises(ArgumentError, match="has no intents"):
        model.decode_intents((ids, letters))
    with pytest.raises(ArgumentError, match="class_weight"):
        model.fit((ids, letters), ids, class_weight={0: 1.0})
    with pytest.raises(PromptError, match="id 50 is outside"):
        model.decode((np.where(ids == ids.max(), 50, ids), letters))
    with pytest.raises(PromptError, match="vocabulary of 20 ids"):
        model.decode((ids, letters + 20))
