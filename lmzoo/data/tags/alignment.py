"""Tags of words on their pieces (subwords), and values of pieces on words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lmzoo.data.tags.schemes import spans_of, tags_of
from lmzoo.errors import ArgumentError, DataError
from lmzoo.special_ids import UNK_ID


def align_tags(
    words: Sequence[str],
    tags: Sequence[str],
    tokenizer: Any,
    *,
    scheme: str | None = None,
    continued: bool = False,
) -> tuple[list[int], list[str | None], list[int]]:
    """Splits words into pieces, and aligns their tags.

    Args:
        words, tags: of one sentence; each word is encoded alone, one without a piece as unknown.
        tokenizer: any of `train_tokenizer`.
        scheme: of tags that mark spans, "IOB1", "IOB2" or "IOBES"; needed only for `continued`.
        continued: whether later pieces of a word have tags, by which a span covers all its pieces.
            Otherwise they have None: give them weight 0.

    Returns:
        The ids of the pieces, a tag or None for each, and the index of each word's first piece.

    Source: tags on first pieces: Devlin et al. 2019, https://arxiv.org/abs/1810.04805, section 5.3.

    Example:
        >>> from lmzoo.data import train_tokenizer
        >>> align_tags(["Ann", "a"], ["B-PER", "O"], train_tokenizer(["Ann"], kind="char"))
        ([4, 5, 5, 1], ['B-PER', None, None, 'O'], [0, 3])
    """
    if len(words) != len(tags):
        raise DataError(f"{len(words)} words and {len(tags)} tags; each word needs one tag")
    if continued and scheme is None and any(tag[1:2] == "-" for tag in tags):
        raise ArgumentError("these tags mark spans: say by which scheme, such as scheme='IOB2'")
    pieces = [list(ids) or [UNK_ID] for ids in tokenizer.encode_batch(list(words))]
    edges = np.cumsum([0, *(len(ids) for ids in pieces)]).tolist()
    ids = [int(index) for piece in pieces for index in piece]
    aligned: list[str | None] = [None] * len(ids)
    if continued and scheme is not None:
        spans = [(kind, edges[start], edges[end]) for kind, start, end in spans_of(tags, scheme)]
        aligned = [*tags_of(spans, len(ids), scheme)]
    else:
        for word, tag in enumerate(tags):
            end = edges[word + 1] if continued else edges[word] + 1
            aligned[edges[word] : end] = [tag] * (end - edges[word])
    return ids, aligned, edges[:-1]


def pool_words(
    values: np.ndarray, word_starts: Sequence[int], *, kind: str = "first"
) -> np.ndarray:
    """Pools values of pieces into values of words.

    Args:
        values, word_starts: (pieces, ...) of one sentence; (words,), rising, see `align_tags`.
        kind: "first": the value of the first piece; "mean": of all pieces of the word.

    Returns:
        (words, ...): the values' dtype, or float64 for a mean of ints.

    Example:
        >>> pool_words(np.array([1.0, 3.0, 5.0]), [0, 2]).tolist()
        [1.0, 5.0]
    """
    if kind not in ("first", "mean"):
        raise ArgumentError(f'kind is {kind!r}; choose "first" or "mean"')
    starts = np.asarray(word_starts, np.int64)
    rising = not starts.size or (starts[0] == 0 and (np.diff(starts) > 0).all())
    if not rising or (starts.size and starts[-1] >= len(values)):
        raise ArgumentError(
            f"the words begin at {starts[:8].tolist()}... of {len(values)} pieces: they must rise "
            "from 0; see align_tags"
        )
    if kind == "first" or not starts.size:
        return values[starts]
    sizes = np.diff([*starts, len(values)])
    sums = np.add.reduceat(values, starts, axis=0)
    means: np.ndarray = sums / sizes.reshape(-1, *[1] * (values.ndim - 1))
    return means.astype(values.dtype) if values.dtype.kind == "f" else means
