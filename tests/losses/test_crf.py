"""The CRF's sums, marginals, gradients and best sequences against the list of all sequences."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import CRF
from lmzoo.losses.crf import (
    CRFLoss,
    crf_log_likelihood,
    crf_log_partition,
    crf_marginals,
    crf_score,
)
from lmzoo.losses.k_best import crf_k_best
from lmzoo.losses.viterbi import crf_decode

# One shape, so that XLA compiles each function once.
BATCH, TIME, TAGS = 3, 4, 3


def array(x):
    return ops.convert_to_numpy(x)


def score_of(parts, row, tags):
    """The definition, in float64."""
    emissions, transitions, start, end = parts
    if not len(tags):
        return 0.0
    total = start[tags[0]] + end[tags[-1]]
    total += sum(emissions[row, t, y] for t, y in enumerate(tags))
    return total + sum(transitions[a, b] for a, b in itertools.pairwise(tags))


def enumerated(parts, lengths):
    """Log-partition, marginals and best score, from every sequence of every row."""
    batch, time, count = parts[0].shape
    totals, bests = np.zeros(batch), np.zeros(batch)
    marginals = np.zeros((batch, time, count))
    for row, length in enumerate(lengths):
        if not length:
            continue
        paths = list(itertools.product(range(count), repeat=int(length)))
        scores = np.array([score_of(parts, row, path) for path in paths])
        bests[row] = scores.max()
        totals[row] = scores.max() + np.log(np.exp(scores - scores.max()).sum())
        for path, score in zip(paths, scores, strict=True):
            for t, y in enumerate(path):
                marginals[row, t, y] += np.exp(score - totals[row])
    return totals, marginals, bests


def layer_of(parts):
    """A CRF layer with these transitions, start and end."""
    crf = CRF(len(parts[1]))
    crf.build((None, None, len(parts[1])))
    crf.set_weights(parts[1:])
    return crf


@st.composite
def cases(draw):
    """Scores up to 20 either way, some transitions forbidden, rows of every length."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([0.1, 2.0, 20.0]))
    parts = [
        rng.uniform(-size, size, shape).astype("float32").astype("float64")
        for shape in ((BATCH, TIME, TAGS), (TAGS, TAGS), (TAGS,), (TAGS,))
    ]
    share = draw(st.sampled_from([0.0, 0.2, 0.5]))
    for part in parts[1:]:
        part[rng.random(part.shape) < share] = -1e4
    return parts, rng.integers(0, TIME + 1, BATCH), rng


def masked(lengths):
    return np.arange(TIME)[None] < lengths[:, None]


@given(cases())
def test_partition_marginals_and_best_equal_the_list_of_all(case):
    parts, lengths, rng = case
    mask, inputs = masked(lengths), [p.astype("float32") for p in parts]
    totals, marginals, bests = enumerated(parts, lengths)
    scale = np.maximum(1, np.abs(totals))
    found = array(crf_log_partition(*inputs, mask))
    np.testing.assert_allclose(found / scale, totals / scale, atol=1e-5)
    allowed = totals > -5000  # of forbidden sequences alone the differences are lost to rounding
    found = array(crf_marginals(*inputs, mask))
    np.testing.assert_allclose(found[allowed], marginals[allowed], atol=3e-5)
    tags = rng.integers(0, TAGS, (BATCH, TIME))
    wanted = [score_of(parts, r, tags[r, :n]) for r, n in enumerate(lengths)]
    found = array(crf_score(*inputs, tags, mask))
    np.testing.assert_allclose(found / scale, wanted / scale, rtol=1e-5, atol=1e-5)
    found = array(crf_log_likelihood(*inputs, tags, mask))
    np.testing.assert_allclose(found[allowed], (wanted - totals)[allowed], rtol=1e-5, atol=1e-4)
    best = array(crf_decode(*inputs, mask))
    assert (best[~mask] == 0).all()
    reached = [score_of(parts, r, best[r, :n]) for r, n in enumerate(lengths)]
    np.testing.assert_allclose(np.array(reached) / scale, bests / scale, atol=1e-5)


