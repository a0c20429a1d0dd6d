"""Dialogues: turns of speakers, and the pairs of a context and its reply that are made of them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from lmzoo.data.corpus import Corpus, Located, Record
from lmzoo.data.readers.text import placed_lines
from lmzoo.dialogue_format import BOT, FACT, USER, dialogue_context
from lmzoo.errors import ArgumentError, DataError, listed

Turn: TypeAlias = tuple[str, str]  # (speaker, text)


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


def read_babi(path: Path) -> Iterator[Record]:
    """Reads the dialog bAbI tasks, `1 user's text<TAB>bot's text`, or without a tab a fact.

    ParlAI writes more columns: a reward and candidates, which are no part of the reply; and
    several replies separated by "|", of which the first is taken.
    """
    turns: list[Turn] = []
    start = ""
    for place, line in placed_lines(path):
        number, _, rest = line.partition(" ")
        if not (number.isascii() and number.isdigit()):
            raise DataError(f"{place} does not begin with a number: {line[:60]!r}")
        if int(number) == 1 and turns:
            yield Located({"turns": turns, "speakers": [BOT]}, start)
            turns = []
        start = start if turns else place
        said, *columns = rest.split("\t")
        if not columns:
            turns.append((FACT, said))
            continue
        answer = columns[0].partition("|")[0] if len(columns) > 1 else columns[0]
        turns += [(USER, said), (BOT, answer.strip())]
    if turns:
        yield Located({"turns": turns, "speakers": [BOT]}, start)
