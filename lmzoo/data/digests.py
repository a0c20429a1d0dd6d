"""Digests of texts: eight bytes that stand for a text where only equality counts."""

import hashlib
from collections.abc import Iterator

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


def buckets(digests: np.ndarray) -> Iterator[np.ndarray]:
    """Divides digests into sixteen groups, so that work on one group needs little memory.

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
