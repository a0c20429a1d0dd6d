"""lmzoo: the home for language models on Keras 3 and TensorFlow."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is loaded: no notes of it

from lmzoo import (
    callbacks,
    data,
    errors,
    evaluation,
    generation,
    grammar,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    pretrained,
    schedules,
    tokenizers,
    training,
)
from lmzoo.evaluation import classify, tag
from lmzoo.generation import answer, beam_search, generate, score, stream
from lmzoo.models import *
from lmzoo.registry import (
    build_model,
    describe_model,
    list_models,
    load_model,
    register,
    unregister,
)
from lmzoo.runs import load_run

__version__ = "0.1.0"

__all__ = [
    *models.__all__,
    "answer",
    "beam_search",
    "build_model",
    "callbacks",
    "classify",
    "data",
    "describe_model",
    "errors",
    "evaluation",
    "generate",
    "generation",
    "grammar",
    "layers",
    "list_models",
    "load_model",
    "load_run",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "pretrained",
    "register",
    "schedules",
    "score",
    "stream",
    "tag",
    "tokenizers",
    "training",
    "unregister",
]
