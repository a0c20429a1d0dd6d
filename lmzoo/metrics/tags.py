"""How many words a tagger tags right."""

from typing import Any

import keras
from keras import ops

from lmzoo.losses.cross_entropy import spread_weights
from lmzoo.losses.viterbi import crf_decode
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class TagAccuracy(keras.metrics.Metric):
    """Share of the real words whose tag is right, 0 to 1, over all batches.

    Pass it in `weighted_metrics=` (Keras gives metrics in `metrics=` no weights, and padding would
    count). Without any word the result is 0; a word whose predictions are NaN makes it NaN.

    Args:
        crf: Whether the predictions are CRF scores, (batch, time + tags + 2, tags), which are
            decoded; if not, a score or probability for each tag, (batch, time, tags).
        name: the metric's name in the logs.
        dtype: kept for Keras; the counters are always float32, exact for some 16 million words.

    Example:
        >>> import lmzoo
        >>> metric = lmzoo.metrics.TagAccuracy()
        >>> metric.update_state([[1, 0]], [[[0.4, 0.6], [0.1, 0.9]]], [[1.0, 1.0]])
        >>> float(metric.result())
        0.5
    """

    # Tells Keras's EarlyStopping and ModelCheckpoint that more is better.
    _direction = "up"

    def __init__(self, crf: bool = False, name: str = "accuracy", dtype: str | None = None) -> None:
        super().__init__(name=name, dtype="float32")
        self.crf = crf
        self.right = self.add_variable((), initializer="zeros", name="right")
        self.words = self.add_variable((), initializer="zeros", name="words")

    def update_state(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Count a batch: tags (batch, time), predictions, and weights (batch, time) or (batch,)."""
        tags = ops.cast(ops.convert_to_tensor(y_true), "int32")
        weight = spread_weights(tags, sample_weight)
        y_pred = ops.convert_to_tensor(y_pred)
        if self.crf:
            found = crf_decode(y_pred, weight > 0)
            numbers = ops.isfinite(ops.sum(y_pred, axis=(1, 2)))[:, None]
        else:
            found = ops.cast(ops.argmax(y_pred, axis=-1), "int32")
            numbers = ops.isfinite(ops.sum(y_pred, axis=-1))
        right = ops.where(numbers, ops.cast(found == tags, "float32"), float("nan"))
        # Keras's Mean would take the mean over time first: words of long batches would count less.
        self.right.assign(self.right + ops.sum(ops.where(weight != 0, right * weight, 0.0)))
        self.words.assign(self.words + ops.sum(weight))

    def result(self) -> Tensor:
        """The share, a float32 scalar."""
        return ops.divide_no_nan(self.right, self.words)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {"crf": self.crf, "name": self.name}
