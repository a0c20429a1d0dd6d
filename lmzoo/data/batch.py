"""tf.data batches of (ids, next ids, weights), and the next-word windows of the textbooks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lmzoo.data.rows import Rows
from lmzoo.data.store import TokenStore
from lmzoo.errors import ArgumentError, DataError, PromptError

Arrays: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
# Python makes so many tokens at once, as several batches; TensorFlow takes them apart.
CHUNK_TOKENS = 1 << 17
PREFETCH = 8
# Rows of similar length are looked for among so many batches; XLA compiles once per width.
POOL_BATCHES = 100
WIDTH_STEP = 8


@dataclass(frozen=True)
class Batches:
    """Batches of rows of a token store.

    Args:
        store: the tokens.
        sequence_length: positions in a row, T.
        batch_size: rows in a batch, B.
        rows: gives the rows of an epoch by its number; always as many.
        seed: of the order of the rows in each epoch; None keeps the order of the store.
        pad_id: id at positions of weight 0 beyond a row's end.
        by_length: whether rows of similar length make a batch, which is then only as wide as
            they need (a multiple of 8); otherwise every batch has `sequence_length` positions.
    """

    store: TokenStore
    sequence_length: int
    batch_size: int
    rows: Callable[[int], Rows]
    seed: int | None = None
    pad_id: int = 0
    by_length: bool = False

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.rows(0).count // self.batch_size)

    def chunks(self, epoch: int, first_step: int = 0) -> Iterator[Arrays]:
        """Yields the batches of one epoch, several at once: arrays (batches, B, T)."""
        rows, steps = self.rows(epoch), self.steps
        order = np.arange(rows.count, dtype=np.int64 if rows.count > 2**31 - 1 else np.int32)
        if self.seed is not None:
            np.random.default_rng([self.seed % 2**32, epoch]).shuffle(order)
        if self.by_length:
            yield from self._chunks_by_length(rows, order, epoch, first_step)
            return
        together = max(1, CHUNK_TOKENS // (self.batch_size * self.sequence_length))
        for step in range(first_step, steps, together):
            stop = min(step + together, steps)
            numbers = order[step * self.batch_size : stop * self.batch_size]
            yield self._filled(rows, numbers, stop - step, self.sequence_length)

    def _chunks_by_length(
        self, rows: Rows, order: np.ndarray, epoch: int, first_step: int
    ) -> Iterator[Arrays]:
        """Yields one batch at a time, each of rows of similar length."""
        lengths = rows.locate(np.arange(rows.count))[1]
        rng = np.random.default_rng([(self.seed or 0) % 2**32, epoch, 2])
        size, step = self.batch_size, 0
        for first in range(0, rows.count, POOL_BATCHES * size):
            pool = order[first : first + POOL_BATCHES * size]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            for place in rng.permutation(-(-len(pool) // size)):
                if step >= first_step:
                    numbers = pool[place * size : (place + 1) * size]
                    width = -(-int(lengths[numbers].max()) // WIDTH_STEP) * WIDTH_STEP
                    yield self._filled(rows, numbers, 1, min(width, self.sequence_length))
                step += 1

    def _filled(self, rows: Rows, numbers: np.ndarray, batches: int, width: int) -> Arrays:
        """Reads rows into whole batches: arrays (batches, B, width); missing rows weigh 0."""
        arrays = self._gather(rows, numbers, width)
        missing = batches * self.batch_size - len(numbers)
        shape = (batches, self.batch_size, width)
        pad = ((0, missing), (0, 0))
        ids, next_ids, weights = (
            np.pad(array, pad, constant_values=fill).reshape(shape)
            if missing
            else array.reshape(shape)
            for array, fill in zip(arrays, (self.pad_id, self.pad_id, 0), strict=True)
        )
        return ids, next_ids, weights

    def _gather(self, rows: Rows, numbers: np.ndarray, width: int) -> Arrays:
        """Reads rows by their numbers: arrays (n, width)."""
        start, length, skip = (part[:, None] for part in rows.locate(numbers))
        place = np.arange(width + 1)
        index = np.minimum(start - 1 + place, self.store.size - 1)
        tokens = self.store.take(index)
        real = place[:-1] < length
        weights = (real & (place[:-1] >= skip)).astype(np.float32)
        ids, next_ids = tokens[:, :-1], tokens[:, 1:]
        if not real.all():
            ids, next_ids = (np.where(real, part, self.pad_id) for part in (ids, next_ids))
        return ids, next_ids, weights

    def epochs(self, first_step: int = 0) -> Iterator[Arrays]:
        """Yields the batches from a global step on, epoch after epoch, without end."""
        epoch, step = divmod(first_step, self.steps)
        while True:
            yield from self.chunks(epoch, step)
            epoch, step = epoch + 1, 0

    def dataset(self) -> tf.data.Dataset:
        """Makes a Dataset of one epoch; each complete pass over it takes the next epoch's order."""
        done = [0]

        def generate() -> Iterator[Arrays]:
            yield from self.chunks(done[0])
            done[0] += 1

        return self._from_generator(generate, self.steps)

    def dataset_rest(self, step: int) -> tf.data.Dataset:
        """One pass from a global step on, then whole ones."""
        state = list(divmod(step, self.steps))

        def generate() -> Iterator[Arrays]:
            yield from self.chunks(*state)
            state[0], state[1] = state[0] + 1, 0

        return self._from_generator(generate, tf.data.UNKNOWN_CARDINALITY)

    def dataset_from(self, step: int) -> tf.data.Dataset:
        """Makes a Dataset without end that begins at a global step."""
        if step < 0:
            raise ArgumentError(f"step is {step}; it must be at least 0")
        return self._from_generator(lambda: self.epochs(step), tf.data.INFINITE_CARDINALITY)

    def _from_generator(self, generate: Callable[[], Any], cardinality: int) -> tf.data.Dataset:
        """Takes the chunks apart into batches of static shape."""
        shape = (None, self.batch_size, None if self.by_length else self.sequence_length)
        signature = tuple(tf.TensorSpec(shape, t) for t in (tf.int32, tf.int32, tf.float32))
        chunks = tf.data.Dataset.from_generator(generate, output_signature=signature)
        batches = chunks.unbatch()
        if cardinality != tf.data.UNKNOWN_CARDINALITY:
            batches = batches.apply(tf.data.experimental.assert_cardinality(cardinality))
        return prefetched(batches)


