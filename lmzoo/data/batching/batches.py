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
    """Batches of one split; `shape` is that of all their tensors, where it never changes."""

    order: Order
    collate: Collate
    shape: tuple[int | None, ...] | None = None

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.order.steps

    def chunks(self, epoch: int, first_step: int = 0) -> Iterator[Any]:
        """Yields an epoch from a step on, neighbors stacked: arrays (batches, batch, ...)."""
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
        self, step: int = 0, transforms: Sequence[Transform] = (), passes: Passes | None = None
    ) -> tf.data.Dataset:
        """Makes a Dataset of an epoch, by cardinality too; its next pass is of the next epoch.

        The first pass begins at a global step, or where the owner of `passes` sets it.
        """
        check_at_least(0, {"step": step})
        passes, steps = passes or Passes(step, self.steps), self.steps
        # Transforms get whole epochs; without them nothing is made that is left out.
        made = self._from_generator(
            lambda: self.chunks(passes.epoch, 0 if transforms else passes.first_step)
        )
        if transforms:
            made = made.apply(tf.data.experimental.assert_cardinality(steps))
        with counted_by(passes):
            for transform in transforms:
                made = made.apply(transform)
                if int(made.cardinality()) != steps:
                    raise ArgumentError(
                        f"{getattr(transform, '__name__', transform)} changes the number of "
                        f"batches from {steps}; a transform must keep it"
                    )

        def one_pass(first: Tensor) -> tf.data.Dataset:
            numbers = tf.data.Dataset.range(0 if transforms else first, steps)
            shown = tf.data.Dataset.zip(numbers, made).skip(first if transforms else 0)
            return shown.prefetch(PREFETCH)

        def deliver(number: Tensor, batch: Any) -> Any:
            # A whole pass counts when its last batch is delivered: not when it is made, which is
            # ahead of its use, nor by a request for more, which `fit` does not make.
            tf.cond(
                number == steps - 1,
                lambda: tf.numpy_function(passes.end_whole, [], tf.int64),
                lambda: tf.constant(0, tf.int64),
            )
            return batch

        firsts = tf.data.Dataset.from_generator(
            passes.begin, output_signature=tf.TensorSpec((), tf.int64)
        )
        # Keras cuts all epochs to the first one where it knows no cardinality; `take` gives one.
        endless = firsts.flat_map(one_pass).map(deliver).repeat()
        return without_autotuning(endless.take(steps))

    def _from_generator(self, generate: Callable[[], Iterator[Any]]) -> tf.data.Dataset:
        """Takes the chunks of a generator apart."""

        def spec(array: np.ndarray) -> tf.TensorSpec:
            return tf.TensorSpec([None, *(self.shape or [None] * array.ndim)], array.dtype)

        first = next(self.order.plan(0))
        signature = tf.nest.map_structure(spec, self.collate(first.rows[:1], first.widths, 0))
        return tf.data.Dataset.from_generator(generate, output_signature=signature).unbatch()


def _shape(plan: BatchPlan) -> tuple[int, ...]:
    return (len(plan.rows), *plan.widths)


def without_autotuning(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Ends an iterator at once: an autotuned one often waits half a second for its thread."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
