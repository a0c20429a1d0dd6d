"""Errors that lmzoo raises: each message has what is wrong, the value, and the remedy."""

from collections.abc import Mapping
from typing import Any


class LmzooError(Exception):
    """Base class of lmzoo's errors; the examples print these as one line, without a traceback."""


class DataError(LmzooError, ValueError):
    """A text, file or data set that cannot be used as it is."""


class TokenizerError(LmzooError, ValueError):
    """A tokenizer that cannot be trained, loaded, or applied to this text."""


class PromptError(LmzooError, ValueError):
    """A prompt that the model cannot continue: empty, too long, or with unknown ids."""


class ArgumentError(LmzooError, ValueError):
    """An argument outside its range."""


class UnknownModelError(LmzooError, LookupError):
    """A model name that is not in the registry."""


class TrainingDiverged(LmzooError, ArithmeticError):
    """The loss became NaN or infinite; training stopped at the last good checkpoint."""


def listed(values: Any, name: str) -> list[Any]:
    """The items of an argument; ArgumentError for a single text, whose letters are no items."""
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        raise ArgumentError(f"{name} is {values!r:.60}: give a list, even for a single one")
    return list(values)
