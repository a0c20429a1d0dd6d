"""The head of a classifier: a text's vector to the logits of the classes."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class ClassHead(Layer):
    """Vectors to logits: of class 1 for two classes, of each class for more.

    Args:
        num_classes: Number of classes, at least 2.
        dropout: Dropout rate of the vector, 0 to 1.
        max_norm: Longest weight vector of a class, longer ones are cut each step; None: no limit.
        regularizer: Keras regularizer of the kernel.
    Raises: ArgumentError if num_classes is below 2, or max_norm is not above 0.
    Source: max_norm: Hinton et al. 2012, https://arxiv.org/abs/1207.0580

    Example:
        >>> import keras, lmzoo
        >>> [tuple(lmzoo.layers.ClassHead(n)(keras.ops.ones((4, 8))).shape) for n in (2, 3)]
        [(4, 1), (4, 3)]
    """

    def __init__(
        self,
        num_classes: int = 2,
        *,
        dropout: float = 0.0,
        max_norm: float | None = None,
        regularizer: keras.regularizers.Regularizer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_classes < 2:
            raise ArgumentError(f"num_classes={num_classes}: give at least 2 classes.")
        if max_norm is not None and max_norm <= 0:
            raise ArgumentError(f"max_norm={max_norm} must be above 0, or None for no limit.")
        self.num_classes = num_classes
        self.units = 1 if num_classes == 2 else num_classes
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        constraint = None if max_norm is None else keras.constraints.MaxNorm(max_norm, axis=0)
        self.projection = Dense(
            self.units,
            kernel_regularizer=regularizer,
            kernel_constraint=constraint,
            dtype=self.dtype_policy,
            name="projection",
        )

    def build(self, x_shape: tuple) -> None:
        self.projection.build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """(..., dim) -> float32 logits (..., 1) or (..., num_classes)."""
        return ops.cast(self.projection(self.dropout(x, training=training)), "float32")

    def compute_output_spec(self, x: Tensor, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor((*x.shape[:-1], self.units), dtype="float32")
