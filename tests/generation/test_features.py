"""Answers to features, such as those of speech: what the decoder gives step by step."""

import keras
import numpy as np
import pytest

import lmzoo
from lmzoo.errors import PromptError

BOS = 2


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    size = {"embed_dim": 8, "num_layers": 1, "num_heads": 2}
    encoder = lmzoo.build_transformer_encoder(feature_dim=3, **size)
    decoder = lmzoo.build_transformer_decoder(11, memory_dim=8, **size)
    model = lmzoo.build_seq2seq(encoder, decoder)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        if "seed" not in weight.path:
            weight.assign(rng.normal(0, 0.5, weight.shape))
    return model


def greedy(model, features, count):
    ids = [BOS]
    for _ in range(count):
        logits = np.asarray(model([features[None], np.array([ids], "int32")]))
        ids.append(int(logits[0, -1].argmax()))
    return ids[1:]


def test_greedy_search_and_stream_equal_recomputation(model):
    rng = np.random.default_rng(0)
    sources = [rng.normal(size=(time, 3)).astype("float32") for time in (4, 9, 40)]
    expected = [greedy(model, source, 6) for source in sources]
    answers = lmzoo.generate(model, sources, max_new_tokens=6, temperature=0)
    assert [answer.tolist() for answer in answers] == expected
    answers = lmzoo.beam_search(model, sources, num_beams=1, max_new_tokens=6)
    assert [answer.tolist() for answer in answers] == expected
    assert list(lmzoo.stream(model, sources[0], max_new_tokens=6, temperature=0)) == expected[0]
    one = lmzoo.generate(model, sources[1], max_new_tokens=6, temperature=0)
    assert one.tolist() == expected[1]


def test_ids_and_features_are_not_confused(model):
    with pytest.raises(PromptError, match="takes features"):
        lmzoo.generate(model, [4, 5], max_new_tokens=2)
    with pytest.raises(PromptError, match="not a row of ids"):
        lmzoo.generate(model, np.array([4.0, 5.0]), max_new_tokens=2)
    language_model = lmzoo.build_gru_lm(11, embed_dim=4, hidden_dim=4)
    with pytest.raises(PromptError, match="takes ids"):
        lmzoo.generate(language_model, np.ones((4, 3), "float32"), max_new_tokens=2)
