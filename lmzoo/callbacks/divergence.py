"""Stop when the loss is no longer a number."""

import math
from typing import Any

from keras import ops

from lmzoo.callbacks.progress import Progress
from lmzoo.errors import TrainingDiverged


class StopOnNaN(Progress):
    """Raise `TrainingDiverged` out of `fit` as soon as the loss is NaN or infinite.

    It raises in the batch where that happens, so nothing after it runs: no validation, and no
    checkpoint that would overwrite the last good one (`Checkpoint` refuses such weights anyway).
    With `steps_per_execution` > 1 it looks once per execution.

    Raises:
        TrainingDiverged: from `fit`; the message names the step and what to try.

    Example:
        >>> StopOnNaN().on_train_batch_end(0, {"loss": 2.5})
    """

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the loss."""
        super().on_train_batch_end(batch, logs)
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise TrainingDiverged(
                f"the loss became {loss} at training step {self.step}{self._rate()}: try a "
                "smaller learning rate or gradient clipping (optimizer argument clipnorm=1.0), "
                "and check that no token id lies outside the model's vocabulary; checkpoints "
                "written before this step are kept"
            )

    def _rate(self) -> str:
        """The learning rate in words, where there is an optimizer."""
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is None:
            return ""
        return f" (learning rate {float(ops.convert_to_numpy(optimizer.learning_rate)):.3g})"
