"""Convolutional language model."""

from collections.abc import Sequence

from lmzoo.layers import GatedConvolutionBlock, TokenEmbedding, make_head, make_norm
from lmzoo.models.base import LanguageModel
from lmzoo.models.zoo_model import penalty
from lmzoo.registry import register


@register(tiny={"vocab_size": 50, "hidden_dim": 16, "num_layers": 2, "kernel_size": 3})
def build_cnn_lm(
    vocab_size: int,
    *,
    hidden_dim: int = 256,
    num_layers: int = 8,
    kernel_size: int = 4,
    dropout: float = 0.1,
    tie_embeddings: bool = False,
    adaptive_cutoffs: Sequence[int] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
) -> LanguageModel:
    """Gated convolutional language model.

    A position sees itself and the num_layers * (kernel_size - 1) before it. It is no recurrent
    network: a training step treats all positions at once.

    Args:
        vocab_size: Number of ids, at least 1.
        hidden_dim: Width of the token vectors and of every layer.
        num_layers: Number of gated convolutions, each with a residual.
        kernel_size: Positions that one convolution sees, at least 2.
        dropout: Share of every layer's input dropped in training, 0 to 1.
        tie_embeddings: Whether the output shares the embedding's weights.
        adaptive_cutoffs: Where the tails of an adaptive softmax begin ([2000, 10000]), for large
            vocabularies sorted by frequency; None for a plain softmax.
        l1: Factor of the L1 penalty on the kernels.
        l2: Factor of the L2 penalty on the kernels.

    Returns:
        A LanguageModel: int32 ids (batch, time) -> logits (batch, time, vocab_size).

    Raises:
        ArgumentError: If tie_embeddings meets adaptive_cutoffs.

    Source: Dauphin et al. 2017, https://arxiv.org/abs/1612.08083

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_cnn_lm(50, hidden_dim=8, num_layers=2)
        >>> model.predict(np.array([[1, 2, 3]]), verbose=0).shape
        (1, 3, 50)
    """
    embedding = TokenEmbedding(vocab_size, hidden_dim, initializer_range=0.05)
    blocks = [
        GatedConvolutionBlock(kernel_size, dropout=dropout, regularizer=penalty(l1, l2))
        for _ in range(num_layers)
    ]
    head = make_head(
        vocab_size,
        embedding=embedding if tie_embeddings else None,
        adaptive_cutoffs=adaptive_cutoffs,
        norm=make_norm("layer", 1e-5),
        dropout=dropout,
        regularizer=penalty(l1, l2),
    )
    return LanguageModel(embedding, blocks, head)
