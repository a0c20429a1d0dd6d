"""Text classifiers of encoders or ids: inputs and outputs as `ClassifierModel`."""

from collections.abc import Sequence

from lmzoo.errors import ArgumentError
from lmzoo.layers import (
    ClassHead,
    ConvolutionPooling,
    NgramEmbedding,
    Pooling,
    RecurrentEncoderBlock,
    TokenEmbedding,
    TwoChannelEmbedding,
)
from lmzoo.models.bases.classifier import ClassifierModel
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.parts import penalty
from lmzoo.models.transformer import build_transformer_encoder
from lmzoo.registry import register

# Kim 2014, section 3.1: sizes chosen on SST-2, and 300-wide vectors.
CNN_PRESETS = {
    "kim2014": {"embed_dim": 300, "filters": 100, "widths": [3, 4, 5], "dropout": 0.5,
                "max_norm": 3.0},
}  # fmt: skip
CHANNELS = ("tuned", "frozen", "both")


@register(
    tiny={"encoder": {"builder": "lstm_encoder", "vocab_size": 50, "embed_dim": 8, "hidden_dim": 8}}
)
def build_text_classifier(
    encoder: Encoder, *, num_classes: int = 2, pooling: str = "mean", dropout: float = 0.1
) -> ClassifierModel:
    """Classifier on any encoder: a pooling of its hidden states, and a linear layer.

    Args:
        encoder: Such as `lmzoo.build_lstm_encoder(...)`; several models may share it.
        num_classes: Number of classes, at least 2.
        pooling: "mean", "max", "attention", "first", "last" or "ends"; see `lmzoo.layers.Pooling`.
        dropout: Dropout rate of the text's vector, 0 to 1.

    Returns:
        A ClassifierModel: the encoder's inputs -> float32 logits, (batch, 1) of class 1 for two
        classes, (batch, num_classes) for more.

    Raises:
        ArgumentError: If num_classes is below 2, or pooling is another.

    Example:
        >>> import lmzoo
        >>> encoder = lmzoo.build_lstm_encoder(50, embed_dim=8, hidden_dim=8)
        >>> lmzoo.build_text_classifier(encoder, num_classes=3).output_shape
        (None, 3)
    """
    return ClassifierModel(encoder, Pooling(pooling), ClassHead(num_classes, dropout=dropout))


@register(tiny={"vocab_size": 50, "embed_dim": 8, "hidden_dim": 8})
def build_lstm_classifier(
    vocab_size: int,
    *,
    num_classes: int = 2,
    embed_dim: int = 128,
    hidden_dim: int = 64,
    num_layers: int = 1,
    bidirectional: bool = False,
    pooling: str = "last",
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
) -> ClassifierModel:
    """LSTM classifier: an LSTM over the text, and a linear layer on its last state.

    By default a `keras.Sequential` of `Embedding(vocab_size, 128, mask_zero=True), LSTM(64),
    Dense(1)` has the same weights and gives the same logits.

    Args:
        vocab_size, embed_dim, hidden_dim, num_layers, bidirectional: As `build_lstm_encoder`.
        num_classes: As `build_text_classifier`.
        pooling: "last" (of both directions), "mean", "max" or "attention" over the outputs.
        dropout: Dropout rate of each layer's input and of the text's vector, 0 to 1.
        l1, l2: Factors of the L1 and the L2 penalty on the kernels.

    Returns:
        A ClassifierModel: int32 ids (batch, time) -> logits, as `build_text_classifier`.

    Raises:
        ArgumentError: If hidden_dim is odd for two directions, or pooling is another.

    Source: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735; attention:
    Yang et al. 2016, https://aclanthology.org/N16-1174

    Example:
        >>> build_lstm_classifier(50, embed_dim=8, hidden_dim=8).output_shape
        (None, 1)
    """
    if pooling == "last" and bidirectional:
        pooling = "ends"
    regularizer = penalty(l1, l2)
    blocks = [
        RecurrentEncoderBlock(
            hidden_dim, bidirectional=bidirectional, dropout=dropout, regularizer=regularizer
        )
        for _ in range(num_layers)
    ]
    return ClassifierModel(
        Encoder(TokenEmbedding(vocab_size, embed_dim, initializer_range=0.05), blocks),
        Pooling(pooling),
        ClassHead(num_classes, dropout=dropout, regularizer=regularizer),
    )


