"""Digests of texts: eight bytes that stand for a text where only equality counts."""

import hashlib
from collections.abc import Iterator

import numpy as np


def digest(text: str, *, seed: int = 0) -> int:
    """64 bits that two different texts share by chance once in 10^19 pairs; a seed changes them.

    Source: BLAKE2, https://www.rfc-editor.org/rfc/rfc7693
    """
    data = text.encode("utf-8", "surrogatepass")
    key = (seed % 2**64).to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest(), "little")


def buckets(digests: np.ndarray) -> Iterator[np.ndarray]:
    """Divides digests into sixteen groups, so that work on one group needs little memory.

    Gives the places of the digests of each group, rising. Equal digests are in one group.
    """
    nibbles = digests.astype("<u8", copy=False).view(np.uint8)[::8] & 15
    for nibble in range(16):
        yield np.flatnonzero(nibbles == nibble)
