"""The layers that the models are made of; a block offers call, init_state and step."""

from lmzoo.layers.adaptive import AdaptiveHead, make_head
from lmzoo.layers.attention import AdditiveAttention, MultiHeadAttention, attend, softmax
from lmzoo.layers.channels import ConvolutionPooling, TwoChannelEmbedding
from lmzoo.layers.characters import CharacterEncoder
from lmzoo.layers.convolution import GatedConvolutionBlock
from lmzoo.layers.copying import CopyHead
from lmzoo.layers.crf import CRF
from lmzoo.layers.decision import ClassHead
from lmzoo.layers.dense import Dense, product
from lmzoo.layers.dropout import Dropout, random_bits
from lmzoo.layers.embedding import TokenEmbedding
from lmzoo.layers.feedforward import FeedForward
from lmzoo.layers.head import Head, LanguageModelHead
from lmzoo.layers.ngrams import NgramEmbedding
from lmzoo.layers.pooling import Pooling, max_over_time
from lmzoo.layers.positions import apply_rotary, sinusoidal_positions
from lmzoo.layers.reading import (
    CrossAttentionBlock,
    InputFeedingBlock,
    MemoryAttentionBlock,
    RecurrentEncoderBlock,
)
from lmzoo.layers.recurrent import (
    GRUBlock,
    LSTMBlock,
    RecurrentBlock,
    SimpleRNNBlock,
    mean_over_keys,
)
from lmzoo.layers.rnn import GRU, LSTM, SimpleRNN
from lmzoo.layers.slot_gate import SlotGate
from lmzoo.layers.transformer import TransformerBlock, make_norm

__all__ = [
    "CRF",
    "GRU",
    "LSTM",
    "AdaptiveHead",
    "AdditiveAttention",
    "CharacterEncoder",
    "ClassHead",
    "ConvolutionPooling",
    "CopyHead",
    "CrossAttentionBlock",
    "Dense",
    "Dropout",
    "FeedForward",
    "GRUBlock",
    "GatedConvolutionBlock",
    "Head",
    "InputFeedingBlock",
    "LSTMBlock",
    "LanguageModelHead",
    "MemoryAttentionBlock",
    "MultiHeadAttention",
    "NgramEmbedding",
    "Pooling",
    "RecurrentBlock",
    "RecurrentEncoderBlock",
    "SimpleRNN",
    "SimpleRNNBlock",
    "SlotGate",
    "TokenEmbedding",
    "TransformerBlock",
    "TwoChannelEmbedding",
    "apply_rotary",
    "attend",
    "make_head",
    "make_norm",
    "max_over_time",
    "mean_over_keys",
    "product",
    "random_bits",
    "sinusoidal_positions",
    "softmax",
]
