"""Metrics: perplexity and its relatives; scores of texts against references."""

from lmzoo.metrics.class_report import ClassReport, classification_report
from lmzoo.metrics.classification import (
    F1,
    CalibrationError,
    ClassAccuracy,
    MatthewsCorrelation,
    Precision,
    Recall,
)
from lmzoo.metrics.outside import draw_outside, likeliest, outside_scores
from lmzoo.metrics.perplexity import (
    NatsPerToken,
    Perplexity,
    bits_per_byte,
    perplexity,
    perplexity_per_word,
)
from lmzoo.metrics.report import deviation_table, mean_and_deviation
from lmzoo.metrics.roc import RocAuc
from lmzoo.metrics.span_metric import SpanF1Metric
from lmzoo.metrics.spans import SpanF1, span_report
from lmzoo.metrics.tags import TagAccuracy
from lmzoo.metrics.text import Bleu, ChrF, DistinctN, Rouge, split_characters, split_words

__all__ = [
    "F1",
    "Bleu",
    "CalibrationError",
    "ChrF",
    "ClassAccuracy",
    "ClassReport",
    "DistinctN",
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
    "bits_per_byte",
    "classification_report",
    "deviation_table",
    "draw_outside",
    "likeliest",
    "mean_and_deviation",
    "outside_scores",
    "perplexity",
    "perplexity_per_word",
    "span_report",
    "split_characters",
    "split_words",
]
