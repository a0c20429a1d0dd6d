"""Keras callbacks: perplexity in the logs, time budgets, checkpoints, learning curves."""

from lmzoo.callbacks.average import AverageWeights
from lmzoo.callbacks.bleu import BleuCallback
from lmzoo.callbacks.budget import TimeBudget
from lmzoo.callbacks.checkpoint import Checkpoint, restore
from lmzoo.callbacks.curve import LearningCurve, draw_curves
from lmzoo.callbacks.divergence import StopOnNaN
from lmzoo.callbacks.episodes import ResetState, SampleText
from lmzoo.callbacks.learning_rate import RateSearch, find_learning_rate
from lmzoo.callbacks.validation import PerplexityCallback

__all__ = [
    "AverageWeights",
    "BleuCallback",
    "Checkpoint",
    "LearningCurve",
    "PerplexityCallback",
    "RateSearch",
    "ResetState",
    "SampleText",
    "StopOnNaN",
    "TimeBudget",
    "draw_curves",
    "find_learning_rate",
    "restore",
]
