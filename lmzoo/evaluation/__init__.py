"""Predictions of trained models by name: labels of texts, tags of words."""

from lmzoo.evaluation.predict import classify, colored, tag

__all__ = ["classify", "colored", "tag"]
