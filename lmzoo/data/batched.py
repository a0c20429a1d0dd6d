"""What prepared data offer, whatever their batches hold."""

from typing import Any

import tensorflow as tf


class BatchedData:
    """Data Sets of the parts that `batches` holds, and how long they are.

    Attributes:
        batches: for "train" and, where there are such parts, "valid" and "test": has `steps`,
            `dataset()` and `dataset_from(step)`.
    """

    batches: dict[str, Any]

    @property
    def steps_per_epoch(self) -> int:
        """Batches in a pass over the training part."""
        return int(self.batches["train"].steps)

    @property
    def valid_steps(self) -> int:
        """Batches of the validation part."""
        return int(self.batches["valid"].steps) if "valid" in self.batches else 0

    @property
    def test_steps(self) -> int:
        """Batches of the test part."""
        return int(self.batches["test"].steps) if "test" in self.batches else 0

    @property
    def train(self) -> tf.data.Dataset:
        """One pass over the training part; each complete pass takes the next epoch's order."""
        return self.batches["train"].dataset()

    @property
    def valid(self) -> tf.data.Dataset | None:
        """The validation part, in its order."""
        return self.batches["valid"].dataset() if "valid" in self.batches else None

    @property
    def test(self) -> tf.data.Dataset | None:
        """The test part, as `valid`."""
        return self.batches["test"].dataset() if "test" in self.batches else None

    def train_from(self, step: int) -> tf.data.Dataset:
        """Training batches without end, from a global step on.

        `train_from(0)` is the passes of `train` one after the other, and `train_from(n)` is the
        same without the first n batches: that is how a resumed training sees what it would have.

        Args:
            step: batches to leave out, at least 0.

        Returns:
            A Dataset without end; give `fit` its `steps_per_epoch`.

        Raises:
            ArgumentError: `step` below 0.
        """
        return self.batches["train"].dataset_from(step)
