"""Keras callbacks: perplexity in the logs, time budgets, checkpoints, learning curves."""

from lmzoo.callbacks.budget import TimeBudget
from lmzoo.callbacks.checkpoint import Checkpoint
from lmzoo.callbacks.checkpoint_file import is_training, read_state, restore
from lmzoo.callbacks.curve import LearningCurve, draw_curves
from lmzoo.callbacks.epoch_ends import AverageWeights, ResetState, SampleText
from lmzoo.callbacks.learning_rate import RateSearch, find_learning_rate
from lmzoo.callbacks.periodic_validation import PeriodicValidation
from lmzoo.callbacks.perplexity import PerplexityCallback
from lmzoo.callbacks.scores import BleuCallback, ScoreCallback, SpanF1Callback
from lmzoo.callbacks.stopping import StopOnNaN, StopOnSignal

__all__ = [
    "AverageWeights",
    "BleuCallback",
    "Checkpoint",
    "LearningCurve",
    "PeriodicValidation",
    "PerplexityCallback",
    "RateSearch",
    "ResetState",
    "SampleText",
    "ScoreCallback",
    "SpanF1Callback",
    "StopOnNaN",
    "StopOnSignal",
    "TimeBudget",
    "draw_curves",
    "find_learning_rate",
    "is_training",
    "read_state",
    "restore",
]
