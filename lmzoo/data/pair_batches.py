"""Batches of pairs of similar length, as many as a budget of tokens allows."""

from collections import Counter
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


class PairBatches:
    """Batches of pairs of similar length.

    Args:
        encoded: the pairs.
        tokens: positions in a batch, of the longer side.
        seed: of the order in each epoch; None keeps one order.
    """

    def __init__(self, encoded: EncodedPairs, tokens: int, seed: int | None) -> None:
        self.encoded, self.seed = encoded, seed
        widths = _padded_widths(encoded.lengths)
        self._groups = []
        for pair in np.unique(widths, axis=1).T:
            rows = np.flatnonzero((widths == pair[:, None]).all(axis=0))
            size = max(1, tokens // int(pair.max()))
            self._groups.append((rows, size, int(pair[0]), int(pair[1])))
        self.steps = sum(-(-len(rows) // size) for rows, size, _, _ in self._groups)

    def epoch(self, number: int, first_step: int = 0) -> Iterator[Any]:
        """Yields the batches of one epoch: ((source, target), next ids, weights)."""
        chosen, rng = [], np.random.default_rng([(self.seed or 0) % 2**32, number])
        for rows, size, *widths in self._groups:
            order = rows if self.seed is None else rng.permutation(rows)
            chosen += [(order[i : i + size], size, *widths) for i in range(0, len(rows), size)]
        places = np.arange(len(chosen)) if self.seed is None else rng.permutation(len(chosen))
        for place in places[first_step:]:
            yield self._filled(*chosen[place])

    def _filled(self, rows: np.ndarray, size: int, source_width: int, width: int) -> Any:
        """One batch; rows that are missing weigh 0."""
        encoded = self.encoded
        source, _ = _gather(encoded.sources, encoded.edges[0], rows, size, source_width)
        next_ids, real = _gather(encoded.targets, encoded.edges[1], rows, size, width)
        begin = np.full((size, 1), 2, np.int32)
        target = np.concatenate([begin, next_ids[:, :-1]], axis=1)
        # Missing rows read an end token: softmax over an empty source would be NaN.
        source[len(rows) :, 0] = 3
        return (source, target), next_ids, real.astype(np.float32)

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
        spec = tf.TensorSpec((None, None), tf.int32)
        signature = ((spec, spec), spec, tf.TensorSpec((None, None), tf.float32))
        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return prefetched(dataset.apply(tf.data.experimental.assert_cardinality(cardinality)))


def _padded_widths(lengths: np.ndarray) -> np.ndarray:
    """The padded lengths of each source and target, (2, pairs), chosen so that few differ.

    Both sides share a width, that of the longer one. Where targets are much shorter than sources,
    as in summaries, they all share their own instead.
    """
    if 2 * lengths[1].max() <= lengths[0].max():
        widths = choose_widths(lengths[0])
        sources = widths[np.searchsorted(widths, lengths[0])]
        return np.stack([sources, np.full_like(sources, _round_up(int(lengths[1].max())))])
    longer = lengths.max(axis=0)
    widths = choose_widths(longer)
    return np.stack([widths[np.searchsorted(widths, longer)]] * 2)


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
    widths = np.array(sorted({_round_up(int(length)) for length in np.unique(lengths)}))
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


def _round_up(length: int) -> int:
    step = 4 if length <= 64 else 16 if length <= 256 else 64
    return -(-length // step) * step


def _gather(
    store: TokenStore, edges: np.ndarray, rows: np.ndarray, size: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ids (size, width) of some rows, 0 behind each; and where they are real."""
    start, stop = edges[rows], edges[rows + 1]
    place = start[:, None] + np.arange(width)
    real = place < stop[:, None]
    ids = np.where(real, store.take(np.minimum(place, store.size - 1)), 0).astype(np.int32)
    missing = ((0, size - len(rows)), (0, 0))
    return np.pad(ids, missing), np.pad(real, missing)
