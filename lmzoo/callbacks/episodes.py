"""Small things done once per epoch."""

from collections.abc import Sequence
from typing import Any

import keras

from lmzoo.errors import ArgumentError


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
