"""The order of the batches in an epoch: which rows make which batch, decided by (seed, epoch)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

# Rows of similar length are looked for among so many batches.
POOL_BATCHES = 100
WIDTH_STEP = 8


@dataclass(frozen=True)
class BatchPlan:
    """What is in a batch.

    Args:
        rows: numbers of rows, int64 (batch,); -1 where a batch is not full.
        widths: padded length of each tensor that has one.
    """

    rows: np.ndarray
    widths: tuple[int, ...]


class Order(Protocol):
    """Plans the batches of an epoch."""

    @property
    def count(self) -> int:
        """Number of rows."""

    @property
    def steps(self) -> int:
        """Batches in an epoch."""

    def plan(self, epoch: int) -> Iterator[BatchPlan]:
        """Yields the batches of an epoch in their order."""


@dataclass(frozen=True)
class RowOrder:
    """Batches of one width, of rows in an order of each epoch.

    Args:
        count: number of rows.
        size: rows in a batch.
        width: of a row.
        seed: of the order in each epoch; None: the rows' own order.
    """

    count: int
    size: int
    width: int
    seed: int | None = None

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.count // self.size)

    def plan(self, epoch: int) -> Iterator[BatchPlan]:
        """Yields the batches of an epoch in their order."""
        order = shuffled_rows(self.count, self.seed, epoch)
        for first in range(0, self.count, self.size):
            yield BatchPlan(_filled(order[first : first + self.size], self.size), (self.width,))


@dataclass(frozen=True)
class LengthPools:
    """Batches of rows of similar length, each as wide as it needs (a multiple of 8).

    The rows are shuffled, sorted by length within pools of 100 batches, and the batches of each
    pool are shuffled.

    Args:
        lengths: of the rows, (rows,).
        size: rows in a batch.
        max_width: no batch is wider.
        seed: of the order in each epoch.
    """

    lengths: np.ndarray
    size: int
    max_width: int
    seed: int

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.count // self.size)

    def plan(self, epoch: int) -> Iterator[BatchPlan]:
        """Yields the batches of an epoch in their order."""
        order = shuffled_rows(self.count, self.seed, epoch)
        rng = np.random.default_rng([self.seed % 2**32, epoch, 2])
        for first in range(0, len(order), POOL_BATCHES * self.size):
            pool = order[first : first + POOL_BATCHES * self.size]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            for place in rng.permutation(-(-len(pool) // self.size)):
                rows = pool[place * self.size : (place + 1) * self.size]
                width = -(-int(self.lengths[rows].max()) // WIDTH_STEP) * WIDTH_STEP
                yield BatchPlan(_filled(rows, self.size), (min(width, self.max_width),))


@dataclass(frozen=True)
class WidthGroups:
    """Batches of rows that are padded to the same widths, in an order of each epoch.

    Args:
        widths: padded lengths of each row, (tensors, rows).
        size: from widths to the number of rows in a batch.
        seed: of the order in each epoch; None: groups by rising widths, rows in their order.
    """

    widths: np.ndarray
    size: Callable[[tuple[int, ...]], int]
    seed: int | None = None

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.widths.shape[1])

    def _groups(self) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """The different widths and the rows of each."""
        different = np.unique(self.widths, axis=1).T
        return [
            (tuple(map(int, each)), np.flatnonzero((each == self.widths.T).all(axis=1)))
            for each in different
        ]

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return sum(-(-len(rows) // self.size(widths)) for widths, rows in self._groups())

    def plan(self, epoch: int) -> Iterator[BatchPlan]:
        """Yields the batches of an epoch in their order."""
        plans, rng = [], np.random.default_rng([(self.seed or 0) % 2**32, epoch])
        for widths, rows in self._groups():
            size = self.size(widths)
            order = rows if self.seed is None else rng.permutation(rows)
            plans += [(order[i : i + size], size, widths) for i in range(0, len(rows), size)]
        places = np.arange(len(plans)) if self.seed is None else rng.permutation(len(plans))
        for place in places:
            rows, size, widths = plans[place]
            yield BatchPlan(_filled(rows, size), widths)


def shuffled_rows(count: int, seed: int | None, epoch: int) -> np.ndarray:
    """The numbers 0 to `count - 1` in the order of an epoch; in rising order without a seed."""
    order = np.arange(count, dtype=np.int64 if count > 2**31 - 1 else np.int32)
    if seed is not None:
        np.random.default_rng([seed % 2**32, epoch]).shuffle(order)
    return order


def _filled(rows: np.ndarray, size: int) -> np.ndarray:
    """The rows of a batch; -1 for those that are missing."""
    return np.pad(rows, (0, size - len(rows)), constant_values=-1).astype(np.int64)
