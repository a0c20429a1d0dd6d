"""Recurrent language models: simple RNN, GRU and LSTM."""

from collections.abc import Sequence

from lmzoo.layers import (
    GRUBlock,
    LSTMBlock,
    RecurrentBlock,
    SimpleRNNBlock,
    TokenEmbedding,
    make_head,
)
from lmzoo.models.bases.language_model import LanguageModel
from lmzoo.models.parts import penalty
from lmzoo.models.variants import variant
from lmzoo.registry import register

BLOCKS: dict[str, type[RecurrentBlock]] = {
    "rnn": SimpleRNNBlock,
    "gru": GRUBlock,
    "lstm": LSTMBlock,
}
TINY = {"vocab_size": 50, "embed_dim": 16, "hidden_dim": 16}

# Zaremba et al. 2014 (LSTM on the Penn Treebank); Merity et al. 2018 (AWD-LSTM).
LSTM_PRESETS = {
    "small": {"vocab_size": 10000, "embed_dim": 200, "hidden_dim": 200, "dropout": 0.0},
    "medium": {"vocab_size": 10000, "embed_dim": 650, "hidden_dim": 650, "dropout": 0.5},
    "large": {"vocab_size": 10000, "embed_dim": 1500, "hidden_dim": 1500, "dropout": 0.65},
    "awd": {"vocab_size": 33278, "embed_dim": 400, "hidden_dim": 1150, "num_layers": 3,
            "dropout": 0.4, "weight_dropout": 0.5, "variational": True, "tie_embeddings": True},
}  # fmt: skip


def recurrent_lm(
    cell: str,
    vocab_size: int,
    *,
    embed_dim: int = 650,
    hidden_dim: int = 650,
    num_layers: int = 2,
    dropout: float = 0.5,
    weight_dropout: float = 0.0,
    variational: bool = False,
    tie_embeddings: bool = False,
    adaptive_cutoffs: Sequence[int] | None = None,
    l1: float = 0.0,
    l2: float = 0.0,
    carry_batch_size: int = 0,
) -> LanguageModel:
    """{title}

    Args:
        vocab_size: Number of ids, at least 1.
        embed_dim, hidden_dim: Widths of the token vectors and of the recurrent state.
        num_layers: Number of recurrent layers.
        dropout: Dropout rate of every layer's input and of the last output, 0 to 1.
        weight_dropout: Dropout rate of the recurrent weights, 0 to 1 (AWD-LSTM).
        variational: Whether dropout takes the same features at every time step (AWD-LSTM).
        tie_embeddings: Whether the output shares the embedding's weights.
        adaptive_cutoffs: Where the tails of an adaptive softmax begin ([2000, 10000]), for large
            vocabularies sorted by falling frequency; None for a plain softmax.
        l1, l2: Factors of the L1 and L2 penalties on the kernels.
        carry_batch_size: If above 0, training carries the state from batch to batch
            (truncated back-propagation through time); batches must have this many rows, and
            row i must continue row i of the batch before. `reset_carried_state()` starts anew.

    Returns:
        A LanguageModel: int32 ids (batch, time) -> logits (batch, time, vocab_size).

    Source: {source}

    Example:
        {prompt} build_{cell}_lm(50, embed_dim=8, hidden_dim=8).output_shape
        (None, None, 50)
    """
    embedding = TokenEmbedding(vocab_size, embed_dim, initializer_range=0.05)
    blocks = [
        BLOCKS[cell](
            # A tied output needs the last state as wide as the embedding (Merity et al. 2018).
            embed_dim if tie_embeddings and i == num_layers - 1 else hidden_dim,
            dropout=dropout,
            variational=variational,
            weight_dropout=weight_dropout,
            regularizer=penalty(l1, l2),
            carry_batch_size=carry_batch_size,
        )
        for i in range(num_layers)
    ]
    head = make_head(
        vocab_size,
        embedding=embedding if tie_embeddings else None,
        adaptive_cutoffs=adaptive_cutoffs,
        dropout=dropout,
        regularizer=penalty(l1, l2),
    )
    return LanguageModel(embedding, blocks, head)


RNN = {
    "cell": "rnn",
    "title": "Simple recurrent (Elman) language model.\n\n"
    "h_t = tanh(W x_t + U h_(t-1) + b), o_t = V h_t + c: o_t are the logits.",
    "source": "Elman 1990, https://doi.org/10.1207/s15516709cog1402_1",
}
RNN_DEFAULTS = {"embed_dim": 256, "hidden_dim": 256, "num_layers": 1, "dropout": 0.0}
GRU = {
    "cell": "gru",
    "title": "GRU language model; the default sizes are those of the LSTM.",
    "source": "Cho et al. 2014, https://arxiv.org/abs/1406.1078",
}
LSTM = {
    "cell": "lstm",
    "title": "LSTM language model.\n\nThe default is the medium model of Zaremba et al.; presets "
    "small, medium, large, awd.",
    "source": "Zaremba et al. 2014, https://arxiv.org/abs/1409.2329; AWD-LSTM: Merity et al. 2018,"
    "\nhttps://arxiv.org/abs/1708.02182",
}
build_rnn_lm = register(tiny=TINY)(variant(recurrent_lm, "build_rnn_lm", RNN, RNN_DEFAULTS))
build_gru_lm = register(tiny=TINY)(variant(recurrent_lm, "build_gru_lm", GRU))
build_lstm_lm = register(tiny=TINY, presets=LSTM_PRESETS)(
    variant(recurrent_lm, "build_lstm_lm", LSTM)
)
