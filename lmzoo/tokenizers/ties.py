"""One order for neighboring pieces that repeat the same string.

"...." may be "..." and "." or "." and "...", equally probable; versions of sentencepiece differ.
Here the longer piece comes first. Two pieces can be swapped without changing the text only if both
repeat the same string.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from lmzoo.typing import Tensor


@dataclass(frozen=True)
class Repetitions:
    """Which ids repeat the same string: int32 (ids,) each."""

    group: np.ndarray  # the same number, from 1 on, for such ids; 0 for an id without another one
    length: np.ndarray  # of each piece, in characters


def find_repetitions(pieces: Sequence[str]) -> Repetitions:
    """The groups of pieces that are repetitions of the same string."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, piece in enumerate(pieces):
        # A string occurs inside its own double before the end only if it repeats something.
        members[piece[: (piece + piece).find(piece, 1)]].append(index)
    group = np.zeros(len(pieces), np.int32)
    shared = (indices for indices in members.values() if len(indices) > 1)
    for number, indices in enumerate(shared, 1):
        group[indices] = number
    return Repetitions(group, np.array([len(piece) for piece in pieces], np.int32))


def settle_batch(rows: list[np.ndarray], repetitions: Repetitions) -> list[np.ndarray]:
    """The ids of many texts, with the longer of neighboring repetitions first."""
    if not rows:
        return rows
    flat = np.concatenate(rows)
    group = repetitions.group[flat]
    same = (group[1:] == group[:-1]) & (group[1:] > 0)
    ends = np.cumsum([len(row) for row in rows])
    mixed = np.flatnonzero(same & (flat[1:] != flat[:-1]))
    for at in np.unique(np.searchsorted(ends, mixed, side="right")):
        row = rows[at]
        inside = same[ends[at] - len(row) : ends[at] - 1]
        run = np.cumsum(np.concatenate([[0], ~inside]))
        rows[at] = row[np.lexsort((-repetitions.length[row], run))]
    return rows


def graph_settle(ids: tf.RaggedTensor, repetitions: Repetitions) -> tf.RaggedTensor:
    """The same as `settle_batch` for ragged ids (batch, None)."""
    flat = ids.flat_values
    group, row = tf.gather(repetitions.group, flat), ids.value_rowids()
    same = (group[1:] == group[:-1]) & (group[1:] > 0) & (row[1:] == row[:-1])

    def ordered() -> Tensor:
        run = tf.cumsum(tf.cast(tf.concat([[False], ~same], 0), tf.int64))
        length = tf.cast(tf.gather(repetitions.length, flat), tf.int64)
        key = run * (int(repetitions.length.max()) + 1) - length
        return tf.gather(flat, tf.argsort(key, stable=True))

    mixed = tf.reduce_any(same & (flat[1:] != flat[:-1]))
    return ids.with_flat_values(tf.cond(mixed, ordered, lambda: flat))