def test_a_sum_whose_terms_would_be_lost_is_taken_in_logs():
    """Tag 2 follows only tag 1, 100 and more below the best: exp(-100) is 0 in float32."""
    parts = [np.zeros((1, 3, 3)), np.zeros((3, 3)), np.zeros(3), np.zeros(3)]
    parts[0][0, :, 0] = 120.0
    parts[1][0, 2] = parts[1][2, 2] = -1e4
    parts[3][:] = [-400.0, -400.0, 0.0]  # the end wants tag 2, so that its path counts
    totals, marginals, _ = enumerated(parts, [3])
    inputs = [p.astype("float32") for p in parts]
    np.testing.assert_allclose(crf_log_partition(*inputs), totals, atol=1e-4)
    np.testing.assert_allclose(crf_marginals(*inputs), marginals, atol=1e-4)
    _, gradients = value_and_gradients(inputs, np.ones((1, 3), bool), np.ones(1, "float32"))
    np.testing.assert_allclose(gradients[1].sum(), 2.0, atol=1e-4)
    np.testing.assert_allclose(gradients[1][1, 2], 1.0, atol=1e-4)


def value_and_gradients(inputs, mask, upstream):
    inputs = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(crf_log_partition(*inputs, mask) * upstream)
    return float(value), [g.numpy() for g in tape.gradient(value, inputs)]


@given(cases())
def test_gradients_equal_numeric_ones(case):
    parts, lengths, rng = case
    mask, upstream = masked(lengths), rng.uniform(-1, 1, BATCH).astype("float32")
    inputs = [p.astype("float32") for p in parts]
    _, gradients = value_and_gradients(inputs, mask, upstream)
    assert all(np.isfinite(g).all() for g in gradients)
    if (enumerated(parts, lengths)[0] < -5000).any():
        return
    for which, gradient in enumerate(gradients):
        place = tuple(int(rng.integers(n)) for n in parts[which].shape)
        ends = []
        for step in (1e-4, -1e-4):
            moved = [p.copy() for p in parts]
            moved[which][place] += step
            ends.append((enumerated(moved, lengths)[0] * upstream).sum())
        numeric = (ends[0] - ends[1]) / 2e-4
        np.testing.assert_allclose(gradient[place], numeric, atol=2e-4)


