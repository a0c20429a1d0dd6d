"""Taggers: a bidirectional LSTM with a CRF, a Transformer, and one with an intent beside."""

from collections.abc import Sequence
from typing import Any

import keras

from lmzoo.errors import ArgumentError
from lmzoo.layers import RecurrentEncoderBlock, TokenEmbedding, TransformerBlock, make_norm
from lmzoo.layers.dense import Dense
from lmzoo.layers.embeddings.characters import CharacterEncoder
from lmzoo.layers.heads.crf import CRF
from lmzoo.layers.pooling import Pooling
from lmzoo.layers.slot_gate import SlotGate
from lmzoo.models.tagger_model import TaggerModel
from lmzoo.models.zoo_model import penalty
from lmzoo.registry import register

TINY = {"vocab_size": 50, "num_tags": 5, "embed_dim": 8, "hidden_dim": 8, "dropout": 0.0}


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
    forbidden: Sequence[Sequence[int]] | None = None,
    l2: float = 0.0,
) -> TaggerModel:
    """Bidirectional LSTM over words and their letters, tags chosen together by a CRF.

    Args:
        vocab_size: Number of word ids, at least 1; 0 is padding.
        num_tags: Number of tags.
        embed_dim: Width of the word vectors.
        hidden_dim: Width of the LSTM's output, half for each direction; even.
        num_layers: Number of layers.
        dropout: Share dropped in training of every layer's input and of the last output, and of
            the letters' vectors with "cnn", 0 to 1.
        characters: How letters are read: "cnn" (Ma and Hovy 2016), "lstm" (Lample et al. 2016), or
            None, not at all; the model then takes word ids only.
        num_characters: Number of character ids, needed with `characters`; 0 is padding.
        char_dim: Width of the letters' vectors; a word's has that width ("cnn") or twice ("lstm").
        crf: Whether tags are chosen together; if not, each by a softmax.
        forbidden: Pairs [from, to] of tags that never follow each other, for the CRF; from = -1 is
            the start of the sentence, to = num_tags its end.
        l2: Factor of the L2 penalty on the kernels.

    Returns:
        A TaggerModel: int32 word ids (batch, time), or a pair of them and character ids (batch,
        time, characters) -> float32 CRF scores (batch, time + num_tags + 2, num_tags), or without
        a CRF probabilities (batch, time, num_tags).

    Raises:
        ArgumentError: If hidden_dim is odd, characters and num_characters do not come together, or
            forbidden is given without a CRF or holds no pairs of tags.

    Source: Lample et al. 2016, https://arxiv.org/abs/1603.01360; Ma and Hovy 2016,
    https://arxiv.org/abs/1603.01354; Huang et al. 2015, https://arxiv.org/abs/1508.01991

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_bilstm_crf_tagger(50, num_tags=3, embed_dim=8, hidden_dim=8)
        >>> model.predict(np.array([[5, 6, 7, 8]]), verbose=0).shape
        (1, 9, 3)
    """
    model = TaggerModel(
        TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1),
        _recurrent(num_layers, hidden_dim, dropout),
        num_tags,
        characters=_characters(characters, num_characters, char_dim, dropout),
        dropout=dropout,
        crf=_crf(crf, num_tags, forbidden),
    )
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
    forbidden: Sequence[Sequence[int]] | None = None,
) -> TaggerModel:
    """Transformer encoder over words and their letters, pre-norm, sinusoidal positions.

    Args:
        vocab_size: Number of word ids, at least 1; 0 is padding.
        num_tags: Number of tags.
        embed_dim: Width of the model, an even multiple of num_heads.
        hidden_dim: Width of the feed-forward networks.
        num_layers: Number of blocks.
        num_heads: Number of attention heads.
        dropout: Share dropped in training of embeddings, residual branches, attention weights and
            the last output, 0 to 1.
        characters: How letters are read: "cnn", "lstm" or None, as build_bilstm_crf_tagger; words
            and letters are then projected to embed_dim.
        num_characters: Number of character ids, needed with `characters`; 0 is padding.
        char_dim: Width of the letters' vectors.
        crf: Whether tags are chosen together; if not, each by a softmax.
        forbidden: Pairs [from, to] of tags that never follow each other, for the CRF; from = -1 is
            the start of the sentence, to = num_tags its end.

    Returns:
        A TaggerModel, as build_bilstm_crf_tagger.

    Raises:
        ArgumentError: If embed_dim is odd or no multiple of num_heads, characters and
            num_characters do not come together, or forbidden is given without a CRF or holds no
            pairs of tags.

    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_transformer_tagger(50, num_tags=3, embed_dim=8, num_heads=2)
        >>> model.predict(np.array([[5, 6, 7, 8]]), verbose=0).shape
        (1, 4, 3)
    """
    if embed_dim % 2:
        raise ArgumentError(f"embed_dim={embed_dim} is odd: sinusoidal positions come in pairs.")
    embedding = TokenEmbedding(
        vocab_size,
        embed_dim,
        positions="sinusoidal",
        dropout=dropout,
        initializer_range=embed_dim**-0.5,
    )
    blocks = [
        TransformerBlock(
            num_heads=num_heads, hidden_dim=hidden_dim, dropout=dropout, kind="encoder"
        )
        for _ in range(num_layers)
    ]
    return TaggerModel(
        embedding,
        blocks,
        num_tags,
        characters=_characters(characters, num_characters, char_dim, dropout),
        projection=None if characters is None else Dense(embed_dim, name="projection"),
        norm=make_norm("layer", 1e-5),
        dropout=dropout,
        crf=_crf(crf, num_tags, forbidden),
    )


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
    forbidden: Sequence[Sequence[int]] | None = None,
    pooling: str = "attention",
    slot_gate: bool = False,
) -> TaggerModel:
    """Bidirectional LSTM that gives a sentence its intent and each word its slot.

    Args:
        vocab_size: Number of word ids, at least 1; 0 is padding.
        num_intents: Number of intents.
        num_tags: Number of tags of slots.
        embed_dim: Width of the word vectors.
        hidden_dim: Width of the LSTM's output, half for each direction; even.
        num_layers: Number of layers.
        dropout: Share dropped in training, as build_bilstm_crf_tagger, 0 to 1.
        characters: How letters are read: "cnn", "lstm" or None, as build_bilstm_crf_tagger.
        num_characters: Number of character ids, needed with `characters`; 0 is padding.
        char_dim: Width of the letters' vectors.
        crf: Whether tags are chosen together; if not, each by a softmax.
        forbidden: Pairs [from, to] of tags that never follow each other, for the CRF; from = -1 is
            the start of the sentence, to = num_tags its end.
        pooling: How the sentence's vector is made of the words': "attention", "max" or another of
            lmzoo.layers.Pooling.
        slot_gate: Whether the sentence's vector scales the words' before they are tagged (Goo et
            al. 2018).

    Returns:
        A TaggerModel: int32 word ids (batch, time), or a pair of them and character ids (batch,
        time, characters) -> a list: the intents' float32 probabilities (batch, num_intents), and
        CRF scores or probabilities as build_bilstm_crf_tagger.

    Raises:
        ArgumentError: As build_bilstm_crf_tagger; or the pooling is another.

    Source: Liu and Lane 2016, https://arxiv.org/abs/1609.01454; slot gate: Goo et al. 2018,
    https://aclanthology.org/N18-2118

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> sizes = {"num_intents": 4, "num_tags": 3, "embed_dim": 8, "hidden_dim": 8}
        >>> model = lmzoo.build_lstm_intent_tagger(50, **sizes)
        >>> [x.shape for x in model.predict(np.array([[5, 6, 7, 8]]), verbose=0)]
        [(1, 4), (1, 9, 3)]
    """
    return TaggerModel(
        TokenEmbedding(vocab_size, embed_dim, initializer_range=0.1),
        _recurrent(num_layers, hidden_dim, dropout),
        num_tags,
        characters=_characters(characters, num_characters, char_dim, dropout),
        dropout=dropout,
        crf=_crf(crf, num_tags, forbidden),
        num_intents=num_intents,
        pooling=Pooling(pooling),
        gate=SlotGate() if slot_gate else None,
    )


def _recurrent(num_layers: int, hidden_dim: int, dropout: float) -> list[keras.layers.Layer]:
    return [RecurrentEncoderBlock(hidden_dim, dropout=dropout) for _ in range(num_layers)]


def _characters(
    kind: str | None, num_characters: int | None, char_dim: int, dropout: float
) -> CharacterEncoder | None:
    """What reads the letters, or None."""
    if (kind is None) != (num_characters is None):
        raise ArgumentError(
            f"characters={kind!r} with num_characters={num_characters}: give both, the kind "
            '("cnn" or "lstm") and the number of character ids, or neither.'
        )
    if kind is None or num_characters is None:
        return None
    of_letters = dropout if kind == "cnn" else 0.0
    return CharacterEncoder(num_characters, kind=kind, char_dim=char_dim, dropout=of_letters)


def _crf(wanted: bool, num_tags: int, forbidden: Any) -> CRF | None:
    """What chooses tags together, or None."""
    if not wanted and forbidden:
        raise ArgumentError("forbidden needs crf=True: a softmax chooses each tag by itself.")
    return CRF(num_tags, forbidden=forbidden, name="tag") if wanted else None
