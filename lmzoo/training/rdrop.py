"""R-Drop: two passes with different dropout, whose distributions are drawn together."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.cross_entropy import over_replicas, spread_weights
from lmzoo.training.wrapper import TrainingMethod
from lmzoo.typing import Tensor


class RDrop(TrainingMethod):
    """Trains a model so that two passes over a batch, with different dropout, agree.

    A step takes twice the time. Its loss is half of the paper's, so that it stays a mean over
    tokens: the model's own over both passes, plus alpha / 2 times the mean of the divergences of
    each pass from the other. A fused loss stays fused: no batch of logits is held.

    Args:
        model: A language model or a sequence-to-sequence model.
        alpha: Weight of the divergence, above 0; 5 for translation, 1 for language models.

    Raises:
        ArgumentError: If alpha is not above 0 and finite, the model predicts no tokens, or it
            carries its state from row to row.

    Source: Liang et al. 2021, https://arxiv.org/abs/2106.14448

    Example:
        >>> import numpy as np, lmzoo
        >>> model = lmzoo.build_gru_lm(50, embed_dim=8, hidden_dim=8)
        >>> method = lmzoo.training.RDrop(model, alpha=1.0)
        >>> method.compile("adam")
        >>> history = method.fit(np.ones((4, 6), int), np.ones((4, 6), int), verbose=0)
    """

    def __init__(self, model: Any, alpha: float = 5.0, *, name: str | None = None) -> None:
        if not 0 < alpha < float("inf"):
            raise ArgumentError(f"alpha={alpha} must be above 0 and finite.")
        if not hasattr(model, "fused_step"):
            raise ArgumentError(f"RDrop trains models that predict tokens, not {model.name!r}.")
        if any(getattr(layer, "carry_batch_size", 0) for layer in model._flatten_layers()):
            raise ArgumentError(
                "RDrop passes over each batch twice, and this model carries its state from row to "
                "row: build it with carry_batch_size=0."
            )
        super().__init__(model, name=name)
        self.alpha = alpha

    def train_step(self, *args: Any) -> Any:
        """Keras's step, on the batch and the same batch again."""
        data = _twice(args[-1])
        with self.model.fused_step(data, r_drop=self.alpha):
            return super().train_step(*args[:-1], data)

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The model's loss, and the divergence."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        if self.model.is_in_fused_step:  # which counts the divergence itself
            return loss
        return loss + twin_penalty(y_pred, sample_weight, self.alpha)


def _twice(data: Any) -> Any:
    """The batch, and behind it the same again."""
    parts = keras.utils.unpack_x_y_sample_weight(data)
    double = [
        None if part is None else keras.tree.map_structure(lambda x: ops.concatenate([x, x]), part)
        for part in parts
    ]
    return keras.utils.pack_x_y_sample_weight(*double)


def twin_penalty(logits: Tensor, sample_weight: Tensor | None, alpha: float) -> Tensor:
    """What R-Drop adds to the loss of a batch whose second half repeats the first: a scalar."""
    weight = spread_weights(logits[..., 0], sample_weight, getattr(logits, "_keras_mask", None))
    logs = ops.log_softmax(ops.cast(ops.convert_to_tensor(logits), "float32"), axis=-1)
    first, second = ops.split(logs, 2, axis=0)
    gap = first - second  # (batch / 2, time, vocab)
    divergence = ops.concatenate(  # KL(p || q) of each token, where q is its twin's distribution
        [ops.sum(ops.exp(first) * gap, axis=-1), -ops.sum(ops.exp(second) * gap, axis=-1)], axis=0
    )
    nats = ops.where(weight != 0, weight * divergence, 0.0)
    return alpha / 2 * ops.divide_no_nan(ops.sum(nats), over_replicas(ops.sum(weight)))
