"""Losses over real tokens: padding neither adds nor divides."""

from lmzoo.losses.cross_entropy import CrossEntropy, token_nats
from lmzoo.losses.fused import FusedCrossEntropy, head_nats

__all__ = ["CrossEntropy", "FusedCrossEntropy", "head_nats", "token_nats"]
