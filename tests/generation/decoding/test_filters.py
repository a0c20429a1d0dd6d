"""Each filter equals a plain NumPy oracle on random logits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from keras import ops

from lmzoo.generation.decoding import filters
from lmzoo.generation.decoding.sampling import draw, draw_uniforms
from tests.generation.standins import log_softmax

numbers = st.floats(-30, 30, width=32, allow_subnormal=False)
# Few distinct values: many ties.
tied = st.sampled_from([-2.0, -0.0, 0.0, 1.0, 1.5])
logits_of = st.integers(2, 9).flatmap(
    lambda n: arrays("float32", (2, n), elements=st.one_of(numbers, tied))
)
quick = settings(deadline=None, max_examples=25)


def run(function, *arguments):
    return ops.convert_to_numpy(function(*arguments))


def ranked(row):
    """Ids by falling logit, of equal ones the lower id first."""
    return sorted(range(len(row)), key=lambda i: (-row[i], i))


def kept_only(row, kept):
    return [value if i in kept else -np.inf for i, value in enumerate(row)]


@quick
@given(logits_of, st.floats(0.125, 8, width=32))
def test_temperature(logits, value):
    expected = log_softmax(logits.astype("float64") / value)
    np.testing.assert_allclose(
        log_softmax(run(filters.temperature, logits, value)), expected, atol=1e-3
    )


def test_a_tiny_temperature_does_not_overflow():
    result = run(filters.temperature, np.array([[1e30, 3e30]], "float32"), np.float32(1e-30))
    assert result[0, 1] == 0
    assert not np.isnan(result).any()


@quick
@given(logits_of, st.integers(1, 12))
def test_top_k(logits, k):
    expected = [kept_only(row, ranked(row)[:k]) for row in logits]
    np.testing.assert_array_equal(run(filters.top_k, logits, k), expected)


@quick
@given(logits_of, st.floats(0.015625, 0.984375, width=32))
def test_top_p(logits, p):
    result = run(filters.top_p, logits, np.float32(p))
    for row, got in zip(logits, result, strict=True):
        order = ranked(row)
        total = np.cumsum(np.exp(log_softmax(row))[order])
        if np.abs(total - p).min() < 1e-5:
            continue  # rounding decides
        count = int(np.argmax(total >= p)) + 1
        np.testing.assert_array_equal(got, kept_only(row, order[:count]))


@pytest.mark.parametrize("p", [1e-9, 1.0])
def test_top_p_at_its_ends(p):
    logits = np.array([[1.0, 9.0, -90.0, 9.0]], "float32")
    kept = [1] if p < 1 else [0, 1, 2, 3]
    np.testing.assert_array_equal(run(filters.top_p, logits, p)[0], kept_only(logits[0], kept))


def test_filters_pass_over_removed_tokens():
    logits = np.array([[2.0, -np.inf, 1.0, 2.0, -np.inf]], "float32")
    np.testing.assert_array_equal(run(filters.top_k, logits, 5), logits)
    np.testing.assert_array_equal(run(filters.top_p, logits, np.float32(0.99)), logits)
    np.testing.assert_array_equal(
        run(filters.top_k, logits, 2), [[2.0, -np.inf, -np.inf, 2.0, -np.inf]]
    )


@quick
@given(logits_of, st.floats(0, 1, width=32))
def test_min_p(logits, p):
    result = run(filters.min_p, logits, np.float32(p))
    for row, got in zip(logits.astype("float64"), result, strict=True):
        ratio = np.exp(row - row.max())
        sure = np.abs(ratio - p) > 1e-5
        np.testing.assert_array_equal(np.isfinite(got)[sure], (ratio >= p)[sure])
        assert np.isfinite(got[row.argmax()])


@quick
@given(logits_of, st.floats(0.25, 4, width=32), st.data())
def test_repetition_penalty(logits, penalty, data):
    present = data.draw(arrays("bool", logits.shape))
    expected = logits.astype("float64")
    for place in np.argwhere(present):
        value = expected[tuple(place)]
        expected[tuple(place)] = value / penalty if value > 0 else value * penalty
    result = run(filters.repetition_penalty, logits, present, np.float32(penalty))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-30)


@quick
@given(arrays("int32", (2, 9), elements=st.integers(0, 2)), st.integers(1, 9), st.integers(1, 4))
def test_no_repeat_ngram(ids, length, size):
    logits = np.zeros((2, 3), "float32")
    result = run(filters.no_repeat_ngram, logits, ids, length, size)
    for row, got in zip(ids.tolist(), result, strict=True):
        known = row[:length]
        ngrams = {tuple(known[i : i + size]) for i in range(length - size + 1)}
        for token in range(3):
            ends_in = tuple([*known, token][-size:])
            assert np.isneginf(got[token]) == (len(ends_in) == size and ends_in in ngrams)


def test_allow_tokens():
    result = run(filters.allow_tokens, np.array([[1.0, 2.0, 3.0]]), np.array([True, False, True]))
    np.testing.assert_array_equal(result, [[1.0, -np.inf, 3.0]])


@quick
@given(logits_of, st.floats(0, 1, exclude_max=True, width=32), st.data())
def test_draw_inverts_the_distribution_function(logits, uniform, data):
    removed = data.draw(arrays("bool", logits.shape))
    removed[:, 0] = False
    logits = np.where(removed, -np.inf, logits).astype("float32")
    uniforms = np.full(2, min(uniform, 1 - 2**-24), "float32")
    for row, got in zip(logits, run(draw, logits, uniforms), strict=True):
        total = np.cumsum(np.exp(log_softmax(row)))
        assert np.isfinite(row[got])
        assert (total[got - 1] if got else 0) - 1e-5 <= uniforms[0] <= total[got] + 1e-5


def test_uniforms_depend_on_seed_and_row_only():
    few, many = draw_uniforms(7, 2, 5, 8), draw_uniforms(7, 4, 3, 16)
    np.testing.assert_array_equal(few[:, :3], many[:2, :3])
    assert not np.array_equal(few[0], few[1])
    assert not np.array_equal(few, draw_uniforms(8, 2, 5, 8))
    assert not np.array_equal(draw_uniforms(None, 1, 5, 8), draw_uniforms(None, 1, 5, 8))


def entropy(p):
    return -sum(value * np.log(value) for value in p if value > 0)


@quick
@given(logits_of, st.floats(0.015625, 0.984375, width=32))
def test_typical_p(logits, p):
    for row, found in zip(logits, run(filters.typical_p, logits, p), strict=True):
        log_p = log_softmax(row)
        weights = np.exp(log_p)
        distance = np.abs(-log_p - entropy(weights))
        kept = np.isfinite(found)
        assert weights[kept].sum() >= p - 1e-5
        # The fewest: without the least typical of those kept, p is not reached.
        worst = max(np.flatnonzero(kept), key=lambda i: (distance[i], i))
        assert weights[kept].sum() - weights[worst] < p + 1e-5
        assert distance[kept].max() <= distance[~kept].min(initial=np.inf) + 1e-3
        np.testing.assert_array_equal(found[kept], row[kept])


@quick
@given(logits_of, st.floats(2**-12, 0.5, width=32))
def test_eta_cutoff(logits, epsilon):
    for row, found in zip(logits, run(filters.eta_cutoff, logits, epsilon), strict=True):
        p = np.exp(log_softmax(row))
        floor = min(epsilon, np.sqrt(epsilon) * np.exp(-entropy(p)))
        clear = np.abs(p - floor) > 1e-5 * floor + 1e-12
        wanted = (p >= floor) | (row == row.max())
        np.testing.assert_array_equal(np.isfinite(found)[clear], wanted[clear])
