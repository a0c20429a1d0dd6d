"""Bad prompts and arguments: an error that names the value and the remedy."""

import keras
import numpy as np
import pytest

from lmzoo.errors import ArgumentError, PromptError
from lmzoo.generation import beam_search, generate, score, stream
from tests.generation.standins import AttentionModel, ByteTokenizer, CharTokenizer, RecurrentModel


@pytest.fixture(scope="module")
def model():
    return RecurrentModel()


BAD_PROMPTS = [
    ([], "empty"),
    ("", "empty string"),
    ([[]], "no tokens"),
    ([[1], []], "no tokens"),
    ([np.zeros(0, "int32")], "no tokens"),
    ([1, 11], "id 11, outside the model's vocabulary of 11"),
    ([[1], [2, -1]], "id -1"),
    ([2**40], str(2**40)),
    ([1.5], "whole numbers"),
    ([True, False], "whole numbers"),
    (["a", [1]], "mix"),
    (None, "NoneType"),
    (3, "int"),
    ("axbzx", "'x', 'z'"),
]


@pytest.mark.parametrize(("prompt", "message"), BAD_PROMPTS, ids=str)
@pytest.mark.parametrize("function", [generate, beam_search, score])
def test_bad_prompts(model, function, prompt, message):
    with pytest.raises(PromptError, match=message):
        function(model, prompt, tokenizer=CharTokenizer())


def test_text_needs_a_tokenizer(model):
    for function in (generate, beam_search, stream, score):
        with pytest.raises(PromptError, match="pass tokenizer"):
            function(model, "abc")


def test_a_prompt_must_fit_with_its_new_tokens():
    model = AttentionModel(max_length=10)
    with pytest.raises(PromptError, match=r"4 tokens plus 7 .* 11, .* 10: at most 6"):
        generate(model, [1, 2, 3, 4], max_new_tokens=7)
    with pytest.raises(PromptError, match="shorten"):
        beam_search(model, [1] * 10, max_new_tokens=1)
    with pytest.raises(PromptError, match=r"11 tokens"):
        score(model, [1] * 11)
    assert len(generate(model, [1, 2, 3, 4], max_new_tokens=6)) == 10
    assert len(score(model, [1] * 10)) == 9


BAD_ARGUMENTS = [
    {"temperature": -0.1},
    {"temperature": float("nan")},
    {"temperature": float("inf")},
    {"temperature": "hot"},
    {"top_k": 0},
    {"top_k": 2.5},
    {"top_p": 0},
    {"top_p": 1.01},
    {"min_p": -0.1},
    {"min_p": 1.1},
    {"repetition_penalty": 0},
    {"no_repeat_ngram": 0},
    {"max_new_tokens": 0},
    {"max_new_tokens": True},
    {"seed": -1},
    {"stop": 11},
    {"stop": [1.5]},
    {"stop": "text"},
    {"stop": ""},
]


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
@pytest.mark.parametrize("function", [generate, stream])
def test_bad_arguments(model, function, arguments):
    (name,) = arguments
    with pytest.raises(ArgumentError, match=name):
        function(model, [1, 2], **arguments)


BAD_BEAMS = [
    {"num_beams": 0},
    {"num_return": 5},
    {"num_return": 0},
    {"length_penalty": -1},
    {"coverage_penalty": 0.2},
    {"allowed_tokens": []},
    {"prefix": "ab"},
    {"max_new_tokens": 0},
]


@pytest.mark.parametrize("arguments", BAD_BEAMS, ids=str)
def test_bad_beam_arguments(model, arguments):
    (name,) = arguments
    with pytest.raises(ArgumentError, match=name):
        beam_search(model, [1, 2], **arguments)


def test_beam_search_checks_ids_and_lengths(model):
    with pytest.raises(PromptError, match="prefix holds the id 11"):
        beam_search(model, [1], prefix=[11])
    with pytest.raises(PromptError, match="allowed_tokens holds the id 12"):
        beam_search(model, [1], allowed_tokens=[12])
    with pytest.raises(ArgumentError, match="prefix has 3 tokens"):
        beam_search(model, [1], prefix=[1, 2, 3], max_new_tokens=2)
    with pytest.raises(ArgumentError, match="stops at ids only"):
        beam_search(model, "a", tokenizer=CharTokenizer(), stop="b")


def test_stream_takes_one_prompt(model):
    with pytest.raises(PromptError, match="one prompt"):
        stream(model, [[1], [2]])


def test_tokenizer_and_model_must_agree(model):
    for function in (generate, beam_search, stream, score):
        with pytest.raises(ArgumentError, match="260 tokens and the model 11"):
            function(model, "a", tokenizer=ByteTokenizer())


def test_nan_logits_are_not_sampled():
    model = RecurrentModel()
    model.tables[2].assign(np.full(model.tables[2].shape, np.nan))
    for temperature in (0, 1):
        with pytest.raises(ArgumentError, match="NaN"):
            generate(model, [1], max_new_tokens=3, temperature=temperature)


def test_models_that_are_no_language_models():
    image = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()])
    with pytest.raises(ArgumentError, match="inputs of shape"):
        generate(image, [1])
    boxes = keras.Sequential(
        [keras.Input((4,)), keras.layers.Embedding(5, 8), keras.layers.Reshape((4, 2, 4))]
    )
    with pytest.raises(ArgumentError, match=r"output of shape \(1, 4, 2, 4\)"):
        generate(boxes, [1])
    with pytest.raises(ArgumentError, match="function"):
        generate(lambda ids: ids, [1])
