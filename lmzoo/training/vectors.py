"""Training on the vectors of tokens: what mix-up and adversarial training share."""

import contextvars
import types
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.training.wrapper import TrainingMethod
from lmzoo.typing import Tensor

# The training step that is under way; replicas of a model take their steps in threads.
_STEP: contextvars.ContextVar[Any] = contextvars.ContextVar("step", default=None)


class VectorTraining(TrainingMethod):
    """Abstract base class of training methods that change the loss as a function of vectors.

    A subclass defines `vector_loss` in terms of `inner_loss`, the model's or another such method's:
    `MixUp(AdversarialTraining(model))` mixes texts, and moves the mixed vectors against the model.
    The metrics of `fit` are of the first forward pass. `model` is a classifier, or another method.

    Raises:
        ArgumentError: On another backend than TensorFlow; or if the model is not a classifier.
    """

    def __init__(self, model: Any, *, name: str | None = None) -> None:
        method = type(self).__name__
        if keras.backend.backend() != "tensorflow":
            raise ArgumentError(
                f"{method} needs TensorFlow's gradient tape, and Keras runs on "
                f"{keras.backend.backend()}: train the model itself, or set "
                "KERAS_BACKEND=tensorflow."
            )
        if not hasattr(model, "from_vectors"):
            raise ArgumentError(
                f"{method} trains on the vectors of tokens, and {type(model).__name__} has no "
                "from_vectors: give it a ClassifierModel."
            )
        super().__init__(model, name=name)

    def vector_loss(
        self, vectors: Tensor, mask: Tensor, y: Any, sample_weight: Any
    ) -> tuple[Tensor, Tensor]:
        """The loss (a scalar) as a function of the encoder's vectors, and its first pass's
        logits."""
        raise AttributeError("VectorTraining is abstract: use MixUp or AdversarialTraining.")

    def inner_loss(
        self, vectors: Tensor, mask: Tensor, y: Any, sample_weight: Any
    ) -> tuple[Tensor, Tensor]:
        """The loss of what is wrapped, as `vector_loss`; penalties of weights left out."""
        if isinstance(self.model, VectorTraining):
            return self.model.vector_loss(vectors, mask, y, sample_weight)
        logits = self.model.from_vectors([vectors, mask], training=True)
        return self._compile_loss(y, logits, sample_weight), logits

    def call(self, inputs: Any, training: bool = False) -> Tensor:
        """What the model gives; inside a step of `fit` the logits whose loss is taken."""
        step = _STEP.get()
        if step is None or step.method is not self:
            return super().call(inputs, training=training)
        _, y, sample_weight = keras.utils.unpack_x_y_sample_weight(step.data)
        vectors, mask = self.encoder.embed(inputs, training=training)
        step.loss, logits = self.vector_loss(vectors, mask, y, sample_weight)
        return logits

    def train_step(self, *args: Any) -> Any:
        """Keras's step, with `vector_loss`."""
        step = types.SimpleNamespace(method=self, data=args[-1], loss=None)
        token = _STEP.set(step)
        try:
            return super().train_step(*args)
        finally:
            _STEP.reset(token)

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The model's loss; inside a step of `fit` the `vector_loss`, and penalties of weights."""
        step = _STEP.get()
        if step is None or step.method is not self:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        return sum((ops.cast(ops.sum(extra), "float32") for extra in self.losses), step.loss)