@register(
    tiny={"vocab_size": 50, "embed_dim": 8, "filters": 6, "widths": [2, 3], "dropout": 0.0},
    presets=CNN_PRESETS,
)
def build_cnn_classifier(
    vocab_size: int,
    *,
    num_classes: int = 2,
    embed_dim: int = 128,
    filters: int = 100,
    widths: Sequence[int] = (3, 4, 5),
    wide: bool = False,
    channels: str = "tuned",
    dropout: float = 0.5,
    max_norm: float | None = 3.0,
    l2: float = 0.0,
) -> ClassifierModel:
    """Convolutional classifier: filters of several widths, and the maximum of each over time.

    Args:
        vocab_size, num_classes, embed_dim, dropout, l2: As `build_lstm_classifier`.
        filters: Number of filters of each width.
        widths: Widths of the filters, in tokens.
        wide: Whether filters also reach over the ends of the text, as in Kim's program: for texts
            whose first words say most, such as questions.
        channels: "tuned" (Kim's CNN-rand and CNN-non-static), "frozen" (CNN-static: give the
            embedding pretrained vectors), or "both" (CNN-multichannel).
        max_norm: Longest weight vector of a class, or None for no limit.

    Returns:
        A ClassifierModel, as `build_lstm_classifier`.

    Raises:
        ArgumentError: If channels is another, or there is no width.

    Source: Kim 2014, https://arxiv.org/abs/1408.5882

    Example:
        >>> build_cnn_classifier(50, num_classes=3, embed_dim=8, filters=4).output_shape
        (None, 3)
    """
    if channels not in CHANNELS:
        raise ArgumentError(f"channels={channels!r}; use one of {', '.join(CHANNELS)}.")
    # The spread of Kim's uniform initial vectors, from -0.25 to 0.25.
    kind = TwoChannelEmbedding if channels == "both" else TokenEmbedding
    embedding = kind(vocab_size, embed_dim, initializer_range=0.14)
    embedding.trainable = channels != "frozen"
    regularizer = penalty(0.0, l2)
    return ClassifierModel(
        Encoder(embedding),
        ConvolutionPooling(filters, tuple(widths), wide=wide, regularizer=regularizer),
        ClassHead(num_classes, dropout=dropout, max_norm=max_norm, regularizer=regularizer),
    )


@register(
    tiny={"vocab_size": 50, "embed_dim": 8, "hidden_dim": 16, "num_layers": 1, "num_heads": 2,
          "dropout": 0.0}
)  # fmt: skip
def build_transformer_classifier(
    vocab_size: int,
    *,
    num_classes: int = 2,
    embed_dim: int = 128,
    hidden_dim: int = 256,
    num_layers: int = 2,
    num_heads: int = 4,
    pooling: str = "mean",
    dropout: float = 0.1,
    norm_first: bool = True,
) -> ClassifierModel:
    """Transformer encoder with sinusoidal positions, a pooling, and a linear layer.

    Args:
        vocab_size, embed_dim, hidden_dim, num_layers, num_heads, norm_first: As
            `build_transformer_encoder`.
        num_classes: As `build_text_classifier`.
        pooling: "mean", "max", "attention" or "first".
        dropout: Dropout rate of embeddings, residuals, attention weights and the text's vector.

    Returns:
        A ClassifierModel, as `build_lstm_classifier`.

    Raises:
        ArgumentError: If embed_dim is odd or no multiple of num_heads, or pooling is another.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> build_transformer_classifier(50, embed_dim=8, hidden_dim=16).output_shape
        (None, 1)
    """
    encoder = build_transformer_encoder(
        vocab_size,
        embed_dim=embed_dim,
        hidden_dim=hidden_dim,
        num_layers=num_layers,
        num_heads=num_heads,
        activation="gelu",
        norm_first=norm_first,
        dropout=dropout,
        attention_dropout=dropout,
    )
    return build_text_classifier(encoder, num_classes=num_classes, pooling=pooling, dropout=dropout)


@register(tiny={"vocab_size": 50, "embed_dim": 8, "buckets": 100})
def build_bow_classifier(
    vocab_size: int,
    *,
    num_classes: int = 2,
    embed_dim: int = 100,
    ngrams: int = 2,
    buckets: int = 50_000,
) -> ClassifierModel:
    """fastText's classifier: the mean of word and n-gram vectors, and a linear layer.

    Args:
        vocab_size, num_classes, embed_dim: As `build_lstm_classifier`.
        ngrams: Longest n-gram in words; 1 for words only.
        buckets: Number of vectors that n-grams share.

    Returns:
        A ClassifierModel, as `build_lstm_classifier`.

    Raises:
        ArgumentError: If ngrams or buckets is below 1.

    Source: Joulin et al. 2017, https://arxiv.org/abs/1607.01759

    Example:
        >>> build_bow_classifier(50, embed_dim=8, buckets=100).output_shape
        (None, 1)
    """
    embedding = NgramEmbedding(vocab_size, embed_dim, ngrams=ngrams, buckets=buckets)
    return ClassifierModel(Encoder(embedding), None, ClassHead(num_classes))
