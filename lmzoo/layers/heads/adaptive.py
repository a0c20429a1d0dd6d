"""Adaptive softmax: frequent words are cheap, rare ones share narrow outputs."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dense import Dense
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.layers.heads.head import Head, LanguageModelHead, Preparation
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor


class AdaptiveSoftmax(Layer):
    """Vectors to log-probabilities: a softmax over a short list, one over each tail."""

    def __init__(self, vocab_size: int, cutoffs: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.vocab_size = vocab_size
        self.cutoffs = list(cutoffs)

    @property
    def tails(self) -> list[tuple[int, int]]:
        """First id and number of ids of each tail."""
        ends = [*self.cutoffs[1:], self.vocab_size]
        return [(a, b - a) for a, b in zip(self.cutoffs, ends, strict=True)]

    def build(self, x_shape: tuple) -> None:
        dim = x_shape[-1]
        self.first = self._dense(self.cutoffs[0] + len(self.cutoffs), dim, "first", bias=True)
        self.projections, self.outputs = [], []
        for k, (_, size) in enumerate(self.tails, 1):
            width = max(1, dim // 4**k)
            self.projections.append(self._dense(width, dim, f"projection_{k}"))
            self.outputs.append(self._dense(size, width, f"tail_{k}"))

    def _dense(self, units: int, dim: int, name: str, bias: bool = False) -> keras.layers.Layer:
        dense = Dense(units, use_bias=bias, dtype=self.dtype_policy, name=name)
        dense.build((None, dim))
        return dense

    def call(self, x: Tensor) -> Tensor:
        """(batch, time, dim) -> log-probabilities (batch, time, vocab_size)."""
        first = ops.log_softmax(self.first(x), axis=-1)
        parts = [first[..., : self.cutoffs[0]]]
        for k, (project, output) in enumerate(zip(self.projections, self.outputs, strict=True)):
            inside = ops.log_softmax(output(project(x)), axis=-1)
            place = self.cutoffs[0] + k
            parts.append(first[..., place : place + 1] + inside)
        return ops.concatenate(parts, axis=-1)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.vocab_size)


class AdaptiveHead(Head):
    """A language-model head whose vocabulary is cut into a short list and tails of rarer words.

    The short list and one entry for each tail share a softmax; the words of tail k share another,
    behind a projection to dim / 4^k features. A training step computes a tail's softmax only for
    the tokens that need it. Ids must be sorted by falling frequency.

    Args:
        vocab_size: Number of ids.
        cutoffs: Where the tails begin, rising: [2000, 10000] for a short list of 2,000, two tails.
        norm: A normalization layer that comes first, or None.
        dropout: Dropout rate of the hidden state, 0 to 1.
    Source: Grave et al. 2017, https://arxiv.org/abs/1609.04309

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.AdaptiveHead(50, [10, 25])(keras.ops.ones((2, 3, 16))).shape)
        (2, 3, 50)
    """

    is_for_hidden_states = True

    def __init__(
        self,
        vocab_size: int,
        cutoffs: Sequence[int],
        *,
        norm: keras.layers.Layer | None = None,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        edges = [0, *cutoffs, vocab_size]
        if not cutoffs or any(a >= b for a, b in itertools.pairwise(edges)):
            raise ArgumentError(
                f"adaptive cutoffs {list(cutoffs)} for {vocab_size} words: give rising numbers "
                "between 1 and the vocabulary's size, such as [2000, 10000]."
            )
        self.vocab_size = vocab_size
        dtype = self.dtype_policy
        self.prepare = Preparation(norm, dropout, dtype=dtype)
        self.project = AdaptiveSoftmax(vocab_size, cutoffs, dtype=dtype)

    def nats(
        self, count: Callable, hidden: Tensor, targets: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Sums of weighted nats and of weights; a tail is computed for its own tokens only."""
        softmax = self.project
        hidden = ops.reshape(hidden, (-1, hidden.shape[-1]))  # (tokens, dim)
        ids = ops.cast(ops.reshape(targets, (-1,)), "int32")  # (tokens,)
        weights = ops.reshape(weights, (-1,))  # (tokens,)
        edges = ops.convert_to_tensor(softmax.cutoffs, dtype="int32")
        cluster = ops.sum(ops.cast(ids[:, None] >= edges[None, :], "int32"), axis=-1)
        first = ops.where(cluster == 0, ids, softmax.cutoffs[0] - 1 + cluster)
        kernel, bias = softmax.first.kernel, softmax.first.bias
        nats, tokens = self.count_with(count, kernel, bias, hidden, first, weights)

        order = ops.argsort(cluster)  # the tokens of a tail now stand together
        hidden, ids, weights, cluster = (
            ops.take(x, order, axis=0) for x in (hidden, ids, weights, cluster)
        )
        layers = zip(softmax.tails, softmax.projections, softmax.outputs, strict=True)
        for k, ((begin, _), project, output) in enumerate(layers, 1):
            before, upto = (ops.sum(ops.cast(cluster < n, "int32")) for n in (k, k + 1))
            own = ops.where(cluster == k, weights, 0.0)
            inside = (project(hidden), ids - begin, own)
            window = (before, upto)
            nats += self.count_with(count, output.kernel, None, *inside, window=window)[0]
        return nats, tokens


def make_head(
    vocab_size: int,
    *,
    embedding: TokenEmbedding | None = None,
    adaptive_cutoffs: Sequence[int] | None = None,
    norm: keras.layers.Layer | None = None,
    use_bias: bool = True,
    dropout: float = 0.0,
    regularizer: keras.regularizers.Regularizer | None = None,
) -> Head:
    """The head of a language model: a softmax over all words, or an adaptive one.

    Args:
        vocab_size: Number of logits.
        embedding: The TokenEmbedding whose table is used for the output too, or None.
        adaptive_cutoffs: Where the tails of an adaptive softmax begin, or None for a plain one.
        norm: A normalization layer that comes first, or None.
        use_bias: Whether a bias is added to the logits of a plain softmax.
        dropout: Dropout rate of the hidden state, 0 to 1.
        regularizer: Keras regularizer of a plain softmax's own kernel.

    Returns: An AdaptiveHead or a LanguageModelHead.
    Raises: ArgumentError for cutoffs with an embedding, or that do not rise.

    Example:
        >>> import lmzoo
        >>> type(lmzoo.layers.make_head(50, adaptive_cutoffs=[10, 25])).__name__
        'AdaptiveHead'
    """
    if adaptive_cutoffs is None:
        return LanguageModelHead(
            vocab_size,
            embedding=embedding,
            norm=norm,
            use_bias=use_bias,
            dropout=dropout,
            regularizer=regularizer,
        )
    if embedding is not None:
        raise ArgumentError(
            "tie_embeddings=True with adaptive_cutoffs: the tails' outputs are narrower than "
            "the embedding; choose one of the two."
        )
    return AdaptiveHead(vocab_size, adaptive_cutoffs, norm=norm, dropout=dropout)
