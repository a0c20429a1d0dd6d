"""Checks of texts, vocabulary sizes and installed packages; every error names the remedy."""

from typing import Any

from lmzoo.errors import TokenizerError


def check_text(text: Any) -> None:
    """Refuse anything but strings, and strings that have no UTF-8 form."""
    if not isinstance(text, str):
        raise TokenizerError(f"a text must be a str, got {type(text).__name__}: {text!r:.60}")
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"the text has the lone surrogate U+{ord(text[error.start]):04X} at character "
            f"{error.start}, which has no UTF-8 form; repair the text first, for example with "
            'text.encode("utf-8", "replace").decode()'
        ) from error


def missing_package(name: str, purpose: str) -> TokenizerError:
    """The error for a package that is not installed."""
    return TokenizerError(f"{purpose} needs {name}; install it with: python -m pip install {name}")


def check_vocab_size(vocab_size: int | None, *, kind: str, smallest: int) -> None:
    """Refuse a vocabulary size that is not an int or too small for the kind."""
    if vocab_size is None:
        return
    if isinstance(vocab_size, bool) or not isinstance(vocab_size, int):
        raise TokenizerError(f"vocab_size must be an int or None, got {vocab_size!r}")
    if vocab_size < smallest:
        raise TokenizerError(
            f"vocab_size={vocab_size} is too small for kind {kind!r} on these texts; the smallest "
            f"possible is {smallest}"
        )


def too_large(vocab_size: int, *, kind: str, largest: int) -> TokenizerError:
    """The error for a vocabulary larger than the texts can fill."""
    return TokenizerError(
        f"vocab_size={vocab_size} cannot be reached with kind {kind!r} on these texts; the largest "
        f"possible is {largest}: pass vocab_size={largest} or less, leave it out, or give more text"
    )
