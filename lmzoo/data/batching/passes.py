"""Which epoch the next pass over a training Dataset shows, and random numbers keyed by it."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import tensorflow as tf


class Passes:
    """Counts complete passes over a Dataset, the first of which begins at a global step.

    Attributes:
        epoch: of the pass that begins next.
        first_step: where in its epoch that pass begins; 0 after the first pass.
        is_over: whether a shorter pass has just ended.
    """

    def __init__(self, step: int, steps_per_epoch: int) -> None:
        self.steps_per_epoch, self.is_over = steps_per_epoch, False
        self.start_at(step)

    def start_at(self, step: int) -> None:
        """Lets the next pass begin at a global step."""
        self.epoch, self.first_step = divmod(step, self.steps_per_epoch)

    def flags(self, first: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields, for the batches of a pass from `first` on, which it shows, and which ends it.

        The end of a shorter pass is not known by its last batch (a look at the only batch of a
        pass would be a pass), but by asking for more; what follows it is nothing.
        """
        if self.is_over:
            self.is_over = False
            return
        steps = np.arange(first, self.steps_per_epoch)
        is_last = (steps == self.steps_per_epoch - 1) & (not self.first_step)
        yield steps >= self.first_step, is_last

    def finish(self) -> None:
        """Counts a pass."""
        self.epoch, self.first_step = self.epoch + 1, 0


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
    """Seeds for TensorFlow's stateless random functions: a Dataset without end of int64 (2,).

    In a function that `transform_train` applies they depend on `seed`, on the epoch and on the
    step within it, so that a resumed training repeats them. Elsewhere every pass draws anew.
    Without a seed, each process draws others.
    """
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
