"""Recurrent encoder and decoder with attention."""

import keras

from lmzoo.layers import (
    CopyHead,
    GlobalAttentionBlock,
    GRUBlock,
    InputFeedingBlock,
    LanguageModelHead,
    LSTMBlock,
    RecurrentEncoderBlock,
    TokenEmbedding,
)
from lmzoo.models.base import Seq2SeqModel, check_copy
from lmzoo.registry import register

TINY = {"vocab_size": 50, "embed_dim": 16, "hidden_dim": 16, "dropout": 0.0}
BLOCKS = {"gru": GRUBlock, "lstm": LSTMBlock}


@register(tiny=TINY)
def build_lstm_seq2seq(
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
    """Bidirectional LSTM encoder, LSTM decoder with attention.

    The decoder begins with what a projection reads from the mean of the encoder's outputs, runs
    over the target, and looks at the encoder's outputs from each position.

    Args:
        vocab_size: Number of target ids, at least 1.
        source_vocab_size: Number of source ids; None means that both sides share one vocabulary,
            and one table of token vectors.
        embed_dim: Width of the token vectors.
        hidden_dim: Width of the encoder's outputs and of the decoder; even.
        num_layers: Number of layers of the encoder, and of the decoder.
        score: "dot" (Luong et al. 2015's general score) or "additive" (Bahdanau et al. 2015).
        input_feeding: Whether the last recurrent layer reads what the attention found one position
            before (Luong et al. 2015): slower to train, since attention then is part of the loop.
        dropout: Share dropped in training of every layer's input and of the last output, 0 to 1.
        tie_embeddings: Whether the output shares the target's token vectors.
        copy: Whether tokens may be copied from the source (See et al. 2017); both sides then share
            one vocabulary, and the output has weights of its own.
        coverage: With `copy`, the weight of the coverage loss (See et al. 2017), which keeps the
            output from repeating itself; 0 for none.

    Returns:
        A Seq2SeqModel: int32 ids [(batch, source_time), (batch, time)] -> logits
        (batch, time, vocab_size).

    Raises:
        ArgumentError: If hidden_dim is odd, or the score is another.

    Source: Sutskever et al. 2014, https://arxiv.org/abs/1409.3215; Bahdanau et al. 2015,
    https://arxiv.org/abs/1409.0473; Luong et al. 2015, https://arxiv.org/abs/1508.04025

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_lstm_seq2seq(50, embed_dim=8, hidden_dim=8)
        >>> model.predict([np.array([[4, 5]]), np.array([[2, 6, 7]])], verbose=0).shape
        (1, 3, 50)
    """
    return _recurrent_seq2seq("lstm", **locals())


@register(tiny=TINY)
def build_gru_seq2seq(
    vocab_size: int,
    *,
    source_vocab_size: int | None = None,
    embed_dim: int = 256,
    hidden_dim: int = 512,
    num_layers: int = 1,
    score: str = "additive",
    input_feeding: bool = False,
    dropout: float = 0.3,
    tie_embeddings: bool = False,
    copy: bool = False,
    coverage: float = 0.0,
) -> Seq2SeqModel:
    """Bidirectional GRU encoder, GRU decoder with attention.

    Args:
        vocab_size: Number of target ids, at least 1.
        source_vocab_size: Number of source ids; None means that both sides share one vocabulary,
            and one table of token vectors.
        embed_dim: Width of the token vectors.
        hidden_dim: Width of the encoder's outputs and of the decoder; even.
        num_layers: Number of layers of the encoder, and of the decoder.
        score: "dot" (Luong et al. 2015's general score) or "additive" (Bahdanau et al. 2015).
        input_feeding: Whether the last recurrent layer reads what the attention found one position
            before (Luong et al. 2015): slower to train, since attention then is part of the loop.
        dropout: Share dropped in training of every layer's input and of the last output, 0 to 1.
        tie_embeddings: Whether the output shares the target's token vectors.
        copy: Whether tokens may be copied from the source (See et al. 2017); both sides then share
            one vocabulary, and the output has weights of its own.
        coverage: With `copy`, the weight of the coverage loss (See et al. 2017), which keeps the
            output from repeating itself; 0 for none.

    Returns:
        A Seq2SeqModel: int32 ids [(batch, source_time), (batch, time)] -> logits
        (batch, time, vocab_size).

    Raises:
        ArgumentError: If hidden_dim is odd, or the score is another.

    Source: Cho et al. 2014, https://arxiv.org/abs/1406.1078; Bahdanau et al. 2015,
    https://arxiv.org/abs/1409.0473

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_gru_seq2seq(50, embed_dim=8, hidden_dim=8)
        >>> model.predict([np.array([[4, 5]]), np.array([[2, 6, 7]])], verbose=0).shape
        (1, 3, 50)
    """
    return _recurrent_seq2seq("gru", **locals())


def _recurrent_seq2seq(
    cell: str,
    vocab_size: int,
    source_vocab_size: int | None,
    embed_dim: int,
    hidden_dim: int,
    num_layers: int,
    score: str,
    input_feeding: bool,
    dropout: float,
    tie_embeddings: bool,
    copy: bool,
    coverage: float,
) -> Seq2SeqModel:
    check_copy(copy, source_vocab_size, tie_embeddings, coverage)
    embedding = TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1)
    source = embedding
    if source_vocab_size is not None:
        source = TokenEmbedding(source_vocab_size, embed_dim, initializer_range=0.1)
    layers = num_layers - 1 if input_feeding else num_layers
    blocks: list[keras.layers.Layer] = [
        BLOCKS[cell](hidden_dim, dropout=dropout, from_memory=True) for _ in range(layers)
    ]
    if input_feeding:
        blocks.append(InputFeedingBlock(hidden_dim, cell=cell, score=score, dropout=dropout))
    else:
        blocks.append(GlobalAttentionBlock(hidden_dim, score=score))
    head: CopyHead | LanguageModelHead
    if copy:
        head = CopyHead(vocab_size, dropout=dropout, coverage=coverage)
    else:
        shared = embedding if tie_embeddings else None
        head = LanguageModelHead(vocab_size, embedding=shared, dropout=dropout)
    return Seq2SeqModel(
        source,
        [RecurrentEncoderBlock(hidden_dim, cell=cell, dropout=dropout) for _ in range(num_layers)],
        embedding,
        blocks,
        head,
    )
