"""The average of a model's last checkpoints."""

from collections import deque
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError


class AverageWeights(keras.callbacks.Callback):
    """Gives the model, when its training ends, the mean of its weights at the last epochs' ends.

    Weights that are no fractions, such as counters, stay as they are. For an exponential average
    at every step, give the optimizer `use_ema=True`; for gradients of several batches at once,
    `gradient_accumulation_steps`.

    Args:
        last: how many epochs are averaged; 1 or more. Each is kept in memory.

    Raises:
        ArgumentError: `last` is below 1.

    Source: Vaswani et al. 2017, section 6.1, https://arxiv.org/abs/1706.03762

    Example:
        >>> import keras, numpy as np
        >>> from lmzoo.callbacks import AverageWeights
        >>> model = keras.Sequential([keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = np.ones((8, 2))
        >>> _ = model.fit(x, x[:, :1], epochs=3, verbose=0, callbacks=[AverageWeights(2)])
    """

    def __init__(self, last: int = 5) -> None:
        super().__init__()
        if last < 1:
            raise ArgumentError(f"last is {last}; it must be at least 1")
        self._kept: deque[list[np.ndarray]] = deque(maxlen=last)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forgets earlier trainings."""
        self._kept.clear()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keeps a copy of the weights."""
        self._kept.append([np.array(ops.convert_to_numpy(w)) for w in self._weights()])

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Sets the weights to the mean."""
        for weight, *values in zip(self._weights(), *self._kept, strict=True):
            if values:
                mean = np.mean([value.astype("float64") for value in values], axis=0)
                weight.assign(mean.astype(values[0].dtype))

    def _weights(self) -> list[Any]:
        return [weight for weight in self.model.weights if "float" in str(weight.dtype)]
