"""Training texts of tokenizers: checks, an even sample, and the most frequent words."""

import importlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from lmzoo.errors import TokenizerError

LARGEST = 1 << 24  # ids, above which the libraries that train pieces run out of memory
MOST_ENTRIES = 20_000  # characters or words of a vocabulary whose size nobody has chosen


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


# What the tasks need of a tokenizer: any object that has these may be one.
CONTRACT = ("encode_batch", "decode", "vocab_size", "kind", "lowercase", "unk_id", "eos_id")


def check_tokenizer(tokenizer: Any) -> None:
    """Refuse an object of another library that is no tokenizer as lmzoo's tasks need one."""
    if missing := [name for name in CONTRACT if not hasattr(tokenizer, name)]:
        raise TokenizerError(
            f"{type(tokenizer).__module__}.{type(tokenizer).__name__} is not a tokenizer of "
            f"lmzoo: it has no {', '.join(missing)}, and its padding, unknown, begin and end ids "
            "are not 0, 1, 2 and 3. Train one on your texts, train_tokenizer(texts, "
            "kind='wordpiece'); or encode the texts yourself and give `fit` the ids"
        )


def import_package(name: str, purpose: str) -> Any:
    """An optional package; TokenizerError if it is not installed."""
    try:
        return importlib.import_module(name.replace("-", "_"))
    except ImportError as error:
        raise TokenizerError(
            f"{purpose} needs {name}; install it with: python -m pip install {name}"
        ) from error


def check_vocab_size(vocab_size: int | None, *, kind: str, smallest: int) -> None:
    """Refuse a vocabulary size that is no int, too small for the kind, or larger than memory."""
    if vocab_size is None:
        return
    if isinstance(vocab_size, bool) or not isinstance(vocab_size, int):
        raise TokenizerError(f"vocab_size must be an int or None, got {vocab_size!r}")
    if vocab_size > LARGEST:
        raise TokenizerError(f"vocab_size={vocab_size:,}: give at most {LARGEST:,}, or None")
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


def checked_texts(texts: Iterable[str], prepare: Callable[[str], str] = str) -> Iterator[str]:
    """The non-empty texts, prepared; TokenizerError if there is none, or for an unusable item."""
    if isinstance(texts, (str, bytes)):
        raise TokenizerError("texts is a single string; pass a list of texts: [text]")
    if not isinstance(texts, Iterable):
        raise TokenizerError(f"texts must be an iterable of str, got {type(texts).__name__}")
    empty = True
    for index, text in enumerate(texts):
        try:
            check_text(text)
        except TokenizerError as error:
            raise TokenizerError(f"text number {index}: {error}") from error
        if text := prepare(text):
            empty = False
            yield text
    if empty:
        raise TokenizerError("nothing to train on: there is no text, or every text is empty")


def even_sample(pieces: Iterable[str], limit: int) -> list[str]:
    """An even sample of a stream, in its order, of at most `limit` characters; deterministic.

    Whenever it gets too large, half of it is dropped, and from then on half as many are taken.
    """
    random = Random(0)
    kept: list[str] = []
    size, chance = 0, 1.0
    for piece in pieces:
        if chance < 1.0 and random.random() >= chance:
            continue
        kept.append(piece)
        size += len(piece)
        while size > limit and len(kept) > 1:
            kept = [piece for piece in kept if random.random() < 0.5]
            size = sum(map(len, kept))
            chance /= 2
    return kept


def ranked(counts: Counter[str]) -> list[str]:
    """The strings by descending count, equal counts by code points."""
    return sorted(counts, key=lambda entry: (-counts[entry], entry))


def most_frequent(
    counts: Counter[str], vocab_size: int | None, *, kind: str, reserved: int
) -> list[str]:
    """The most frequent strings that fit into a vocabulary beside `reserved` ids."""
    if vocab_size is None:
        return ranked(counts)[:MOST_ENTRIES]
    if vocab_size > reserved + len(counts):
        raise too_large(vocab_size, kind=kind, largest=reserved + len(counts))
    return ranked(counts)[: vocab_size - reserved]
