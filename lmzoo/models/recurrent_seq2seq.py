"""Recurrent encoders, decoders with attention, and both together: GRU and LSTM."""

import functools

import keras

from lmzoo.layers import (
    GlobalAttentionBlock,
    InputFeedingBlock,
    RecurrentEncoderBlock,
    TokenEmbedding,
)
from lmzoo.models.bases.decoder import Decoder
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.seq2seq import Seq2SeqModel
from lmzoo.models.parts import (
    character_encoder,
    decoder_head,
    input_embedding,
    penalty,
    refuse_copy_between,
)
from lmzoo.models.recurrent import BLOCKS
from lmzoo.models.variants import variant
from lmzoo.registry import register

TINY = {"vocab_size": 50, "embed_dim": 16, "hidden_dim": 16, "dropout": 0.0}


def recurrent_encoder(
    cell: str,
    vocab_size: int | None = None,
    *,
    feature_dim: int | None = None,
    embed_dim: int = 256,
    hidden_dim: int = 512,
    num_layers: int = 1,
    bidirectional: bool = True,
    dropout: float = 0.3,
    characters: str | None = None,
    num_characters: int | None = None,
    char_dim: int = 30,
    l1: float = 0.0,
    l2: float = 0.0,
) -> Encoder:
    """{title} encoder of ids or of features, in two directions or one.

    Args:
        vocab_size, feature_dim: Number of ids, or width of the features; the other is None.
        embed_dim: Width of the token vectors, or of the projected features.
        hidden_dim: Width of the hidden states; with two directions even, half for each.
        num_layers: Number of recurrent layers.
        bidirectional: Whether there are two directions.
        dropout: Dropout rate of every layer's input, 0 to 1.
        characters: Encoder of words' characters: "cnn" (Ma and Hovy 2016), "lstm" (Lample et al.
            2016), or None; inputs then are a pair of word ids and of character ids (batch, time,
            characters).
        num_characters: Number of character ids, needed with `characters`; 0 is padding.
        char_dim: Width of the characters' vectors; a word's has that ("cnn") or twice ("lstm").
        l1, l2: Factors of the L1 and L2 penalties on the kernels.

    Returns:
        An Encoder: int32 ids (batch, time) or float features (batch, time, feature_dim) -> hidden
        states (batch, time, hidden_dim) and their mask, bool (batch, time).

    Raises:
        ArgumentError: If hidden_dim is odd for two directions, not one of vocab_size and
            feature_dim is given, or characters and num_characters do not come together.

    Source: {source}

    Example:
        {prompt} build_{cell}_encoder(50, embed_dim=8, hidden_dim=8).output_shape
        [(None, None, 8), (None, None)]
    """
    block = functools.partial(RecurrentEncoderBlock, hidden_dim, cell=cell, dropout=dropout)
    return Encoder(
        input_embedding(vocab_size, feature_dim, embed_dim),
        [
            block(bidirectional=bidirectional, regularizer=penalty(l1, l2))
            for _ in range(num_layers)
        ],
        characters=character_encoder(characters, num_characters, char_dim, dropout),
        feature_dim=feature_dim,
    )


def recurrent_decoder(
    cell: str,
    vocab_size: int,
    *,
    memory_dim: int,
    embed_dim: int = 256,
    hidden_dim: int = 512,
    num_layers: int = 1,
    score: str = "dot",
    input_feeding: bool = False,
    dropout: float = 0.3,
    tie_embeddings: bool = False,
    copy: bool = False,
    coverage: float = 0.0,
) -> Decoder:
    """{title} decoder with attention to a memory, such as an encoder's hidden states.

    Its first state is a projection of the memory's mean; every position attends to the memory.

    Args:
        vocab_size: Number of target ids, at least 1.
        memory_dim, embed_dim, hidden_dim: Widths of the memory, token vectors, recurrent states.
        num_layers: Number of recurrent layers.
        score: "dot" (Luong et al. 2015's general score) or "additive" (Bahdanau et al. 2015).
        input_feeding: Whether the attention's output is part of the next step's input (Luong et
            al. 2015): slower to train, since attention then is part of the loop.
        dropout: Dropout rate of every layer's input and of the last output, 0 to 1.
        tie_embeddings: Whether the output shares the token vectors.
        copy: Whether tokens may be copied from the source (See et al. 2017), which then shares the
            vocabulary; the output has weights of its own.
        coverage: With `copy`, the weight of the coverage loss (See et al. 2017), which keeps the
            output from repeating itself; 0 for none.

    Returns:
        A Decoder: int32 ids (batch, time), memory (batch, keys, memory_dim), mask (batch, keys) ->
        logits (batch, time, vocab_size).

    Raises:
        ArgumentError: If the score is another, or copying does not fit.

    Source: {source}

    Example:
        {prompt} build_{cell}_decoder(50, memory_dim=6, embed_dim=8, hidden_dim=8).output_shape
        (None, None, 50)
    """
    embedding = TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1)
    blocks = _decoder_blocks(cell, hidden_dim, num_layers, score, input_feeding, dropout)
    head = decoder_head(embedding, tie_embeddings, copy, coverage, dropout=dropout)
    return Decoder(embedding, blocks, head, memory_dim=memory_dim)


