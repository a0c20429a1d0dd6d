"""`beam_search` against exhaustive search, a plain beam search in Python, and greedy search."""

import itertools

import numpy as np
import pytest

from lmzoo.generation import beam_search, generate
from lmzoo.generation.steppers.compiled import compilation_count
from tests.generation.standins import (
    AttentionModel,
    PieceTokenizer,
    RecurrentModel,
    ScriptedModel,
    greedy,
    log_softmax,
)


def divisor(count, alpha):
    return ((5 + count) / 6) ** alpha


def log_p(model, prompt, new):
    table = log_softmax(model.numpy_logits([*prompt, *new]))
    return sum(table[len(prompt) - 1 + i, token] for i, token in enumerate(new))


def every_hypothesis(model, prompt, count, alpha, stop, allowed=None):
    """All continuations, best first: (score, ids without the stop id)."""
    vocab = range(model.vocab_size) if allowed is None else sorted({*allowed, stop})
    found = []
    for length in range(1, count + 1):
        for new in itertools.product(vocab, repeat=length):
            ended = new[-1] == stop
            if stop in new[:-1] or not (ended or length == count):
                continue
            score = log_p(model, prompt, new) / divisor(length, alpha)
            found.append((score, list(new[:-1] if ended else new)))
    return sorted(found, key=lambda pair: -pair[0])


def plain_beam(model, prompt, beams, count, alpha, stop):
    """Beam search without early stopping; hypotheses are Python lists."""
    live, found = [(0.0, [])], []
    for length in range(1, count + 1):
        grown = []
        for total, new in live:
            step = log_softmax(model.numpy_logits([*prompt, *new]))[-1]
            grown += [(total + value, [*new, token]) for token, value in enumerate(step)]
        grown.sort(key=lambda pair: -pair[0])
        ended = [pair for pair in grown[:beams] if pair[1][-1] == stop]
        found += [(total / divisor(length, alpha), new[:-1]) for total, new in ended]
        live = [pair for pair in grown if pair[1][-1] != stop][:beams]
    found += [(total / divisor(count, alpha), new) for total, new in live]
    return sorted(found, key=lambda pair: -pair[0])


@pytest.mark.parametrize(("vocab_size", "count"), [(3, 4), (4, 3)])
def test_a_wide_beam_equals_exhaustive_search(vocab_size, count):
    model = RecurrentModel(vocab_size, dim=4)
    before = compilation_count()
    for seed in range(15):
        model.randomize(seed, scale=1.0)
        rng = np.random.default_rng(seed)
        prompts = [rng.integers(0, vocab_size, n).tolist() for n in (1, 3)]
        alpha = float(rng.choice([0.0, 0.6, 1.0, 2.0]))
        answers, scores = beam_search(
            model,
            prompts,
            num_beams=64,
            num_return=5,
            max_new_tokens=count,
            length_penalty=alpha,
            stop=0,
            return_scores=True,
        )
        for prompt, rows, values in zip(prompts, answers, scores, strict=True):
            best = every_hypothesis(model, prompt, count, alpha, stop=0)[:5]
            assert [row[len(prompt) :] for row in rows] == [new for _, new in best]
            np.testing.assert_allclose(values, [score for score, _ in best], atol=1e-4)
    assert compilation_count() - before == 1


@pytest.mark.parametrize("alpha", [0.0, 1.0, 3.0])
def test_stopping_early_changes_nothing(alpha):
    model = RecurrentModel(6, dim=5)
    for seed in range(8):
        model.randomize(seed, scale=1.5)
        answers, scores = beam_search(
            model,
            [1, 2],
            num_beams=3,
            num_return=3,
            max_new_tokens=12,
            length_penalty=alpha,
            stop=0,
            return_scores=True,
        )
        best = plain_beam(model, [1, 2], 3, 12, alpha, stop=0)[:3]
        np.testing.assert_allclose(scores, [score for score, _ in best], atol=1e-4)
        assert [row[2:] for row in answers] == [new for _, new in best]


def test_batches_equal_single_prompts():
    model = AttentionModel()
    prompts = [np.random.default_rng(n).integers(0, 11, n).tolist() for n in (1, 30, 4, 18)]
    wide = {"num_beams": 4, "max_new_tokens": 8, "stop": 5}
    assert beam_search(model, prompts, **wide) == [beam_search(model, p, **wide) for p in prompts]


def test_one_beam_is_greedy():
    model = RecurrentModel()
    prompts = [np.random.default_rng(n).integers(0, 11, n).tolist() for n in (1, 30, 4, 18)]
    narrow = beam_search(model, prompts, num_beams=1, max_new_tokens=8)
    assert narrow == [greedy(model, prompt, 8) for prompt in prompts]
    stopped = beam_search(model, prompts, num_beams=1, max_new_tokens=8, stop=5)
    assert stopped == generate(model, prompts, max_new_tokens=8, stop=5, temperature=0)


def test_scores_of_one_beam_are_normalized_too():
    model = RecurrentModel()
    row, value = beam_search(model, [1], num_beams=1, max_new_tokens=4, return_scores=True)
    assert value == pytest.approx(log_p(model, [1], row[1:]) / divisor(4, 1.0), abs=1e-4)


def test_prefix_and_allowed_tokens():
    model = RecurrentModel(4, dim=4, seed=2)
    answers, scores = beam_search(
        model,
        [[1], [2, 3, 1]],
        num_beams=32,
        num_return=32,
        max_new_tokens=4,
        prefix=[3, 2],
        stop=0,
        return_scores=True,
    )
    for prompt, rows, values in zip([[1], [2, 3, 1]], answers, scores, strict=True):
        every = every_hypothesis(model, prompt, 4, 1.0, stop=0)
        best = [(score, new) for score, new in every if new[:2] == [3, 2]]
        assert len(best) == len(rows) == 13
        assert [row[len(prompt) :] for row in rows] == [new for _, new in best]
        np.testing.assert_allclose(values, [score for score, _ in best], atol=1e-4)
    rows = beam_search(
        model, [1], num_beams=32, num_return=32, max_new_tokens=4, allowed_tokens=[2], stop=0
    )
    best = every_hypothesis(model, [1], 4, 1.0, stop=0, allowed=[2])
    assert [row[1:] for row in rows] == [new for _, new in best]


def test_text_in_text_out():
    tokenizer = PieceTokenizer()
    script = [tokenizer.pieces.index(p) for p in ("_cat", "s", "_sat", ".")] + [3]
    model = ScriptedModel(script, start=1, vocab_size=tokenizer.vocab_size)
    arguments = {"tokenizer": tokenizer, "max_new_tokens": 9}
    assert beam_search(model, "the", **arguments) == "the cats sat."
    many, scores = beam_search(model, ["the"], num_return=2, return_scores=True, **arguments)
    assert many[0][0] == "the cats sat."
    assert len(many[0]) == len(scores[0]) == 2
    forced = beam_search(model, "the", prefix="a", **arguments)
    assert forced.startswith("the a")
