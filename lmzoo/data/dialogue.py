"""Dialogues: turns with speakers, made into pairs of what was said so far and the reply."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmzoo.data.pairs import Pair, Pairs, sample_parts
from lmzoo.data.parts import list_files, sort_by_part
from lmzoo.data.tables import read_lines
from lmzoo.errors import ArgumentError, DataError

FACT = "fact"
USER, BOT = "user", "bot"


@dataclass
class Dialogue:
    """One dialogue.

    Args:
        turns: (speaker, text), as they follow each other; the speaker "fact" is nobody: what both
            know.
    """

    turns: list[tuple[str, str]] = field(default_factory=list)

    def replies(
        self, *, window: int | None = None, speakers: Sequence[str] | None = None
    ) -> Iterator[Pair]:
        """Gives each reply with what comes before it, and nothing of what comes later.

        Args:
            window: how many turns before a reply are read; facts are no turns, and all of them
                are read. None: all turns.
            speakers: whose replies are wanted; None: everybody's but the first turn.

        Yields:
            What was said, each turn behind its speaker in angle brackets, and the reply.

        Example:
            >>> dialogue = Dialogue([("user", "hi"), ("bot", "hello"), ("user", "bye")])
            >>> list(dialogue.replies(speakers=["bot"]))
            [('<|user|> hi', 'hello')]
        """
        for place, (speaker, text) in enumerate(self.turns):
            before = self.turns[:place]
            if speaker != FACT and before and (not speakers or speaker in speakers):
                yield Dialogue(before).context(window), text

    def context(self, window: int | None = None) -> str:
        """What was said: each turn behind its speaker in angle brackets.

        Args:
            window: how many of the last turns are told; facts are no turns, and all of them are
                told. None: all turns.

        Returns:
            One line of text.

        Example:
            >>> Dialogue([("user", "hi"), ("bot", "hello"), ("user", "bye")]).context(2)
            '<|bot|> hello <|user|> bye'
        """
        spoken = [number for number, turn in enumerate(self.turns) if turn[0] != FACT]
        first = spoken[-window] if window and len(spoken) > window else 0
        seen = [t for n, t in enumerate(self.turns) if n >= first or t[0] == FACT]
        return " ".join(f"<|{who}|> {said}" for who, said in seen)


def read_dialogues(
    source: str | Path,
    *,
    window: int | None = None,
    speakers: Sequence[str] | None = None,
    grammar_dialogues: int = 20_000,
    seed: int = 0,
) -> Pairs:
    """Finds dialogues, and makes pairs of what was said so far and the reply.

    Args:
        source: a file, a folder, or a path that ends in a pattern (`babi/dialog-babi-task3*`);
            parts are told by names as in `read_pairs`. A file is .jsonl (each line an object whose
            "turns" are [speaker, text] or {"speaker": .., "text": ..}) or .txt in the form of the
            dialog bAbI tasks (`1 user's text<TAB>bot's text`; numbers begin anew with each
            dialogue; a line without a tab is a fact), plain or .gz. Or "grammar", the embedded
            corpus: statements, and questions about them.
        window: how many turns before a reply are read; None: all.
        speakers: whose replies are learned; None: in bAbI's form and in the grammar the bot's, else
            everybody's.
        grammar_dialogues: dialogues for training from the grammar; for validation there is a fresh
            sample, a tenth as many but at least 500 and at most 2,000.
        seed: of the grammar's sample.

    Returns:
        The pairs by part.

    Raises:
        DataError: no such file, or a line in another form.
        ArgumentError: a window below 1.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "train.txt")
        ...     _ = path.write_text("1 good morning\\thow can I help?\\n")
        ...     list(read_dialogues(path).read())
        [('<|user|> good morning', 'how can I help?')]
    """
    if window is not None and window < 1:
        raise ArgumentError(f"window is {window}; it must be at least 1, or None for all turns")
    if source == "grammar":
        return _read_grammar(window, speakers or [BOT], grammar_dialogues, seed)
    files = _find(Path(source))
    openers = {part: _open(path, window, speakers) for part, path in files.items()}
    notes = ["files read: " + ", ".join(path.name for path in files.values())]
    return Pairs(str(source), openers, ("context", "reply"), notes)


def _read_grammar(window: int | None, speakers: Sequence[str], count: int, seed: int) -> Pairs:
    """Samples dialogues of the embedded corpus."""
    from lmzoo import grammar

    if count < 1:
        raise ArgumentError(f"grammar_dialogues is {count}; it must be at least 1")

    def draw(number: int, *, seed: int) -> Iterator[Pair]:
        for turns in grammar.dialogues(number, seed=seed):
            yield from Dialogue(turns).replies(window=window, speakers=speakers)

    parts = sample_parts(draw, count, seed)
    return Pairs("grammar", parts, ("context", "reply"), ["a sample of the grammar"])


def _find(path: Path) -> dict[str, Path]:
    """The file of each part."""
    if path.is_file():
        return {"train": path}
    found = list_files(path) if path.is_dir() or "*" in path.name else []
    return sort_by_part(path, found, "dialogues")


def _open(
    path: Path, window: int | None, speakers: Sequence[str] | None
) -> Callable[[], Iterator[Pair]]:
    is_json = ".jsonl" in path.suffixes

    def read() -> Iterator[Pair]:
        wanted = speakers or (None if is_json else [BOT])
        for dialogue in read_json_dialogues(path) if is_json else read_babi(path):
            yield from dialogue.replies(window=window, speakers=wanted)

    return read


def read_babi(path: Path) -> Iterator[Dialogue]:
    """Reads a file of the dialog bAbI tasks.

    Args:
        path: the file, plain or .gz.

    Yields:
        Dialogues between "user" and "bot", with facts.

    Raises:
        DataError: a line that does not begin with its number.
    """
    dialogue = Dialogue()
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        place, _, rest = line.partition(" ")
        if not place.isdigit():
            raise DataError(f"{path}, line {number:,} does not begin with a number: {line[:60]!r}")
        if int(place) == 1 and dialogue.turns:
            yield dialogue
            dialogue = Dialogue()
        said, tab, answered = rest.partition("\t")
        if tab:
            dialogue.turns += [(USER, said), (BOT, answered)]
        else:
            dialogue.turns.append((FACT, said))
    if dialogue.turns:
        yield dialogue


def read_json_dialogues(path: Path) -> Iterator[Dialogue]:
    """Reads dialogues from JSON lines.

    Args:
        path: the file, plain or .gz.

    Yields:
        The dialogues.

    Raises:
        DataError: a line in another form.
    """
    for number, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        try:
            turns = [_turn(turn) for turn in json.loads(line)["turns"]]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f'{path}, line {number:,} is no object with "turns" of [speaker, text]: {error!r}'
            ) from error
        yield Dialogue(turns)


def _turn(turn: Any) -> tuple[str, str]:
    speaker, text = (turn["speaker"], turn["text"]) if isinstance(turn, dict) else turn
    return str(speaker), str(text)
