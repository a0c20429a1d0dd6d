"""The Transformer's encoder, its decoder, and both together (Vaswani et al. 2017)."""

import functools
from typing import Any

import keras

from lmzoo.layers import TokenEmbedding, TransformerBlock, make_norm
from lmzoo.models.bases.decoder import Decoder
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.seq2seq import Seq2SeqModel
from lmzoo.models.parts import (
    decoder_head,
    input_embedding,
    refuse_copy_between,
    sinusoidal_embedding,
)
from lmzoo.registry import register

TINY = {"vocab_size": 50, "embed_dim": 16, "hidden_dim": 32, "num_layers": 2, "num_heads": 2,
        "dropout": 0.0}  # fmt: skip

# Wu et al. 2021 (https://aclanthology.org/2021.acl-long.480), section 4.2, and Vaswani et al. 2017
# (https://arxiv.org/abs/1706.03762), table 3; the latter with their 37,000 shared word pieces.
PRESETS = {
    "tiny": {"embed_dim": 128, "hidden_dim": 256, "num_layers": 4, "num_heads": 4, "dropout": 0.3},
    "base": {"vocab_size": 37000, "embed_dim": 512, "hidden_dim": 2048, "num_layers": 6,
             "num_heads": 8, "dropout": 0.1},
    "big": {"vocab_size": 37000, "embed_dim": 1024, "hidden_dim": 4096, "num_layers": 6,
            "num_heads": 16, "dropout": 0.3},
}  # fmt: skip


@register(tiny=TINY)
def build_transformer_encoder(
    vocab_size: int | None = None,
    *,
    feature_dim: int | None = None,
    embed_dim: int = 512,
    hidden_dim: int | None = None,
    num_layers: int = 6,
    num_heads: int = 8,
    activation: str = "relu",
    norm_first: bool = False,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
) -> Encoder:
    """Transformer encoder of ids or of features, sinusoidal positions.

    Args:
        vocab_size, feature_dim: Number of ids, or width of the features; the other is None.
        embed_dim: Width of the model, even and a multiple of num_heads.
        hidden_dim: Width of the feed-forward networks; None means 4 * embed_dim.
        num_layers, num_heads: Numbers of blocks and of attention heads.
        activation: "relu" (Vaswani et al. 2017), "gelu", "relu2" or "swiglu".
        norm_first: Pre-norm if True, post-norm (Vaswani et al. 2017) if False.
        dropout: Dropout rate of embeddings and residual branches (Vaswani et al. 2017, section
            5.4), 0 to 1.
        attention_dropout: Dropout rate of the attention weights, 0 to 1.

    Returns:
        An Encoder: int32 ids (batch, time) or float features (batch, time, feature_dim) -> hidden
        states (batch, time, embed_dim) and their mask, bool (batch, time).

    Raises:
        ArgumentError: If embed_dim is odd or no multiple of num_heads, or not one of vocab_size and
            feature_dim is given.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> build_transformer_encoder(50, embed_dim=8, num_layers=1, num_heads=2).output_shape
        [(None, None, 8), (None, None)]
    """
    embedding = input_embedding(vocab_size, feature_dim, embed_dim, "sinusoidal", dropout)
    sizes = (num_heads, hidden_dim or 4 * embed_dim, activation, norm_first)
    blocks = _blocks("encoder", num_layers, *sizes, (dropout, attention_dropout))
    return Encoder(embedding, blocks, norm=_last_norm(norm_first), feature_dim=feature_dim)


