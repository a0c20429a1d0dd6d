"""Parts that the builders of several families share."""

import keras

from lmzoo.errors import ArgumentError
from lmzoo.layers import (
    CharacterEncoder,
    CopyHead,
    FeatureEmbedding,
    LanguageModelHead,
    TokenEmbedding,
)


def penalty(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """The regularizer of a builder's `l1` and `l2`; None if both are 0, which costs nothing."""
    return keras.regularizers.L1L2(l1, l2) if l1 or l2 else None


def sinusoidal_embedding(vocab_size: int, embed_dim: int, dropout: float) -> TokenEmbedding:
    """Token vectors with sinusoidal positions, as Vaswani et al. 2017 begin."""
    _check_even(embed_dim)
    return TokenEmbedding(
        vocab_size,
        embed_dim,
        positions="sinusoidal",
        dropout=dropout,
        initializer_range=embed_dim**-0.5,
    )


def input_embedding(
    vocab_size: int | None,
    feature_dim: int | None,
    embed_dim: int,
    positions: str | None = None,
    dropout: float = 0.0,
) -> keras.layers.Layer:
    """The layer that turns an encoder's ids, or features, into vectors."""
    if (vocab_size is None) == (feature_dim is None):
        raise ArgumentError(
            f"vocab_size={vocab_size} with feature_dim={feature_dim}: give one of them, vocab_size "
            "for ids, feature_dim for features."
        )
    if vocab_size is None:
        if positions is not None:
            _check_even(embed_dim)
        return FeatureEmbedding(embed_dim, positions=positions, dropout=dropout)
    if positions is not None:
        return sinusoidal_embedding(vocab_size, embed_dim, dropout)
    return TokenEmbedding(vocab_size, embed_dim, dropout=dropout, initializer_range=0.1)


def character_encoder(
    kind: str | None, num_characters: int | None, char_dim: int, dropout: float
) -> CharacterEncoder | None:
    """The encoder of words' characters, or None."""
    if (kind is None) != (num_characters is None):
        raise ArgumentError(
            f"characters={kind!r} with num_characters={num_characters}: give both, the kind "
            '("cnn" or "lstm") and the number of character ids, or neither.'
        )
    if kind is None or num_characters is None:
        return None
    own = dropout if kind == "cnn" else 0.0
    return CharacterEncoder(num_characters, kind=kind, char_dim=char_dim, dropout=own)


def decoder_head(
    embedding: TokenEmbedding,
    tied: bool,
    copy: bool = False,
    coverage: float = 0.0,
    *,
    norm: keras.layers.Layer | None = None,
    dropout: float = 0.0,
    use_bias: bool = True,
) -> CopyHead | LanguageModelHead:
    """The head of a decoder that may copy; one that copies has output weights of its own."""
    if coverage < 0 or (coverage and not copy):
        raise ArgumentError(
            f"coverage={coverage} with copy={copy}: it is 0 or above, and above 0 only with "
            "copy=True."
        )
    if copy and tied:
        raise ArgumentError("copy=True has output weights of its own: leave tie_embeddings off.")
    if copy:
        return CopyHead(embedding.vocab_size, norm=norm, dropout=dropout, coverage=coverage)
    return LanguageModelHead(
        embedding.vocab_size,
        embedding=embedding if tied else None,
        norm=norm,
        use_bias=use_bias,
        dropout=dropout,
    )


def refuse_copy_between(copy: bool, source_vocab_size: int | None) -> None:
    """Refuses copying between two vocabularies."""
    if copy and source_vocab_size is not None:
        raise ArgumentError(
            f"copy=True with source_vocab_size={source_vocab_size}: copied ids must mean the same "
            "on both sides; train one tokenizer for both."
        )


def _check_even(embed_dim: int) -> None:
    if embed_dim % 2:
        raise ArgumentError(f"embed_dim={embed_dim} is odd: sinusoidal positions come in pairs.")
