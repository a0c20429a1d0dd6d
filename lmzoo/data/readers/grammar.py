"""Samples of the embedded grammar, as records of every kind."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.records import DIALOGUES, LABELED, PAIRS, TAGGED, TEXTS, Kind
from lmzoo.errors import ArgumentError, DataError

# Draws a number of items with a seed.
Sampler = Callable[..., Iterable[Any]]


def read_grammar(
    name: str, kind: Kind, columns: Sequence[str] | None, size: int, seed: int
) -> Corpus:
    """Samples "grammar:NAME" when a split is first read; `columns`: languages of a pair."""
    if size < 1:
        raise ArgumentError(f"grammar_size is {size}; it must be at least 1")
    samplers, keys = _samplers(kind), kind.keys
    if name not in samplers:
        known = ", ".join(f"grammar:{known}" if known else "grammar" for known in samplers)
        raise DataError(f"the grammar has no {kind.name} called {name!r}; choose from {known}")
    if kind.name == PAIRS.name and name == "" and columns is not None:
        if set(columns) != {"en", "zh"}:
            raise ArgumentError(f"columns is {columns!r}: supported languages are 'en' and 'zh'")
        keys = keys if columns[0] == "en" else keys[::-1]
    extra = {"speakers": ["bot"]} if kind.name == DIALOGUES.name else {}

    @cache
    def sample(count: int, split_seed: int) -> list[Record]:
        items = samplers[name](count, seed=split_seed)
        rows = ([item] if len(keys) == 1 else item for item in items)
        return [dict(zip(keys, row, strict=True)) | extra for row in rows]

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

    english, chinese = (partial(grammar.documents, language=name) for name in ("en", "zh"))
    sentiment, topic = (partial(labeled, kind=name) for name in ("sentiment", "topic"))
    by_kind: dict[str, dict[str, Sampler]] = {
        TEXTS.name: {"": english, "en": english, "zh": chinese},
        PAIRS.name: {"": grammar.pairs, "headlines": grammar.headlines},
        LABELED.name: {"": sentiment, "sentiment": sentiment, "topic": topic},
        TAGGED.name: {"": tagged},
        DIALOGUES.name: {"": grammar.dialogues},
    }
    return by_kind[kind.name]
