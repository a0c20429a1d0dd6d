"""The texts that a tokenizer is trained on: checks, and an even sample of what is too much."""

from collections.abc import Iterable, Iterator
from random import Random

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers.checks import check_text
from lmzoo.tokenizers.lowercase import lower


def checked_texts(texts: Iterable[str], *, lowercase: bool = False) -> Iterator[str]:
    """The non-empty texts, one by one.

    Args:
        texts: any iterable of strings; it is read once.
        lowercase: give the texts in lower case.

    Yields:
        Each text that is not empty.

    Raises:
        TokenizerError: no text at all, an item that is no string, or a lone surrogate.

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

    Every piece has the same chance to stay: half of what is kept goes whenever it gets too much,
    and from then on half as many are taken. The same stream gives the same sample.

    Args:
        pieces: strings.
        limit: characters, at least 1.

    Returns:
        The pieces that were kept.

    Example:
        >>> even_sample(["one", "two"], limit=100)
        ['one', 'two']
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
