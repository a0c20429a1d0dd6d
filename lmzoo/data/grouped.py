"""Batches of texts of similar length: few padded lengths, each with its own batch size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.batch import prefetched
from lmzoo.data.store import TokenStore
from lmzoo.errors import ArgumentError

# Padded lengths: XLA compiles once for each that occurs, so there are few.
MOST_WIDTHS = 5


@dataclass(frozen=True)
class Group:
    """Rows that are padded to the same widths.

    Args:
        rows: which rows of the data.
        size: rows in a batch.
        widths: padded length of each tensor that has one.
    """

    rows: np.ndarray
    size: int
    widths: tuple[int, ...]


class GroupedBatches:
    """Batches from groups of rows; a subclass says with `fill` what a batch holds.

    Args:
        groups: rows of similar length.
        signature: the TensorSpecs of a batch.
        seed: of the order in each epoch; None keeps one order.
    """

    def __init__(self, groups: list[Group], signature: Any, seed: int | None) -> None:
        self.groups, self.signature, self.seed = groups, signature, seed
        self.steps = sum(-(-len(group.rows) // group.size) for group in groups)

    def fill(self, rows: np.ndarray, size: int, widths: tuple[int, ...]) -> Any:
        """One batch of `size` rows; those that are missing weigh 0."""
        raise AttributeError("GroupedBatches is a base: a subclass defines fill.")

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Any]:
        """Yields the batches of one epoch, from a step on."""
        chosen, rng = [], np.random.default_rng([(self.seed or 0) % 2**32, number])
        for group in self.groups:
            rows, size = group.rows, group.size
            order = rows if self.seed is None else rng.permutation(rows)
            chosen += [(order[i : i + size], size, group.widths) for i in range(0, len(rows), size)]
        places = np.arange(len(chosen)) if self.seed is None else rng.permutation(len(chosen))
        for place in places[first_step:]:
            yield self.fill(*chosen[place])

    def dataset(self) -> tf.data.Dataset:
        """Makes a Dataset of one epoch; each complete pass over it takes the next epoch's order."""
        done = [0]

        def generate() -> Iterator[Any]:
            yield from self.epoch(done[0])
            done[0] += 1

        return self._from_generator(generate, self.steps)

    def dataset_from(self, step: int) -> tf.data.Dataset:
        """Makes a Dataset without end that begins at a global step."""
        if step < 0:
            raise ArgumentError(f"step is {step}; it must be at least 0")

        def generate() -> Iterator[Any]:
            epoch, first = divmod(step, self.steps)
            while True:
                yield from self.epoch(epoch, first)
                epoch, first = epoch + 1, 0

        return self._from_generator(generate, tf.data.INFINITE_CARDINALITY)

    def _from_generator(self, generate: Callable[[], Any], cardinality: int) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_generator(generate, output_signature=self.signature)
        return prefetched(dataset.apply(tf.data.experimental.assert_cardinality(cardinality)))


def choose_widths(lengths: np.ndarray, most: int = MOST_WIDTHS) -> np.ndarray:
    """The few padded lengths that waste the least.

    Args:
        lengths: of the texts, at least 1.
        most: how many there may be.

    Returns:
        Rising widths; the last one holds the longest text.

    Example:
        >>> choose_widths(np.array([3, 4, 4, 11, 30]), most=2)
        array([ 4, 32])
    """
    widths = np.array(sorted({round_up(int(length)) for length in np.unique(lengths)}))
    below = np.searchsorted(np.sort(lengths), widths, side="right")
    # cheapest[j]: positions of all texts up to widths[j], and the widths chosen for them.
    cheapest = [(int(count * width), [width]) for count, width in zip(below, widths, strict=True)]
    for _ in range(most - 1):
        cheapest = [
            min(
                [(total, chosen) for total, chosen in cheapest[j : j + 1]]
                + [
                    (cheapest[i][0] + int((below[j] - below[i]) * widths[j]),
                     [*cheapest[i][1], widths[j]])
                    for i in range(j)
                ],
                key=lambda found: found[0],
            )
            for j in range(len(widths))
        ]  # fmt: skip
    return np.array(cheapest[-1][1])


def round_up(length: int) -> int:
    """The next padded length: steps of 4, from 64 on of 16, from 256 on of 64."""
    step = 4 if length <= 64 else 16 if length <= 256 else 64
    return -(-length // step) * step


def gather(
    store: TokenStore, edges: np.ndarray, rows: np.ndarray, size: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ids of some texts as rows.

    Args:
        store: ids of all texts, one after the other.
        edges: where each text begins, and the end of the last: (texts + 1,).
        rows: which texts.
        size: rows of the result; those that are missing hold 0.
        width: columns of the result.

    Returns:
        int32 ids (size, width), 0 behind each text, and bool of the same shape: where they are
        real.
    """
    start, stop = edges[rows], edges[rows + 1]
    place = start[:, None] + np.arange(width)
    real = place < stop[:, None]
    ids = np.where(real, store.take(np.minimum(place, store.size - 1)), 0).astype(np.int32)
    missing = ((0, size - len(rows)), (0, 0))
    return np.pad(ids, missing), np.pad(real, missing)
