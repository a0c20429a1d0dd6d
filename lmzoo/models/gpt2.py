"""GPT-2 language model."""

from lmzoo.layers import LanguageModelHead, TokenEmbedding, TransformerBlock, make_norm
from lmzoo.models.bases.language_model import LanguageModel
from lmzoo.registry import register

# Radford et al. 2019, table 2, with the released 50,257 byte-pair tokens.
PRESETS = {
    "small": {"vocab_size": 50257, "embed_dim": 768, "num_layers": 12, "num_heads": 12},
    "medium": {"vocab_size": 50257, "embed_dim": 1024, "num_layers": 24, "num_heads": 16},
    "large": {"vocab_size": 50257, "embed_dim": 1280, "num_layers": 36, "num_heads": 20},
    "xl": {"vocab_size": 50257, "embed_dim": 1600, "num_layers": 48, "num_heads": 25},
}


@register(
    tiny={"vocab_size": 50, "embed_dim": 16, "num_layers": 2, "num_heads": 2, "max_length": 64},
    presets=PRESETS,
)
def build_gpt2_lm(
    vocab_size: int,
    *,
    embed_dim: int = 768,
    num_layers: int = 12,
    num_heads: int = 12,
    hidden_dim: int | None = None,
    max_length: int = 1024,
    dropout: float = 0.1,
    tie_embeddings: bool = True,
) -> LanguageModel:
    """GPT-2 language model: a pre-norm Transformer with learned positions.

    Args:
        vocab_size: Number of ids, at least 1.
        embed_dim: Width of the model, a multiple of num_heads.
        num_layers, num_heads: Numbers of Transformer blocks and of attention heads.
        hidden_dim: Width of the feed-forward network; None means 4 * embed_dim.
        max_length: Longest sequence, in tokens.
        dropout: Dropout rate of embeddings, attention weights and residual branches, 0 to 1.
        tie_embeddings: Whether the output shares the embedding's weights.

    Returns:
        A LanguageModel: int32 ids (batch, time) -> logits (batch, time, vocab_size).

    Raises:
        ArgumentError: If embed_dim is no multiple of num_heads.

    Source: Radford et al. 2019,
    https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    Example:
        >>> build_gpt2_lm(50, embed_dim=8, num_layers=1, num_heads=2).output_shape
        (None, None, 50)
    """
    embedding = TokenEmbedding(
        vocab_size, embed_dim, positions="learned", max_length=max_length, dropout=dropout
    )
    blocks = [
        TransformerBlock(
            num_heads=num_heads,
            hidden_dim=hidden_dim or 4 * embed_dim,
            dropout=dropout,
            output_scale=(2 * num_layers) ** -0.5,
        )
        for _ in range(num_layers)
    ]
    head = LanguageModelHead(
        vocab_size,
        embedding=embedding if tie_embeddings else None,
        norm=make_norm("layer", 1e-5),
        use_bias=False,
    )
    return LanguageModel(embedding, blocks, head)
