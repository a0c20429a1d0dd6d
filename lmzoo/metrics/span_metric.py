"""F1 of spans inside `fit` and `evaluate`, on tag ids."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.losses.viterbi import crf_decode
from lmzoo.metrics.confusion import ratio
from lmzoo.metrics.spans import parse_tag
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class SpanF1Metric(keras.metrics.Metric):
    """F1 of spans over all batches, 0 to 1: what `SpanF1` counts in its default mode.

    Pass it in `weighted_metrics=`. y_true: int ids (batch, time); y_pred: probabilities or scores
    (batch, time, tags), ids (batch, time), or the scores of a CRF. A position counts if its sample
    weight is above 0, each span once. The ends of spans are found by comparing all pairs of
    positions: batch x time x time bits. A real tag id outside the names, or a real position whose
    probabilities are NaN, makes the result NaN.

    Args:
        tag_names: the tags' names in the order of their ids, such as ["O", "B-who", "I-who"]; tags
            of O, B, I, E, S.
        crf: whether y_pred are CRF scores (batch, time + tags + 2, tags), which are decoded; if
            not, each position's best tag is taken.
        name: the metric's name in the logs.
        dtype: kept for Keras; the counters are float32, exact for some 16 million spans.

    Raises:
        ArgumentError: a name that is no tag, names given twice, or outputs of another shape.

    Source: Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419

    Example:
        >>> metric = SpanF1Metric(["O", "B-who", "I-who"])
        >>> metric.update_state([[1, 2, 0, 1]], [[1, 2, 0, 0]])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    _direction = "up"

    def __init__(
        self,
        tag_names: Sequence[str],
        crf: bool = False,
        name: str = "span_f1",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype="float32")
        self.tag_names, self.crf = list(tag_names), crf
        if len(set(self.tag_names)) != len(self.tag_names) or not self.tag_names:
            raise ArgumentError(f"tag_names must be different names of tags, not {self.tag_names}")
        tags = [parse_tag(tag) for tag in self.tag_names]
        kinds = sorted({kind for _, kind in tags})
        self._kind = np.array([kinds.index(kind) for _, kind in tags], "int32")
        self._inside = np.array([prefix != "O" for prefix, _ in tags])
        self._opens = np.array([prefix in "BI" for prefix, _ in tags])
        self._goes_on = np.array([prefix in "IE" for prefix, _ in tags])
        self.right = self.add_variable((), initializer="zeros", name="right")
        self.predicted = self.add_variable((), initializer="zeros", name="predicted")
        self.reference = self.add_variable((), initializer="zeros", name="reference")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Counts a batch."""
        y_true = ops.cast(ops.convert_to_tensor(y_true), "int32")
        real = spread_weights(y_true, sample_weight) > 0
        ids, broken = self._ids(ops.convert_to_tensor(y_pred), real)
        broken = broken | self._unknown(y_true, real) | self._unknown(ids, real)
        first, kind, last = self._spans(y_true, real)
        found_first, found_kind, found_last = self._spans(ids, real)
        right = first & found_first & (kind == found_kind) & (last == found_last)
        right = ops.where(broken, float("nan"), _count(right))
        for counter, amount in (
            (self.right, right),
            (self.predicted, _count(found_first)),
            (self.reference, _count(first)),
        ):
            counter.assign(counter + amount)

    def _ids(self, y_pred: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Tag ids (batch, time), and whether a real position has no numbers."""
        if len(y_pred.shape) == 3 and y_pred.shape[2] != len(self.tag_names):
            raise ArgumentError(
                f"the model gives {y_pred.shape[2]} tags, but tag_names has {len(self.tag_names)}"
            )
        if self.crf:
            return crf_decode(y_pred, real), ~ops.isfinite(ops.sum(ops.cast(y_pred, "float32")))
        time, wanted = y_pred.shape[1], real.shape[1]
        if None not in (time, wanted) and time != wanted:
            raise ArgumentError(
                f"y_pred has {time} positions, y_true {wanted}: for the scores of a CRF "
                "write SpanF1Metric(tag_names, crf=True)"
            )
        if len(y_pred.shape) == 2:
            return ops.cast(y_pred, "int32"), ops.zeros((), "bool")
        numbers = ops.isfinite(ops.sum(y_pred, axis=-1))
        return ops.cast(ops.argmax(y_pred, axis=-1), "int32"), ops.any(real & ~numbers)

    def _unknown(self, ids: Tensor, real: Tensor) -> Tensor:
        """Whether a real position's id has no name."""
        return ops.any(real & ((ids < 0) | (ids >= len(self.tag_names))))

    def _spans(self, ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where spans begin, of which type a tag is, where the next end is: (batch, time) each."""
        ids = ops.clip(ids, 0, len(self.tag_names) - 1)
        kind = ops.take(ops.convert_to_tensor(self._kind), ids, axis=0)
        inside, opens, goes_on = (
            ops.take(ops.convert_to_tensor(table), ids, axis=0) & real
            for table in (self._inside, self._opens, self._goes_on)
        )
        joined = goes_on[:, 1:] & opens[:, :-1] & (kind[:, 1:] == kind[:, :-1])
        border = ops.zeros_like(inside[:, :1])
        first = inside & ~ops.concatenate([border, joined], axis=1)
        ends = inside & ~ops.concatenate([joined, border], axis=1)
        # No running minimum is offered under XLA for every length: compare each pair of places.
        places = ops.cumsum(ops.ones_like(ids), axis=1)
        later = ends[:, None, :] & (places[:, None, :] >= places[:, :, None])
        far = np.iinfo("int32").max
        return first, kind, ops.min(ops.where(later, places[:, None, :], far), axis=-1)

    def result(self) -> Tensor:
        """F1, a float32 scalar; 0 without spans."""
        return ratio(2.0 * self.right, self.predicted + self.reference)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {"tag_names": self.tag_names, "crf": self.crf, "name": self.name}


def _count(marks: Tensor) -> Tensor:
    return ops.sum(ops.cast(marks, "float32"))
