"""Batches of pairs of similar length, as many as a budget of tokens allows."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.grouped import Group, GroupedBatches, choose_widths, gather, round_up
from lmzoo.data.store import TokenStore


@dataclass
class EncodedPairs:
    """Pairs of one part as tokens.

    Args:
        sources: ids of all sources, one after the other.
        targets: ids of all targets, each with its end token.
        edges: where each source and each target begins, and the end of the last: (2, pairs + 1).
        counts: pairs read and dropped.
    """

    sources: TokenStore
    targets: TokenStore
    edges: np.ndarray
    counts: Counter[str]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each source and target, the target's end token counted: (2, pairs)."""
        return np.diff(self.edges)


class PairBatches(GroupedBatches):
    """Batches of pairs of similar length.

    Args:
        encoded: the pairs.
        tokens: positions in a batch, of the longer side.
        seed: of the order in each epoch; None keeps one order.
    """

    def __init__(self, encoded: EncodedPairs, tokens: int, seed: int | None) -> None:
        self.encoded = encoded
        widths = _padded_widths(encoded.lengths)
        groups = []
        for pair in np.unique(widths, axis=1).T:
            rows = np.flatnonzero((widths == pair[:, None]).all(axis=0))
            size = max(1, tokens // int(pair.max()))
            groups.append(Group(rows, size, (int(pair[0]), int(pair[1]))))
        spec = tf.TensorSpec((None, None), tf.int32)
        signature = ((spec, spec), spec, tf.TensorSpec((None, None), tf.float32))
        super().__init__(groups, signature, seed)

    def fill(self, rows: np.ndarray, size: int, widths: tuple[int, ...]) -> Any:
        """One batch; rows that are missing weigh 0."""
        encoded = self.encoded
        source, _ = gather(encoded.sources, encoded.edges[0], rows, size, widths[0])
        next_ids, real = gather(encoded.targets, encoded.edges[1], rows, size, widths[1])
        begin = np.full((size, 1), 2, np.int32)
        target = np.concatenate([begin, next_ids[:, :-1]], axis=1)
        # Missing rows read an end token: softmax over an empty source would be NaN.
        source[len(rows) :, 0] = 3
        return (source, target), next_ids, real.astype(np.float32)


def _padded_widths(lengths: np.ndarray) -> np.ndarray:
    """The padded lengths of each source and target, (2, pairs), chosen so that few differ.

    Both sides share a width, that of the longer one. Where targets are much shorter than sources,
    as in summaries, they all share their own instead.
    """
    if 2 * lengths[1].max() <= lengths[0].max():
        widths = choose_widths(lengths[0])
        sources = widths[np.searchsorted(widths, lengths[0])]
        return np.stack([sources, np.full_like(sources, round_up(int(lengths[1].max())))])
    longer = lengths.max(axis=0)
    widths = choose_widths(longer)
    return np.stack([widths[np.searchsorted(widths, longer)]] * 2)
