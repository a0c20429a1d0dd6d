"""Metrics: perplexity and its relatives; scores of texts against references."""

from lmzoo.metrics.perplexity import (
    NatsPerToken,
    Perplexity,
    bits_per_byte,
    perplexity,
    perplexity_per_word,
)
from lmzoo.metrics.text import Bleu, ChrF, DistinctN, Rouge, split_characters, split_words

__all__ = [
    "Bleu",
    "ChrF",
    "DistinctN",
    "NatsPerToken",
    "Perplexity",
    "Rouge",
    "bits_per_byte",
    "perplexity",
    "perplexity_per_word",
    "split_characters",
    "split_words",
]