@pytest.mark.parametrize("xla", [False, True])
def test_a_length_known_only_when_it_runs_and_a_gradient_in_a_graph(xla):
    rng = np.random.default_rng(0)
    shapes = ((2, 5, 4), (4, 4), (4,), (4,))
    inputs = [rng.standard_normal(shape).astype("float32") for shape in shapes]
    tags = rng.integers(0, 4, (2, 5)).astype("int32")
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]], bool)

    def gradients(emissions, tags, mask):
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            value = crf_log_likelihood(emissions, *inputs[1:], tags, mask)
        return value, tape.gradient(value, emissions)

    signature = [tf.TensorSpec([None, None, 4]), tf.TensorSpec([None, None], "int32")]
    signature.append(tf.TensorSpec([None, None], "bool"))
    graph = tf.function(gradients, input_signature=signature, jit_compile=xla)
    eager = gradients(tf.constant(inputs[0]), tags, mask)
    for found, wanted in zip(graph(inputs[0], tags, mask), eager, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    p = array(crf_marginals(*inputs, mask))
    is_it = (tags[..., None] == np.arange(4)) * mask[..., None]
    np.testing.assert_allclose(eager[1], is_it - p, atol=1e-5)


def test_the_likelihoods_of_all_sequences_add_up_to_one_and_long_rows_stay_exact():
    rng = np.random.default_rng(1)
    parts = [rng.standard_normal(s).astype("float32") for s in ((1, 4, 3), (3, 3), (3,), (3,))]
    paths = np.array(list(itertools.product(range(3), repeat=4)))
    rows = [np.repeat(parts[0], len(paths), 0), *parts[1:]]
    np.testing.assert_allclose(np.exp(crf_log_likelihood(*rows, paths)).sum(), 1, atol=1e-5)
    time = 400  # without transitions a CRF is a softmax at every word
    emissions = (10 * rng.standard_normal((1, time, 3))).astype("float32")
    zeros = np.zeros((3, 3), "float32"), np.zeros(3, "float32"), np.zeros(3, "float32")
    tags = rng.integers(0, 3, (1, time))
    found = float(crf_log_likelihood(emissions, *zeros, tags)[0])
    wide = emissions.astype("float64")
    logs = wide - np.log(np.exp(wide).sum(-1, keepdims=True))
    wanted = np.take_along_axis(logs, tags[..., None], -1).sum()
    np.testing.assert_allclose(found, wanted, rtol=2e-6)


def test_the_loss_is_nats_per_word_of_weighted_sequences():
    rng = np.random.default_rng(2)
    parts = [rng.standard_normal(s).astype("float32") for s in ((4, 4, 3), (3, 3), (3,), (3,))]
    emissions = parts[0]
    tags = rng.integers(0, 3, (4, 4))
    weights = np.array([[1, 1, 1, 1], [1, 3, 0, 0], [0, 0, 0, 0], [0.5, 0, 0, 0]], "float32")
    tags[2] = tags[1, 2:] = -7  # ids of padding may be anything
    nats = -array(crf_log_likelihood(*parts, tags, weights > 0))
    assert nats[2] == 0
    wanted = (nats[0] + 2 * nats[1] + 0.5 * nats[3]) / weights.sum()
    loss = CRFLoss(layer_of(parts))
    np.testing.assert_allclose(float(loss(tags, emissions, weights)), wanted, rtol=1e-5)
    assert float(loss(tags, emissions, 0 * weights)) == 0
    by_row = np.array([1, 0, 0, 2], "float32")
    whole = -array(crf_log_likelihood(*parts, np.maximum(tags, 0)))
    found = float(loss(np.where(by_row[:, None], np.maximum(tags, 0), tags), emissions, by_row))
    np.testing.assert_allclose(found, (whole[0] + 2 * whole[3]) / 12, rtol=1e-5)
    garbage = np.where(weights[..., None] > 0, emissions, np.float32("nan"))
    assert float(loss(tags, garbage, weights)) == float(loss(tags, emissions, weights))


@pytest.mark.parametrize("tag", [-1, 3])
def test_an_unknown_tag_that_counts_and_a_gap_between_words_are_refused_or_nan(tag):
    emissions = np.zeros((1, 3, 3), "float32")
    tags = np.array([[0, 1, tag]])
    loss = CRFLoss(layer_of([emissions, np.zeros((3, 3)), np.zeros(3), np.zeros(3)]))
    in_graph = tf.function(loss, autograph=False)
    with pytest.raises(ArgumentError, match=f"tag {tag} is outside 0 to 2"):
        loss(tags, emissions)
    assert np.isnan(float(in_graph(tf.constant(tags), emissions)))
    assert np.isfinite(float(loss(tags, emissions, np.array([[1.0, 1.0, 0.0]]))))
    gap = np.array([[1.0, 0.0, 1.0]], "float32")
    with pytest.raises(ArgumentError, match="row 0 has words of weight 0 between others"):
        loss(0 * tags, emissions, gap)
    assert np.isnan(float(in_graph(tf.constant(0 * tags), emissions, tf.constant(gap))))


def test_shapes_that_do_not_fit_are_refused():
    loss = CRFLoss(layer_of([None, np.zeros((3, 3)), np.zeros(3), np.zeros(3)]))
    for tags, emissions in (((2, 5), (2, 4, 3)), ((2, 5), (2, 5, 4)), ((2, 5, 1), (2, 5, 3))):
        with pytest.raises(ArgumentError, match=r"do not fit emissions .* \(batch, time, 3\)"):
            loss(np.zeros(tags, "int32"), np.zeros(emissions, "float32"))


def test_gradients_of_the_loss_reach_the_layer():
    rng = np.random.default_rng(3)
    parts = [rng.standard_normal(s).astype("float32") for s in ((3, 4, 3), (3, 3), (3,), (3,))]
    crf, tags = layer_of(parts), rng.integers(0, 3, (3, 4))
    emissions = tf.constant(parts[0])
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        loss = CRFLoss(crf)(tags, emissions)
    found = tape.gradient(loss, [emissions, *(w.value for w in crf.weights)])
    variables = [tf.constant(part) for part in parts]
    with tf.GradientTape() as tape:
        tape.watch(variables)
        loss = -tf.reduce_sum(crf_log_likelihood(*variables, tags)) / 12
    for one, other in zip(found, tape.gradient(loss, variables), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
        assert np.abs(one).max() > 1e-3


def test_a_loaded_loss_names_the_layer_that_it_lacks():
    crf = CRF(3, name="tag")
    again = keras.losses.deserialize(keras.losses.serialize(CRFLoss(crf)))
    assert again.get_config() == {"crf": "tag", "name": "crf_loss"}
    with pytest.raises(ArgumentError, match=r"again, with CRFLoss\(model.get_layer\('tag'\)\)"):
        again([[0, 1]], np.zeros((1, 2, 3), "float32"))


def test_padding_before_the_words_changes_nothing():
    rng = np.random.default_rng(4)
    rows, time, tags = 40, 5, 3
    parts = [rng.standard_normal(s).astype("float32") for s in ((tags, tags), (tags,), (tags,))]
    emissions = rng.standard_normal((rows, time, tags)).astype("float32")
    ids = rng.integers(0, tags, (rows, time))
    begin = rng.integers(0, time, rows)
    place = np.arange(time)[None] - begin[:, None]
    mask = (place >= 0) & (place < rng.integers(0, time + 1, rows)[:, None])

    def ahead(x):
        return np.stack([np.roll(row, -n, axis=0) for row, n in zip(x, begin, strict=True)])

    moved, real = ahead(emissions), ahead(mask)
    mask = mask * rng.choice([0.5, 1.0, 3.0], mask.shape)  # any number but 0 is a real word
    for function in (crf_decode, crf_marginals):
        found = array(function(emissions, *parts, mask))
        assert not found[mask == 0].any()
        np.testing.assert_allclose(ahead(found), array(function(moved, *parts, real)), atol=1e-6)
    for function, before, after in (
        (crf_log_partition, (mask,), (real,)),
        (crf_score, (ids, mask), (ahead(ids), real)),
    ):
        found = array(function(emissions, *parts, *before))
        np.testing.assert_allclose(found, array(function(moved, *parts, *after)), atol=1e-5)
    loss = CRFLoss(layer_of([None, *parts]))
    mask = (mask != 0).astype("float32")
    wanted = float(loss(ahead(ids), moved, real))
    compiled_loss = tf.function(loss, autograph=False, jit_compile=True)
    found = float(compiled_loss(tf.constant(ids), emissions, tf.constant(mask)))
    assert found == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("shape", [(2, 2), (1, 3), (1, 1), (2,), (1, 2, 1)])
def test_tags_and_masks_of_other_lengths_are_refused(shape):
    scores = np.ones((1, 2, 3), "float32"), np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    assert array(crf_score(*scores, np.zeros((1, 2), int))).tolist() == [2.0]
    for of_tags in (crf_score, crf_log_likelihood):
        with pytest.raises(ArgumentError, match=r"tags of shape .* for emissions of \(1, 2\)"):
            of_tags(*scores, np.zeros(shape, int))
    for of_mask in (crf_decode, crf_marginals, crf_log_partition):
        with pytest.raises(ArgumentError, match=r"a mask of shape .* emissions of \(1, 2\)"):
            of_mask(*scores, np.ones(shape))


def test_scores_of_other_shapes_are_refused():
    good = [np.ones((1, 2, 3), "float32"), np.zeros((3, 3)), np.zeros(3), np.zeros(3)]
    for place, shape, told in (
        (0, (1, 0, 3), "emissions of shape"),
        (0, (2, 3), "emissions of shape"),
        (1, (3, 2), "transitions of shape"),
        (2, (2,), "start of shape"),
        (3, (1, 3), "end of shape"),
    ):
        with pytest.raises(ArgumentError, match=told):
            crf_log_partition(*[np.ones(shape) if i == place else x for i, x in enumerate(good)])


@pytest.mark.parametrize("k", [1, 4, 11])
def test_the_k_best_are_those_of_the_list_of_all(k):
    rng = np.random.default_rng(k)
    rows, time, tags = 4, 3, 3
    parts = [rng.standard_normal(s).astype("float32") for s in ((tags, tags), (tags,), (tags,))]
    emissions = rng.standard_normal((rows, time, tags)).astype("float32")
    mask = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 0], [0, 0, 0]])
    found, scores = map(array, crf_k_best(emissions, *parts, k, mask))
    assert found.shape == (rows, k, time)
    for row in range(rows):
        words = mask[row] > 0
        sequences = np.array(list(itertools.product(range(tags), repeat=words.sum())))
        wanted = np.zeros(1)
        if words.any():
            of_row = np.repeat(emissions[row : row + 1, words], len(sequences), axis=0)
            wanted = array(crf_score(of_row, *parts, sequences))
        best = np.argsort(-wanted)[:k]
        count = len(best)
        np.testing.assert_allclose(scores[row, :count], wanted[best], atol=1e-5)
        assert np.isneginf(scores[row, count:]).all()
        np.testing.assert_array_equal(found[row, :count][:, words], sequences[best])
        assert not found[row][:, ~words].any()
    np.testing.assert_array_equal(found[:3, 0], array(crf_decode(emissions, *parts, mask))[:3])
    crf = layer_of([None, *parts])
    np.testing.assert_array_equal(array(crf.k_best(emissions, k, mask)[0]), found)


def test_no_path_at_all_is_refused():
    scores = np.zeros((1, 2, 3), "float32"), np.zeros((3, 3)), np.zeros(3), np.zeros(3)
    with pytest.raises(ArgumentError, match="k is 0"):
        crf_k_best(*scores, 0)
