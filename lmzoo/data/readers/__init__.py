"""Readers: one file a format; each yields records, whatever task they are for."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lmzoo.data.corpus import Corpus, Located, Opener, Record


def _adapt(old: Any, keys: tuple[str, ...], read: str = "read") -> Corpus:
    def opener(part: str) -> Opener:
        method = getattr(old, read)

        def records() -> Iterator[Record]:
            for number, item in enumerate(method(part), 1):
                record = dict(zip(keys, [item] if isinstance(item, str) else item, strict=True))
                place = getattr(old, "place", None)
                yield Located(record, f"{part}, example {number:,}" if place is None else part)

        return records

    return Corpus(old.name, {part: opener(part) for part in old.openers}, list(old.notes),
                  getattr(old, "grammar", None))  # fmt: skip


def read_texts(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    errors: str = "strict",
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Reads {"text"}: documents, or (with "file" and "block") blocks of text files."""
    from lmzoo.data.sources import read_texts as old

    return _adapt(old(source, errors=errors, grammar_documents=grammar_size, seed=seed), ("text",))


def read_pairs(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Reads {"source", "target"}."""
    from lmzoo.data.pairs import read_pairs as old

    return _adapt(old(source, fields=columns, grammar_pairs=grammar_size, seed=seed),
                  ("source", "target"))  # fmt: skip


def read_labeled(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    format: str | None = None,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Reads {"text", "label"}, both strings."""
    from lmzoo.data.labeled import read_labeled as old

    found = old(source, fields=columns, form=format, grammar_documents=grammar_size, seed=seed)
    return _adapt(found, ("text", "label"))


def read_tagged(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    scheme: str | None = None,
    repair: bool = False,
    strip_position: bool = False,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Corpus:
    """Reads {"tokens", "tags"[, "intent"]}, and checks (or repairs) all tags.

    The corpus does not say the scheme: `detect_scheme` finds it, as tags that were checked break
    no scheme but the others; only `scheme="plain"` must be said to the task again.
    """
    from lmzoo.data.intents import read_intents
    from lmzoo.data.tagged import read_tagged as old

    is_list = isinstance(source, list | tuple)
    if (is_list and source and len(source[0]) == 3) or (
        isinstance(source, str | Path) and Path(source).is_dir()
        and (Path(source, "train").is_dir() or Path(source, "seq.in").exists())
    ):  # fmt: skip
        return _adapt(read_intents(source, scheme=scheme, repair=repair),
                      ("tokens", "tags", "intent"), "read_all")  # fmt: skip
    found = old(source, columns=columns, scheme=scheme, repair=repair,
                strip_position=strip_position, grammar_documents=grammar_size, seed=seed)  # fmt: skip
    return _adapt(found, ("tokens", "tags"))


def read_dialogues(source: Any, *, grammar_size: int = 20_000, seed: int = 0) -> Corpus:
    """Reads {"turns"[, "speakers"]}: turns are (speaker, text); speakers, whose replies to learn."""
    raise NotImplementedError


def dialogue_pairs(
    corpus: Corpus, *, window: int | None = None, speakers: Sequence[str] | None = None
) -> Corpus:
    """Makes {"source", "target"} of dialogues: what was said so far, and the reply."""
    raise NotImplementedError
