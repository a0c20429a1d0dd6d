"""Losses over real tokens: padding neither adds nor divides."""

from lmzoo.losses.cross_entropy import CrossEntropy, pair_divergence, token_nats
from lmzoo.losses.fused import FusedCrossEntropy, head_nats

__all__ = ["CrossEntropy", "FusedCrossEntropy", "head_nats", "pair_divergence", "token_nats"]
