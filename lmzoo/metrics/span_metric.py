"""F1 of spans inside `fit` and `evaluate`, on tag ids."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.labels import as_ids
from lmzoo.losses.classes import class_ids
from lmzoo.losses.crf import crf_layer
from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.metrics.confusion import ratio
from lmzoo.metrics.spans import parse_tag
from lmzoo.metrics.tags import predicted_tags
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class SpanF1Metric(keras.metrics.Metric):
    """F1 of spans over all batches, 0 to 1: what `SpanF1` counts in its default mode.

    Pass it in `weighted_metrics=`. y_true: int ids (batch, time); y_pred: logits, probabilities or
    emissions (batch, time, tags), or ids (batch, time). A position counts if its sample weight is
    above 0, each span once. It takes batch x time x time bits. A real tag id outside the names is
    refused; in compiled code it, and predictions that are NaN, make the result NaN.

    Args:
        tag_names: in the order of their ids, such as ["O", "B-who", "I-who"]; of O, B, I, E, S.
        crf: the model's CRF layer, as in `TagAccuracy`; None takes each position's best tag.
        name, dtype: as in Keras; float32 counters, exact for some 16 million spans.

    Raises:
        ArgumentError: an invalid tag, names given twice, or outputs of another shape.

    Source: Tjong Kim Sang & De Meulder 2003, https://aclanthology.org/W03-0419

    Example:
        >>> metric = SpanF1Metric(["O", "B-who", "I-who"])
        >>> metric.update_state([[1, 2, 0, 1]], [[1, 2, 0, 0]])
        >>> round(float(metric.result()), 4)
        0.6667
    """

    _direction = "up"  # tells Keras's EarlyStopping and ModelCheckpoint that more is better

    def __init__(
        self,
        tag_names: Sequence[str],
        crf: Any = None,
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
        self._continues = np.array([prefix in "IE" for prefix, _ in tags])
        self.correct, self.predicted, self.reference = (
            self.add_variable((), initializer="zeros", name=counter)
            for counter in ("correct", "predicted", "reference")
        )

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Counts a batch."""
        mask, y_pred = getattr(y_pred, "_keras_mask", None), ops.convert_to_tensor(y_pred)
        like = y_pred if len(y_pred.shape) == 2 else y_pred[..., 0]
        real = spread_weights(like, sample_weight, mask) > 0
        y_true = class_ids(y_true, len(self.tag_names), 3, weight=real)
        ids, finite = self._ids(y_pred, real)
        broken = ops.any(real & ~(finite & (y_true >= 0) & (ids >= 0)))
        first, kind, last = self._spans(y_true, real)
        predicted, predicted_kind, predicted_last = self._spans(ids, real)
        correct = first & predicted & (kind == predicted_kind) & (last == predicted_last)

        def count(marks: Tensor) -> Tensor:
            return ops.sum(ops.cast(marks, "float32"))

        for counter, amount in (
            (self.correct, ops.where(broken, float("nan"), count(correct))),
            (self.predicted, count(predicted)),
            (self.reference, count(first)),
        ):
            counter.assign(counter + amount)

    def _ids(self, y_pred: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """Tag ids, and where the predictions are numbers, (batch, time) both."""
        if len(y_pred.shape) == 2:
            return as_ids(y_pred, len(self.tag_names), "predicted tag", real), ops.ones_like(real)
        if y_pred.shape[2] != len(self.tag_names):
            raise ArgumentError(
                f"the model gives {y_pred.shape[2]} tags, but tag_names has {len(self.tag_names)}"
            )
        return predicted_tags(y_pred, real, crf_layer(self.crf, "SpanF1Metric(tag_names, crf={})"))

    def _spans(self, ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Where spans begin, each tag's type, where the next end is: (batch, time) each."""
        ids = ops.maximum(ids, 0)
        kind = ops.take(ops.convert_to_tensor(self._kind), ids, axis=0)
        inside, opens, continues = (
            ops.take(ops.convert_to_tensor(table), ids, axis=0) & real
            for table in (self._inside, self._opens, self._continues)
        )
        joined = continues[:, 1:] & opens[:, :-1] & (kind[:, 1:] == kind[:, :-1])
        border = ops.zeros_like(inside[:, :1])
        first = inside & ~ops.concatenate([border, joined], axis=1)
        ends = inside & ~ops.concatenate([joined, border], axis=1)
        # XLA has no running minimum for every length: compare each pair of positions.
        positions = ops.cumsum(ops.ones_like(ids), axis=1)
        later = ends[:, None, :] & (positions[:, None, :] >= positions[:, :, None])
        far = np.iinfo("int32").max
        return first, kind, ops.min(ops.where(later, positions[:, None, :], far), axis=-1)

    def result(self) -> Tensor:
        """F1, a float32 scalar; 0 without spans."""
        return ratio(2.0 * self.correct, self.predicted + self.reference)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again, with the layer's name."""
        crf = getattr(self.crf, "name", self.crf)
        return {"tag_names": self.tag_names, "crf": crf, "name": self.name}
