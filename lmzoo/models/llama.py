"""Llama language model."""

from collections.abc import Sequence
from typing import Any

from lmzoo.layers import TokenEmbedding, TransformerBlock, make_head, make_norm
from lmzoo.models.bases.language_model import LanguageModel
from lmzoo.registry import register

SIZES = ("vocab_size", "embed_dim", "num_layers", "num_heads", "num_kv_heads", "hidden_dim")


def _sizes(*values: int) -> dict[str, Any]:
    return dict(zip(SIZES, values, strict=True))


# Public sizes: Touvron et al. 2023 (https://arxiv.org/abs/2307.09288), Dubey et al. 2024
# (https://arxiv.org/abs/2407.21783), Zhang et al. 2024 (https://arxiv.org/abs/2401.02385), and
# SmolLM2 (Allal et al. 2025, https://arxiv.org/abs/2502.02737).
PRESETS = {
    "smollm2_135m": _sizes(49152, 576, 30, 9, 3, 1536)
    | {"tie_embeddings": True, "rotary_base": 100000.0},
    "tinyllama_1b": _sizes(32000, 2048, 22, 32, 4, 5632),
    "llama2_7b": _sizes(32000, 4096, 32, 32, 32, 11008),
    "llama2_13b": _sizes(32000, 5120, 40, 40, 40, 13824),
    "llama3_8b": {**_sizes(128256, 4096, 32, 32, 8, 14336), "rotary_base": 500000.0},
    "llama3_70b": {**_sizes(128256, 8192, 80, 64, 8, 28672), "rotary_base": 500000.0},
}


@register(tiny=_sizes(50, 16, 2, 4, 2, 32), presets=PRESETS)
def build_llama_lm(
    vocab_size: int,
    *,
    embed_dim: int = 768,
    num_layers: int = 12,
    num_heads: int = 12,
    num_kv_heads: int | None = None,
    hidden_dim: int | None = None,
    activation: str = "swiglu",
    rotary_base: float = 10000.0,
    rotary_scaling: dict[str, Any] | None = None,
    norm_epsilon: float = 1e-5,
    qk_norm: bool = False,
    dropout: float = 0.0,
    tie_embeddings: bool = False,
    adaptive_cutoffs: Sequence[int] | None = None,
) -> LanguageModel:
    """Llama language model: rotary positions, RMSNorm, SwiGLU, grouped-query attention.

    Args:
        vocab_size: Number of ids, at least 1.
        embed_dim: Width of the model, a multiple of 2 * num_heads.
        num_layers, num_heads: Numbers of Transformer blocks and of query heads.
        num_kv_heads: Number of key and value heads, a divisor of num_heads; None: num_heads.
        hidden_dim: Width of the feed-forward network; None means 8/3 * embed_dim, rounded up to
            a multiple of 32.
        activation: "swiglu", or "relu2" for a squared ReLU without a gate.
        rotary_base: Base of the rotary embedding.
        rotary_scaling: How it is stretched for longer texts, as `lmzoo.layers.rotary_frequencies`.
        norm_epsilon: What RMSNorm adds to mean squares.
        qk_norm: Whether queries and keys are normalized per head.
        dropout: Dropout rate of embeddings, attention weights and residual branches, 0 to 1.
        tie_embeddings: Whether the output shares the embedding's weights.
        adaptive_cutoffs: As `build_lstm_lm`.

    Returns:
        A LanguageModel: int32 ids (batch, time) -> logits (batch, time, vocab_size).

    Raises:
        ArgumentError: If the heads do not divide the width, or each other, or have an odd width;
            if tie_embeddings meets adaptive_cutoffs; for a rotary_scaling that does not exist.

    Source: Touvron et al. 2023, https://arxiv.org/abs/2302.13971

    Example:
        >>> build_llama_lm(50, embed_dim=8, num_layers=1, num_heads=2).output_shape
        (None, None, 50)
    """
    embedding = TokenEmbedding(vocab_size, embed_dim, dropout=dropout)
    blocks = [
        TransformerBlock(
            num_heads=num_heads,
            num_kv_heads=num_kv_heads,
            hidden_dim=hidden_dim or -(-embed_dim * 8 // 96) * 32,
            activation=activation,
            norm="rms",
            norm_epsilon=norm_epsilon,
            rotary_base=rotary_base,
            rotary_scaling=rotary_scaling,
            qk_norm=qk_norm,
            dropout=dropout,
            use_bias=False,
            output_scale=(2 * num_layers) ** -0.5,
        )
        for _ in range(num_layers)
    ]
    head = make_head(
        vocab_size,
        embedding=embedding if tie_embeddings else None,
        adaptive_cutoffs=adaptive_cutoffs,
        norm=make_norm("rms", norm_epsilon),
        use_bias=False,
    )
    return LanguageModel(embedding, blocks, head)
