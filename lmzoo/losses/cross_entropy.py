"""Cross-entropy over real tokens: padding neither adds to the loss nor divides it."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.labels import as_ids, host_array, refuse_no_distribution
from lmzoo.typing import Tensor

# The smallest probability that differs from 0 (float32's smallest normal number is 1.2e-38).
_SMALLEST_PROBABILITY = 1e-37


def token_nats(
    targets: Tensor,
    predictions: Tensor,
    sample_weight: Tensor | None = None,
    *,
    from_logits: bool = True,
) -> tuple[Tensor, Tensor]:
    """Negative log-probability of every target token, and the weight with which it counts.

    Args:
        targets: ids (batch, time) or (batch,), or distributions over the vocabulary (one-hot rows)
            of the shape of `predictions`. What is neither is refused, in compiled code NaN, unless
            its weight is 0: there any id may stand.
        predictions: (batch, time, vocab) or (batch, vocab), any float dtype; computed in float32.
            The Keras mask that it may carry multiplies the weights.
        sample_weight: (batch, time) or (batch,) or None (all tokens count 1); 0 marks padding.
        from_logits: whether `predictions` are logits; if not, probabilities.

    Returns:
        Two float32 tensors (batch, time), or (batch,): nats times weight, and the weight.

    Raises:
        ArgumentError: the shapes of targets, predictions and weights do not fit; a target is known
            and is neither an id below vocab nor a distribution.

    Example:
        >>> nats, weight = token_nats([[1, 0]], [[[0.0, 0.0], [0.0, 0.0]]], [[1, 0]])
        >>> [[round(float(x), 3) for x in row] for row in nats]
        [[0.693, 0.0]]
    """
    mask = getattr(predictions, "_keras_mask", None)
    predictions, from_logits = known_logits(predictions, from_logits)
    predictions = ops.cast(ops.convert_to_tensor(predictions), "float32")
    targets = ops.convert_to_tensor(targets)
    if _is_distribution(targets, predictions):
        weight = spread_weights(predictions[..., 0], sample_weight, mask)
        values = host_array(targets)
        if values is not None:
            refuse_no_distribution(values, "target", weight)
        nats = _distribution_nats(targets, predictions, from_logits)
    else:
        targets = ops.reshape(targets, ops.shape(predictions)[:-1])  # (batch, time)
        weight = spread_weights(targets, sample_weight, mask)
        ids = as_ids(targets, predictions.shape[-1], "target", weight)
        nats = _id_nats(ops.where(weight != 0, ids, 0), predictions, from_logits)
    return ops.where(weight != 0, nats * weight, 0.0), weight


def known_logits(predictions: Tensor, from_logits: bool) -> tuple[Tensor, bool]:
    """The logits that Keras's softmax or sigmoid remembers, whatever the predictions are said to
    be, and True; of other predictions what is given."""
    logits = getattr(predictions, "_keras_logits", None)
    return (predictions, from_logits) if logits is None else (logits, True)


def _is_distribution(targets: Tensor, predictions: Tensor) -> bool:
    """Whether targets are one-hot rows or ids, by their shapes; anything else is refused."""
    expected, shape = tuple(predictions.shape), tuple(targets.shape)
    if len(shape) == len(expected) and shape[-1] == expected[-1] and len(expected) > 1:
        return True
    if shape[-1:] == (1,) and len(shape) == len(expected):
        shape = shape[:-1]
    fits = len(shape) == len(expected) - 1 and all(
        a is None or b is None or a == b for a, b in zip(shape, expected, strict=False)
    )
    if not fits:
        raise ArgumentError(
            f"targets of shape {tuple(targets.shape)} do not fit predictions of shape {expected}: "
            f"give ids of shape {expected[:-1]} or distributions of shape {expected}"
        )
    return False


def spread_weights(
    like: Tensor, sample_weight: Tensor | None, mask: Tensor | None = None
) -> Tensor:
    """The weight of each token: sample weight times mask, spread over time where it is per row."""
    weight = ops.ones_like(like, dtype="float32")
    for factor in (sample_weight, mask):
        if factor is None:
            continue
        factor = ops.cast(ops.convert_to_tensor(factor), "float32")
        if len(factor.shape) == len(weight.shape) + 1 and factor.shape[-1] == 1:
            factor = ops.squeeze(factor, -1)  # (batch, time)
        _refuse_weights(tuple(factor.shape), tuple(weight.shape))
        while len(factor.shape) < len(weight.shape):
            factor = ops.expand_dims(factor, -1)  # (batch, 1)
        weight = weight * factor
    return weight


def _refuse_weights(shape: tuple, wanted: tuple) -> None:
    """Raises for weights that would be spread over rows, or over more axes than labels have."""
    sizes = [*zip(shape, wanted, strict=False)]
    wrong = [place for place, pair in enumerate(sizes) if None not in pair and pair[0] != pair[1]]
    if len(shape) > len(wanted) or any(place == 0 or shape[place] != 1 for place in wrong):
        raise ArgumentError(
            f"weights of shape {shape} do not fit labels of shape {wanted}: give one for each "
            "label, or one for each row"
        )


def _id_nats(ids: Tensor, predictions: Tensor, from_logits: bool) -> Tensor:
    """-log p(id), NaN where the id is -1."""
    known = ids >= 0
    ids = ops.maximum(ids, 0)
    if from_logits:
        nats = ops.sparse_categorical_crossentropy(ids, predictions, from_logits=True)
    else:
        chosen = ops.take_along_axis(predictions, ops.expand_dims(ids, -1), axis=-1)
        nats = -ops.log(ops.maximum(chosen[..., 0], _SMALLEST_PROBABILITY))
    return ops.where(known, nats, float("nan"))


def _distribution_nats(targets: Tensor, predictions: Tensor, from_logits: bool) -> Tensor:
    """-sum q log p over the vocabulary, q being the target."""
    floor = _SMALLEST_PROBABILITY
    logs = ops.log_softmax(predictions) if from_logits else ops.log(ops.maximum(predictions, floor))
    return -ops.sum(ops.cast(targets, "float32") * logs, axis=-1)


def _even_nats(predictions: Tensor, from_logits: bool) -> Tensor:
    """-log p, the mean over the vocabulary: float32 without the last axis."""
    predictions, from_logits = known_logits(predictions, from_logits)
    predictions = ops.cast(ops.convert_to_tensor(predictions), "float32")
    if from_logits:
        return ops.logsumexp(predictions, axis=-1) - ops.mean(predictions, axis=-1)
    return -ops.mean(ops.log(ops.maximum(predictions, _SMALLEST_PROBABILITY)), axis=-1)


def over_replicas(count: Tensor) -> Tensor:
    """Sum over the replicas of a tf.distribute strategy; the number itself without one."""
    if keras.backend.backend() != "tensorflow":
        return count
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return count
    return context.all_reduce(tf.distribute.ReduceOp.SUM, count)


@keras.saving.register_keras_serializable(package="lmzoo")
class CrossEntropy(keras.losses.Loss):
    """Next-token cross-entropy in nats: the mean over tokens, each counted with its weight.

    Keras's own losses divide by padding too (half padding turns 0.693 into 0.347); this one
    divides by the sum of the weights. A batch without any weight has loss 0. Under a
    `tf.distribute` strategy it divides by the weights of all replicas together, so a replica that
    holds only padding does not weaken the others.

    Args:
        from_logits: whether the model's outputs are logits; if not, probabilities.
        label_smoothing: fraction of each target that is spread evenly over the vocabulary, 0 to
            below 1 (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567). Metrics leave it out.
        name: the loss's name.

    Raises:
        ArgumentError: label_smoothing is outside its range.

    Example:
        >>> loss = CrossEntropy(from_logits=False)
        >>> round(float(loss([[1, 0]], [[[0.5, 0.5], [0.5, 0.5]]], [[1.0, 0.0]])), 3)
        0.693
    """

    def __init__(
        self, from_logits: bool = True, label_smoothing: float = 0.0, name: str = "cross_entropy"
    ) -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")
        if not 0 <= label_smoothing < 1:
            raise ArgumentError(f"label_smoothing is {label_smoothing}; it must be 0 to below 1")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Mean nats over the weighted tokens of a batch, a float32 scalar."""
        nats, weight = self._smoothed(y_true, y_pred, sample_weight)
        return ops.divide_no_nan(ops.sum(nats), over_replicas(ops.sum(weight)))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Nats of every token, float32 (batch, time) or (batch,)."""
        return self._smoothed(y_true, y_pred, None)[0]

    def _smoothed(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Nats times weight of every token, and the weight."""
        nats, weight = token_nats(y_true, y_pred, sample_weight, from_logits=self.from_logits)
        if self.label_smoothing:
            even = _even_nats(y_pred, self.from_logits)
            even = ops.where(weight != 0, even * weight, 0.0)
            nats = (1 - self.label_smoothing) * nats + self.label_smoothing * even
        return nats, weight

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this loss again."""
        smoothing = self.label_smoothing
        return {"from_logits": self.from_logits, "label_smoothing": smoothing, "name": self.name}
