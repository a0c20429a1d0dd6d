"""The recurrent encoder block, in one direction or two."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.layer import Layer
from lmzoo.layers.recurrent.rnn import GRU, LSTM
from lmzoo.typing import Tensor

CELLS = {"gru": GRU, "lstm": LSTM}


class RecurrentEncoderBlock(Layer):
    """A recurrent layer over a sequence, and another over the reversed one.

    Args:
        hidden_dim: Width of the output; with two directions even, half for each.
        cell: "lstm" or "gru".
        bidirectional: Whether there are two directions.
        dropout: Dropout rate of the input, 0 to 1.
        regularizer: Keras regularizer of all kernels.
    Raises: ArgumentError for an odd hidden_dim with two directions, or another cell.
    Source: Schuster and Paliwal 1997, https://doi.org/10.1109/78.650093

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.RecurrentEncoderBlock(6)(keras.ops.ones((2, 5, 4))).shape)
        (2, 5, 6)
    """

    def __init__(
        self,
        hidden_dim: int,
        *,
        cell: str = "lstm",
        bidirectional: bool = True,
        dropout: float = 0.0,
        regularizer: keras.regularizers.Regularizer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if bidirectional and hidden_dim % 2:
            raise ArgumentError(f"hidden_dim={hidden_dim} is odd: each direction has half of it.")
        if cell not in CELLS:
            raise ArgumentError(f"cell={cell!r}; use one of {', '.join(CELLS)}.")
        self.supports_masking = True
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        self.recurrent: keras.layers.Layer = CELLS[cell](
            hidden_dim // 2 if bidirectional else hidden_dim,
            return_sequences=True,
            kernel_regularizer=regularizer,
            recurrent_regularizer=regularizer,
            dtype=self.dtype_policy,
        )
        if bidirectional:
            self.recurrent = keras.layers.Bidirectional(
                self.recurrent, name="directions", dtype=self.dtype_policy
            )

    def build(self, x_shape: tuple) -> None:
        self.recurrent.build(x_shape)

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """(batch, time, dim), and where it is real, (batch, time) -> (batch, time, hidden_dim)."""
        x = self.dropout(x, training=training)
        outputs = self.recurrent(x, mask=mask, training=training)
        return outputs if mask is None else ops.where(mask[..., None], outputs, 0.0)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.hidden_dim)