def next_word_windows(
    ids: Any,
    context_length: int,
    *,
    one_hot: bool = False,
    vocab_size: int | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Makes the examples of introductory articles: some words, and the word that follows them.

    Every run of `context_length + 1` ids is an example.

    Args:
        ids: the text as ids, shape (n,).
        context_length: ids in the context, at least 1.
        one_hot: whether the next id comes as a one-hot vector.
        vocab_size: length of that vector; needed for `one_hot`.
        batch_size: None gives single examples; a number gives batches, the last as it comes.
        seed: shuffles the examples, the same way in every pass; None keeps their order.

    Returns:
        A Dataset of (context, next): int32 (context_length,) with an int32 scalar or float32
        (vocab_size,), each with the batch in front if `batch_size` is given.

    Raises:
        ArgumentError: `context_length` or `batch_size` below 1, or `one_hot` without `vocab_size`.
        DataError: fewer than `context_length + 1` ids.
        PromptError: an id that `vocab_size` leaves out.

    Example:
        >>> windows = next_word_windows([5, 6, 7, 8], context_length=2)
        >>> [(context.tolist(), int(word)) for context, word in windows.as_numpy_iterator()]
        [([5, 6], 7), ([6, 7], 8)]
    """
    tokens = np.asarray(ids, np.int32)
    one_hots = np.arange(vocab_size or 0)
    _check_windows(tokens, context_length, one_hot, vocab_size, batch_size)
    order = np.arange(len(tokens) - context_length)
    if seed is not None:
        np.random.default_rng(seed).shuffle(order)
    together = batch_size or 4096

    def generate() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first in range(0, len(order), together):
            index = order[first : first + together, None] + np.arange(context_length + 1)
            block = tokens[index]
            following = block[:, -1]
            if one_hot:
                following = (following[:, None] == one_hots).astype(np.float32)
            yield block[:, :-1], following

    target = ((None, vocab_size), tf.float32) if one_hot else ((None,), tf.int32)
    signature = (tf.TensorSpec((None, context_length), tf.int32), tf.TensorSpec(*target))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    count = -(-len(order) // batch_size) if batch_size else len(order)
    if batch_size is None:
        dataset = dataset.unbatch()
    return prefetched(dataset.apply(tf.data.experimental.assert_cardinality(count)))


def prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Some batches ahead of their use, without autotuning.

    There is nothing to tune here, and the end of an autotuned iterator often waits half a second
    for the tuning thread: at each end of an epoch and of an evaluation.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.prefetch(PREFETCH).with_options(options)


def _check_windows(
    tokens: np.ndarray,
    context_length: int,
    one_hot: bool,
    vocab_size: int | None,
    batch_size: int | None,
) -> None:
    """Raises for arguments of `next_word_windows` that make no examples."""
    for name, value in (("context_length", context_length), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ArgumentError(f"{name} is {value}; it must be at least 1")
    if one_hot and vocab_size is None:
        raise ArgumentError("one_hot needs vocab_size, the length of the vectors")
    if tokens.ndim != 1 or len(tokens) <= context_length:
        raise DataError(
            f"ids of shape {tokens.shape} are too few for a context of {context_length} and a next "
            "word; give a longer row of ids or a smaller context_length"
        )
    if vocab_size is not None and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        wrong = int(tokens.min() if tokens.min() < 0 else tokens.max())
        raise PromptError(f"id {wrong} is outside the vocabulary of {vocab_size} ids")
