"""Adversarial training: the loss at vectors that are moved against the model."""

from typing import Any

from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.training.vectors import VectorTraining
from lmzoo.typing import Tensor


class AdversarialTraining(VectorTraining):
    """`fit` adds the loss at vectors moved in the direction in which the loss grows fastest.

    The loss that it shows is the sum of the two. A step takes more than twice the time.

    Args:
        model: A classifier, or MixUp around one.
        epsilon: Length of a text's move, above 0, in units of the root mean square of its vectors'
            values; 5 in the paper, whose vectors have unit variance.

    Raises:
        ArgumentError: If epsilon is not above 0, or as VectorTraining.

    Source: Miyato et al. 2017, https://arxiv.org/abs/1605.07725

    Example:
        >>> import lmzoo
        >>> model = lmzoo.build_bow_classifier(50, embed_dim=4, buckets=10)
        >>> lmzoo.training.AdversarialTraining(model, epsilon=0.5).compile("adam")
    """

    def __init__(self, model: Any, epsilon: float = 0.5, *, name: str | None = None) -> None:
        if not 0 < epsilon < float("inf"):
            raise ArgumentError(f"epsilon={epsilon} must be above 0 and finite.")
        super().__init__(model, name=name)
        self.epsilon = epsilon

    def vector_loss(
        self, vectors: Tensor, mask: Tensor, y: Any, sample_weight: Any
    ) -> tuple[Tensor, Tensor]:
        """The loss at the vectors and at the moved vectors, and the logits of the former."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(vectors)
            loss, logits = self.inner_loss(vectors, mask, y, sample_weight)
        if tf.executing_eagerly():
            # Keras's tape would prepare for this gradient's own gradient, which loops of recurrent
            # layers lack; inside recompute_grad no tape listens.
            gradient = tf.recompute_grad(lambda: tape.gradient(loss, vectors))()
        else:
            gradient = tape.gradient(loss, vectors)
        moved = vectors + adversarial_move(gradient, vectors, mask, self.epsilon)
        return loss + self.inner_loss(moved, mask, y, sample_weight)[0], logits


def adversarial_move(gradient: Tensor, vectors: Tensor, mask: Tensor, epsilon: float) -> Tensor:
    """Epsilon times the root mean square of each row's real values, along the loss's gradient.

    Equation 5 of Miyato et al. 2017; no gradient flows through it.
    """
    gradient = ops.stop_gradient(ops.cast(gradient, "float32"))
    values = ops.stop_gradient(ops.cast(vectors, "float32"))
    axes = tuple(range(1, len(values.shape)))
    if len(axes) == 2:
        gradient = ops.where(mask[..., None], gradient, 0.0)
        values = ops.where(mask[..., None], values, 0.0)
        real = ops.sum(ops.cast(mask, "float32"), axis=1)[:, None, None]
    else:
        real = ops.ones_like(values[:, :1])
    square = ops.sum(values**2, axis=axes, keepdims=True)
    unit = ops.sqrt(square / (ops.maximum(real, 1.0) * values.shape[-1]))
    # Divided by the largest first: squares of tiny gradients would be 0.
    largest = ops.max(ops.abs(gradient), axis=axes, keepdims=True)
    gradient = ops.divide_no_nan(gradient, largest)
    length = ops.sqrt(ops.sum(gradient**2, axis=axes, keepdims=True))
    return ops.cast(epsilon * unit * ops.divide_no_nan(gradient, length), vectors.dtype)
