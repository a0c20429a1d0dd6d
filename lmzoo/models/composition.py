"""Models composed of an encoder that is there and what follows it."""

from lmzoo.models.bases.decoder import Decoder
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.seq2seq import Seq2SeqModel
from lmzoo.registry import register


@register(
    tiny={
        "encoder": {"builder": "gru_encoder", "vocab_size": 40, "embed_dim": 8, "hidden_dim": 8,
                    "dropout": 0.0},
        "decoder": {"builder": "transformer_decoder", "vocab_size": 50, "memory_dim": 8,
                    "embed_dim": 8, "hidden_dim": 16, "num_layers": 1, "num_heads": 2,
                    "dropout": 0.0},
    }
)  # fmt: skip
def build_seq2seq(encoder: Encoder, decoder: Decoder) -> Seq2SeqModel:
    """An encoder and a decoder, which attends to the encoder's hidden states.

    Args:
        encoder: Of ids or of features; other models may share it.
        decoder: Built with memory_dim=encoder.dim.

    Returns:
        A Seq2SeqModel: the encoder's inputs and int32 ids (batch, time) -> logits
        (batch, time, vocab_size).

    Raises:
        ArgumentError: If the decoder is for a memory of another width, or copies ids that the
            encoder does not take.

    Source: Sutskever et al. 2014, https://arxiv.org/abs/1409.3215

    Example:
        >>> import lmzoo
        >>> encoder = lmzoo.build_gru_encoder(feature_dim=3, embed_dim=8, hidden_dim=6)
        >>> decoder = lmzoo.build_gru_decoder(50, memory_dim=6, embed_dim=8, hidden_dim=8)
        >>> lmzoo.build_seq2seq(encoder, decoder).output_shape
        (None, None, 50)
    """
    return Seq2SeqModel(encoder, decoder)
