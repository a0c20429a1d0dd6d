"""Taggers of encoders or ids: inputs and outputs as `TaggerModel`."""

from collections.abc import Sequence

from lmzoo.errors import ArgumentError
from lmzoo.layers import (
    CRF,
    Dense,
    Pooling,
    RecurrentEncoderBlock,
    SlotGate,
    TokenEmbedding,
    TransformerBlock,
    make_norm,
)
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.tagger import TaggerModel
from lmzoo.models.parts import character_encoder, penalty, sinusoidal_embedding
from lmzoo.registry import register

TINY = {"vocab_size": 50, "num_tags": 5, "embed_dim": 8, "hidden_dim": 8, "dropout": 0.0}
Pairs = Sequence[Sequence[int]]


@register(
    tiny={
        "encoder": {"builder": "gru_encoder", "vocab_size": 50, "embed_dim": 8, "hidden_dim": 8,
                    "dropout": 0.0},
        "num_tags": 5,
        "dropout": 0.0,
    }
)  # fmt: skip
def build_tagger(
    encoder: Encoder,
    *,
    num_tags: int,
    crf: bool = True,
    forbidden: Pairs | None = None,
    num_intents: int | None = None,
    pooling: str = "attention",
    slot_gate: bool = False,
    dropout: float = 0.5,
) -> TaggerModel:
    """Tagger on any encoder: a linear layer, and a CRF that decodes the tags jointly.

    Args:
        encoder: Such as `lmzoo.build_lstm_encoder(...)`; several models may share it.
        num_tags: Number of tags.
        crf: Whether a CRF decodes the tags jointly; if not, each word's best tag is taken.
        forbidden: Pairs [from, to] of tags that never follow each other, for the CRF; from = -1 is
            the start of the sentence, to = num_tags its end.
        num_intents: Number of intents of a sentence, or None.
        pooling: The sentence's vector for the intent: "attention", "max" or another of
            `lmzoo.layers.Pooling`.
        slot_gate: Whether the sentence's vector scales the words' before they are tagged.
        dropout: Dropout rate of the encoder's output, 0 to 1.

    Returns:
        A TaggerModel: the encoder's inputs -> float32 emissions (batch, time, num_tags), without a
        CRF the tags' logits; with intents a list: their logits (batch, num_intents), and that.

    Raises:
        ArgumentError: If forbidden is given without a CRF or holds invalid pairs, slot_gate without
            intents, or pooling is another.

    Source: Lample et al. 2016, https://arxiv.org/abs/1603.01360; intents: Liu and Lane 2016,
    https://arxiv.org/abs/1609.01454; slot gate: Goo et al. 2018, https://aclanthology.org/N18-2118

    Example:
        >>> import lmzoo
        >>> encoder = lmzoo.build_lstm_encoder(50, embed_dim=8, hidden_dim=8)
        >>> lmzoo.build_tagger(encoder, num_tags=3).output_shape
        (None, None, 3)
    """
    if forbidden and not crf:
        raise ArgumentError("forbidden needs crf=True: without it each tag is decoded by itself.")
    if slot_gate and num_intents is None:
        raise ArgumentError("slot_gate=True needs num_intents: it is the intent that gates.")
    return TaggerModel(
        encoder,
        num_tags,
        dropout=dropout,
        crf=CRF(num_tags, forbidden=forbidden, name="tag") if crf else None,
        num_intents=num_intents,
        pooling=None if num_intents is None else Pooling(pooling),
        gate=SlotGate() if slot_gate else None,
    )


@register(tiny=TINY)
def build_bilstm_crf_tagger(
    vocab_size: int,
    *,
    num_tags: int,
    embed_dim: int = 100,
    hidden_dim: int = 200,
    num_layers: int = 1,
    dropout: float = 0.5,
    characters: str | None = None,
    num_characters: int | None = None,
    char_dim: int = 30,
    crf: bool = True,
    forbidden: Pairs | None = None,
    l2: float = 0.0,
) -> TaggerModel:
    """Bidirectional LSTM over words and their characters, tags decoded jointly by a CRF.

    Args:
        vocab_size: Number of word ids, at least 1; 0 is padding.
        num_tags, crf, forbidden: As `build_tagger`.
        embed_dim: Width of the word vectors.
        hidden_dim: Width of the LSTM's output, half for each direction; even.
        num_layers: Number of layers.
        dropout: Dropout rate of each layer's input, of the last output, and of the
            characters' vectors with "cnn", 0 to 1.
        characters, num_characters, char_dim: As `build_lstm_encoder`.
        l2: Factor of the L2 penalty on the kernels.

    Returns:
        A TaggerModel, as `build_tagger`: int32 word ids (batch, time), or a pair of them and
        character ids (batch, time, characters) -> emissions.

    Raises:
        ArgumentError: If hidden_dim is odd, characters and num_characters do not come together, or
            as `build_tagger`.

    Source: Lample et al. 2016, https://arxiv.org/abs/1603.01360; Ma and Hovy 2016,
    https://arxiv.org/abs/1603.01354; Huang et al. 2015, https://arxiv.org/abs/1508.01991

    Example:
        >>> build_bilstm_crf_tagger(50, num_tags=3, embed_dim=8, hidden_dim=8).output_shape
        (None, None, 3)
    """
    encoder = Encoder(
        TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1),
        [RecurrentEncoderBlock(hidden_dim, dropout=dropout) for _ in range(num_layers)],
        characters=character_encoder(characters, num_characters, char_dim, dropout),
    )
    model = build_tagger(encoder, num_tags=num_tags, crf=crf, forbidden=forbidden, dropout=dropout)
    regularizer = penalty(0.0, l2)
    for weight in model.trainable_weights if regularizer else []:
        if "kernel" in weight.name:
            weight.regularizer = regularizer
    return model


