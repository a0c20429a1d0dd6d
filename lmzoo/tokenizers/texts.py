"""Training texts of tokenizers: checks, an even sample, and the most frequent words."""

from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers.checks import check_text, too_large
from lmzoo.tokenizers.lowercase import lower


def checked_texts(texts: Iterable[str], *, lowercase: bool = False) -> Iterator[str]:
    """The non-empty texts, one by one; TokenizerError if there is none, or for an unusable item.

    Example:
        >>> list(checked_texts(["One", "", "Two"], lowercase=True))
        ['one', 'two']
    """
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
        if text:
            empty = False
            yield lower(text) if lowercase else text
    if empty:
        raise TokenizerError("nothing to train on: there is no text, or every text is empty")


def even_sample(pieces: Iterable[str], limit: int) -> list[str]:
    """An even sample of a stream, in its order, of at most `limit` characters.

    Every piece is kept with the same probability: whenever the sample gets too large, half of it
    is dropped, and from then on half as many are taken. Deterministic.
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
    """The most frequent strings that fit into a vocabulary beside `reserved` ids; all if None.

    Raises:
        TokenizerError: there are too few strings.
    """
    if vocab_size is None:
        return ranked(counts)
    if vocab_size > reserved + len(counts):
        raise too_large(vocab_size, kind=kind, largest=reserved + len(counts))
    return ranked(counts)[: vocab_size - reserved]
