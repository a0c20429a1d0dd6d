"""Finds texts that occur more than once, by digests of eight bytes each."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np


def digest(text: str, *, seed: int = 0) -> int:
    """Computes 64 bits that two different texts share by chance once in 10^19 pairs.

    Args:
        text: any text.
        seed: another seed gives other digests.

    Returns:
        A number from 0 to 2^64 - 1.

    Source: BLAKE2, https://www.rfc-editor.org/rfc/rfc7693

    Example:
        >>> digest("the same") == digest("the same"), digest("the same") == digest("another")
        (True, False)
    """
    data = text.encode("utf-8", "surrogatepass")
    key = (seed % 2**64).to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest(), "little")


def drop_duplicates(texts: Iterable[str]) -> Iterator[str]:
    """Lets each text pass once, the first time that it comes.

    Args:
        texts: texts in any number; only their digests are held in memory.

    Yields:
        The texts without exact repetitions, in their order.

    Example:
        >>> list(drop_duplicates(["to be", "or not", "to be"]))
        ['to be', 'or not']
    """
    seen: set[int] = set()
    for text in texts:
        number = digest(text)
        if number not in seen:
            seen.add(number)
            yield text


def first_occurrences(digests: np.ndarray) -> np.ndarray:
    """Marks the first of equal digests, in a tenth of the memory that a set of them takes.

    Args:
        digests: uint64, shape (n,).

    Returns:
        Booleans, shape (n,): True where no equal number stands before.

    Example:
        >>> first_occurrences(np.array([5, 3, 5, 5], np.uint64)).tolist()
        [True, True, False, False]
    """
    first = np.zeros(len(digests), bool)
    for places in buckets(digests):
        _, index = np.unique(digests[places], return_index=True)
        first[places[index]] = True
    return first


def buckets(digests: np.ndarray) -> Iterator[np.ndarray]:
    """Parts digests into sixteen groups, so that work on one group needs little memory.

    Args:
        digests: uint64, shape (n,).

    Yields:
        The places of the digests of a group, rising. Equal digests are in the same group.

    Example:
        >>> [places.tolist() for places in buckets(np.array([2, 1, 2], np.uint64)) if len(places)]
        [[1], [0, 2]]
    """
    nibbles = digests.astype("<u8", copy=False).view(np.uint8)[::8] & 15
    for nibble in range(16):
        yield np.flatnonzero(nibbles == nibble)