@register(tiny={**TINY, "hidden_dim": 16, "num_layers": 1, "num_heads": 2})
def build_transformer_tagger(
    vocab_size: int,
    *,
    num_tags: int,
    embed_dim: int = 128,
    hidden_dim: int = 256,
    num_layers: int = 2,
    num_heads: int = 4,
    dropout: float = 0.1,
    characters: str | None = None,
    num_characters: int | None = None,
    char_dim: int = 30,
    crf: bool = False,
    forbidden: Pairs | None = None,
) -> TaggerModel:
    """Transformer encoder over words and their characters, pre-norm, sinusoidal positions.

    Args:
        vocab_size, num_tags, crf, forbidden: As `build_bilstm_crf_tagger`.
        embed_dim, hidden_dim, num_layers, num_heads: As `build_transformer_encoder`.
        dropout: Dropout rate of embeddings, residual branches, attention weights and output.
        characters, num_characters, char_dim: As `build_bilstm_crf_tagger`; the joined vectors are
            then projected to embed_dim.

    Returns:
        A TaggerModel, as `build_bilstm_crf_tagger`.

    Raises:
        ArgumentError: If num_heads does not divide embed_dim; or as `build_bilstm_crf_tagger`.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> build_transformer_tagger(50, num_tags=3, embed_dim=8, num_heads=2).output_shape
        (None, None, 3)
    """
    blocks = [
        TransformerBlock(
            num_heads=num_heads, hidden_dim=hidden_dim, dropout=dropout, kind="encoder"
        )
        for _ in range(num_layers)
    ]
    encoder = Encoder(
        sinusoidal_embedding(vocab_size, embed_dim, dropout),
        blocks,
        characters=character_encoder(characters, num_characters, char_dim, dropout),
        projection=None if characters is None else Dense(embed_dim, name="projection"),
        norm=make_norm("layer", 1e-5),
    )
    return build_tagger(encoder, num_tags=num_tags, crf=crf, forbidden=forbidden, dropout=dropout)


@register(tiny={**TINY, "num_intents": 3})
def build_lstm_intent_tagger(
    vocab_size: int,
    *,
    num_intents: int,
    num_tags: int,
    embed_dim: int = 100,
    hidden_dim: int = 200,
    num_layers: int = 1,
    dropout: float = 0.5,
    characters: str | None = None,
    num_characters: int | None = None,
    char_dim: int = 30,
    crf: bool = True,
    forbidden: Pairs | None = None,
    pooling: str = "attention",
    slot_gate: bool = False,
) -> TaggerModel:
    """Bidirectional LSTM that predicts a sentence's intent and each word's slot.

    Args:
        vocab_size, embed_dim, hidden_dim, num_layers, dropout, characters, num_characters,
            char_dim: As `build_bilstm_crf_tagger`.
        num_intents, num_tags, crf, forbidden, pooling, slot_gate: As `build_tagger`.

    Returns:
        A TaggerModel with intents, as `build_tagger`; inputs as `build_bilstm_crf_tagger`.

    Raises:
        ArgumentError: As `build_bilstm_crf_tagger`; or the pooling is another.

    Source: Liu and Lane 2016, https://arxiv.org/abs/1609.01454; slot gate: Goo et al. 2018,
    https://aclanthology.org/N18-2118

    Example:
        >>> sizes = {"num_intents": 4, "num_tags": 3, "embed_dim": 8, "hidden_dim": 8}
        >>> build_lstm_intent_tagger(50, **sizes).output_shape
        [(None, 4), (None, None, 3)]
    """
    encoder = Encoder(
        TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1),
        [RecurrentEncoderBlock(hidden_dim, dropout=dropout) for _ in range(num_layers)],
        characters=character_encoder(characters, num_characters, char_dim, dropout),
    )
    return build_tagger(
        encoder,
        num_tags=num_tags,
        crf=crf,
        forbidden=forbidden,
        num_intents=num_intents,
        pooling=pooling,
        slot_gate=slot_gate,
        dropout=dropout,
    )
