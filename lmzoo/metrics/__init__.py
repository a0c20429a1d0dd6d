"""Metrics: perplexity and its relatives."""

from lmzoo.metrics.perplexity import (
    NatsPerToken,
    Perplexity,
    bits_per_byte,
    perplexity,
    perplexity_per_word,
)

__all__ = [
    "NatsPerToken",
    "Perplexity",
    "bits_per_byte",
    "perplexity",
    "perplexity_per_word",
]
