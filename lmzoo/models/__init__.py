"""The models: one file per family; importing this package registers them all."""

from lmzoo.models.base import LanguageModel
from lmzoo.models.convolutional import build_cnn_lm
from lmzoo.models.gpt2 import build_gpt2_lm
from lmzoo.models.llama import build_llama_lm
from lmzoo.models.recurrent import build_gru_lm, build_lstm_lm, build_rnn_lm
from lmzoo.models.zoo_model import ZooModel, clone

__all__ = [
    "LanguageModel",
    "ZooModel",
    "build_cnn_lm",
    "build_gpt2_lm",
    "build_gru_lm",
    "build_llama_lm",
    "build_lstm_lm",
    "build_rnn_lm",
    "clone",
]
