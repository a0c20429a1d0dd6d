"""A language whose entropy is known: a small world in English and in Chinese.

A stochastic synchronous grammar, written for lmzoo, draws documents: a sentence, a short story of
two sentences about one subject, or a question. It has people with names and trades, their
relatives, animals, food and drink, things to buy, wear, write, places and cities, the weather,
clocks, weekdays and seasons; past, present and future; agreement of verbs, pronouns, possessives
and reflexives; relative, causal, temporal and reported clauses, nested to a bounded depth. The
Chinese of a document is a function of its English.

Six samplers give a task each, all as `f(count, *, seed=0, language="en")`: `documents`, `pairs`
(translation), `headlines` (summarization), `dialogues`, `labeled` (sentiment or topic) and
`tagged` (entities).

The probability of a document is the sum over *all* its derivations in that language, its end
included: documents are drawn independently, so p(document) is the probability of its units
followed by the end token. The floor of a sample is -sum log p(document) in nats: no model's
expected loss on that sample can be lower, whatever its tokenizer, provided that different
documents get different ids.

The compiled grammar has no recursion (nested clauses count down a depth feature, and the weights
of the remaining rules are normalized), so every figure here is exact.
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
