"""Batches of any task as a tf.data Dataset that can begin at any step of any epoch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lmzoo.data.batching.checks import check_at_least
from lmzoo.data.batching.orders import BatchPlan, Order
from lmzoo.data.batching.passes import Passes, counted_by
from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

Transform: TypeAlias = Callable[[tf.data.Dataset], tf.data.Dataset]
# (row numbers (n,), padded widths, epoch) -> arrays (n, ...) in the structure of a batch. A row of
# number -1 is missing: its weights are 0.
Collate: TypeAlias = Callable[[np.ndarray, tuple[int, ...], int], Any]
# Python makes so many tokens at once, as several batches; TensorFlow takes them apart.
CHUNK_TOKENS = 1 << 17
PREFETCH = 8


@dataclass(frozen=True)
class Batches:
    """Batches of one split.

    Args:
        order: which rows make which batch in each epoch.
        collate: makes arrays of rows.
        shape: of all tensors of a batch, where it is always the same.
    """

    order: Order
    collate: Collate
    shape: tuple[int | None, ...] | None = None

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.order.steps

    def chunks(self, epoch: int, first_step: int = 0) -> Iterator[Any]:
        """Yields the batches of an epoch from a step on, neighbors of one shape stacked.

        Each chunk is arrays (batches, batch, ...) in the structure of a batch.
        """
        waiting: list[BatchPlan] = []
        for plan in islice(self.order.plan(epoch), first_step, None):
            tokens = (len(waiting) + 1) * len(plan.rows) * max(plan.widths)
            if waiting and (tokens > CHUNK_TOKENS or _shape(plan) != _shape(waiting[0])):
                yield self._stack(waiting, epoch)
                waiting = []
            waiting.append(plan)
        if waiting:
            yield self._stack(waiting, epoch)

    def _stack(self, plans: Sequence[BatchPlan], epoch: int) -> Any:
        rows = np.concatenate([plan.rows for plan in plans])
        arrays = self.collate(rows, plans[0].widths, epoch)

        def split(array: np.ndarray) -> np.ndarray:
            return array.reshape(len(plans), -1, *array.shape[1:])  # (batches, batch, ...)

        return tf.nest.map_structure(split, arrays)

    def dataset(
        self,
        step: int = 0,
        transforms: Sequence[Transform] = (),
        passes: Passes | None = None,
    ) -> tf.data.Dataset:
        """Makes a Dataset of one epoch; each complete pass is followed by the next epoch.

        Args:
            step: global step at which the first pass begins, at least 0.
            transforms: applied one after the other to whole epochs, before the first pass leaves
                batches out.
            passes: counts the passes, instead of `step`; its owner may set where the next begins.

        Returns:
            A Dataset of the cardinality of whole epochs, also where its first pass ends earlier.

        Raises:
            ArgumentError: `step` below 0; a transform that changes the number of batches.
        """
        check_at_least(0, {"step": step})
        passes = passes or Passes(step, self.steps)
        # Transforms get whole epochs; without them nothing is made that is left out.
        whole = self._from_generator(
            lambda: self.chunks(passes.epoch, 0 if transforms else passes.first_step)
        )
        flags = (tf.TensorSpec((None,), tf.bool),) * 2
        places = tf.data.Dataset.from_generator(
            lambda: passes.flags(0 if transforms else passes.first_step), output_signature=flags
        )
        dataset = self._transformed(whole, transforms, passes)
        dataset = tf.data.Dataset.zip(places.unbatch(), dataset)
        if transforms:
            dataset = dataset.filter(lambda place, batch: place[0])
        return _of_known_length(prefetched(dataset).map(_deliver(passes)), passes)

    def _transformed(
        self, dataset: tf.data.Dataset, transforms: Sequence[Transform], passes: Passes
    ) -> tf.data.Dataset:
        length = tf.data.experimental.assert_cardinality(self.steps)
        with counted_by(passes):
            for number, transform in enumerate(transforms):
                dataset = (dataset if number else dataset.apply(length)).apply(transform)
                if int(dataset.cardinality()) != self.steps:
                    raise ArgumentError(
                        f"{getattr(transform, '__name__', transform)} changes the number of "
                        f"batches from {self.steps}; a transform must keep it"
                    )
        return dataset

    def _from_generator(self, generate: Callable[[], Iterator[Any]]) -> tf.data.Dataset:
        """Takes the chunks of a generator apart."""

        def spec(array: np.ndarray) -> tf.TensorSpec:
            return tf.TensorSpec([None, *(self.shape or [None] * array.ndim)], array.dtype)

        first = next(self.order.plan(0))
        signature = tf.nest.map_structure(spec, self.collate(first.rows[:1], first.widths, 0))
        return tf.data.Dataset.from_generator(generate, output_signature=signature).unbatch()


def _shape(plan: BatchPlan) -> tuple[int, ...]:
    return (len(plan.rows), *plan.widths)


def _deliver(passes: Passes) -> Callable[[Any, Any], Any]:
    """Counts a whole pass when its last batch is delivered.

    Not when it is made, which is ahead of its use; nor when somebody asks for what follows, which
    `fit` does not where it knows the length.
    """

    def finish() -> np.int64:
        passes.finish()
        return np.int64(passes.epoch)

    def deliver(place: tuple[Tensor, Tensor], batch: Any) -> Any:
        tf.cond(
            place[1],
            lambda: tf.numpy_function(finish, [], tf.int64),
            lambda: tf.constant(0, tf.int64),
        )
        return batch

    return deliver


def _of_known_length(dataset: tf.data.Dataset, passes: Passes) -> tf.data.Dataset:
    """Gives a Dataset the cardinality of whole passes, though a pass may be shorter.

    Keras cuts all epochs to the first one where it knows no cardinality. Here, `repeat` makes each
    pass endless and `take` gives it a length; a shorter one ends early: repeated, it is empty.
    """

    def end() -> Iterator[Any]:
        if passes.first_step:
            passes.finish()
            passes.is_over = True
        yield from ()

    ends = tf.data.Dataset.from_generator(end, output_signature=dataset.element_spec)
    endless = dataset.concatenate(ends).repeat()
    return _without_autotuning(endless.take(passes.steps_per_epoch))


def _without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """There is nothing to tune here.

    The end of an autotuned iterator often waits half a second for the tuning thread: at each end
    of an epoch and of an evaluation.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


def prefetched(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Makes some batches ahead of their use."""
    return _without_autotuning(dataset.prefetch(PREFETCH))
