"""Sentences with an intent and slots: what is wanted, and the words that say it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.parts import existing, part_of
from lmzoo.data.sentences import PLAIN, Opener, Sentence, make_sentence, read_json, settle_tags
from lmzoo.data.sources import PARTS
from lmzoo.data.tables import read_lines, stem
from lmzoo.data.tagged import Tagged, find_parts
from lmzoo.data.tags import SCHEMES
from lmzoo.errors import ArgumentError, DataError

IntentSentence: TypeAlias = tuple[list[str], list[str], str]
IntentSource: TypeAlias = "str | Path | Sequence[Any] | Mapping[str, Any] | Intents"

FILES = ("seq.in", "seq.out", "label")
KEYS = ("tokens", "tags")


@dataclass(frozen=True)
class Intents(Tagged):
    """Sentences with tags and an intent by part, that can be read any number of times.

    See `Tagged`; `read` leaves the intents out, and `read_all` gives them too.

    Args:
        name: as `Tagged`, like the next three.
        openers: for each part, a function that opens it.
        scheme: by which the tags mark spans.
        notes: sentences for the report.
    """

    def read_all(self, part: str = "train") -> Iterator[IntentSentence]:
        """Reads one part: the words, the tags and the intent of each sentence."""
        return ((found.words, found.tags, found.intent) for found in self.openers[part]())


def read_intents(
    source: IntentSource, *, scheme: str | None = None, repair: bool = False
) -> Intents:
    """Finds sentences with slots and intents, and checks all their tags.

    Args:
        source: one of
            a folder in the layout of SNIPS and ATIS: folders named train, valid (or dev) and test,
            each with the files seq.in, seq.out and label, one sentence in each line;
            a .jsonl file, plain or .gz, or a folder with one for each part: each line
            {"tokens": [...], "tags": [...], "intent": "..."};
            a list of (words, tags, intent);
            a dictionary from "train", "valid", "test" to such folders, files or lists.
        scheme: by which the tags mark slots; see `read_tagged`.
        repair: whether tags that break their scheme are mended and counted; see `read_tagged`.

    Returns:
        The sentences by part.

    Raises:
        DataError: what is missing, files of unequal length, tags that are not as many as their
            words, a tag that breaks the scheme, a sentence without an intent.
        ArgumentError: a scheme that does not exist.

    Example:
        >>> found = read_intents([(["play", "jazz"], ["O", "B-genre"], "PlayMusic")])
        >>> next(found.read_all())
        (['play', 'jazz'], ['O', 'B-genre'], 'PlayMusic')
    """
    if isinstance(source, Intents):
        return source
    if scheme not in (None, PLAIN, *SCHEMES):
        raise ArgumentError(f"scheme is {scheme!r}; choose one of {', '.join(SCHEMES)}, {PLAIN}")
    parts = source if isinstance(source, Mapping) else {"train": source}
    if isinstance(source, str | Path):
        parts = _find_parts(Path(source))
    if "train" not in parts or set(parts) - set(PARTS):
        raise DataError(
            f'a dictionary of sentences has the keys {sorted(parts)}; it needs "train", and may '
            'have "valid" and "test"'
        )
    openers: Mapping[str, Opener] = {part: _open(value) for part, value in parts.items()}
    scheme, openers, notes = settle_tags(openers, scheme, repair)
    name = str(source) if isinstance(source, str | Path) else "the given sentences"
    return Intents(name, openers, scheme, notes)


def _find_parts(path: Path) -> dict[str, Path]:
    """The folder or the file of each part."""
    if path.is_file():
        return {"train": path}
    folders = sorted(path.iterdir()) if path.is_dir() else []
    found: dict[str, Path] = {}
    for folder in folders:
        part = part_of(folder)
        if part and folder.is_dir():
            if part in found:
                raise DataError(f"{found[part]} and {folder} are both for {part}; name one of them")
            found[part] = folder
    if "train" in found:
        return found
    if path.is_dir() and all((path / name).is_file() for name in FILES):
        return {"train": path}
    return {part: files[0] for part, files in find_parts(path, [".jsonl"]).items()}


def _open(source: Any) -> Opener:
    """One part: a folder, a file, or a list."""
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir():
            files = [existing(path / name) for name in FILES]
            return lambda: _read_lines(*files)
        if stem(existing(path)).suffix != ".jsonl":
            raise DataError(f"{path} is no folder with {', '.join(FILES)}, and no .jsonl file")
        return lambda: read_json(path, KEYS, "intent")
    items = source if isinstance(source, list | tuple) else list(source)
    return lambda: _read_items(items)


def _read_lines(words: Path, tags: Path, intents: Path) -> Iterator[Sentence]:
    """Reads three files line by line."""
    files = (words, tags, intents)
    lines = zip_longest(*(_without_blank_end(file) for file in files))
    for number, row in enumerate(lines, 1):
        if any(text is None for text in row):
            counts = ", ".join(f"{f} {sum(1 for _ in _without_blank_end(f)):,}" for f in files)
            raise DataError(f"files of unequal length, in lines: {counts}; they need the same")
        place = f"{words.parent}, line {number:,}"
        yield make_sentence(row[0].split(), row[1].split(), place, row[2].strip())


def _without_blank_end(path: Path) -> Iterator[str]:
    """The lines of a file; blank ones only where another follows."""
    blank = 0
    for line in read_lines(path):
        if not line.strip():
            blank += 1
            continue
        yield from [""] * blank
        blank = 0
        yield line


def _read_items(items: Sequence[Any]) -> Iterator[Sentence]:
    for number, item in enumerate(items):
        if not isinstance(item, list | tuple) or len(item) != 3:
            raise DataError(
                f"item {number} of the sentences is {str(item)[:60]!r}: give (words, tags, intent)"
            )
        place = f"item {number} of the sentences"
        yield make_sentence(item[0], item[1], place, item[2])
