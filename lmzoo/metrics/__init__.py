"""Metrics: of language models, classes, tags and spans (0 to 1), and of texts (0 to 100)."""

from lmzoo.metrics._perplexity import (
    NatsPerToken,
    Perplexity,
    bits_per_byte,
    perplexity,
    perplexity_per_word,
)
from lmzoo.metrics.class_report import ClassReport, classification_report
from lmzoo.metrics.classification import (
    F1,
    CalibrationError,
    ClassAccuracy,
    FBeta,
    MatthewsCorrelation,
    Precision,
    Recall,
)
from lmzoo.metrics.out_of_scope import draw_out_of_scope, out_of_scope_scores, predicted_classes
from lmzoo.metrics.report import deviation_table, mean_and_deviation
from lmzoo.metrics.roc import RocAuc
from lmzoo.metrics.span_metric import SpanF1Metric
from lmzoo.metrics.spans import SpanF1, span_report
from lmzoo.metrics.tags import TagAccuracy
from lmzoo.metrics.text.bleu import Bleu, ChrF, Ter, choose_bleu_tokenizer
from lmzoo.metrics.text.distinct import DistinctN
from lmzoo.metrics.text.edits import ErrorRate, edit_distance
from lmzoo.metrics.text.rouge import Rouge
from lmzoo.metrics.text.scripts import split_characters, split_words

__all__ = [
    "F1",
    "Bleu",
    "CalibrationError",
    "ChrF",
    "ClassAccuracy",
    "ClassReport",
    "DistinctN",
    "ErrorRate",
    "FBeta",
    "MatthewsCorrelation",
    "NatsPerToken",
    "Perplexity",
    "Precision",
    "Recall",
    "RocAuc",
    "Rouge",
    "SpanF1",
    "SpanF1Metric",
    "TagAccuracy",
    "Ter",
    "bits_per_byte",
    "choose_bleu_tokenizer",
    "classification_report",
    "deviation_table",
    "draw_out_of_scope",
    "edit_distance",
    "mean_and_deviation",
    "out_of_scope_scores",
    "perplexity",
    "perplexity_per_word",
    "predicted_classes",
    "span_report",
    "split_characters",
    "split_words",
]
