"""Samples of the embedded grammar, as records of every kind."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.records import DIALOGUES, LABELED, PAIRS, TAGGED, TEXTS, Kind
from lmzoo.errors import ArgumentError, DataError

# Draws a number of records with a seed.
Sampler = Callable[[int, int], Iterable[Record]]


def read_grammar(
    name: str, kind: Kind, columns: Sequence[str] | None, size: int, seed: int
) -> Corpus:
    """Samples the embedded grammar.

    `name` is "" or what follows "grammar:", such as "zh"; `columns` are, of pairs, the languages of
    source and target. Validation is a fresh sample, a tenth as large but at least 500 and at most
    2,000. Each split is drawn once, when it is first read.
    """
    if size < 1:
        raise ArgumentError(f"grammar_size is {size}; it must be at least 1")
    samplers = _samplers(kind)
    if name not in samplers:
        known = ", ".join(f"grammar:{known}" if known else "grammar" for known in samplers)
        raise DataError(f"the grammar has no {kind.name} called {name!r}; choose from {known}")
    sampler = samplers[name]
    if kind is PAIRS and name == "" and columns is not None:
        if set(columns) != {"en", "zh"}:
            raise ArgumentError(f"columns is {columns!r}: supported languages are 'en' and 'zh'")
        sampler = sampler if columns[0] == "en" else _reversed(sampler)

    @cache
    def sample(count: int, split_seed: int) -> list[Record]:
        return list(sampler(count, split_seed))

    splits: dict[str, Opener] = {
        "train": lambda: sample(size, 2 * seed),
        "valid": lambda: sample(min(max(size // 10, 500), 2000), 2 * seed + 1),
    }
    notes = ["a sample of the grammar: duplicates are part of its distribution and stay"]
    full_name = f"grammar:{name}" if name not in ("", "en") else "grammar"
    return Corpus(full_name, splits, notes, "zh" if name == "zh" else "en")


def _samplers(kind: Kind) -> dict[str, Sampler]:
    """What the grammar offers of one kind of records, by name."""
    from lmzoo import grammar
    from lmzoo.grammar.labels import labeled
    from lmzoo.grammar.tags import tagged

    def draw(function: Callable[..., Iterable[Any]], **options: Any) -> Sampler:
        def sample(count: int, seed: int) -> Iterable[Record]:
            for item in function(count, seed=seed, **options):
                values = [item] if len(kind.keys) == 1 else item
                record: Record = dict(zip(kind.keys, values, strict=True))
                yield record | ({"speakers": ["bot"]} if kind is DIALOGUES else {})

        return sample

    english = draw(grammar.documents, language="en")
    chinese = draw(grammar.documents, language="zh")
    sentiment = draw(labeled, kind="sentiment")
    by_kind: dict[str, dict[str, Sampler]] = {
        TEXTS.name: {"": english, "en": english, "zh": chinese},
        PAIRS.name: {"": draw(grammar.pairs), "headlines": draw(grammar.headlines)},
        LABELED.name: {
            "": sentiment, "sentiment": sentiment, "topic": draw(labeled, kind="topic")
        },
        TAGGED.name: {"": draw(tagged)},
        DIALOGUES.name: {"": draw(grammar.dialogues)},
    }  # fmt: skip
    return by_kind[kind.name]


def _reversed(sampler: Sampler) -> Sampler:
    """Pairs with source and target exchanged."""

    def sample(count: int, seed: int) -> Iterable[Record]:
        for pair in sampler(count, seed):
            yield {"source": pair["target"], "target": pair["source"]}

    return sample
