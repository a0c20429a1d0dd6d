"""The language-model head: hidden states to one logit per word of the vocabulary."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.typing import Tensor


class Head(keras.layers.Layer):
    """What a loss without logits needs of a head, beside logits: `prepare` and `nats`.

    A head of your own derives from it and defines `call`, `prepare` and `nats`.
    """

    vocab_size: int
    # Whether the loss is cheaper from hidden states even where the vocabulary is small.
    is_for_hidden_states = False

    def prepare(self, x: Tensor, training: bool = False) -> Tensor:
        """What the output weights are multiplied with: (batch, time, dim) of hidden states."""
        raise AttributeError("Head is a base: use LanguageModelHead or AdaptiveHead.")

    def nats(
        self, count: Callable, hidden: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sums of weighted nats and of weights.

        Args:
            count: `lmzoo.losses.head_nats`, its settings given.
            hidden: what `prepare` gave, (batch, time, dim).
            targets: ids (batch, time).
            weights: float32 (batch, time).

        Returns:
            Two float32 scalars.
        """
        raise AttributeError("Head is a base: use LanguageModelHead or AdaptiveHead.")

    def count_with(
        self,
        count: Callable,
        kernel: Any,
        bias: Any,
        hidden: Tensor,
        targets: Tensor,
        weights: Tensor,
        *,
        transposed: bool = False,
        window: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`count` with weights in the dtype that this layer computes in."""
        bias = None if bias is None else ops.cast(bias, self.compute_dtype)
        kernel = ops.cast(kernel, self.compute_dtype)
        layout = {"transposed": transposed, "window": window}
        return count(hidden, kernel, bias, targets, weights, **layout)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """(batch, time, vocab_size)."""
        return (*input_shape[:-1], self.vocab_size)


@keras.saving.register_keras_serializable(package="lmzoo")
class LanguageModelHead(Head):
    """Turns hidden states into one logit per word of the vocabulary.

    Args:
        vocab_size: Number of logits.
        embedding: The TokenEmbedding whose table is used for the output too (Press and Wolf 2017),
            or None for weights of its own.
        norm: A normalization layer that comes first, or None.
        use_bias: Whether a bias is added to the logits.
        dropout: Share of the hidden state dropped in training.
        regularizer: Keras regularizer of its own kernel.

    Source: https://arxiv.org/abs/1608.05859

    Example:
        >>> import keras, lmzoo
        >>> head = lmzoo.layers.LanguageModelHead(50)
        >>> tuple(head(keras.ops.ones((2, 3, 8))).shape)
        (2, 3, 50)
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        embedding: TokenEmbedding | None = None,
        norm: keras.layers.Layer | None = None,
        use_bias: bool = True,
        dropout: float = 0.0,
        regularizer: keras.regularizers.Regularizer | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.vocab_size = vocab_size
        self.embedding = embedding
        self.norm = norm
        self.use_bias = use_bias
        self.dropout = Dropout(dropout)
        self.regularizer = regularizer
        self.projection: keras.layers.Layer | None = None

    def build(self, input_shape: tuple) -> None:
        """Makes the output weights, or the projection to the width of the shared table."""
        if self.norm is not None:
            self.norm.build(input_shape)
        if self.embedding is None:
            self.projection = Dense(
                self.vocab_size, use_bias=self.use_bias, kernel_regularizer=self.regularizer
            )
        elif self.embedding.embed_dim != input_shape[-1]:
            self.projection = Dense(self.embedding.embed_dim, use_bias=False)
        if self.projection is not None:
            self.projection.build(input_shape)
        if self.embedding is not None and self.use_bias:
            self.bias = self.add_weight((self.vocab_size,), initializer="zeros", name="bias")
        self.built = True

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Logits (batch, time, vocab_size) of hidden states (batch, time, hidden_dim)."""
        x = self.prepare(x, training=training)
        if self.embedding is None:
            assert self.projection is not None
            return self.projection(x)
        table = ops.cast(self.embedding.embeddings, self.compute_dtype)
        logits = ops.matmul(x, ops.transpose(table))
        return logits + ops.cast(self.bias, self.compute_dtype) if self.use_bias else logits

    def prepare(self, x: Tensor, training: bool = False) -> Tensor:
        """What the output weights are multiplied with: (batch, time, dim) of hidden states."""
        if self.norm is not None:
            x = self.norm(x)
        x = self.dropout(x, training=training)
        if self.embedding is not None and self.projection is not None:
            x = self.projection(x)
        return x

    def nats(
        self, count: Callable, hidden: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sums of weighted nats and of weights; see `Head`."""
        if self.embedding is None:
            assert self.projection is not None
            kernel, bias = self.projection.kernel, self.projection.bias
        else:
            kernel = self.embedding.embeddings
            bias = self.bias if self.use_bias else None
        shared = self.embedding is not None
        return self.count_with(count, kernel, bias, hidden, targets, weights, transposed=shared)
