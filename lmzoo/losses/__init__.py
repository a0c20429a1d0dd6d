"""Losses over real tokens: padding neither adds nor divides."""

from lmzoo.losses.classes import ClassCrossEntropy, TagCrossEntropy, class_distributions
from lmzoo.losses.crf import (
    CRFLoss,
    crf_log_likelihood,
    crf_log_partition,
    crf_marginals,
    crf_score,
)
from lmzoo.losses.cross_entropy import CrossEntropy, token_nats
from lmzoo.losses.fused import FusedCrossEntropy, head_nats
from lmzoo.losses.k_best import crf_k_best
from lmzoo.losses.viterbi import crf_decode

__all__ = [
    "CRFLoss",
    "ClassCrossEntropy",
    "CrossEntropy",
    "FusedCrossEntropy",
    "TagCrossEntropy",
    "class_distributions",
    "crf_decode",
    "crf_k_best",
    "crf_log_likelihood",
    "crf_log_partition",
    "crf_marginals",
    "crf_score",
    "head_nats",
    "token_nats",
]
