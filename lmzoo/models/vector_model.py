"""Training on token vectors: texts mixed with each other, and vectors pushed against the model."""

import contextvars
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.classes import ClassCrossEntropy
from lmzoo.models.mixing import Mixing, larger_share
from lmzoo.models.zoo_model import ZooModel
from lmzoo.typing import Tensor

PAD = 0  # the id of padding, the same in every tokenizer

# The training step that is under way; replicas of a model take their steps in threads.
_STEP: contextvars.ContextVar[Any] = contextvars.ContextVar("step", default=None)


class VectorModel(ZooModel):
    """A functional model whose ids become vectors first, so that training may change these.

    A subclass sets `embedding` and defines `from_vectors`; its outputs are probabilities (batch, 1)
    or (batch, classes).

    Attributes:
        embedding: Ids (batch, time) to vectors (batch, time, dim), or (batch, dim) of whole texts.
    """

    embedding: Any
    _mix_up = 0.0
    _adversarial = 0.0
    _draws: Any = None

    def from_vectors(self, vectors: Tensor, mask: Tensor, training: bool = False) -> Tensor:
        """What the model makes of vectors, and of where they are real, bool (batch, time)."""
        raise AttributeError("VectorModel is a base: use ClassifierModel, or define from_vectors.")

    def vectors(self, inputs: Any, training: bool = False) -> tuple[Tensor, Tensor]:
        """The vectors of ids (batch, time), and where they are real, bool (batch, time)."""
        ids = ops.cast(keras.tree.flatten(inputs)[0], "int32")
        return self.embedding(ids, training=training), ops.not_equal(ids, PAD)

    def call(self, inputs: Any, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """Probabilities; inside a step of `fit`, those of mixed texts if that is asked for."""
        step = _STEP.get()
        if step is None or step.model is not self:
            return super().call(inputs, training=training, mask=mask)
        vectors, real = self.vectors(inputs, training=training)
        if step.mixing is not None:
            vectors, real = step.mixing.mix(vectors, real)
        step.tape.watch(vectors)
        step.seen = vectors, real
        return self.from_vectors(vectors, real, training=training)

    def change_vectors(self, loss: Any, mix_up: float, adversarial: float) -> None:
        """Notes for `fit` how it trains on the vectors of ids; `compile` calls it.

        Args:
            loss: That of `compile`; mix_up needs lmzoo.losses.ClassCrossEntropy.
            mix_up: alpha > 0: in `fit` each text is mixed with another of its batch, vectors and
                labels alike, by shares drawn from Beta(alpha, alpha); a row counts the larger
                share as its own (Guo et al. 2019, https://arxiv.org/abs/1905.08941, whose best is
                1). 0 for none.
            adversarial: epsilon > 0: `fit` adds the loss at vectors that are moved in the direction
                in which the loss grows fastest, so that the loss that it shows is the sum of two;
                a text's vectors move together by epsilon times the root mean square of their
                values (Miyato et al. 2017, https://arxiv.org/abs/1605.07725, whose vectors have
                unit variance; 5 there). A step takes more than twice the time. 0 for none.

        Raises:
            ArgumentError: If mix_up or adversarial is below 0, or given on another backend than
                TensorFlow, or mix_up is given with a loss that takes no mixed labels.
        """
        for name, value in (("mix_up", mix_up), ("adversarial", adversarial)):
            if not 0 <= value < float("inf"):
                raise ArgumentError(f"{name}={value} must be 0 (none), or above 0 and finite.")
            if value and keras.backend.backend() != "tensorflow":
                raise ArgumentError(
                    f"{name}={value} needs TensorFlow's gradient tape, and Keras runs on "
                    f"{keras.backend.backend()}: leave it at 0, or set KERAS_BACKEND=tensorflow."
                )
        if mix_up and not isinstance(loss, ClassCrossEntropy):
            raise ArgumentError(
                f"mix_up={mix_up} makes labels of two classes, which the loss {loss!r} does not "
                "take: use lmzoo.losses.ClassCrossEntropy()."
            )
        self._mix_up, self._adversarial = mix_up, adversarial
        # In a function: Keras would count a generator among the model's weights.
        draws = keras.random.SeedGenerator() if mix_up else None
        self._draws = lambda: draws

    def get_compile_config(self) -> dict[str, Any]:
        """What `compile` was given, its two additions included."""
        config = super().get_compile_config()
        if not config:
            return config
        return {**config, "mix_up": self._mix_up, "adversarial": self._adversarial}

    def train_step(self, *args: Any) -> Any:
        """Keras's step, on mixed texts and against the model if `compile` was asked for that."""
        if not (self._mix_up or self._adversarial):
            return super().train_step(*args)
        import tensorflow as tf

        mixing = self._draw_mixing(args[-1]) if self._mix_up else None
        with tf.GradientTape() as tape:
            token = _STEP.set(_Step(self, mixing, tape))
            try:
                return super().train_step(*args)
            finally:
                _STEP.reset(token)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Keras's loss; in a step of training, of mixed labels and with the adversarial loss."""
        step = _STEP.get()
        if step is None or step.model is not self:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        if step.mixing is not None:
            y, sample_weight = step.mixing.mix_labels(y, sample_weight, y_pred)
        loss = super().compute_loss(x, y, y_pred, sample_weight, training=training)
        if not self._adversarial:
            return loss
        vectors, real = step.seen
        gradient = step.gradient(loss)
        moved = vectors + adversarial_move(gradient, vectors, real, self._adversarial)
        again = self.from_vectors(moved, real, training=training)
        # Penalties of weights are in the first loss already.
        return loss + self._compile_loss(y, again, sample_weight)

    def _draw_mixing(self, data: Any) -> Mixing:
        """With which row each row is mixed, and how much of its own it keeps."""
        x, _, weight = keras.utils.unpack_x_y_sample_weight(data)
        rows = ops.shape(keras.tree.flatten(x)[0])[0]
        uniform = keras.random.uniform((rows + 1,), seed=self._draws())
        others = ops.cast(rows - 1, "float32")
        distance = 1 + ops.cast(ops.floor(uniform[0] * others), "int32")
        partner = (ops.arange(rows) + distance) % rows
        share = larger_share(uniform[1:], self._mix_up)
        if weight is not None:  # a row that does not count is no text
            counts = ops.reshape(keras.tree.flatten(weight)[0], (-1,)) != 0  # (batch,)
            share = ops.where(counts & ops.take(counts, partner, axis=0), share, 1.0)
        return Mixing(partner, share)


class _Step:
    """What a step must remember between `call` and `compute_loss`."""

    def __init__(self, model: VectorModel, mixing: Mixing | None, tape: Any) -> None:
        self.model, self.mixing, self.tape = model, mixing, tape
        self.seen: Any = None

    def gradient(self, loss: Tensor) -> Tensor:
        """The loss's gradient with respect to the vectors."""
        import tensorflow as tf

        if not tf.executing_eagerly():
            return self.tape.gradient(loss, self.seen[0])
        # Keras's tape would prepare for this gradient's own gradient, which loops of recurrent
        # layers lack; in here no tape listens.
        return tf.recompute_grad(lambda: self.tape.gradient(loss, self.seen[0]))()


def adversarial_move(gradient: Tensor, vectors: Tensor, mask: Tensor, epsilon: float) -> Tensor:
    """Where the loss grows fastest, as far as asked for; no gradient flows through it.

    Args:
        gradient: Of the loss with respect to the vectors, (batch, time, dim) or (batch, dim).
        vectors: Of the same shape.
        mask: bool (batch, time), where they are real.
        epsilon: Length of a row's move, in units of the root mean square of its real values.

    Returns:
        The move, of the shape and dtype of the vectors.

    Source: Miyato et al. 2017, equation 5, https://arxiv.org/abs/1605.07725

    Example:
        >>> import numpy as np
        >>> vectors, mask = np.array([[[2.0, -2.0]]]), np.array([[True]])
        >>> adversarial_move(np.array([[[0.0, 9.0]]]), vectors, mask, 0.5).numpy().tolist()
        [[[0.0, 1.0]]]
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
