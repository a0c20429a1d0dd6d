"""The models: one file per family; importing this package registers them all."""

from lmzoo.models.base import LanguageModel, Seq2SeqModel
from lmzoo.models.convolutional import build_cnn_lm
from lmzoo.models.convolutional_seq2seq import build_cnn_seq2seq
from lmzoo.models.gpt2 import build_gpt2_lm
from lmzoo.models.llama import build_llama_lm
from lmzoo.models.recurrent import build_gru_lm, build_lstm_lm, build_rnn_lm
from lmzoo.models.recurrent_seq2seq import build_gru_seq2seq, build_lstm_seq2seq
from lmzoo.models.token_model import TokenModel
from lmzoo.models.transformer_seq2seq import build_transformer_seq2seq
from lmzoo.models.zoo_model import ZooModel, clone

__all__ = [
    "LanguageModel",
    "Seq2SeqModel",
    "TokenModel",
    "ZooModel",
    "build_cnn_lm",
    "build_cnn_seq2seq",
    "build_gpt2_lm",
    "build_gru_lm",
    "build_gru_seq2seq",
    "build_llama_lm",
    "build_lstm_lm",
    "build_lstm_seq2seq",
    "build_rnn_lm",
    "build_transformer_seq2seq",
    "clone",
]
