"""Drawn segmentations: their probabilities by enumeration, and the text that they keep."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lmzoo
from lmzoo.errors import TokenizerError
from lmzoo.tokenizers.subwords import SubwordSampler

TEXTS = ["low lower lowest  new newer newest wide wider widest", "the tower is low 我们 他们"] * 9


@pytest.fixture(scope="module", params=["bpe", "unigram"])
def tokenizer(request):
    return lmzoo.data.train_tokenizer(TEXTS, kind=request.param)


def segmentations(text, pieces):
    """All ways to cut a text into pieces."""
    for cuts in itertools.product([False, True], repeat=len(text) - 1):
        bounds = [0, *(i + 1 for i, cut in enumerate(cuts) if cut), len(text)]
        parts = [text[a:b] for a, b in itertools.pairwise(bounds)]
        if all(part in pieces for part in parts):
            yield tuple(pieces[part] for part in parts)


def test_paths_are_drawn_by_their_probability_to_a_power():
    tokenizer = lmzoo.data.train_tokenizer(TEXTS, kind="unigram")
    sampler = SubwordSampler(tokenizer, alpha=0.5)
    ways = list(segmentations(" lower", tokenizer.scored_pieces()))
    assert len(ways) > 3
    wanted = np.array([np.exp(0.5 * sum(score for _, score in way)) for way in ways])
    wanted /= wanted.sum()
    rng = np.random.default_rng(0)
    counts = Counter(tuple(sampler.sample(" lower", rng)) for _ in range(20_000))
    found = [counts[tuple(index for index, _ in way)] / 20_000 for way in ways]
    np.testing.assert_allclose(found, wanted, atol=4 * np.sqrt(0.25 / 20_000))


def test_merges_left_out_leave_other_pieces():
    """One merge only: it is left out as often as was asked, and then the characters stay."""
    tokenizer = lmzoo.data.train_tokenizer(["ab"] * 9, kind="bpe", vocab_size=263)
    assert tokenizer.scored_pieces().keys() == {"a", "b", "ab"}
    sampler = SubwordSampler(tokenizer, dropout=0.3)
    rng = np.random.default_rng(0)
    whole = np.mean([len(sampler.sample("ab", rng)) == 1 for _ in range(10_000)])
    assert whole == pytest.approx(0.7, abs=0.02)


@given(st.text("lowernst 我们▁é\n\t", max_size=30), st.integers(0, 99))
def test_the_text_is_kept(tokenizer, text, seed):
    sampler = SubwordSampler(tokenizer, alpha=0.1, dropout=0.5)
    ids = sampler.sample(text, np.random.default_rng(seed))
    assert tokenizer.decode(ids) == text
    assert min(ids, default=4) >= 4


@given(st.text("lowernst 我们▁é\n", max_size=30))
def test_without_chance_it_is_what_encode_gives(tokenizer, text):
    sampler = SubwordSampler(tokenizer, alpha=1e4, dropout=0.0)
    ids = sampler.sample(text, np.random.default_rng(0))
    if tokenizer.kind == "bpe":
        assert ids == tokenizer.encode(text)
        return
    scores = dict(tokenizer.scored_pieces().values())
    best = [sum(scores.get(i, 0) for i in found) for found in (ids, tokenizer.encode(text))]
    assert best[0] == pytest.approx(best[1], abs=1e-3)  # of equal paths either may come
    assert len(ids) > 0 or not text


def test_with_all_merges_left_out_characters_remain():
    tokenizer = lmzoo.data.train_tokenizer(TEXTS, kind="bpe", vocab_size=300)
    sampler = SubwordSampler(tokenizer, dropout=1.0)
    ids = sampler.sample("newest 我", np.random.default_rng(0))
    assert [tokenizer.decode([index]) for index in ids] == list("newest 我")


def test_lowercase_is_kept():
    tokenizer = lmzoo.data.train_tokenizer(TEXTS, kind="bpe", vocab_size=300, lowercase=True)
    ids = SubwordSampler(tokenizer).sample("LOWER", np.random.default_rng(0))
    assert tokenizer.decode(ids) == "lower"


@pytest.mark.parametrize("settings", [{"alpha": 0}, {"alpha": np.nan}, {"dropout": 1.5}])
def test_settings_outside_their_range_are_refused(tokenizer, settings):
    with pytest.raises(TokenizerError, match="alpha must be above 0"):
        SubwordSampler(tokenizer, **settings)


def test_other_kinds_are_refused():
    with pytest.raises(TokenizerError, match="kind 'word'; only 'bpe' and 'unigram'"):
        SubwordSampler(lmzoo.data.train_tokenizer(TEXTS, kind="word"))
