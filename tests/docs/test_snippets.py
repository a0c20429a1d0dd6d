"""The textbook's snippets: runs both columns of the page and compares their numbers."""

import functools

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import lmzoo
from tests.docs.pages import TEXTS, blocks

PAGE = "docs/snippets.md"
FIRST, *SECTIONS = TEXTS[PAGE].split("\n## ")
PARTS = {"W": FIRST} | {section[0]: section for section in SECTIONS}


@functools.cache
def run(letter):
    """Run a snippet's two blocks of code after those that it builds on; return their names."""
    names = run({"e": "d", "f": "e"}.get(letter, "W")).copy() if letter != "W" else {}
    for number, block in enumerate(blocks(PARTS[letter], "python")):
        keras.utils.set_random_seed(number)
        exec(compile(block, f"{PAGE} {letter}, block {number + 1}", "exec"), names)
    return names


def softmax(logits):
    logits = np.asarray(logits, "float64")
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def give_weights(by_hand, model):
    """Copy the weights of Embedding, LSTM, Dense into lmzoo's model of the same sizes."""
    embeddings, kernel, recurrent_kernel, *rest = by_hand.get_weights()
    model.set_weights([embeddings, recurrent_kernel, kernel, *rest])


def lstm_like(by_hand):
    model = lmzoo.build_lstm_lm(50, embed_dim=32, hidden_dim=64, num_layers=1, dropout=0.0)
    give_weights(by_hand, model)
    return model


def test_every_snippet_shows_both_ways():
    assert sorted(PARTS)[1:] == list("abcdefg")
    assert [len(blocks(PARTS[letter], "python")) for letter in "abcdefg"] == [2] * 7


def test_windows_are_those_cut_by_hand():
    names = run("a")
    pairs = list(names["windows"].as_numpy_iterator())
    assert_array_equal(np.concatenate([ids for ids, _ in pairs]), names["contexts"])
    assert_array_equal(np.concatenate([word for _, word in pairs]), names["next_words"])


def test_ones_own_model_gets_its_perplexity():
    names = run("a")
    p = names["model"].predict(names["contexts"], verbose=0).astype("float64")
    nats = -np.log(p[names["next_words"] == 1])
    figures = names["perplexity"].evaluate(names["model"])
    assert figures["perplexity"] == pytest.approx(np.exp(nats.mean()), rel=1e-5)
    metric = lmzoo.metrics.Perplexity(from_logits=False)
    metric.update_state(names["next_words"], p)
    assert float(metric.result()) == pytest.approx(np.exp(nats.mean()), rel=1e-5)


def test_ones_own_model_generates():
    """A model that was trained on windows of 12 ids sees the last 12, or 0 before fewer."""
    names = run("a")
    model, text = names["model"], names["text"]
    assert names["ids"].shape == (12 + 5,)
    assert_array_equal(names["ids"][:12], text[:12])
    for prompt in (text[:12].tolist(), [3, 1, 4]):
        ids = list(prompt)
        for _ in range(5):
            window = np.array([([0] * 12 + ids)[-12:]])
            ids.append(int(model.predict(window, verbose=0)[0].argmax()))
        assert lmzoo.generate(model, prompt, max_new_tokens=5, temperature=0) == ids


def test_the_zoos_lstm_is_the_sequential_one():
    """Equal weights give equal probabilities and an equal loss."""
    names = run("a")
    by_hand, contexts, one_hot = (names[k] for k in ("model", "contexts", "next_words"))
    model = lstm_like(by_hand)
    p = softmax(model.predict(contexts, verbose=0)[:, -1])
    assert_allclose(p, by_hand.predict(contexts, verbose=0), atol=1e-6)

    last = np.zeros(contexts.shape, "float32")
    last[:, -1] = 1  # the window's last place alone counts
    targets = contexts.copy()
    targets[:, -1] = one_hot.argmax(-1)
    model.compile(jit_compile=False)
    expected = by_hand.evaluate(contexts, one_hot, verbose=0)
    found = model.evaluate(contexts, targets, sample_weight=last, verbose=0)
    assert found == pytest.approx([expected, np.exp(expected)], rel=1e-5)


