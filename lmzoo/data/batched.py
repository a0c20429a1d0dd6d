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
        if self._first:
            return self.batches["train"].dataset_rest(self._first)
        return self.batches["train"].dataset()

    _first = 0

    def start_at(self, step: int) -> None:
        """From now on the first pass over `train` begins at a global step."""
        self._first = step

    def fingerprint(self) -> dict:
        """What a resumed training must find again."""
        return {"train": self.report["train"], "steps": self.steps_per_epoch}

    def save(self, folder: Any) -> None:
        """Writes the tokenizer."""
        from pathlib import Path

        self.tokenizer.save(Path(folder) / "tokenizer.json")

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
