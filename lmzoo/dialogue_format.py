"""How a dialogue becomes the source of a reply: the same for training and for conversation."""

import re
from collections.abc import Sequence

# Speakers; a fact is no turn but what both know.
FACT, USER, BOT = "fact", "user", "bot"
# What would look like the mark of a speaker in a text: tokenizers take one for a word.
_FALSE_MARK = re.compile(r"<(?=\|[^\s|<>]+\|>)")


def dialogue_context(turns: Sequence[tuple[str, str]], window: int | None = None) -> str:
    """Writes turns as one line, each behind its speaker in angle brackets.

    A text has no speakers: `<|bot|>` inside it is written `< |bot|>`. Blanks in the name of a
    speaker become "_".

    Args:
        turns: (speaker, text), in their order.
        window: how many of the last turns are kept; facts do not count, and all are kept. None:
            all turns.

    Returns:
        One line of text.

    Example:
        >>> from lmzoo.dialogue_format import dialogue_context
        >>> dialogue_context([("user", "hi"), ("bot", "hello"), ("user", "bye")], window=2)
        '<|bot|> hello <|user|> bye'
    """
    spoken = [number for number, (speaker, _) in enumerate(turns) if speaker != FACT]
    first = spoken[-window] if window and len(spoken) > window else 0
    kept = [turn for number, turn in enumerate(turns) if number >= first or turn[0] == FACT]
    return " ".join(f"{_mark(speaker)} {_FALSE_MARK.sub('< ', text)}" for speaker, text in kept)


def _mark(speaker: str) -> str:
    """The mark of a speaker: one word, whatever the name."""
    name = re.sub(r"[\s|<>]+", "_", speaker)
    return f"<|{name}|>"
