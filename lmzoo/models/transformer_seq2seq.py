"""The Transformer for translation and other pairs of texts."""

from lmzoo.errors import ArgumentError
from lmzoo.layers import CopyHead, LanguageModelHead, TokenEmbedding, TransformerBlock, make_norm
from lmzoo.models.base import Seq2SeqModel, check_copy
from lmzoo.registry import register

# Wu et al. 2021 (https://aclanthology.org/2021.acl-long.480), section 4.2, and Vaswani et al. 2017
# (https://arxiv.org/abs/1706.03762), table 3; the latter with their 37,000 shared word pieces.
PRESETS = {
    "tiny": {"embed_dim": 128, "hidden_dim": 256, "num_layers": 4, "num_heads": 4, "dropout": 0.3},
    "base": {"vocab_size": 37000, "embed_dim": 512, "hidden_dim": 2048, "num_layers": 6,
             "num_heads": 8, "dropout": 0.1},
    "big": {"vocab_size": 37000, "embed_dim": 1024, "hidden_dim": 4096, "num_layers": 6,
            "num_heads": 16, "dropout": 0.3},
}  # fmt: skip


@register(
    tiny={
        "vocab_size": 50,
        "embed_dim": 16,
        "hidden_dim": 32,
        "num_layers": 2,
        "num_heads": 2,
        "dropout": 0.0,
    },
    presets=PRESETS,
)
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
        vocab_size: Number of target ids, at least 1.
        source_vocab_size: Number of source ids; None means that both sides share one vocabulary,
            and with `tie_embeddings` one table.
        embed_dim: Width of the model, a multiple of num_heads.
        hidden_dim: Width of the feed-forward networks; None means 4 * embed_dim.
        num_layers: Number of encoder blocks.
        num_decoder_layers: Number of decoder blocks; None means num_layers.
        num_heads: Number of attention heads.
        activation: "relu" (Vaswani et al. 2017), "gelu", "relu2" or "swiglu".
        norm_first: Pre-norm if True, post-norm (Vaswani et al. 2017) if False.
        dropout: Share dropped in training of embeddings and of what joins the residuals (Vaswani
            et al. 2017, section 5.4), 0 to 1.
        attention_dropout: Share dropped in training of the attention weights, 0 to 1.
        tie_embeddings: Whether source, target and output share one table as far as their
            vocabularies are one.
        copy: Whether tokens may be copied from the source (See et al. 2017); both sides then share
            one vocabulary, and the output has weights of its own.
        coverage: With `copy`, the weight of the coverage loss (See et al. 2017), which keeps the
            output from repeating itself; 0 for none.

    Returns:
        A Seq2SeqModel: int32 ids [(batch, source_time), (batch, time)] -> logits
        (batch, time, vocab_size).

    Raises:
        ArgumentError: If embed_dim is no multiple of num_heads, or odd.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_transformer_seq2seq(50, embed_dim=8, num_layers=1, num_heads=2)
        >>> model.predict([np.array([[4, 5]]), np.array([[2, 6, 7]])], verbose=0).shape
        (1, 3, 50)
    """
    if embed_dim % 2:
        raise ArgumentError(f"embed_dim={embed_dim} is odd: sinusoidal positions come in pairs.")

    def embed(size: int) -> TokenEmbedding:
        return TokenEmbedding(
            size,
            embed_dim,
            positions="sinusoidal",
            dropout=dropout,
            initializer_range=embed_dim**-0.5,
        )

    def block(kind: str) -> TransformerBlock:
        return TransformerBlock(
            num_heads=num_heads,
            hidden_dim=hidden_dim or 4 * embed_dim,
            activation=activation,
            norm_first=norm_first,
            dropout=(dropout, attention_dropout),
            kind=kind,
        )

    check_copy(copy, source_vocab_size, False, coverage)
    embedding = embed(vocab_size)
    shared = source_vocab_size is None and tie_embeddings
    source = embedding if shared else embed(source_vocab_size or vocab_size)
    norm = make_norm("layer", 1e-5) if norm_first else None
    head: CopyHead | LanguageModelHead
    if copy:
        head = CopyHead(vocab_size, norm=norm, coverage=coverage)
    else:
        shared_table = embedding if tie_embeddings else None
        head = LanguageModelHead(vocab_size, embedding=shared_table, norm=norm, use_bias=False)
    return Seq2SeqModel(
        source,
        [block("encoder") for _ in range(num_layers)],
        embedding,
        [block("cross") for _ in range(num_decoder_layers or num_layers)],
        head,
        encoder_norm=make_norm("layer", 1e-5) if norm_first else None,
    )
