"""BLEU of what the model writes, while it trains."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from lmzoo.errors import ArgumentError
from lmzoo.generation import answer
from lmzoo.metrics import Bleu
from lmzoo.metrics.text import TextMetric


class BleuCallback(keras.callbacks.Callback):
    """Generates answers at the end of an epoch and puts their score into the logs.

    EarlyStopping, ModelCheckpoint and `Checkpoint` see `val_bleu` if they stand behind this
    callback (with `mode="max"`). It also measures wherever `PeriodicValidation`, in front of it,
    does.

    Args:
        sources: texts to read.
        references: for each of them a text, or several.
        tokenizer: as `lmzoo.answer` takes it.
        metric: what is measured; None is `lmzoo.metrics.Bleu()`.
        every_epochs: measured in every so-many-th epoch and in the last; the epochs between them
            log what was measured last.
        num_beams: 1 is greedy, which is quicker.
        max_new_tokens: see `lmzoo.answer`.
        batch_size: sources that are searched together.
        show: so many triples of source, reference and hypothesis are printed.
        finish: applied to every hypothesis, such as joining sub-words that the data came in.
        prefix: put before the metric's name.

    Raises:
        ArgumentError: unequal numbers of sources and references, or none.

    Example:
        >>> import lmzoo
        >>> tokenizer = lmzoo.data.train_tokenizer(["a dog", "a cat"], kind="word")
        >>> callback = lmzoo.callbacks.BleuCallback(["a dog"], ["a cat"], tokenizer=tokenizer)
    """

    def __init__(
        self,
        sources: Sequence[str],
        references: Sequence[str | Sequence[str]],
        *,
        tokenizer: Any,
        metric: TextMetric | None = None,
        every_epochs: int = 1,
        num_beams: int = 1,
        max_new_tokens: int | None = None,
        batch_size: int = 64,
        show: int = 3,
        finish: Callable[[str], str] | None = None,
        prefix: str = "val_",
    ) -> None:
        super().__init__()
        if len(sources) != len(references) or not sources:
            raise ArgumentError(
                f"{len(sources)} sources and {len(references)} references: give one reference at "
                "the least for each source, and one source at the least"
            )
        if every_epochs < 1:
            raise ArgumentError(f"every_epochs must be 1 or more, not {every_epochs}")
        self.sources, self.references, self.tokenizer = sources, references, tokenizer
        self.metric = Bleu() if metric is None else metric
        self.every_epochs, self.show, self.finish = every_epochs, show, finish
        self.prefix = prefix
        self._scores: dict[str, float] = {}
        self._search: dict[str, Any] = {
            "num_beams": num_beams,
            "max_new_tokens": max_new_tokens,
            "batch_size": min(batch_size, len(sources)),
        }

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes, measures, shows."""
        last = epoch + 1 == (self.params or {}).get("epochs")
        if last or epoch % self.every_epochs == 0:
            self._scores = self.evaluate(self.model)
        if logs is not None:
            logs.update(self._scores)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """The same where `PeriodicValidation` has just measured inside an epoch."""
        if logs and any(name.startswith("val_") for name in logs):
            self._scores = self.evaluate(self.model)
            logs.update(self._scores)

    def evaluate(self, model: keras.Model) -> dict[str, float]:
        """The scores of a model, outside of `fit` too, under their names with the prefix."""
        texts = answer(model, self.sources, tokenizer=self.tokenizer, **self._search)
        texts = [self.finish(text) for text in texts] if self.finish else texts
        self.metric.reset()
        self.metric.add(texts, self.references)
        result = self.metric.result()
        scores = result if isinstance(result, dict) else {self.metric.name: result}
        for source, reference, text in list(zip(self.sources, self.references, texts, strict=True))[
            : self.show
        ]:
            first = reference if isinstance(reference, str) else reference[0]
            print(f"\nsource:     {source}\nreference:  {first}\nhypothesis: {text}")
        return {self.prefix + name: value for name, value in scores.items()}
