"""Rules of choosing a token, in search too: extremes, shortest lengths, words that are banned."""

import itertools

import numpy as np
import pytest

import lmzoo
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.generation import beam_search, generate, stream
from tests.generation.search.test_beam import divisor
from tests.generation.standins import RecurrentModel, ScriptedModel, log_softmax


@pytest.fixture(scope="module")
def model():
    return RecurrentModel()


def new(model, count=14, **arguments):
    return generate(model, [5, 6, 7], max_new_tokens=count, seed=1, **arguments)[3:]


@pytest.mark.parametrize(
    "smallest", [{"temperature": 1e-40}, {"temperature": 1e-300}, {"top_p": 1e-50}], ids=str
)
def test_settings_that_float32_rounds_to_0_are_greedy(model, smallest):
    assert new(model, **smallest) == new(model, temperature=0)


@pytest.mark.parametrize(
    "largest",
    [
        {"top_k": 10**12},
        {"no_repeat_ngram": 10**12},
        {"min_p": 1e-300},
        {"filters": {"eta_cutoff": 1e-300}},
        {"top_p": 1 - 1e-12},
        {"filters": {"typical_p": 1.0}},
        {"filters": {}},
    ],
    ids=str,
)
def test_settings_beyond_every_token_change_nothing(model, largest):
    assert new(model, **largest) == new(model)


def test_a_text_ends_where_the_rules_leave_no_token(model):
    for temperature in (0, 1):
        ids = new(model, no_repeat_ngram=1, temperature=temperature)
        assert sorted(ids) == sorted({*range(11)} - {5, 6, 7})
    rows = generate(model, [[1], [2, 3]], max_new_tokens=30, no_repeat_ngram=1, seed=0)
    assert [len(row) for row in rows] == [11, 11]
    assert new(model, filters={"banned_tokens": range(11)}) == []
    ids = [5, 6, 7]
    found = beam_search(model, ids, filters={"no_repeat_ngram": 1}, num_return=3)
    assert all(sorted(row) == [*range(11)] for row in found)


REFUSED = [
    {"repetition_penalty": 1e-300},
    {"repetition_penalty": 1e300},
    {"max_new_tokens": 10**12},
    {"min_new_tokens": 129},
    {"min_new_tokens": -1},
    {"filters": {"logit_bias": {3: 1e300}}},
    {"filters": {"logit_bias": {11: 1}}},
    {"filters": {"logit_bias": [3]}},
    {"filters": {"logit_bias": {"a": 1}}},
    {"filters": {"bad_words": "abc"}},
    {"filters": {"bad_words": [[1.5]]}},
    {"filters": {"bad_words": [[]]}},
    {"filters": {"banned_tokens": np.ones(12, bool)}},
    {"filters": {"banned_tokens": [0.5]}},
    {"filters": {"typical_p": 0}},
    {"filters": {"eta_cutoff": 2}},
    {"filters": {"top": 2}},
    {"filters": {"temperature": 2}},
    {"filters": "typical_p"},
]


@pytest.mark.parametrize("arguments", REFUSED, ids=str)
@pytest.mark.parametrize("function", [generate, stream])
def test_what_cannot_be_is_refused(model, function, arguments):
    with pytest.raises(LmzooError):
        function(model, [1, 2], **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"filters": {"temperature": 0.5}},
        {"length_penalty": 1e300},
        {"coverage_penalty": 1e300},
        {"num_beams": 10**12},
        {"max_new_tokens": 10**12},
        {"allowed_tokens": np.ones(12, bool)},
        {"allowed_tokens": np.zeros(11, bool)},
        {"allowed_tokens": [1.5]},
        {"allowed_tokens": "ab"},
        {"prefix": 5},
        {"prefix": [1.5]},
        {"prefix": np.ones(3, bool)},
    ],
    ids=str,
)
def test_what_a_search_cannot_do_is_refused(model, arguments):
    with pytest.raises(ArgumentError):
        beam_search(model, [1, 2], **arguments)


def test_logits_that_are_no_numbers_are_not_searched():
    model = RecurrentModel()
    for value in (np.nan, np.inf):
        model.tables[2].assign(np.full(model.tables[2].shape, value))
        for search in ({}, {"num_return": 2}, {"num_beams": 1}):
            with pytest.raises(ArgumentError, match="diverged"):
                beam_search(model, [1], max_new_tokens=3, **search)
        with pytest.raises(ArgumentError, match="diverged"):
            generate(model, [1], max_new_tokens=3, top_k=2)


def test_booleans_are_a_mask(model):
    only = np.arange(11) == 7
    assert beam_search(model, [1], allowed_tokens=only, max_new_tokens=3) == [1, 7, 7, 7]
    assert new(model, 3, filters={"banned_tokens": ~only}) == [7, 7, 7]
    whole = beam_search(model, [1], allowed_tokens=np.ones(11, bool), max_new_tokens=9)
    assert whole == beam_search(model, [1], max_new_tokens=9)


