"""The language-model head: hidden states to one logit per word of the vocabulary."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class Preparation(Layer):
    """What precedes the output weights: normalization, dropout, a projection to `output_dim`."""

    def __init__(
        self,
        norm: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        output_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.norm = norm
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        self.output_dim = output_dim
        self.projection: Any = None

    def build(self, x_shape: tuple) -> None:
        if self.norm is not None and not self.norm.built:
            self.norm.build(x_shape)
        if self.output_dim not in (None, x_shape[-1]):
            self.projection = Dense(self.output_dim, use_bias=False, dtype=self.dtype_policy)
            self.projection.build(x_shape)

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """(batch, time, hidden_dim) -> (batch, time, dim)."""
        x = self.dropout(x if self.norm is None else self.norm(x), training=training)
        return x if self.projection is None else self.projection(x)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.output_dim or x_shape[-1])


class TiedProjection(Layer):
    """Vectors to logits by the table of an embedding: x table^T, plus a bias."""

    def __init__(self, embedding: TokenEmbedding, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.embedding = embedding
        self.use_bias = use_bias
        self.bias: Any = None

    def build(self, x_shape: tuple) -> None:
        if not self.embedding.built:
            self.embedding.build((None, None))
        if self.use_bias:
            shape = (self.embedding.vocab_size,)
            self.bias = self.add_weight(shape, initializer="zeros", name="bias")

    def call(self, x: Tensor) -> Tensor:
        """(batch, time, embed_dim) -> (batch, time, vocab_size)."""
        table = ops.cast(self.embedding.embeddings, self.compute_dtype)
        logits = ops.matmul(x, ops.transpose(table))
        return logits if self.bias is None else logits + ops.cast(self.bias, self.compute_dtype)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.embedding.vocab_size)


class Head(Layer):
    """Abstract base class of heads whose loss needs no logits: two layers, and `nats`.

    `prepare` makes of hidden states what the output weights are multiplied with, `project` of that
    the `vocab_size` logits.
    """

    vocab_size: int
    prepare: keras.layers.Layer
    project: keras.layers.Layer
    # Whether the loss is cheaper from hidden states even where the vocabulary is small.
    is_for_hidden_states = False

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Logits (batch, time, vocab_size) of hidden states (batch, time, hidden_dim)."""
        return self.project(self.prepare(x, training=training))

    def build(self, x_shape: tuple) -> None:
        self.prepare.build(x_shape)
        self.project.build(self.prepare.compute_output_shape(x_shape))

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.vocab_size)

    def nats(
        self, count: Callable, hidden: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sums of weighted nats and of weights, by `count`: `lmzoo.losses.head_nats` with settings;
        hidden (batch, time, dim) is what `prepare` gave; targets and weights are (batch, time)."""
        raise AttributeError("Head is an abstract base class: use LanguageModelHead.")

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


class LanguageModelHead(Head):
    """Hidden states to one logit per word of the vocabulary.

    Args:
        vocab_size: Number of logits.
        embedding: The TokenEmbedding whose table is used for the output too, or None.
        norm: A normalization layer that comes first, or None.
        use_bias: Whether a bias is added to the logits.
        dropout: Dropout rate of the hidden state, 0 to 1.
        regularizer: Keras regularizer of its own kernel.
    Source: the shared table: Press and Wolf 2017, https://arxiv.org/abs/1608.05859

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.LanguageModelHead(50)(keras.ops.ones((2, 3, 8))).shape)
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
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.embedding = embedding
        self.use_bias = use_bias
        self.regularizer = keras.regularizers.get(regularizer)
        table_dim = None if embedding is None else embedding.embed_dim
        self.prepare = Preparation(norm, dropout, table_dim, dtype=self.dtype_policy)

    def build(self, x_shape: tuple) -> None:
        if self.embedding is None:
            self.project = Dense(
                self.vocab_size,
                use_bias=self.use_bias,
                kernel_regularizer=self.regularizer,
                dtype=self.dtype_policy,
            )
        else:
            self.project = TiedProjection(self.embedding, self.use_bias, dtype=self.dtype_policy)
        super().build(x_shape)

    def nats(
        self, count: Callable, hidden: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        shared = self.embedding is not None
        kernel = self.embedding.embeddings if self.embedding else self.project.kernel
        bias = self.project.bias
        return self.count_with(count, kernel, bias, hidden, targets, weights, transposed=shared)
