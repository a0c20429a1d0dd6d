"""A word's vector from its characters."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.layers.layer import Layer
from lmzoo.layers.recurrent.rnn import LSTM
from lmzoo.special_ids import PAD_ID
from lmzoo.typing import Tensor

KINDS = ("cnn", "lstm")
WIDTH = 3  # of the convolution's filters, in characters


class CharacterEncoder(Layer):
    """Encodes each word's characters; padding after characters or words changes nothing.

    "cnn": a convolution of width 3, the maximum of each filter over the word, then tanh (Ma and
    Hovy 2016). "lstm": the last states of an LSTM over the characters and of one over the reversed
    characters (Lample et al. 2016). A word without characters gives zeros.

    Args:
        num_characters: Number of character ids; 0 is padding.
        kind: "cnn" or "lstm".
        char_dim: Width of a character's vector; None: the papers' 30 ("cnn") or 25 ("lstm").
        output_dim: Width of a word's vector; None: char_dim ("cnn") or twice that ("lstm").
        dropout: Dropout rate of the characters' vectors, 0 to 1.
    Raises: ArgumentError if the kind is another, or output_dim is odd for "lstm".
    Source: Ma, https://arxiv.org/abs/1603.01354; Lample, https://arxiv.org/abs/1603.01360

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.CharacterEncoder(40)(keras.ops.ones((2, 5, 9), "int32")).shape)
        (2, 5, 30)
    """

    def __init__(
        self,
        num_characters: int,
        *,
        kind: str = "cnn",
        char_dim: int | None = None,
        output_dim: int | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ArgumentError(f"kind={kind!r}; use one of {', '.join(KINDS)}.")
        char_dim = char_dim or (30 if kind == "cnn" else 25)
        self.output_dim = output_dim or (char_dim if kind == "cnn" else 2 * char_dim)
        if kind == "lstm" and self.output_dim % 2:
            raise ArgumentError(f"output_dim={self.output_dim} is odd: each direction has half.")
        self.kind = kind
        self.num_characters = num_characters
        self.char_dim = char_dim
        # The standard deviation of the uniform weights of both papers' code, sqrt(3 / dim) wide.
        self.embedding = TokenEmbedding(
            num_characters,
            char_dim,
            initializer_range=char_dim**-0.5,
            name="embedding",
            dtype=self.dtype_policy,
        )
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        self.reader: keras.layers.Layer
        if kind == "cnn":
            self.reader = Dense(self.output_dim, name="convolution", dtype=self.dtype_policy)
        else:
            units = self.output_dim // 2
            self.reader = keras.layers.Bidirectional(
                LSTM(units, dtype=self.dtype_policy), name="directions", dtype=self.dtype_policy
            )

    def build(self, ids_shape: tuple) -> None:
        self.embedding.build((None, None))
        width = WIDTH * self.char_dim if self.kind == "cnn" else self.char_dim
        self.reader.build((None, None, width))

    def call(self, ids: Tensor, training: bool = False) -> Tensor:
        """Words' vectors (batch, time, output_dim) of character ids (batch, time, characters)."""
        batch, time, count = ops.shape(ids)
        ids = ops.reshape(ids, (-1, count))  # (batch * time, characters)
        real = ops.not_equal(ids, PAD_ID)
        x = self.dropout(self.embedding(ids), training=training)
        x = self._convolve(x, real) if self.kind == "cnn" else self.reader(x, mask=real)
        x = ops.where(ops.any(real, axis=1, keepdims=True), x, ops.zeros((), x.dtype))
        return ops.reshape(x, (batch, time, self.output_dim))  # (batch, time, output_dim)

    def compute_output_shape(self, ids_shape: tuple) -> tuple:
        return (*ids_shape[:2], self.output_dim)

    def _convolve(self, x: Tensor, real: Tensor) -> Tensor:
        """(words, characters, char_dim), and where they are real -> (words, output_dim)."""
        x = ops.where(real[..., None], x, ops.zeros((), x.dtype))
        side = ops.zeros_like(x[:, :1])
        around = ops.concatenate([side, x, side], axis=1)
        shifted = [around[:, :-2], x, around[:, 2:]]
        x = self.reader(ops.concatenate(shifted, axis=-1))  # (words, characters, output_dim)
        lowest = ops.cast(-1e9, x.dtype)
        return ops.tanh(ops.max(ops.where(real[..., None], x, lowest), axis=1))
