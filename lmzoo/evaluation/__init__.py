"""Predict with a model and report how good it is, one function a task."""

from lmzoo.evaluation.lm_report import language_model
from lmzoo.evaluation.report import Report

__all__ = ["Report", "language_model"]
