"""Dialogues: turns of speakers, and the pairs of a context and its reply that are made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from lmzoo.data.corpus import Corpus, Located, Record
from lmzoo.data.readers.text import placed_lines
from lmzoo.errors import ArgumentError, DataError, listed

# (speaker, text); the speaker "fact" is nobody: what all of them know.
Turn: TypeAlias = tuple[str, str]
FACT, USER, BOT = "fact", "user", "bot"


def dialogue_pairs(
    corpus: Corpus, *, window: int | None = None, speakers: Sequence[str] | None = None
) -> Corpus:
    """Makes pairs of dialogues: what was said so far, and the reply.

    Args:
        corpus: records with "turns", from `read_dialogues`.
        window: how many turns before a reply make its context; None: all. See `dialogue_context`.
        speakers: whose replies are learned; None: those of a record's "speakers", else all.

    Returns:
        {"source", "target"}; the first turn of a dialogue is no reply.

    Raises:
        ArgumentError: a window below 1.

    Example:
        >>> import lmzoo
        >>> corpus = lmzoo.data.read_dialogues([[("user", "hi"), ("bot", "hello")]])
        >>> list(dialogue_pairs(corpus, speakers=["bot"]).read())
        [{'source': '<|user|> hi', 'target': 'hello'}]
    """
    if window is not None and window < 1:
        raise ArgumentError(f"window is {window}; it must be at least 1, or None for all turns")

    speakers = None if speakers is None else listed(speakers, "speakers")

    def replies(record: Record) -> Iterator[int]:
        wanted = speakers or record.get("speakers")
        for number, (speaker, _) in enumerate(record["turns"]):
            if number and speaker != FACT and (not wanted or speaker in wanted):
                yield number

    def pairs(record: Record) -> Iterator[Record]:
        turns = record["turns"]
        for number in replies(record):
            yield {
                "source": dialogue_context(turns[:number], window), "target": turns[number][1]
            }  # fmt: skip

    def names(record: Record) -> Iterator[tuple[str, str]]:
        turns = record["turns"]
        for number in replies(record):
            if turns[number - 1][0] != FACT:
                yield turns[number - 1][0], turns[number][0]

    first = (pair for split in corpus.splits for each in corpus.read(split) for pair in names(each))
    return replace(corpus.map(pairs), speakers=next(first, None))


def dialogue_context(turns: Sequence[Turn], window: int | None = None) -> str:
    """Writes turns as one line, each behind its speaker in angle brackets.

    Args:
        turns: (speaker, text).
        window: how many of the last turns are written, with all facts, no turns; None: all.

    Returns:
        The line.

    Example:
        >>> dialogue_context([("user", "hi"), ("bot", "hello"), ("user", "bye")], 2)
        '<|bot|> hello <|user|> bye'
    """
    spoken = [number for number, turn in enumerate(turns) if turn[0] != FACT]
    first = spoken[-window] if window and len(spoken) > window else 0
    kept = [turn for n, turn in enumerate(turns) if n >= first or turn[0] == FACT]
    return " ".join(f"<|{speaker}|> {text}" for speaker, text in kept)


def read_babi(path: Path) -> Iterator[Record]:
    """Reads the dialog bAbI tasks: `1 user's text<TAB>bot's text`, or without a tab a fact."""
    turns: list[Turn] = []
    start = ""
    for place, line in placed_lines(path):
        number, _, rest = line.partition(" ")
        if not number.isdigit():
            raise DataError(f"{place} does not begin with a number: {line[:60]!r}")
        if int(number) == 1 and turns:
            yield Located({"turns": turns, "speakers": [BOT]}, start)
            turns = []
        start = start if turns else place
        said, tab, answer = rest.partition("\t")
        turns += [(USER, said), (BOT, answer)] if tab else [(FACT, said)]
    if turns:
        yield Located({"turns": turns, "speakers": [BOT]}, start)
