"""The order of the batches in an epoch: which rows make which batch, decided by (seed, epoch)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

# Rows of similar length are looked for among so many batches.
POOL_BATCHES = 100
WIDTH_STEP = 8


@dataclass(frozen=True)
class BatchPlan:
    """The rows of a batch, int64 (batch,), -1 where it is not full; the widths of its tensors."""

    rows: np.ndarray
    widths: tuple[int, ...]


@dataclass(frozen=True)
class Order:
    """Numbers of rows and of batches in an epoch, and the function that plans these."""

    rows: int
    steps: int
    plan: Callable[[int], Iterator[BatchPlan]]


def row_order(rows: int, size: int, width: int, seed: int | None = None) -> Order:
    """Batches of one width, of rows in an order of each epoch; without a seed in their own."""

    def plan(epoch: int) -> Iterator[BatchPlan]:
        order = _shuffled(rows, seed, epoch)
        for first in range(0, rows, size):
            yield _plan(order[first : first + size], size, (width,))

    return Order(rows, -(-rows // size), plan)


def length_pools(lengths: np.ndarray, size: int, max_width: int, seed: int) -> Order:
    """Batches of rows of similar length within shuffled pools, each as wide as it needs."""

    def plan(epoch: int) -> Iterator[BatchPlan]:
        order = _shuffled(len(lengths), seed, epoch)
        rng = np.random.default_rng([seed % 2**32, epoch, 2])
        for first in range(0, len(order), POOL_BATCHES * size):
            pool = order[first : first + POOL_BATCHES * size]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            for place in rng.permutation(-(-len(pool) // size)):
                rows = pool[place * size : (place + 1) * size]
                width = -(-int(lengths[rows].max()) // WIDTH_STEP) * WIDTH_STEP
                yield _plan(rows, size, (min(width, max_width),))

    return Order(len(lengths), -(-len(lengths) // size), plan)


def width_groups(
    widths: np.ndarray, size: Callable[[tuple[int, ...]], int], seed: int | None = None
) -> Order:
    """Batches of `size` rows of equal padded widths (tensors, rows); unseeded, widths rise."""
    groups = [
        (np.flatnonzero((each == widths.T).all(axis=1)), tuple(map(int, each)))
        for each in np.unique(widths, axis=1).T
    ]

    def plan(epoch: int) -> Iterator[BatchPlan]:
        plans, rng = [], np.random.default_rng([(seed or 0) % 2**32, epoch])
        for rows, of_group in groups:
            order, count = rows if seed is None else rng.permutation(rows), size(of_group)
            plans += [(order[i : i + count], count, of_group) for i in range(0, len(rows), count)]
        places = np.arange(len(plans)) if seed is None else rng.permutation(len(plans))
        for place in places:
            yield _plan(*plans[place])

    steps = sum(-(-len(rows) // size(of_group)) for rows, of_group in groups)
    return Order(widths.shape[1], steps, plan)


def _shuffled(count: int, seed: int | None, epoch: int) -> np.ndarray:
    """The numbers 0 to `count - 1` in the order of an epoch; without a seed in rising order."""
    order = np.arange(count, dtype=np.int64 if count > 2**31 - 1 else np.int32)
    if seed is not None:
        np.random.default_rng([seed % 2**32, epoch]).shuffle(order)
    return order


def _plan(rows: np.ndarray, size: int, widths: tuple[int, ...]) -> BatchPlan:
    filled = np.pad(rows, (0, size - len(rows)), constant_values=-1)
    return BatchPlan(filled.astype(np.int64), widths)
