"""Sentences on their way in: words, tags, and where they stand; the checks of their tags."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.tables import read_lines
from lmzoo.data.tags import detect_scheme, find_fault, is_span_tag, repair_tags
from lmzoo.errors import DataError

PLAIN = "plain"


@dataclass(slots=True)
class Sentence:
    """Words with their tags, and where they were found.

    Args:
        words: the words.
        tags: a tag for each word.
        place: what an error calls the word of a number.
        intent: what the sentence as a whole wants; "" where there is no such thing.
    """

    words: list[str]
    tags: list[str]
    place: Callable[[int], str]
    intent: str = ""


# Opens one part of the sentences anew.
Opener: TypeAlias = Callable[[], Iterator[Sentence]]


def read_json(path: Path, keys: Sequence[str | int], intent: str = "") -> Iterator[Sentence]:
    """Reads JSON lines.

    Args:
        path: the file, plain or .gz.
        keys: of the words and of their tags.
        intent: key of what the sentence as a whole wants; "" for none.

    Yields:
        The sentences.

    Raises:
        DataError: a line without these keys or lists of strings.
    """
    names = [str(key) for key in keys] + ([intent] if intent else [])
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            words, tags, *wanted = (record[name] for name in names)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"{path}, line {number:,} is no JSON object with the keys {', '.join(names)} "
                f"({error!r})"
            ) from error
        yield make_sentence(words, tags, f"{path}, line {number:,}", *wanted)


def make_sentence(words: Any, tags: Any, place: str, intent: Any = None) -> Sentence:
    """A sentence from lists.

    Args:
        words: strings.
        tags: as many strings, none of them blank.
        place: what an error calls the sentence.
        intent: a string that is not empty, or None.

    Returns:
        The sentence.

    Raises:
        DataError: lists of unequal length, what is no string, a blank tag, an empty intent.
    """
    for name, values in (("words", words), ("tags", tags)):
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
            raise DataError(f"{place}: its {name} are {str(values)[:60]}; give a list of strings")
    if len(words) != len(tags):
        raise DataError(
            f"{place} has {len(words)} words and {len(tags)} tags; each word needs one tag: "
            f"{' '.join(words)[:60]!r}"
        )
    if intent is not None and not (isinstance(intent, str) and intent):
        raise DataError(f"{place}: its intent is {str(intent)[:60]!r}; give a string")
    for number, tag in enumerate(tags):
        if not tag.strip():
            raise DataError(f"{place}: the tag of its word {number} is empty; each word needs one")
    return Sentence(list(words), list(tags), lambda word: f"{place}, word {word}", intent or "")


def settle_tags(
    openers: Mapping[str, Opener], scheme: str | None, repair: bool
) -> tuple[str | None, Mapping[str, Opener], list[str]]:
    """Finds the scheme of the tags, and checks or mends all sentences.

    Args:
        openers: the parts.
        scheme: see `read_tagged`.
        repair: whether empty words are left out, and tags that break the scheme mended.

    Returns:
        The scheme, None for plain tags; the parts, mended; sentences for the report.

    Raises:
        DataError: an empty word, or a tag that breaks the scheme.
    """
    if scheme is None:
        scheme = detect_scheme(sentence.tags for sentence in openers["train"]())
    scheme = None if scheme == PLAIN else scheme
    notes = []
    for part, opener in openers.items():
        counts: Counter[str] = Counter()
        for sentence in opener():
            if not repair:
                _check(sentence, scheme)
            _mend(sentence, scheme, counts)
        if counts["words"]:
            notes.append(f"{part}: {counts['words']:,} empty words were left out")
        if counts["tags"]:
            notes.append(
                f"{part}: {counts['tags']:,} tags of {counts['sentences']:,} sentences broke "
                f"{scheme} and were mended"
            )
    return scheme, {part: _mended(opener, scheme) for part, opener in openers.items()}, notes


def _check(sentence: Sentence, scheme: str | None) -> None:
    """Refuses what would have to be mended."""
    if "" in sentence.words:
        place = sentence.place(sentence.words.index(""))
        raise DataError(f"{place}: the word is empty; mend it, or repair=True leaves it out")
    fault = find_fault(sentence.tags, scheme) if scheme else None
    if fault and all(map(is_span_tag, sentence.tags)):
        raise DataError(
            f"{sentence.place(fault[0])}: {fault[1]}; mend it, say scheme= if it is another, or "
            "read with repair=True"
        )


def _mend(sentence: Sentence, scheme: str | None, counts: Counter[str]) -> None:
    """Leaves out empty words, and mends tags; sentences without a fault stay as they are."""
    if "" in sentence.words:
        kept = [number for number, word in enumerate(sentence.words) if word]
        counts["words"] += len(sentence.words) - len(kept)
        sentence.words, sentence.tags, place = (
            [sentence.words[number] for number in kept],
            [sentence.tags[number] for number in kept],
            sentence.place,
        )
        sentence.place = lambda word: place(kept[word])
    fault = find_fault(sentence.tags, scheme) if scheme else None
    if not fault or not scheme:
        return
    if not all(map(is_span_tag, sentence.tags)):
        raise DataError(
            f'{sentence.place(fault[0])}: {fault[1]}; mend it, or say scheme="plain" if tags mark '
            "no spans"
        )
    sentence.tags, count = repair_tags(sentence.tags, scheme)
    counts.update(tags=count, sentences=1)


def _mended(opener: Opener, scheme: str | None) -> Opener:
    """The sentences, mended as they were when all of them were checked."""

    def read() -> Iterator[Sentence]:
        for sentence in opener():
            _mend(sentence, scheme, Counter())
            yield sentence

    return read