def test_the_zoos_lstm_is_the_functional_one():
    names = run("b")
    by_hand, model, x, y = (names[k] for k in ("by_hand", "model", "x", "y"))
    give_weights(by_hand, model)
    logits = by_hand.predict(x, verbose=0)
    assert_allclose(model.predict(x, verbose=0), logits, atol=1e-5)

    # Not by the snippet's Adam: on TensorFlow, Keras's squares the gradients of a repeated id one
    # by one, where lmzoo's embedding has it square their sum (see the errata).
    by_hand.compile(keras.optimizers.SGD(0.5), by_hand.loss)
    model.compile(keras.optimizers.SGD(0.5))
    histories = []
    for each in (by_hand, model):
        valid = (x[48:], y[48:])
        history = each.fit(
            x[:48], y[:48], validation_data=valid, epochs=2, shuffle=False, verbose=0
        )
        histories.append(history.history)
    assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-5)
    assert_allclose(histories[1]["val_loss"], histories[0]["val_loss"], rtol=1e-5)
    assert_allclose(histories[1]["val_perplexity"], np.exp(histories[0]["val_loss"]), rtol=1e-5)
    trained = model.get_weights()
    give_weights(by_hand, model)
    for ours, theirs in zip(trained, model.get_weights(), strict=True):
        assert_allclose(ours, theirs, atol=1e-5)


def test_the_recurrence_is_that_of_the_rnn():
    names = run("c")
    model, x, rnn = names["model"], names["x"], names["rnn"]
    assert names["by_hand"].shape == (12, 50)
    assert_allclose(names["by_hand"], names["logits"][0], atol=1e-5)
    rng = np.random.default_rng(1)  # biases are 0 at first: try others
    weights = [w + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()]
    model.set_weights(weights)
    for row, logits in zip(x[:20], model.predict(x[:20], verbose=0), strict=True):
        assert_allclose(logits, rnn(row, *weights), atol=1e-5)
    p = softmax(model.predict(x[:20], verbose=0))
    nats = lmzoo.losses.CrossEntropy()(names["y"][:20], model.predict(x[:20], verbose=0))
    chosen = np.take_along_axis(p, names["y"][:20, :, None], -1)
    assert float(nats) == pytest.approx(-np.log(chosen).mean(), rel=1e-5)


def test_the_loop_and_fit_leave_the_same_weights():
    names = run("d")
    start = names["start"].get_weights()
    pairs = zip(names["by_hand"].get_weights(), names["model"].get_weights(), start, strict=True)
    for by_hand, fitted, before in pairs:
        assert_allclose(fitted, by_hand, atol=1e-5)
        assert np.abs(fitted - before).max() > 1e-3  # it learned


def test_evaluate_and_score_give_the_likelihood():
    names = run("e")
    total, y = names["log_likelihood"], names["y"]
    assert names["loss"] == pytest.approx(-total / y.size, rel=1e-5)
    assert names["perplexity"] == pytest.approx(np.exp(-total / y.size), rel=1e-5)
    each = np.array(names["log_p_each"])
    assert each.shape == y.shape
    assert_allclose(each, np.take_along_axis(names["log_p"], y[..., None], -1)[..., 0], atol=1e-5)
    assert each.sum(dtype="float64") == pytest.approx(total, rel=1e-6)


def test_the_entropy_is_the_cross_entropy_with_itself():
    names = run("f")
    assert_allclose(keras.ops.convert_to_numpy(names["q"])[0], names["p"], atol=1e-6)
    assert names["p"].sum() == pytest.approx(1, abs=1e-6)
    assert float(names["nats"]) == pytest.approx(names["entropy"], abs=1e-5)
    assert 0 < names["entropy"] <= np.log(50) + 1e-6
    uniform = np.zeros((1, 50), "float32")
    assert float(lmzoo.losses.CrossEntropy()(softmax(uniform), uniform)) == pytest.approx(
        np.log(50), rel=1e-6
    )


def test_the_articles_sentiment_model_gives_the_same_numbers():
    names = run("g")
    by_hand, model, ids = names["by_hand"], names["model"], names["x"] + 1
    model.set_weights(by_hand.get_weights())
    assert_allclose(names["probabilities"], keras.ops.sigmoid(names["logits"]), rtol=0, atol=1e-6)
    probabilities = keras.ops.sigmoid(model.predict(ids, verbose=0))
    assert_allclose(probabilities, by_hand.predict(ids, verbose=0), rtol=0, atol=1e-6)
    loss, accuracy = by_hand.evaluate(ids, names["labels"], verbose=0)
    found = model.evaluate(ids, names["labels"], verbose=0, return_dict=True)
    assert_allclose([found["loss"], found["accuracy"]], [loss, accuracy], rtol=1e-5)
