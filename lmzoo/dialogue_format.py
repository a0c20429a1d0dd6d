"""How a dialogue becomes the source of a reply: the same for training and for conversation."""

from collections.abc import Sequence

# Speakers; a fact is no turn but what both know.
FACT, USER, BOT = "fact", "user", "bot"


def dialogue_context(turns: Sequence[tuple[str, str]], window: int | None = None) -> str:
    """The turns as one line, each behind its speaker in angle brackets.

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
    return " ".join(f"<|{speaker}|> {text}" for speaker, text in kept)
