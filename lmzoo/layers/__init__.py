"""The layers that the models are made of; a block offers call, init_state and step."""

from lmzoo.layers.attention.cross import CrossAttentionBlock, GlobalAttentionBlock
from lmzoo.layers.attention.multi_head import MultiHeadAttention
from lmzoo.layers.attention.scored import AdditiveAttention
from lmzoo.layers.channels import ConvolutionPooling, TwoChannelEmbedding
from lmzoo.layers.convolution import GatedConvolutionBlock
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.characters import CharacterEncoder
from lmzoo.layers.embeddings.features import FeatureEmbedding
from lmzoo.layers.embeddings.ngrams import NgramEmbedding
from lmzoo.layers.embeddings.positions import sinusoidal_positions
from lmzoo.layers.embeddings.rotary import apply_rotary, rotary_frequencies
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.layers.feedforward import FeedForward
from lmzoo.layers.heads.adaptive import AdaptiveHead, make_head
from lmzoo.layers.heads.class_head import ClassHead
from lmzoo.layers.heads.copying import CopyHead
from lmzoo.layers.heads.crf import CRF
from lmzoo.layers.heads.head import Head, LanguageModelHead
from lmzoo.layers.pooling import Pooling
from lmzoo.layers.recurrent.blocks import GRUBlock, LSTMBlock, RecurrentBlock, SimpleRNNBlock
from lmzoo.layers.recurrent.encoder import RecurrentEncoderBlock
from lmzoo.layers.recurrent.input_feeding import InputFeedingBlock
from lmzoo.layers.recurrent.rnn import GRU, LSTM, SimpleRNN
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
    "FeatureEmbedding",
    "FeedForward",
    "GRUBlock",
    "GatedConvolutionBlock",
    "GlobalAttentionBlock",
    "Head",
    "InputFeedingBlock",
    "LSTMBlock",
    "LanguageModelHead",
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
    "make_head",
    "make_norm",
    "rotary_frequencies",
    "sinusoidal_positions",
]
