"""Dialogues: turns of speakers, and the pairs of a context and its reply that are made of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from lmzoo.data.corpus import Corpus, Located, Record
from lmzoo.data.readers.text import read_lines
from lmzoo.errors import ArgumentError, DataError

# (speaker, text); the speaker "fact" is nobody: what all of them know.
Turn: TypeAlias = tuple[str, str]
FACT, USER, BOT = "fact", "user", "bot"


def dialogue_pairs(
    corpus: Corpus, *, window: int | None = None, speakers: Sequence[str] | None = None
) -> Corpus:
    """Makes pairs of dialogues: what was said so far, and the reply.

    Args:
        corpus: records with "turns", from `read_dialogues`; "speakers" are those whose replies are
            learned, all where a record has none.
        window: how many turns before a reply make its context; None: all. Facts are no turns, and
            all that stand before the reply belong to its context.
        speakers: whose replies are learned; None: those of the records.

    Returns:
        {"source", "target"}: see `dialogue_context`; the first turn of a dialogue is no reply.

    Raises:
        ArgumentError: a window below 1.

    Example:
        >>> import lmzoo
        >>> turns = [("user", "hi"), ("bot", "hello"), ("user", "bye")]
        >>> corpus = lmzoo.data.read_dialogues([turns])
        >>> list(dialogue_pairs(corpus, speakers=["bot"]).read())
        [{'source': '<|user|> hi', 'target': 'hello'}]
    """
    if window is not None and window < 1:
        raise ArgumentError(f"window is {window}; it must be at least 1, or None for all turns")

    def pairs(record: Record) -> Iterator[Record]:
        turns, wanted = record["turns"], speakers or record.get("speakers")
        for number, (speaker, text) in enumerate(turns):
            if number and speaker != FACT and (not wanted or speaker in wanted):
                yield {"source": dialogue_context(turns[:number], window), "target": text}

    return corpus.map(pairs)


def dialogue_context(turns: Sequence[Turn], window: int | None = None) -> str:
    """Writes turns as one line, each behind its speaker in angle brackets.

    Args:
        turns: (speaker, text).
        window: how many of the last turns are written; facts are no turns, and all of them are
            written. None: all turns.

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
    """Reads a file of the dialog bAbI tasks; the bot's replies are learned.

    Lines are such as `1 user's text<TAB>bot's text`, and their numbers begin anew with each
    dialogue; a line without a tab is a fact.

    Source: Bordes et al. 2017, https://arxiv.org/abs/1605.07683
    """
    turns: list[Turn] = []
    start = 1
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        place, _, rest = line.partition(" ")
        if not place.isdigit():
            raise DataError(f"{path}, line {number:,} does not begin with a number: {line[:60]!r}")
        if int(place) == 1 and turns:
            yield _bot_dialogue(turns, f"{path}, line {start:,}")
            turns, start = [], number
        said, tab, answer = rest.partition("\t")
        turns += [(USER, said), (BOT, answer)] if tab else [(FACT, said)]
    if turns:
        yield _bot_dialogue(turns, f"{path}, line {start:,}")


def _bot_dialogue(turns: list[Turn], place: str) -> Record:
    return Located({"turns": turns, "speakers": [BOT]}, place)
