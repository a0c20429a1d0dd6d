"""Which epoch the next pass over a training Dataset shows, and random numbers keyed by it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import tensorflow as tf


class Passes:
    """Counts complete passes over a Dataset: the next one is of `epoch`, from `first_step` on."""

    def __init__(self, step: int, steps_per_epoch: int) -> None:
        self.steps_per_epoch, self._is_over = steps_per_epoch, False
        self.start_at(step)

    def start_at(self, step: int) -> None:
        """Lets the next pass begin at a global step."""
        self.epoch, self.first_step = divmod(step, self.steps_per_epoch)

    def begin(self) -> Iterator[int]:
        """Yields where a pass begins; a shorter one ends by asking for more than it holds."""
        # Not by its last batch: a look at its only batch is no pass.
        if not self._is_over:
            yield self.first_step
            if self.first_step:
                self.epoch, self.first_step = self.epoch + 1, 0
        self._is_over = not self._is_over

    def end_whole(self) -> np.int64:
        """Counts a pass at its last batch, unless it was a shorter one."""
        self.epoch += not self.first_step
        return np.int64(self.epoch)


_ACTIVE: ContextVar[Passes | None] = ContextVar("passes", default=None)


@contextmanager
def counted_by(passes: Passes) -> Iterator[None]:
    """Within the block, `batch_seeds` follows the epochs of a training Dataset."""
    token = _ACTIVE.set(passes)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def batch_seeds(seed: int | None) -> tf.data.Dataset:
    """Endless seeds, int64 (2,): by (seed, epoch, step) within `counted_by`, else ever new ones."""
    passes, own = _ACTIVE.get(), iter(range(2**31))
    base = secrets.randbits(32) if seed is None else seed % 2**32

    def generate() -> Iterator[np.int64]:
        epoch = next(own) if passes is None else passes.epoch
        yield np.random.default_rng([base, epoch, 3]).integers(2**62)

    def count(key: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.counter().map(lambda step: tf.stack([key, step]))

    keys = tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec((), tf.int64))
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
    return keys.flat_map(count).apply(endless)
