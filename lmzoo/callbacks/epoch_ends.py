"""Small things done at the beginning or the end of an epoch."""

from collections import deque
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError, listed


class AverageWeights(keras.callbacks.Callback):
    """Gives the model, when its training ends, the mean of its weights at the last epochs' ends.

    Weights that are no fractions, such as counters, stay as they are. For an exponential average
    at every step, give the optimizer `use_ema=True`.

    Args:
        last: how many epochs are averaged; 1 or more. Each is kept in memory.

    Raises:
        ArgumentError: `last` is below 1.

    Source: Vaswani et al. 2017, section 6.1, https://arxiv.org/abs/1706.03762
    """

    def __init__(self, last: int = 5) -> None:
        super().__init__()
        if last < 1:
            raise ArgumentError(f"last is {last}; it must be at least 1")
        self._kept: deque[list[np.ndarray]] = deque(maxlen=last)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._kept.clear()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._kept.append([np.array(ops.convert_to_numpy(w)) for w in self._weights()])

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for weight, *values in zip(self._weights(), *self._kept, strict=True):
            if values:
                mean = np.mean([value.astype("float64") for value in values], axis=0)
                weight.assign(mean.astype(values[0].dtype))

    def _weights(self) -> list[Any]:
        return [weight for weight in self.model.weights if "float" in str(weight.dtype)]


class ResetState(keras.callbacks.Callback):
    """Empties a recurrent model's carried state (`reset_carried_state`), if any, before epochs."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if hasattr(self.model, "reset_carried_state"):
            self.model.reset_carried_state()


class SampleText(keras.callbacks.Callback):
    """Print what the model writes, every so many epochs.

    Args:
        prompts: texts to continue.
        tokenizer: the model's tokenizer.
        every_epochs: how often; >= 1.
        max_new_tokens, temperature: see `lmzoo.generate`.
        seed: the same in each epoch, so that the samples differ by the training alone.

    Raises:
        ArgumentError: no prompt, or every_epochs < 1.
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
        self.prompts = listed(prompts, "prompts")
        if not self.prompts:
            raise ArgumentError("SampleText needs at least one prompt; the list is empty")
        if every_epochs < 1:
            raise ArgumentError(f"every_epochs must be 1 or more, not {every_epochs}")
        self.tokenizer, self.every_epochs = tokenizer, every_epochs
        sampling = {"max_new_tokens": max_new_tokens, "temperature": temperature, "seed": seed}
        self.sampling: dict[str, Any] = sampling

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if (epoch + 1) % self.every_epochs:
            return
        from lmzoo.generation import generate

        for text in generate(self.model, self.prompts, tokenizer=self.tokenizer, **self.sampling):
            print(f"\nsample after epoch {epoch + 1}: {text}")
