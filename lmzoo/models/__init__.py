"""The models: one file per family; importing this package registers them all."""

from lmzoo.models.bases.classifier import ClassifierModel
from lmzoo.models.bases.decoder import Decoder
from lmzoo.models.bases.encoder import Encoder
from lmzoo.models.bases.language_model import LanguageModel
from lmzoo.models.bases.seq2seq import Seq2SeqModel
from lmzoo.models.bases.tagger import TaggerModel
from lmzoo.models.bases.zoo_model import ZooModel, clone
from lmzoo.models.classifiers import (
    build_bow_classifier,
    build_cnn_classifier,
    build_lstm_classifier,
    build_text_classifier,
    build_transformer_classifier,
)
from lmzoo.models.composition import build_seq2seq
from lmzoo.models.convolutional import (
    build_cnn_decoder,
    build_cnn_encoder,
    build_cnn_lm,
    build_cnn_seq2seq,
)
from lmzoo.models.gpt2 import build_gpt2_lm
from lmzoo.models.llama import build_llama_lm
from lmzoo.models.recurrent import build_gru_lm, build_lstm_lm, build_rnn_lm
from lmzoo.models.recurrent_seq2seq import (
    build_gru_decoder,
    build_gru_encoder,
    build_gru_seq2seq,
    build_lstm_decoder,
    build_lstm_encoder,
    build_lstm_seq2seq,
)
from lmzoo.models.taggers import (
    build_bilstm_crf_tagger,
    build_lstm_intent_tagger,
    build_tagger,
    build_transformer_tagger,
)
from lmzoo.models.transformer import (
    build_transformer_decoder,
    build_transformer_encoder,
    build_transformer_seq2seq,
)

__all__ = [
    "ClassifierModel",
    "Decoder",
    "Encoder",
    "LanguageModel",
    "Seq2SeqModel",
    "TaggerModel",
    "ZooModel",
    "build_bilstm_crf_tagger",
    "build_bow_classifier",
    "build_cnn_classifier",
    "build_cnn_decoder",
    "build_cnn_encoder",
    "build_cnn_lm",
    "build_cnn_seq2seq",
    "build_gpt2_lm",
    "build_gru_decoder",
    "build_gru_encoder",
    "build_gru_lm",
    "build_gru_seq2seq",
    "build_llama_lm",
    "build_lstm_classifier",
    "build_lstm_decoder",
    "build_lstm_encoder",
    "build_lstm_intent_tagger",
    "build_lstm_lm",
    "build_lstm_seq2seq",
    "build_rnn_lm",
    "build_seq2seq",
    "build_tagger",
    "build_text_classifier",
    "build_transformer_classifier",
    "build_transformer_decoder",
    "build_transformer_encoder",
    "build_transformer_seq2seq",
    "build_transformer_tagger",
    "clone",
]
