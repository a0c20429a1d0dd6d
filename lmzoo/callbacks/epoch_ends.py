"""Small things done at the beginning or the end of an epoch."""

from collections import deque
from collections.abc import Sequence
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


class ResetState(keras.callbacks.Callback):
    """Empty a recurrent model's carried state at the beginning of each epoch.

    It calls the model's `reset_carried_state()`; models without one carry nothing over, and
    nothing is done.

    Example:
        >>> ResetState().set_model(keras.Sequential())
    """

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reset the state."""
        reset = getattr(self.model, "reset_carried_state", None)
        if reset is not None:
            reset()


class SampleText(keras.callbacks.Callback):
    """Print what the model writes, every so many epochs.

    Args:
        prompts: texts to continue.
        tokenizer: the model's tokenizer.
        every_epochs: how often; >= 1.
        max_new_tokens: the length of each sample; >= 1.
        temperature: of the sampling; 0 is greedy.
        seed: the same in each epoch, so that the samples differ by the training alone.

    Raises:
        ArgumentError: no prompt, or every_epochs < 1.

    Example:
        >>> SampleText(["Once upon a time"], tokenizer=None, every_epochs=5).every_epochs
        5
    """

    def __init__(
        self,
        prompts: Sequence[str],
        tokenizer: Any,
        *,
        every_epochs: int = 1,
        max_new_tokens: int = 40,
        temperature: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not prompts:
            raise ArgumentError("SampleText needs at least one prompt; the list is empty")
        if every_epochs < 1:
            raise ArgumentError(f"every_epochs must be 1 or more, not {every_epochs}")
        self.prompts = list(prompts)
        self.tokenizer = tokenizer
        self.every_epochs = every_epochs
        self.max_new_tokens = max_new_tokens
        self.temperature = temperature
        self.seed = seed

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Generate and print."""
        if (epoch + 1) % self.every_epochs:
            return
        from lmzoo.generation import generate

        texts = generate(
            self.model,
            self.prompts,
            tokenizer=self.tokenizer,
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            seed=self.seed,
        )
        for text in texts:
            print(f"\nsample after epoch {epoch + 1}: {text}")
