"""Spans equal seqeval's in both modes, on random tags that break their schemes too."""

import keras
import numpy as np
import pytest
import seqeval.metrics as sq
import seqeval.scheme
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from lmzoo.errors import ArgumentError
from lmzoo.layers import CRF
from lmzoo.metrics.span_metric import SpanF1Metric
from lmzoo.metrics.spans import SpanF1, span_report

KINDS = ["-who", "-work-of-art", "-what-", ""]
VALUES = {"precision": "precision", "recall": "recall", "f1": "f1-score", "support": "support"}


@st.composite
def tag_pairs(draw, letters, kinds=KINDS):
    """Sequences of tags, and others that are partly the same; legal only by chance."""
    tags = ["O", *(letter + kind for letter in letters for kind in kinds)]
    predicted, reference = [], []
    for _ in range(draw(st.integers(1, 4))):
        one = draw(st.lists(st.sampled_from(tags), min_size=1, max_size=9))
        changed = draw(st.lists(st.booleans(), min_size=len(one), max_size=len(one)))
        other = [
            draw(st.sampled_from(tags)) if c else tag for tag, c in zip(one, changed, strict=True)
        ]
        reference.append(one)
        predicted.append(other)
    return predicted, reference


def check(metric, predicted, reference, options):
    """Types and averages are those of seqeval's report."""
    if not metric.per_type():  # of which seqeval makes no report
        return
    wanted = sq.classification_report(
        reference, predicted, output_dict=True, zero_division=0, **options
    )
    found = metric.per_type() | {f"{k} avg": v for k, v in metric.averages().items()}
    assert found.keys() == wanted.keys()
    for name, figures in found.items():
        for value, key in VALUES.items():
            assert figures[value] == pytest.approx(wanted[name][key], abs=1e-9)


@given(tag_pairs("BIES"))
def test_the_default_mode_equals_seqeval(pair):
    metric = SpanF1()
    for predicted, reference in zip(*pair, strict=True):
        metric.add([predicted], [reference])
    check(metric, *pair, {})
    wanted = sq.f1_score(pair[1], pair[0], zero_division=0)
    assert metric.result()["f1"] == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("scheme", "letters"), [("IOB2", "BI"), ("IOE2", "IE"), ("IOBES", "BIES"), ("BILOU", "BILU")]
)
@given(data=st.data())
def test_the_strict_mode_equals_seqeval(scheme, letters, data):
    pair = data.draw(tag_pairs(letters))
    metric = SpanF1("strict", scheme)
    metric.add(*pair)
    check(metric, *pair, {"mode": "strict", "scheme": getattr(seqeval.scheme, scheme)})


def test_the_report_shows_what_seqeval_shows():
    tags = [["B-who", "I-who", "O", "I-what"], ["B-what"]]
    right = [["B-who", "I-who", "O", "O"], ["B-what"]]
    wanted = sq.classification_report(right, tags, digits=4).split()
    found = span_report(tags, right).split()
    names = {"f1-score": "f1"}
    percent = [f"{100 * float(x):.2f}" if "." in x else names.get(x, x) for x in wanted]
    assert [x.rstrip("0") for x in found] == [x.rstrip("0") for x in percent]


def test_without_spans_all_is_zero():
    metric = SpanF1()
    metric.add([["O"]], [["O"]])
    assert metric.result() == {"precision": 0, "recall": 0, "f1": 0}
    assert "micro avg" in metric.report()


@pytest.mark.parametrize(
    ("predicted", "reference", "told"),
    [
        ([["O"]], [], "1 predicted sequences and 0 reference"),
        ([["O"], ["O"]], [["O"], ["O", "O"]], "sequence 3 has 1 predicted tags and 2 reference"),
        ([["O"], ["X-who"]], [["O"], ["O"]], "sequence 3: 'X-who' is not a tag"),
        ([["Bwho"]], [["O"]], "'Bwho' is not a tag"),
        ([[""]], [["O"]], "'' is not a tag"),
        (["O"], [["O"]], "lists of tag lists"),
    ],
)
def test_what_is_wrong_is_told_and_counts_nothing(predicted, reference, told):
    metric = SpanF1()
    metric.add([["B-who"], ["O"]], [["B-who"], ["O"]])
    with pytest.raises(ArgumentError, match=told):
        metric.add(predicted, reference)
    assert metric.result()["f1"] == 1
    assert metric.sequences == 2


@pytest.mark.parametrize(
    ("arguments", "told"), [(["lax"], "mode"), (["strict", "IOB1"], "for IOB1 take")]
)
def test_unknown_modes_are_told(arguments, told):
    with pytest.raises(ArgumentError, match=told):
        SpanF1(*arguments)
    with pytest.raises(ArgumentError, match="'E-who' is not a tag"):
        SpanF1("strict").add([["E-who"]], [["O"]])


