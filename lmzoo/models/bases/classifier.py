"""Text classifiers: an encoder, a pooling, and logits of classes."""

from typing import Any

import keras
import numpy as np

from lmzoo.errors import ArgumentError
from lmzoo.layers import ClassHead
from lmzoo.losses import ClassCrossEntropy
from lmzoo.metrics import ClassAccuracy
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.zoo_model import ZooModel


@keras.saving.register_keras_serializable(package="lmzoo")
class ClassifierModel(ZooModel):
    """An encoder's inputs -> float32 logits: (batch, 1) of class 1 of two, or (batch, num_classes).

    Padding with id 0 on the right changes nothing. The default loss is
    `lmzoo.losses.ClassCrossEntropy`, the default metric `lmzoo.metrics.ClassAccuracy`, "accuracy".
    `from_vectors` is a functional sub-model, [vectors, mask] of `encoder.embed` -> logits.

    Args:
        encoder: What the texts are encoded with; several models may share it.
        pooling: A layer with `call(x, mask)`, (batch, time, dim) -> (batch, dim); None for an
            encoder that gives (batch, dim).
        head: A text's vector to logits.

    Example:
        >>> import lmzoo
        >>> encoder = lmzoo.Encoder(lmzoo.layers.TokenEmbedding(50, 8))
        >>> pooling, head = lmzoo.layers.Pooling("mean"), lmzoo.layers.ClassHead(3)
        >>> lmzoo.ClassifierModel(encoder, pooling, head).output_shape
        (None, 3)
    """

    def __init__(
        self,
        encoder: Encoder,
        pooling: keras.layers.Layer | None,
        head: ClassHead,
        *,
        name: str | None = None,
    ) -> None:
        hidden, mask = encoder.outputs
        logits = head(hidden if pooling is None else pooling(hidden, mask=mask))
        super().__init__(inputs=encoder.input, outputs=logits, name=name)
        self.encoder, self.pooling, self.head = encoder, pooling, head
        self.from_vectors = keras.Model([encoder.vectors, encoder.mask], logits, name="classify")

    @property
    def embedding(self) -> keras.layers.Layer:
        """The encoder's embedding."""
        return self.encoder.embedding

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.head.num_classes

    def input_sizes(self) -> list[int | None]:
        """How many ids each input may hold."""
        return self.encoder.input_sizes()

    def label_sizes(self) -> list[int | None]:
        """The number of classes."""
        return [self.num_classes]

    def default_loss(self) -> Any:
        """The mean nats per text."""
        return ClassCrossEntropy()

    def default_metrics(self) -> Any:
        """The accuracy, 0 to 1."""
        return [ClassAccuracy()]

    def prepare_fit(self, x: Any, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """As every model; `class_weight` may also be given with a Dataset that holds weights."""
        x, arguments = super().prepare_fit(x, arguments)
        weights = arguments.get("class_weight")
        if weights is None:
            return x, arguments
        known = range(self.num_classes)
        unknown = [c for c in weights if c not in known]
        if unknown:
            raise ArgumentError(
                f"class_weight names class {unknown[0]!r}: the model has classes 0 to {known[-1]}."
            )
        if isinstance(getattr(x, "element_spec", None), tuple):
            table = np.array([weights.get(c, 1.0) for c in range(self.num_classes)], "float32")
            x, arguments = _weighted_by_class(x, table), {**arguments, "class_weight": None}
        return x, arguments


def _weighted_by_class(dataset: Any, table: np.ndarray) -> Any:
    """Batches (ids, labels) or (ids, labels, weights) with the labels' class weights multiplied."""
    import tensorflow as tf

    def weigh(ids: Any, labels: Any, weights: Any = None) -> tuple:
        if labels.shape.rank == 2 and labels.shape[1] == len(table):  # distributions
            of_class = tf.linalg.matvec(tf.cast(labels, tf.float32), table)  # (batch,)
        elif labels.dtype.is_floating:  # of class 1 of two, or ids
            label = tf.cast(tf.reshape(labels, (-1,)), tf.float32)  # (batch,)
            below = tf.cast(tf.floor(label), tf.int32)
            part = label - tf.floor(label)
            above = tf.minimum(below + 1, len(table) - 1)
            of_class = (1 - part) * tf.gather(table, below) + part * tf.gather(table, above)
        else:
            of_class = tf.gather(table, tf.reshape(labels, (-1,)))  # (batch,)
        if weights is None:
            return ids, labels, of_class
        return ids, labels, weights * tf.reshape(of_class, tf.shape(weights))

    return dataset.map(weigh)
