"""Gated convolutional language model, encoder, decoder, and both of these together."""

from collections.abc import Sequence

import keras

from lmzoo.layers import (
    CrossAttentionBlock,
    GatedConvolutionBlock,
    TokenEmbedding,
    make_head,
    make_norm,
)
from lmzoo.models.bases.decoder import Decoder
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.language_model import LanguageModel
from lmzoo.models.bases.seq2seq import Seq2SeqModel
from lmzoo.models.parts import decoder_head, input_embedding, penalty, sinusoidal_embedding
from lmzoo.registry import register

TINY = {"vocab_size": 50, "embed_dim": 16, "num_layers": 2, "dropout": 0.0}


@register(tiny={"vocab_size": 50, "embed_dim": 16, "num_layers": 2, "kernel_size": 3})
def build_cnn_lm(
    vocab_size: int,
    *,
    embed_dim: int = 256,
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
        embed_dim: Width of the token vectors and of every layer.
        num_layers: Number of gated convolutions, each with a residual.
        kernel_size: Positions that one convolution sees, at least 2.
        dropout: Dropout rate of every layer's input, 0 to 1.
        tie_embeddings: Whether the output shares the embedding's weights.
        adaptive_cutoffs: As `build_lstm_lm`.
        l1, l2: Factors of the L1 and L2 penalties on the kernels.

    Returns:
        A LanguageModel: int32 ids (batch, time) -> logits (batch, time, vocab_size).

    Raises:
        ArgumentError: If tie_embeddings meets adaptive_cutoffs.

    Source: Dauphin et al. 2017, https://arxiv.org/abs/1612.08083

    Example:
        >>> build_cnn_lm(50, embed_dim=8, num_layers=2).output_shape
        (None, None, 50)
    """
    embedding = TokenEmbedding(vocab_size, embed_dim, initializer_range=0.05)
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


@register(tiny=TINY)
def build_cnn_encoder(
    vocab_size: int | None = None,
    *,
    feature_dim: int | None = None,
    embed_dim: int = 256,
    num_layers: int = 4,
    kernel_size: int = 3,
    dropout: float = 0.2,
) -> Encoder:
    """Gated convolutions over the whole input, ids or features; sinusoidal positions.

    Layers are layer-normalized in place of the paper's weight normalization, and positions are
    sinusoidal, so that inputs may be of any length.

    Args:
        vocab_size, feature_dim: Number of ids, or width of the features; the other is None.
        embed_dim: Width of the token vectors and of all layers; even.
        num_layers: Number of convolutions.
        kernel_size: Number of positions that a convolution sees; odd.
        dropout: Dropout rate of embeddings and convolutions, 0 to 1.

    Returns:
        An Encoder, as `build_transformer_encoder`.

    Raises:
        ArgumentError: If kernel_size is even, embed_dim is odd, or not one of vocab_size and
            feature_dim is given.

    Source: Gehring et al. 2017, https://arxiv.org/abs/1705.03122

    Example:
        >>> build_cnn_encoder(50, embed_dim=8, num_layers=1).output_shape
        [(None, None, 8), (None, None)]
    """
    embedding = input_embedding(vocab_size, feature_dim, embed_dim, "sinusoidal", dropout)
    return _encoder(embedding, (num_layers, kernel_size, dropout), feature_dim)


@register(tiny={**TINY, "memory_dim": 6})
def build_cnn_decoder(
    vocab_size: int,
    *,
    memory_dim: int,
    embed_dim: int = 256,
    num_layers: int = 4,
    kernel_size: int = 3,
    dropout: float = 0.2,
    tie_embeddings: bool = True,
) -> Decoder:
    """Causal gated convolutions, each followed by attention to a memory; sinusoidal positions.

    Args:
        vocab_size, memory_dim: Number of target ids; width of the memory.
        embed_dim, num_layers: As `build_cnn_encoder`.
        kernel_size: Number of positions that a convolution sees, even or odd.
        dropout: Dropout rate of embeddings, convolutions and attention, 0 to 1.
        tie_embeddings: Whether the output shares the token vectors.

    Returns:
        A Decoder, as `build_lstm_decoder`.

    Raises:
        ArgumentError: If embed_dim is odd.

    Source: Gehring et al. 2017, https://arxiv.org/abs/1705.03122

    Example:
        >>> build_cnn_decoder(50, memory_dim=6, embed_dim=8, num_layers=1).output_shape
        (None, None, 50)
    """
    embedding = sinusoidal_embedding(vocab_size, embed_dim, dropout)
    sizes = (num_layers, kernel_size, dropout)
    return _decoder(embedding, sizes, tie_embeddings, memory_dim)


@register(tiny=TINY)
def build_cnn_seq2seq(
    vocab_size: int,
    *,
    source_vocab_size: int | None = None,
    embed_dim: int = 256,
    num_layers: int = 4,
    kernel_size: int = 3,
    dropout: float = 0.2,
    tie_embeddings: bool = True,
) -> Seq2SeqModel:
    """Gated convolutions over source and target; every decoder layer attends to the source.

    Args:
        vocab_size, source_vocab_size: Numbers of target and source ids; None means that both
            sides share one vocabulary, and one table of token vectors.
        embed_dim, num_layers, kernel_size: As `build_cnn_encoder`, for both sides.
        dropout, tie_embeddings: As `build_cnn_decoder`.

    Returns:
        A Seq2SeqModel, as `build_lstm_seq2seq`.

    Raises:
        ArgumentError: If kernel_size is even, or embed_dim is odd.

    Source: Gehring et al. 2017, https://arxiv.org/abs/1705.03122

    Example:
        >>> build_cnn_seq2seq(50, embed_dim=8, num_layers=1).output_shape
        (None, None, 50)
    """
    embedding = source = sinusoidal_embedding(vocab_size, embed_dim, dropout)
    if source_vocab_size is not None:
        source = sinusoidal_embedding(source_vocab_size, embed_dim, dropout)
    sizes = (num_layers, kernel_size, dropout)
    return Seq2SeqModel(
        _encoder(source, sizes), _decoder(embedding, sizes, tie_embeddings, embed_dim)
    )


def _encoder(
    embedding: keras.layers.Layer, sizes: tuple[int, int, float], feature_dim: int | None = None
) -> Encoder:
    num_layers, kernel_size, dropout = sizes
    blocks = [
        GatedConvolutionBlock(kernel_size, dropout=dropout, causal=False) for _ in range(num_layers)
    ]
    return Encoder(embedding, blocks, norm=make_norm("layer", 1e-5), feature_dim=feature_dim)


def _decoder(
    embedding: TokenEmbedding, sizes: tuple[int, int, float], tied: bool, memory_dim: int
) -> Decoder:
    num_layers, kernel_size, dropout = sizes
    blocks: list[keras.layers.Layer] = []
    for _ in range(num_layers):
        blocks.append(GatedConvolutionBlock(kernel_size, dropout=dropout))
        blocks.append(CrossAttentionBlock(dropout=dropout))
    head = decoder_head(embedding, tied, norm=make_norm("layer", 1e-5))
    return Decoder(embedding, blocks, head, memory_dim=memory_dim)