def recurrent_seq2seq(
    cell: str,
    vocab_size: int,
    *,
    source_vocab_size: int | None = None,
    embed_dim: int = 256,
    hidden_dim: int = 512,
    num_layers: int = 1,
    score: str = "dot",
    input_feeding: bool = False,
    dropout: float = 0.3,
    tie_embeddings: bool = False,
    copy: bool = False,
    coverage: float = 0.0,
) -> Seq2SeqModel:
    """Bidirectional {title} encoder, {title} decoder with attention.

    Args:
        vocab_size, source_vocab_size: Numbers of target and source ids; None means that both
            sides share one vocabulary, and one table of token vectors.
        embed_dim, hidden_dim, num_layers: As `build_{cell}_encoder`, for both sides.
        score, input_feeding, dropout, tie_embeddings, copy, coverage: As `build_{cell}_decoder`.

    Returns:
        A Seq2SeqModel: int32 ids [(batch, source_time), (batch, time)] -> logits
        (batch, time, vocab_size).

    Raises:
        ArgumentError: If hidden_dim is odd, the score is another, or copying does not fit.

    Source: {source}

    Example:
        {prompt} build_{cell}_seq2seq(50, embed_dim=8, hidden_dim=8).output_shape
        (None, None, 50)
    """
    refuse_copy_between(copy, source_vocab_size)
    embedding = source = TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1)
    if source_vocab_size is not None:
        source = TokenEmbedding(source_vocab_size, embed_dim, initializer_range=0.1)
    blocks = _decoder_blocks(cell, hidden_dim, num_layers, score, input_feeding, dropout)
    head = decoder_head(embedding, tie_embeddings, copy, coverage, dropout=dropout)
    block = functools.partial(RecurrentEncoderBlock, hidden_dim, cell=cell, dropout=dropout)
    encoder = Encoder(source, [block() for _ in range(num_layers)])
    return Seq2SeqModel(encoder, Decoder(embedding, blocks, head, memory_dim=hidden_dim))


def _decoder_blocks(
    cell: str, hidden_dim: int, num_layers: int, score: str, input_feeding: bool, dropout: float
) -> list[keras.layers.Layer]:
    """Recurrent layers that start from the memory, and attention behind the last, or in it."""
    layers = num_layers - 1 if input_feeding else num_layers
    blocks: list[keras.layers.Layer] = [
        BLOCKS[cell](hidden_dim, dropout=dropout, from_memory=True) for _ in range(layers)
    ]
    if input_feeding:
        return [*blocks, InputFeedingBlock(hidden_dim, cell=cell, score=score, dropout=dropout)]
    return [*blocks, GlobalAttentionBlock(hidden_dim, score=score)]


CHO = "Cho et al. 2014, https://arxiv.org/abs/1406.1078"
LSTM = {
    "cell": "lstm",
    "title": "LSTM",
    "source": "Sutskever et al. 2014, https://arxiv.org/abs/1409.3215;\nLuong et al. 2015, "
    "https://arxiv.org/abs/1508.04025",
}
GRU = {
    "cell": "gru",
    "title": "GRU",
    "source": f"{CHO};\nBahdanau et al. 2015, https://arxiv.org/abs/1409.0473",
}
SCHUSTER = "Schuster and Paliwal 1997, https://doi.org/10.1109/78.650093"
ADDITIVE = {"score": "additive"}

build_lstm_encoder = register(tiny=TINY)(
    variant(recurrent_encoder, "build_lstm_encoder", {**LSTM, "source": SCHUSTER})
)
build_gru_encoder = register(tiny=TINY)(
    variant(recurrent_encoder, "build_gru_encoder", {**GRU, "source": CHO})
)
build_lstm_decoder = register(tiny={**TINY, "memory_dim": 6})(
    variant(recurrent_decoder, "build_lstm_decoder", LSTM)
)
build_gru_decoder = register(tiny={**TINY, "memory_dim": 6})(
    variant(recurrent_decoder, "build_gru_decoder", GRU, ADDITIVE)
)
build_lstm_seq2seq = register(tiny=TINY)(variant(recurrent_seq2seq, "build_lstm_seq2seq", LSTM))
build_gru_seq2seq = register(tiny=TINY)(
    variant(recurrent_seq2seq, "build_gru_seq2seq", GRU, ADDITIVE)
)
