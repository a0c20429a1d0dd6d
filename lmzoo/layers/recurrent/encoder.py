"""The recurrent encoder block, in one direction or two."""

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.recurrent.rnn import GRU, LSTM
from lmzoo.typing import Tensor

CELLS = {"gru": GRU, "lstm": LSTM}


@keras.saving.register_keras_serializable(package="lmzoo")
class RecurrentEncoderBlock(keras.layers.Layer):
    """A recurrent layer over a text that is there as a whole, and one over the reversed text.

    Args:
        hidden_dim: Width of the output; with two directions even, half for each.
        cell: "lstm" or "gru".
        bidirectional: Whether the text is read backwards too.
        dropout: Share of the input dropped in training, 0 to 1.
        regularizer: Keras regularizer of all kernels.

    Raises:
        ArgumentError: If hidden_dim is odd for two directions, or the cell is another.

    Source: Schuster and Paliwal 1997, https://doi.org/10.1109/78.650093

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.RecurrentEncoderBlock(6)
        >>> tuple(block(keras.ops.ones((2, 5, 4))).shape)
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
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if bidirectional and hidden_dim % 2:
            raise ArgumentError(f"hidden_dim={hidden_dim} is odd: each direction has half of it.")
        if cell not in CELLS:
            raise ArgumentError(f"cell={cell!r}; use one of {', '.join(CELLS)}.")
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout)
        self.supports_masking = True
        units = hidden_dim // 2 if bidirectional else hidden_dim
        reader = CELLS[cell](
            units,
            return_sequences=True,
            kernel_regularizer=regularizer,
            recurrent_regularizer=regularizer,
        )
        if bidirectional:
            reader = keras.layers.Bidirectional(reader, name="directions")
        self.reader = reader

    def build(self, x_shape: tuple) -> None:
        """Builds the directions."""
        self.reader.build(x_shape)
        self.built = True

    def call(self, x: Tensor, mask: Tensor | None = None, training: bool = False) -> Tensor:
        """(batch, time, dim), and where it is real, (batch, time) -> (batch, time, hidden_dim)."""
        x = self.dropout(x, training=training)
        found = self.reader(x, mask=mask, training=training)
        if mask is None:
            return found
        return ops.where(mask[..., None], found, 0.0)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        """(batch, time, hidden_dim)."""
        return (*x_shape[:-1], self.hidden_dim)
