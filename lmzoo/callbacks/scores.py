"""Scores of a task's own, such as BLEU and span F1, written into the logs while a model trains."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from lmzoo.callbacks.progress import is_validated
from lmzoo.errors import ArgumentError, listed
from lmzoo.evaluation.tag_report import tag_scores
from lmzoo.generation import answer
from lmzoo.metrics import Bleu, choose_bleu_tokenizer
from lmzoo.metrics.text.metric import TextMetric


class ScoreCallback(keras.callbacks.Callback):
    """Puts the scores of any function of the model into the logs, at the end of epochs.

    EarlyStopping, ModelCheckpoint and `Checkpoint` see them if they stand behind this callback
    (with `mode="max"`). It also measures wherever `PeriodicValidation`, in front of it, does.

    Args:
        score: from the model to scores by name.
        every_epochs: how often; the last epoch too. Others log what was measured last.
        prefix: put before the names.

    Raises:
        ArgumentError: every_epochs < 1.

    Example:
        >>> callback = ScoreCallback(lambda model: {"weights": float(model.count_params())})
        >>> callback.evaluate(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]))
        {'val_weights': 3.0}
    """

    def __init__(
        self, score: Callable[[Any], Any], *, every_epochs: int = 1, prefix: str = "val_"
    ) -> None:
        super().__init__()
        if every_epochs < 1:
            raise ArgumentError(f"every_epochs must be 1 or more, not {every_epochs}")
        self.score, self.every_epochs, self.prefix = score, every_epochs, prefix
        self._scores: dict[str, float] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        last = epoch + 1 == (self.params or {}).get("epochs") or self.model.stop_training
        if last or epoch % self.every_epochs == 0:
            self._scores = self.evaluate(self.model)
        if logs is not None:
            logs.update(self._scores)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if logs and is_validated(logs):
            self._scores = self.evaluate(self.model)
            logs.update(self._scores)

    def evaluate(self, model: Any) -> dict[str, float]:
        """The scores of a model, outside of `fit` too, under their names with the prefix."""
        return {self.prefix + name: value for name, value in self.score(model).items()}


class BleuCallback(ScoreCallback):
    """Generates answers at the end of an epoch and puts their BLEU into the logs.

    Args:
        sources: texts to read.
        references: for each of them a text, or several.
        tokenizer: as `lmzoo.answer` takes it.
        metric: what is measured; None is `lmzoo.metrics.Bleu` with the tokenizer that
            `choose_bleu_tokenizer` finds for the references.
        every_epochs, prefix: see `ScoreCallback`.
        num_beams, max_new_tokens, batch_size: see `lmzoo.answer`; 1 beam is greedy, and quick.
        show: so many triples of source, reference and hypothesis are printed.
        finish: applied to every hypothesis, such as joining sub-words that the data came in.

    Raises:
        ArgumentError: unequal numbers of sources and references, or none; a blank source.
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
        super().__init__(self._bleu, every_epochs=every_epochs, prefix=prefix)
        sources, references = listed(sources, "sources"), listed(references, "references")
        if len(sources) != len(references) or not sources:
            raise ArgumentError(
                f"{len(sources)} sources and {len(references)} references: give one reference at "
                "the least for each source, and one source at the least"
            )
        for number, source in enumerate(sources):
            if isinstance(source, str) and not source.strip():
                raise ArgumentError(
                    f"source {number} is {source!r}, which has no token: leave it and its "
                    "reference out"
                )
        self.sources, self.references, self.tokenizer = sources, references, tokenizer
        if metric is None:
            texts = [r for of in references for r in ([of] if isinstance(of, str) else of)]
            metric = Bleu(choose_bleu_tokenizer(texts))
        self.metric = metric
        self.show, self.finish = show, finish
        self._search: dict[str, Any] = {"num_beams": num_beams, "max_new_tokens": max_new_tokens}
        self._search["batch_size"] = min(batch_size, len(sources))

    def _bleu(self, model: Any) -> dict[str, float]:
        texts = answer(model, self.sources, tokenizer=self.tokenizer, **self._search)
        texts = [self.finish(text) for text in texts] if self.finish else texts
        self.metric.reset()
        self.metric.add(texts, self.references)
        triples = list(zip(self.sources, self.references, texts, strict=True))[: self.show]
        for source, reference, text in triples:
            first = reference if isinstance(reference, str) else reference[0]
            print(f"\nsource:     {source}\nreference:  {first}\nhypothesis: {text}")
        result = self.metric.result()
        return result if isinstance(result, dict) else {self.metric.name: result}


class SpanF1Callback(ScoreCallback):
    """Decodes the tags of a split at the end of an epoch and puts their scores into the logs.

    They are `val_tag_accuracy` and, of spans, `val_f1`, `val_precision`, `val_recall`, 0 to 1.

    Args:
        data: a TaggingData.
        split: "valid" or "test".
        every_epochs: see `ScoreCallback`.
    """

    def __init__(self, data: Any, *, split: str = "valid", every_epochs: int = 1) -> None:
        super().__init__(lambda model: tag_scores(model, data, split), every_epochs=every_epochs)
