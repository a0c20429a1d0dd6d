"""Predict with a model and report how good it is, one function a task."""

from lmzoo.evaluation.class_report import classification
from lmzoo.evaluation.lm_report import language_model
from lmzoo.evaluation.predict import classify, colored, tag
from lmzoo.evaluation.report import Report
from lmzoo.evaluation.seq2seq_report import joined, lead_baseline, score_texts, seq2seq
from lmzoo.evaluation.tag_report import most_frequent_tags, score_tags, tag_scores, tagging

__all__ = [
    "Report",
    "classification",
    "classify",
    "colored",
    "joined",
    "language_model",
    "lead_baseline",
    "most_frequent_tags",
    "score_tags",
    "score_texts",
    "seq2seq",
    "tag",
    "tag_scores",
    "tagging",
]
