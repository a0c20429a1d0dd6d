"""A language whose entropy is known: a small world in English and in Chinese.

A stochastic synchronous grammar draws documents: a sentence, a short story of two sentences about
one subject, or a question. It has tense, agreement, and nested clauses of bounded depth; the
Chinese of a document is a function of its English.

Six samplers give a task each, all as `f(count, *, seed=0, language="en")`: `documents`, `pairs`
(translation), `headlines` (summarization), `dialogues`, `labeled` (sentiment or topic) and
`tagged` (entities).

The compiled grammar has no recursion, so every figure is exact. p(document) is the sum over *all*
its derivations in that language, its end included. No model's expected loss on a sample can be
lower than the floor, -sum log p(document) in nats, whatever its tokenizer, provided that different
documents get different ids.
"""

from lmzoo.grammar.labels import labeled
from lmzoo.grammar.language import world
from lmzoo.grammar.probability import (
    Entropy,
    distinct_sentences,
    entropy,
    floor,
    log_probability,
    parses,
    units,
    vocabulary,
)
from lmzoo.grammar.sample import Derivation
from lmzoo.grammar.tags import tagged
from lmzoo.grammar.tasks import derivations, dialogues, documents, headlines, pairs

__all__ = [
    "Derivation", "Entropy", "derivations", "dialogues", "distinct_sentences", "documents",
    "entropy", "floor", "headlines", "labeled", "log_probability", "pairs", "parses", "tagged",
    "units", "vocabulary", "world",
]  # fmt: skip
