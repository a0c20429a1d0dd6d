"""Any Keras model of the user's own generates by recomputation on its exact left context."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from lmzoo.errors import PromptError
from lmzoo.generation import beam_search, generate, score, stream
from tests.generation.standins import log_softmax

VOCAB = 12


def noisy(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(rng.normal(size=weight.shape))
    return model


def sequential(activation=None, per_token=True, length=None):
    return noisy(
        keras.Sequential(
            [
                keras.Input((length,), dtype="int32"),
                layers.Embedding(VOCAB, 6),
                layers.LSTM(8, return_sequences=per_token),
                layers.Dense(VOCAB, activation=activation),
            ]
        )
    )


def non_causal():
    """Every output depends on the whole input: only the exact context gives the right answer."""
    ids = keras.Input((None,))
    x = layers.Embedding(VOCAB, 6)(ids)
    x = layers.Bidirectional(layers.GRU(4, return_sequences=True))(x)
    return noisy(keras.Model(ids, layers.Dense(VOCAB)(x)))


def next_log_p(model, ids):
    """Log-probabilities of the next token by calling the model on the ids alone."""
    ids = list(ids)
    length = model.input_shape[1]
    if length:
        ids = [0] * (length - len(ids)) + ids[-length:]
    output = ops.convert_to_numpy(model(np.array([ids]), training=False))[0]
    output = output[-1] if output.ndim == 2 else output
    is_softmax = (output >= 0).all() and abs(output.sum() - 1) < 1e-4
    return np.log(output.astype("float64")) if is_softmax else log_softmax(output)


MODELS = {
    "logits": lambda: sequential(),
    "softmax": lambda: sequential("softmax"),
    "last token": lambda: sequential("softmax", per_token=False),
    "fixed length": lambda: sequential(per_token=False, length=5),
    "not causal": non_causal,
}


@pytest.fixture(scope="module", params=MODELS, ids=str)
def model(request):
    return MODELS[request.param]()


PROMPTS = [[1], [2, 3, 4, 5, 6, 7], [8, 9, 10]]


def test_greedy_is_the_arg_max_of_the_exact_context(model):
    result = generate(model, PROMPTS, max_new_tokens=6, temperature=0)
    for prompt, row in zip(PROMPTS, result, strict=True):
        ids = list(prompt)
        for _ in range(6):
            ids.append(int(next_log_p(model, ids).argmax()))
        assert row == ids


def test_score_is_the_log_probability(model):
    for row, got in zip(PROMPTS, score(model, PROMPTS), strict=True):
        assert got.shape == (len(row) - 1,)
        if model.input_shape[1] or len(model.output_shape) == 2:
            expected = [next_log_p(model, row[:i])[row[i]] for i in range(1, len(row))]
        elif len(row) > 1:
            output = ops.convert_to_numpy(model(np.array([row[:-1]]), training=False))[0]
            is_softmax = (output >= 0).all()
            table = np.log(output) if is_softmax else log_softmax(output)
            expected = table[np.arange(len(row) - 1), row[1:]]
        else:
            expected = []
        np.testing.assert_allclose(got, expected, atol=1e-4)


def test_sampling_streams_the_same(model):
    arguments = {"max_new_tokens": 5, "top_p": 0.9, "seed": 3}
    assert generate(model, [1, 2], **arguments)[2:] == list(stream(model, [1, 2], **arguments))


@pytest.mark.parametrize("name", ["softmax", "fixed length"])
def test_one_beam_is_greedy_and_more_beams_are_no_worse(name):
    model = MODELS[name]()
    prompt = [3, 1, 2]
    one, greedy_score = beam_search(
        model, prompt, num_beams=1, max_new_tokens=3, length_penalty=0, return_scores=True
    )
    assert one == generate(model, prompt, max_new_tokens=3, temperature=0)
    best, best_score = beam_search(
        model, prompt, num_beams=12, max_new_tokens=3, length_penalty=0, return_scores=True
    )
    assert best_score >= greedy_score - 1e-5
    for ids, total in ((one, greedy_score), (best, best_score)):
        exact = sum(next_log_p(model, ids[:i])[ids[i]] for i in range(3, 6))
        assert total == pytest.approx(exact, abs=1e-3)


def test_embeddings_may_be_wider_than_the_output():
    model = keras.Sequential([layers.Embedding(20, 4), layers.Dense(10)])
    assert len(generate(model, [19], max_new_tokens=2)) == 3
    with pytest.raises(PromptError, match="id 20"):
        generate(model, [20])
    with pytest.raises(PromptError, match="id 19"):
        score(model, [1, 19])


def test_a_subclassed_model_without_an_input():
    class Mine(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = layers.Embedding(5, 4), layers.Dense(5)

        def call(self, ids):
            return self.head(self.embedding(ids))

    model = Mine()
    result = generate(model, [1, 2], max_new_tokens=3, temperature=0)
    assert result[2] == int(ops.argmax(model(np.array([[1, 2]]))[0, -1]))


def test_a_model_that_runs_eagerly_only():
    class Eager(keras.Model):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = layers.Embedding(5, 4), layers.Dense(5)

        def call(self, ids):
            if float(ops.sum(ids)) < 0:
                return None
            return self.head(self.embedding(ids))

    model = Eager()
    result = generate(model, [1, 2], max_new_tokens=3, temperature=0)
    assert result[2] == int(ops.argmax(model(np.array([[1, 2]]))[0, -1]))


def test_training_is_heard():
    model = sequential("softmax")
    before = generate(model, [1], max_new_tokens=8, temperature=0)
    noisy(model, seed=9)
    after = generate(model, [1], max_new_tokens=8, temperature=0)
    assert after != before
    assert after[1] == int(next_log_p(model, [1]).argmax())
