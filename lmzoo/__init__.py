"""lmzoo: the home for language models on Keras 3 and TensorFlow.

`from lmzoo import build_lstm_lm` gives a Keras model; `lmzoo.data.prepare_lm` gives the text to
train it on; `lmzoo.generate` lets it write.
"""

from lmzoo import (
    callbacks,
    data,
    errors,
    generation,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    schedules,
)
from lmzoo.generation import answer, beam_search, generate, score, stream
from lmzoo.models import (
    LanguageModel,
    Seq2SeqModel,
    ZooModel,
    build_cnn_lm,
    build_cnn_seq2seq,
    build_gpt2_lm,
    build_gru_lm,
    build_gru_seq2seq,
    build_llama_lm,
    build_lstm_lm,
    build_lstm_seq2seq,
    build_rnn_lm,
    build_transformer_seq2seq,
    clone,
)
from lmzoo.registry import build_model, describe_model, list_models, register, unregister

__version__ = "0.1.0"

__all__ = [
    "LanguageModel",
    "Seq2SeqModel",
    "ZooModel",
    "answer",
    "beam_search",
    "build_cnn_lm",
    "build_cnn_seq2seq",
    "build_gpt2_lm",
    "build_gru_lm",
    "build_gru_seq2seq",
    "build_llama_lm",
    "build_lstm_lm",
    "build_lstm_seq2seq",
    "build_model",
    "build_rnn_lm",
    "build_transformer_seq2seq",
    "callbacks",
    "clone",
    "data",
    "describe_model",
    "errors",
    "generate",
    "generation",
    "layers",
    "list_models",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "register",
    "schedules",
    "score",
    "stream",
    "unregister",
]
