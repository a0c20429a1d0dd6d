"""Where the rows of the batches lie in a token store.

A row predicts the tokens `start` to `start + length` of the store from those one place before
them. Documents are stored as `eos document eos`, so that `eos` predicts their first token.
"""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from lmzoo.errors import ArgumentError

# From row numbers to starts, lengths, and the number of first positions of weight 0; each (n,).
Locate: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Rows:
    """A number of rows, and the function that locates them."""

    count: int
    locate: Locate


def window_rows(size: int, sequence_length: int, *, shift: int = 0, overlap: int = 0) -> Rows:
    """Cuts a stream into rows that predict each token but the first exactly once.

    The first row has `shift` targets (0: all); later ones repeat `overlap` tokens with weight 0.
    """
    if not 0 <= overlap < sequence_length:
        raise ArgumentError(
            f"an overlap of {overlap} does not leave a new token in rows of {sequence_length}; "
            f"choose 0 to {sequence_length - 1}"
        )
    first = shift or sequence_length
    stride = sequence_length - overlap
    left = size - 1 - first
    count = 1 + max(0, -(-left // stride))

    def locate(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = index.astype(np.int64)
        new = np.where(index == 0, 1, 1 + first + (index - 1) * stride)
        skip = np.where(index == 0, 0, np.minimum(overlap, new - 1))
        length = np.where(index == 0, first, stride)
        return new - skip, np.minimum(length, size - new) + skip, skip

    return Rows(count, locate)


def possible_shifts(size: int, sequence_length: int) -> range:
    """The shifts of `window_rows` that all give the same number of rows: half of all, or more."""
    targets = size - 1
    if targets <= sequence_length:
        return range(0, 1)
    rest = targets % sequence_length
    if 2 * rest > sequence_length:
        return range(1, rest)
    return range(max(rest, 1), sequence_length) or range(0, 1)


def lane_rows(
    size: int, sequence_length: int, batch_size: int, borders: np.ndarray | None = None
) -> Rows:
    """Splits a stream, perhaps at `borders`, so that row i of a batch goes on in the next one."""
    edges = 1 + np.arange(batch_size + 1, dtype=np.int64) * (size - 1) // batch_size
    if borders is not None:
        nearest = np.searchsorted(borders, edges[1:-1])
        edges[1:-1] = np.append(borders, size)[nearest]
    steps = int(-(-np.diff(edges).max() // sequence_length))

    def locate(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        step, lane = np.divmod(index.astype(np.int64), batch_size)
        start = edges[lane] + step * sequence_length
        length = np.clip(edges[lane + 1] - start, 0, sequence_length)
        return start, length, np.zeros_like(length)

    return Rows(steps * batch_size, locate)


class DocumentPacker:
    """Fills rows with documents in their order, whole unless longer than a row, which is `cut`."""

    def __init__(self, sequence_length: int, *, pack: bool = True) -> None:
        self.sequence_length, self.pack = sequence_length, pack  # else each has its own rows
        self.cut = 0
        self.starts, self.documents = array("q"), array("q")  # of rows and of documents
        self._place, self._fill = 1, 0

    def add(self, lengths: Iterable[int]) -> None:
        """Adds documents by their lengths in tokens, the end token included."""
        full = self.sequence_length
        for length in lengths:
            self.documents.append(self._place)
            if not self._fill or not self.pack or self._fill + length > full:
                rows = -(-length // full)
                self.cut += rows > 1
                self.starts.extend(range(self._place, self._place + length, full))
                self._fill = length - (rows - 1) * full
            else:
                self._fill += length
            self._place += length

    def rows(self) -> Rows:
        """The rows of the documents so far."""
        edges = np.append(np.frombuffer(self.starts, np.int64), self._place)

        def locate(index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            start = edges[index]
            return start, edges[index + 1] - start, np.zeros_like(start)

        return Rows(len(edges) - 1, locate)


def packing_order(lengths: np.ndarray, sequence_length: int) -> np.ndarray:
    """Orders documents for rows with little padding: best fit decreasing."""
    rows: list[list[int]] = []
    by_space: list[list[int]] = [[] for _ in range(sequence_length + 1)]
    for number in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[number])
        space = next((s for s in range(length, sequence_length) if by_space[s]), None)
        if space is None:
            row = len(rows)
            rows.append([])
            left = -length % sequence_length  # a long document ends in a row that takes others
        else:
            row, left = by_space[space].pop(), space - length
        rows[row].append(number)
        by_space[left].append(row)
    return np.array([number for row in rows for number in row], np.int64)