def test_no_stop_comes_before_the_shortest_length(model):
    free = new(model, temperature=0)
    stop = free[:2]
    short = new(model, temperature=0, stop=stop)
    assert short == []
    arguments = {"temperature": 0, "stop": stop, "min_new_tokens": 6}
    ids = new(model, **arguments)
    assert len(ids) >= 6
    assert not {*ids[:6]} & {*stop}
    assert list(stream(model, [5, 6, 7], max_new_tokens=14, **arguments)) == ids
    rows = generate(model, [[5, 6, 7], [1]], max_new_tokens=14, **arguments)
    assert rows[0][3:] == ids
    assert len(rows[1]) >= 7
    oracle = [5, 6, 7]
    while len(oracle) < 17:
        logits = model.numpy_logits(oracle)[-1]
        logits[stop] = -np.inf if len(oracle) < 9 else logits[stop]
        if logits.argmax() in stop:
            break
        oracle.append(int(logits.argmax()))
    assert ids == oracle[3:]


def test_bad_words_and_bias_follow_an_oracle(model):
    words, bias = [[8], [4, 4], [9, 3, 6]], {2: 3.0, 5: -2.5}
    rows = [[9, 3], [4], [1, 2, 3, 4]]
    filters = {"bad_words": words, "logit_bias": bias}
    found = generate(model, rows, max_new_tokens=12, temperature=0, filters=filters)
    for prompt, row in zip(rows, found, strict=True):
        ids = list(prompt)
        while len(ids) < len(prompt) + 12:
            logits = model.numpy_logits(ids)[-1]
            for token, value in bias.items():
                logits[token] += value
            for *before, last in words:
                if ids[len(ids) - len(before) :] == before:
                    logits[last] = -np.inf
            ids.append(int(logits.argmax()))
        assert row == ids


def test_words_are_banned_as_texts():
    words = lmzoo.data.train_tokenizer(["the old cat sat"], kind="word")
    model = ScriptedModel([*words.encode("old cat sat"), 3], start=1, vocab_size=words.vocab_size)
    arguments = {"tokenizer": words, "temperature": 0, "max_new_tokens": 3}
    assert generate(model, "the", **arguments) == "the old cat sat"
    text = generate(model, "the", filters={"bad_words": ["old cat"]}, **arguments)
    assert text.startswith("the old")
    assert "cat" not in text
    assert text.endswith("sat")
    text = generate(model, "the", filters={"logit_bias": {"the": 90}}, **arguments)
    assert text == "the the the the"


def rule_oracle(model, prompt, count, stop, least, banned):
    """Every hypothesis under a penalty of 1.5, no repeated pair and banned tokens, best first."""
    found = []
    for length in range(count + 1):
        for row in itertools.product(range(model.vocab_size), repeat=length):
            ids, total, dead = list(prompt), 0.0, False
            for place, token in enumerate(row):
                logits = model.numpy_logits(ids)[-1]
                for known in set(ids):
                    logits[known] *= 1.5 if logits[known] < 0 else 1 / 1.5
                total += log_softmax(logits)[token]
                pairs = list(itertools.pairwise(ids))
                early = token == stop and place < least
                dead |= (ids[-1], token) in pairs or token in banned or early
                ids.append(token)
            ended = length and row[-1] == stop
            if dead or stop in row[:-1] or not (ended or length == count):
                continue
            found.append((total / divisor(length, 1.0), list(row[:-1] if ended else row)))
    return sorted(found, reverse=True)


def test_a_search_under_rules_equals_an_exhaustive_one():
    model = RecurrentModel(4, dim=4, seed=3)
    filters = {"repetition_penalty": 1.5, "no_repeat_ngram": 2, "banned_tokens": [1]}
    for seed in range(4):
        model.randomize(seed, scale=1.0)
        answers, scores = beam_search(
            model,
            [2, 3],
            num_beams=64,
            num_return=5,
            max_new_tokens=4,
            min_new_tokens=2,
            filters=filters,
            stop=0,
            return_scores=True,
        )
        best = rule_oracle(model, [2, 3], 4, 0, 2, [1])[:5]
        assert [row[2:] for row in answers] == [ids for _, ids in best]
        np.testing.assert_allclose(scores, [score for score, _ in best], atol=1e-4)


def test_no_hypothesis_is_returned_twice_for_two_stop_ids():
    model = RecurrentModel(6, dim=5)
    for seed in range(4):
        model.randomize(seed, scale=1.0)
        rows = beam_search(
            model, [1, 2], num_beams=8, num_return=8, max_new_tokens=3, stop=[0, 4, 5]
        )
        assert len(rows) == 8
        assert len({tuple(row) for row in rows}) == 8
