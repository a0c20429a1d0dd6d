"""Which epoch the next pass over a training Dataset shows, and random numbers keyed by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import tensorflow as tf


class Passes:
    """Counts complete passes over a Dataset.

    Args:
        step: global step at which the first pass begins.
        steps_per_epoch: batches in a whole pass.

    Attributes:
        epoch: of the pass that begins next.
        first_step: where in its epoch that pass begins; 0 after the first pass.
    """

    def __init__(self, step: int, steps_per_epoch: int) -> None:
        self.epoch, self.first_step = divmod(step, steps_per_epoch)

    def finish(self) -> None:
        """Counts a pass whose last batch was delivered."""
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
    """Seeds for the stateless random functions of TensorFlow, one for each batch.

    In a function that `transform_train` applies they depend on `seed`, on the epoch and on the
    step within it, so that a resumed training repeats them. Elsewhere every pass draws anew.

    Args:
        seed: same seed, same numbers; None: others in each process.

    Returns:
        A Dataset without end of int64 (2,).
    """
    passes, own = _ACTIVE.get(), iter(range(2**31))
    base = np.random.SeedSequence().entropy if seed is None else seed % 2**32

    def generate() -> Iterator[np.int64]:
        epoch = next(own) if passes is None else passes.epoch
        yield np.random.default_rng([base, epoch, 3]).integers(2**62)

    def count(key: tf.Tensor) -> tf.data.Dataset:
        return tf.data.Dataset.counter().map(lambda step: tf.stack([key, step]))

    keys = tf.data.Dataset.from_generator(generate, output_signature=tf.TensorSpec((), tf.int64))
    return keys.flat_map(count)
