"""What classifiers of texts share: the shape, the loss, the accuracy, and weights of classes."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.heads.decision import ClassHead
from lmzoo.losses.classes import ClassCrossEntropy
from lmzoo.metrics.classification import ClassAccuracy
from lmzoo.models.vector_model import PAD, VectorModel
from lmzoo.models.zoo_model import refuse_beside_loss, xla_on
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class ClassifierModel(VectorModel):
    """Ids (batch, time) -> probabilities: (batch, 1) of class 1 of two, or (batch, num_classes).

    Texts are padded with id 0 on their right, which changes nothing.

    Args:
        embedding: Ids to vectors (batch, time, dim); without blocks and pooling also (batch, dim).
        blocks: Layers with `call(x, mask, training)`, (batch, time, dim) both ways.
        pooling: A layer with `call(x, mask)`, (batch, time, dim) -> (batch, dim); or None.
        head: A text's vector to probabilities.
        norm: A normalization layer behind the blocks, or None.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> layers = lmzoo.layers
        >>> model = lmzoo.models.ClassifierModel(
        ...     layers.TokenEmbedding(50, 8), [], layers.Pooling("mean"), layers.ClassHead(3)
        ... )
        >>> model.predict(np.array([[5, 6, 0]]), verbose=0).shape
        (1, 3)
    """

    def __init__(
        self,
        embedding: keras.layers.Layer,
        blocks: Sequence[keras.layers.Layer],
        pooling: keras.layers.Layer | None,
        head: ClassHead,
        *,
        norm: keras.layers.Layer | None = None,
        name: str | None = None,
    ) -> None:
        ids = keras.Input((None,), dtype="int32", name="ids")
        x, mask = embedding(ids), ops.not_equal(ids, PAD)
        for block in blocks:
            x = block(x, mask=mask)
        x = x if norm is None else norm(x)
        x = x if pooling is None else pooling(x, mask=mask)
        super().__init__(inputs=ids, outputs=head(x), name=name)
        self.embedding = embedding
        self.blocks = list(blocks)
        self.pooling = pooling
        self.head = head
        self.norm = norm

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return self.head.num_classes

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return self.embedding.vocab_size

    def input_sizes(self) -> list[int | None]:
        """How many ids the text may hold."""
        return [self.vocab_size]

    def from_vectors(self, vectors: Tensor, mask: Tensor, training: bool = False) -> Tensor:
        """Probabilities of vectors, and of where they are real, bool (batch, time)."""
        x = vectors
        for block in self.blocks:
            x = block(x, mask=mask, training=training)
        x = x if self.norm is None else self.norm(x)
        x = x if self.pooling is None else self.pooling(x, mask=mask)
        return self.head(x, training=training)

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        mix_up: float = 0.0,
        adversarial: float = 0.0,
        label_smoothing: float = 0.0,
        focal_gamma: float = 0.0,
    ) -> None:
        """Keras's `compile`; loss and metric are those of classes, and XLA is on.

        Args:
            optimizer: Name or optimizer.
            loss: None for the mean nats per text: lmzoo.losses.ClassCrossEntropy(). Keras's
                "binary_crossentropy" (two classes) and "sparse_categorical_crossentropy" (more)
                fit too.
            loss_weights: As Keras.
            metrics: As Keras.
            weighted_metrics: None for [lmzoo.metrics.ClassAccuracy()], named "accuracy".
            run_eagerly: As Keras.
            steps_per_execution: As Keras; 10 or more is faster for small models.
            jit_compile: "auto" compiles with XLA, which Keras's "auto" does not do on a CPU.
            auto_scale_loss: As Keras.
            mix_up: alpha > 0 mixes texts in `fit` by shares from Beta(alpha, alpha); see
                VectorModel.change_vectors.
            adversarial: epsilon > 0 adds the loss at vectors moved against the model by so many
                root mean squares; see VectorModel.change_vectors.
            label_smoothing: That of the default loss, 0 to below 1.
            focal_gamma: That of the default loss, 0 for plain cross-entropy.

        Raises:
            ArgumentError: If label_smoothing or focal_gamma is given beside a loss, which has its
                own; or as VectorModel.
        """
        settings = {"label_smoothing": label_smoothing, "focal_gamma": focal_gamma}
        refuse_beside_loss(loss, "lmzoo.losses.ClassCrossEntropy", settings)
        if loss is None:
            loss = ClassCrossEntropy(label_smoothing=label_smoothing, focal_gamma=focal_gamma)
        if weighted_metrics is None:
            weighted_metrics = [ClassAccuracy()]
        self.change_vectors(loss, mix_up, adversarial)
        super().compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=xla_on(jit_compile, run_eagerly),
            auto_scale_loss=auto_scale_loss,
        )

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; `class_weight` may also be given with a Dataset that holds weights.

        Raises:
            PromptError: If an id is outside the vocabulary.
            ArgumentError: If class_weight names a class that the model lacks.
        """
        weights = kwargs.get("class_weight")
        if weights is not None:
            unknown = sorted(c for c in weights if not 0 <= c < self.num_classes)
            if unknown:
                raise ArgumentError(
                    f"class_weight names class {unknown[0]}: the model has classes 0 to "
                    f"{self.num_classes - 1}."
                )
            if isinstance(getattr(x, "element_spec", None), tuple):
                table = np.array([weights.get(c, 1.0) for c in range(self.num_classes)], "float32")
                x, kwargs["class_weight"] = _weighted_by_class(x, table), None
        return super().fit(x, *args, **kwargs)


def _weighted_by_class(dataset: Any, table: np.ndarray) -> Any:
    """Batches (ids, labels) or (ids, labels, weights) whose weights count the labels' classes."""
    import tensorflow as tf

    def weigh(ids: Any, labels: Any, weights: Any = None) -> tuple:
        of_class = tf.gather(table, tf.cast(tf.reshape(labels, (-1,)), tf.int32))  # (batch,)
        if weights is None:
            return ids, labels, of_class
        return ids, labels, weights * tf.reshape(of_class, tf.shape(weights))

    return dataset.map(weigh)
