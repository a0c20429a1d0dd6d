"""Convolutional encoder and decoder with attention in every layer."""

from lmzoo.layers import (
    CrossAttentionBlock,
    GatedConvolutionBlock,
    LanguageModelHead,
    TokenEmbedding,
    make_norm,
)
from lmzoo.models.base import Seq2SeqModel
from lmzoo.registry import register


@register(tiny={"vocab_size": 50, "hidden_dim": 16, "num_layers": 2, "dropout": 0.0})
def build_cnn_seq2seq(
    vocab_size: int,
    *,
    source_vocab_size: int | None = None,
    hidden_dim: int = 256,
    num_layers: int = 4,
    kernel_size: int = 3,
    dropout: float = 0.2,
    tie_embeddings: bool = True,
) -> Seq2SeqModel:
    """Gated convolutions over source and target; every decoder layer looks at the source.

    Layers are layer-normalized in place of the paper's weight normalization, and positions are
    sinusoidal, so that texts may be of any length.

    Args:
        vocab_size: Number of target ids, at least 1.
        source_vocab_size: Number of source ids; None means that both sides share one vocabulary,
            and one table of token vectors.
        hidden_dim: Width of the token vectors and of all layers; even.
        num_layers: Number of convolutions of the encoder, and of the decoder.
        kernel_size: Number of positions that a convolution sees; odd.
        dropout: Share dropped in training of embeddings, convolutions and attention, 0 to 1.
        tie_embeddings: Whether the output shares the target's token vectors.

    Returns:
        A Seq2SeqModel: int32 ids [(batch, source_time), (batch, time)] -> logits
        (batch, time, vocab_size).

    Raises:
        ArgumentError: If kernel_size is even.

    Source: Gehring et al. 2017, https://arxiv.org/abs/1705.03122

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_cnn_seq2seq(50, hidden_dim=8, num_layers=1)
        >>> model.predict([np.array([[4, 5]]), np.array([[2, 6, 7]])], verbose=0).shape
        (1, 3, 50)
    """

    def embed(size: int) -> TokenEmbedding:
        return TokenEmbedding(
            size,
            hidden_dim,
            positions="sinusoidal",
            dropout=dropout,
            initializer_range=hidden_dim**-0.5,
        )

    embedding = embed(vocab_size)
    source = embedding if source_vocab_size is None else embed(source_vocab_size)
    blocks = []
    for _ in range(num_layers):
        blocks.append(GatedConvolutionBlock(kernel_size, dropout=dropout))
        blocks.append(CrossAttentionBlock(dropout=dropout))
    return Seq2SeqModel(
        source,
        [
            GatedConvolutionBlock(kernel_size, dropout=dropout, causal=False)
            for _ in range(num_layers)
        ],
        embedding,
        blocks,
        LanguageModelHead(
            vocab_size,
            embedding=embedding if tie_embeddings else None,
            norm=make_norm("layer", 1e-5),
        ),
        encoder_norm=make_norm("layer", 1e-5),
    )
