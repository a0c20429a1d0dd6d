"""Accuracy of the words of tagged sentences."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.classes import class_ids
from lmzoo.losses.crf import crf_layer
from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.typing import Tensor


def predicted_tags(y_pred: Tensor, real: Tensor, crf: Any = None) -> tuple[Tensor, Tensor]:
    """The tags that outputs (batch, time, tags) predict, and where no prediction is NaN.

    Both are (batch, time); without a CRF each word's best tag is taken.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    finite = ops.isfinite(ops.sum(y_pred, axis=-1))
    if crf is None:
        return ops.cast(ops.argmax(y_pred, axis=-1), "int32"), finite
    try:
        scores = crf.scores()
    except TypeError as error:  # on JAX, weights have no value while Keras trains a model
        raise ArgumentError(
            "On JAX, Keras does not hand the model's weights to metrics, so that a CRF cannot "
            "decode in fit: use lmzoo.TaggerModel, or update the metric outside of fit."
        ) from error
    for score in scores:
        finite = finite & ops.isfinite(ops.sum(score))
    return crf.decode(y_pred, real), finite


@keras.saving.register_keras_serializable(package="lmzoo")
class TagAccuracy(keras.metrics.Metric):
    """Fraction of the real words whose tag is correct, 0 to 1, over all batches.

    Pass it in `weighted_metrics=` (metrics in `metrics=` get no weights: padding would count).
    Without any word the result is 0; a word whose predictions are NaN makes it NaN, and so does an
    unknown tag in compiled code.

    Args:
        crf: the CRF layer that decodes, of which only the name is saved (see
            `lmzoo.losses.CRFLoss`); None: each word's best tag, of logits or probabilities.
        name, dtype: as in Keras; float32 counters, exact for some 16 million words.

    Example:
        >>> metric = TagAccuracy()
        >>> metric.update_state([[1, 0]], [[[0.4, 0.6], [0.1, 0.9]]], [[1.0, 1.0]])
        >>> float(metric.result())
        0.5
    """

    _direction = "up"  # tells Keras's EarlyStopping and ModelCheckpoint that more is better

    def __init__(self, crf: Any = None, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.crf = crf
        self.correct = self.add_variable((), initializer="zeros", name="correct")
        self.words = self.add_variable((), initializer="zeros", name="words")

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Counts a batch.

        Args:
            y_true: tags (batch, time), or distributions over them (batch, time, tags).
            y_pred: (batch, time, tags).
            sample_weight: (batch, time) or (batch,).
        """
        crf = crf_layer(self.crf, "TagAccuracy({})")
        mask, y_pred = getattr(y_pred, "_keras_mask", None), ops.convert_to_tensor(y_pred)
        weight = spread_weights(y_pred[..., 0], sample_weight, mask)
        tags = class_ids(y_true, y_pred.shape[-1], 3, weight=weight)
        predicted, finite = predicted_tags(y_pred, weight > 0, crf)
        correct = ops.where(
            finite & (tags >= 0), ops.cast(predicted == tags, "float32"), float("nan")
        )
        # Keras's Mean would take the mean over time first: words of long batches would count less.
        self.correct.assign(self.correct + ops.sum(ops.where(weight != 0, correct * weight, 0.0)))
        self.words.assign(self.words + ops.sum(weight))

    def result(self) -> Tensor:
        """The accuracy, a float32 scalar."""
        return ops.divide_no_nan(self.correct, self.words)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again, with the layer's name."""
        return {"crf": getattr(self.crf, "name", self.crf), "name": self.name}