NAMES = ["O", *(f"{letter}-{kind}" for letter in "BIES" for kind in ("who", "what"))]


@given(seed=st.integers(0, 2**31), same=st.sampled_from([0.5, 0.9]), shape=st.booleans())
def test_the_metric_in_the_graph_equals_the_other(seed, same, shape):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 8, 4)
    real = np.arange(7) < lengths[:, None]
    reference = rng.integers(0, len(NAMES), (4, 7))
    reference[rng.random((4, 7)) < 0.3] = 0
    other = rng.integers(0, len(NAMES), (4, 7))
    predicted = np.where(rng.random((4, 7)) < same, reference, other)
    outputs = np.eye(len(NAMES), dtype="float32")[predicted] if shape else predicted
    metric, wanted = SpanF1Metric(NAMES), SpanF1()
    for part in (slice(0, 1), slice(1, 4)):
        metric.update_state(reference[part], outputs[part], 0.3 * real[part])
    for row, length in enumerate(lengths):
        wanted.add(*([[NAMES[i] for i in of_it[row][:length]]] for of_it in (predicted, reference)))
    assert float(metric.result()) == pytest.approx(wanted.result()["f1"], abs=1e-6)


def test_emissions_are_decoded_by_the_crf():
    names = ["O", "B-x", "I-x"]
    crf = CRF(3, forbidden=[[0, 2]], name="tag")  # I-x never follows O
    crf.build((None, None, 3))
    emissions = np.array([[[1.0, 0.5, 0.0], [0.0, 0.0, 3.0], [2.0, 0.0, 0.0]]])
    metric = SpanF1Metric(names, crf=crf)
    metric.update_state([[1, 2, 0]], emissions, [[1.0, 1.0, 1.0]])
    assert float(metric.result()) == 1.0
    plain = SpanF1Metric(names)
    plain.update_state([[1, 2, 0]], emissions)
    assert float(plain.result()) == 0.0
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    with pytest.raises(ArgumentError, match=r"SpanF1Metric\(tag_names, crf=model.get_layer"):
        again.update_state([[1, 2, 0]], emissions)


def test_a_loaded_model_logs_it(tmp_path):
    names = ["O", "B-x", "I-x"]
    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(9, 3), keras.layers.Softmax()]
    )
    metric = SpanF1Metric(names)
    model.compile(
        "sgd", "sparse_categorical_crossentropy", weighted_metrics=[metric], jit_compile=True
    )
    model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    ids, tags = rng.integers(0, 9, (6, 5)), rng.integers(0, 3, (6, 5))
    weights = (np.arange(5) < rng.integers(1, 6, (6, 1))).astype("float32")
    # Without a learning rate the weights are the same in every step.
    model.optimizer.learning_rate = 0.0
    logs = model.fit(ids, tags, sample_weight=weights, batch_size=3, verbose=0).history
    found = model.predict_on_batch(ids).argmax(-1)
    wanted = SpanF1()
    for row in range(6):
        n = int(weights[row].sum())
        wanted.add(*([[names[i] for i in of_it[row][:n]]] for of_it in (found, tags)))
    assert logs["span_f1"][0] == pytest.approx(wanted.result()["f1"], abs=1e-6)
    assert 0 < logs["span_f1"][0] < 1


def test_what_cannot_be_counted_is_refused_or_nan():
    names = ["O", "B-x", "I-x"]
    outputs = np.full((1, 2, 3), 0.3)
    broken = np.array([[[np.nan] * 3, [0.3] * 3]])
    for tags, scores in (([[1, 3]], outputs), ([[-1, 1]], outputs), ([[1, 1]], broken)):
        metric = SpanF1Metric(names)
        if tags != [[1, 1]]:
            with pytest.raises(ArgumentError, match=r"label (3|-1) is outside 0 to 2"):
                metric.update_state(tags, scores, [[1.0, 1.0]])
        tf.function(metric.update_state, autograph=False)(tf.constant(tags), tf.constant(scores))
        assert np.isnan(metric.result())
    metric.reset_state()
    metric.update_state([[1, 3]], [[1, 1]], [[1.0, 0.0]])  # padding may hold any id
    assert float(metric.result()) == 1.0


def test_names_that_are_no_tags_are_told():
    for names, told in (
        (["O", "x"], "'x' is not a tag"),
        (["O", "O"], "different"),
        ([], "different"),
    ):
        with pytest.raises(ArgumentError, match=told):
            SpanF1Metric(names)
    with pytest.raises(ArgumentError, match="gives 4 tags, but tag_names has 2"):
        SpanF1Metric(["O", "B-x"]).update_state([[0]], np.zeros((1, 1, 4)))