@register(tiny={**TINY, "memory_dim": 6})
def build_transformer_decoder(
    vocab_size: int,
    *,
    memory_dim: int,
    embed_dim: int = 512,
    hidden_dim: int | None = None,
    num_layers: int = 6,
    num_heads: int = 8,
    activation: str = "relu",
    norm_first: bool = False,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    tie_embeddings: bool = True,
    copy: bool = False,
    coverage: float = 0.0,
) -> Decoder:
    """Transformer decoder, each block of which attends to a memory; sinusoidal positions.

    Args:
        vocab_size, memory_dim: Number of target ids; width of the memory.
        embed_dim, hidden_dim, num_layers, num_heads, activation, norm_first, dropout,
            attention_dropout: As `build_transformer_encoder`.
        tie_embeddings: Whether the output shares the token vectors (not with `copy`).
        copy, coverage: As `build_lstm_decoder`.

    Returns:
        A Decoder, as `build_lstm_decoder`.

    Raises:
        ArgumentError: As `build_transformer_encoder`, or if coverage comes without copying.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762

    Example:
        >>> sizes = {"embed_dim": 8, "num_layers": 1, "num_heads": 2}
        >>> build_transformer_decoder(50, memory_dim=6, **sizes).output_shape
        (None, None, 50)
    """
    embedding = sinusoidal_embedding(vocab_size, embed_dim, dropout)
    sizes = (num_heads, hidden_dim or 4 * embed_dim, activation, norm_first)
    blocks = _blocks("cross", num_layers, *sizes, (dropout, attention_dropout))
    head = _head(embedding, tie_embeddings, copy, coverage, norm_first)
    return Decoder(embedding, blocks, head, memory_dim=memory_dim)


@register(tiny=TINY, presets=PRESETS)
def build_transformer_seq2seq(
    vocab_size: int,
    *,
    source_vocab_size: int | None = None,
    embed_dim: int = 512,
    hidden_dim: int | None = None,
    num_layers: int = 6,
    num_decoder_layers: int | None = None,
    num_heads: int = 8,
    activation: str = "relu",
    norm_first: bool = False,
    dropout: float = 0.1,
    attention_dropout: float = 0.0,
    tie_embeddings: bool = True,
    copy: bool = False,
    coverage: float = 0.0,
) -> Seq2SeqModel:
    """Transformer encoder and decoder, sinusoidal positions.

    Args:
        vocab_size, source_vocab_size: Numbers of target and source ids; None means that both
            sides share one vocabulary, and with `tie_embeddings` one table.
        embed_dim, hidden_dim, num_heads, activation, norm_first, dropout, attention_dropout: As
            `build_transformer_encoder`, for both sides.
        num_layers, num_decoder_layers: Numbers of encoder and decoder blocks; None means the same.
        tie_embeddings: Whether source, target and output share one table as far as their
            vocabularies are one.
        copy, coverage: As `build_lstm_decoder`.

    Returns:
        A Seq2SeqModel, as `build_lstm_seq2seq`.

    Raises:
        ArgumentError: If embed_dim is odd or no multiple of num_heads, or copying does not fit.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762

    Example:
        >>> build_transformer_seq2seq(50, embed_dim=8, num_layers=1, num_heads=2).output_shape
        (None, None, 50)
    """
    refuse_copy_between(copy, source_vocab_size)
    embedding = source = sinusoidal_embedding(vocab_size, embed_dim, dropout)
    if source_vocab_size is not None or not tie_embeddings:
        source = sinusoidal_embedding(source_vocab_size or vocab_size, embed_dim, dropout)
    sizes = (num_heads, hidden_dim or 4 * embed_dim, activation, norm_first)
    rates = (dropout, attention_dropout)
    encoder_blocks = _blocks("encoder", num_layers, *sizes, rates)
    blocks = _blocks("cross", num_decoder_layers or num_layers, *sizes, rates)
    head = _head(embedding, tie_embeddings, copy, coverage, norm_first)
    encoder = Encoder(source, encoder_blocks, norm=_last_norm(norm_first))
    return Seq2SeqModel(encoder, Decoder(embedding, blocks, head, memory_dim=embed_dim))


def _blocks(
    kind: str, count: int, heads: int, width: int, activation: str, norm_first: bool, dropout: Any
) -> list[TransformerBlock]:
    block = functools.partial(TransformerBlock, activation=activation, norm_first=norm_first)
    return [
        block(kind=kind, dropout=dropout, num_heads=heads, hidden_dim=width) for _ in range(count)
    ]


def _head(
    embedding: TokenEmbedding, tied: bool, copy: bool, coverage: float, norm_first: bool
) -> keras.layers.Layer:
    norm = _last_norm(norm_first)
    return decoder_head(embedding, tied and not copy, copy, coverage, norm=norm, use_bias=False)


def _last_norm(norm_first: bool) -> keras.layers.Layer | None:
    """Pre-norm blocks need one normalization more, behind the last."""
    return make_norm("layer", 1e-5) if norm_first else None
