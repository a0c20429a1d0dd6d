"""Perplexity of any Keras model on any data set, written into `fit`'s logs."""

import contextlib
import operator
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError, DataError
from lmzoo.metrics import NatsPerToken, bits_per_byte, perplexity, perplexity_per_word
from lmzoo.typing import Tensor


class _Evaluator(keras.Model):
    """Runs a model under Keras's own `evaluate`, with no loss and one metric."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name="perplexity_evaluator")
        self.inner = model

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        return self.inner(inputs, training=False)

    def compute_loss(self, *args: Any, **kwargs: Any) -> Tensor:
        return ops.zeros(())


class PerplexityCallback(keras.callbacks.Callback):
    """Evaluate the model at the end of an epoch and put its perplexity into the logs.

    Adds, under `prefix`: nats_per_token, perplexity, and perplexity_per_word and bits_per_byte
    where their counts are given. EarlyStopping, ModelCheckpoint (both with `mode="min"`), CSVLogger
    and the like see these figures if they stand *behind* this callback. Unlike Keras's `val_loss`
    they count every token once, and hold neither padding nor weight penalties.

    Args:
        data: batches of (ids, next ids) or (ids, next ids, weights): a finite tf.data.Dataset, a
            keras.utils.PyDataset, or a tuple of arrays. Targets as in `lmzoo.losses.token_nats`.
        words, bytes: the numbers of words and of UTF-8 bytes that the whole of `data` predicts.
        prefix: put before the names.
        every_epochs: evaluate in the first epoch, in every so-many-th after it, and in the last.
        from_logits: whether the model gives logits; "auto" looks at what it gives.

    Raises:
        ArgumentError: an argument is out of its range, or `data` is endless or can be read once.
        DataError: no token of positive weight, or (once the result is NaN) an unknown target id.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.layers.Embedding(2, 2, embeddings_initializer="zeros")])
        >>> ids = np.array([[0, 1, 1]])
        >>> figures = PerplexityCallback((ids, ids), words=1).evaluate(model)
        >>> round(figures["val_perplexity"], 3), round(figures["val_perplexity_per_word"], 3)
        (2.0, 8.0)
    """

    def __init__(
        self,
        data: Any,
        *,
        words: int | None = None,
        bytes: int | None = None,
        prefix: str = "val_",
        every_epochs: int = 1,
        from_logits: bool | str = "auto",
    ) -> None:
        super().__init__()
        if every_epochs < 1:
            raise ArgumentError(f"every_epochs must be 1 or more, not {every_epochs}")
        if from_logits not in (True, False, "auto"):
            raise ArgumentError(f'from_logits must be True, False or "auto", not {from_logits!r}')
        for name, count in (("words", words), ("bytes", bytes)):
            if count is not None and count < 1:
                raise ArgumentError(f"{name} must be 1 or more, not {count}; None leaves it out")
        _check_repeatable(data)
        self.data, self.words, self.bytes = data, words, bytes
        self.prefix, self.every_epochs, self.from_logits = prefix, every_epochs, from_logits
        self._evaluator: _Evaluator | None = None
        self._metric: NatsPerToken | None = None
        self._state: list[Any] = []  # what the evaluator was traced with

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        last = epoch + 1 == (self.params or {}).get("epochs")
        if logs is not None and (last or epoch % self.every_epochs == 0):
            logs.update(self.evaluate(self.model))

    def evaluate(self, model: keras.Model) -> dict[str, float]:
        """The figures on the data, outside of `fit` too, by their names with the prefix.

        It takes any Keras model from ids to (batch, time, vocab) or (batch, vocab).
        """
        evaluator, metric = self._build(model)
        arrays = self.data if isinstance(self.data, tuple) else (self.data,)
        weights = arrays[2] if len(arrays) > 2 else None
        evaluator.evaluate(*arrays[:2], sample_weight=weights, verbose=0)
        nats, tokens = metric.totals()
        if np.isnan(nats):
            self._find_unknown_id(model)
        if not tokens > 0:
            raise DataError(
                "the validation data holds no token of positive weight, so it has no perplexity: "
                "give more text, or check the weights"
            )
        figures = {"nats_per_token": nats / tokens, "perplexity": perplexity(nats, tokens)}
        if self.words:
            figures["perplexity_per_word"] = perplexity_per_word(nats, self.words)
        if self.bytes:
            figures["bits_per_byte"] = bits_per_byte(nats, self.bytes)
        return {self.prefix + name: value for name, value in figures.items()}

    def _build(self, model: keras.Model) -> tuple[_Evaluator, NatsPerToken]:
        """The compiled evaluator for this model, made again when LoRA, quantization or `compile`
        has changed what is computed."""
        state = [model, model.jit_compile, model.run_eagerly, *model.variables]
        same = len(state) == len(self._state) and all(map(operator.is_, state, self._state))
        if self._evaluator is None or self._metric is None or not same:
            self._state = state
            strategy: Any = getattr(model, "distribute_strategy", None)
            is_one = strategy is None or strategy.num_replicas_in_sync == 1
            with contextlib.nullcontext() if is_one else strategy.scope():
                self._metric = NatsPerToken(from_logits=self._gives_logits(model))
                self._evaluator = _Evaluator(model)
                self._evaluator.compile(
                    optimizer=None,
                    weighted_metrics=[self._metric],
                    jit_compile=model.jit_compile,
                    run_eagerly=model.run_eagerly,
                )
        return self._evaluator, self._metric

    def _gives_logits(self, model: keras.Model) -> bool:
        """Whether the model's outputs on the first batch fail to be probabilities."""
        if self.from_logits != "auto":
            return bool(self.from_logits)
        inputs = next(_batches(self.data))[0]
        outputs = ops.convert_to_numpy(ops.cast(model(inputs, training=False), "float32"))
        # bfloat16 probabilities sum to 1 within a few thousandths.
        sums = np.abs(outputs.sum(axis=-1) - 1.0)
        return not (bool((outputs >= 0).all()) and bool((sums < 0.02).all()))

    def _find_unknown_id(self, model: keras.Model) -> None:
        """Name the target id that made the result NaN, if one did."""
        for inputs, targets, *weights in _batches(self.data):
            outputs = model(inputs, training=False).shape
            vocab_size = int(outputs[-1])
            targets = np.asarray(ops.convert_to_numpy(targets))
            if targets.shape == tuple(outputs):  # distributions
                return
            counted = np.ones(targets.shape, bool)
            if weights:
                given = np.asarray(ops.convert_to_numpy(weights[0])) != 0
                extra = (1,) * (targets.ndim - given.ndim)
                counted &= given.reshape(given.shape + extra)  # (batch, time)
            known = (targets >= 0) & (targets < vocab_size) & (targets == np.floor(targets))
            unknown = targets[~known & counted]
            if unknown.size:
                raise DataError(
                    f"the validation data predicts token id {unknown.flat[0]}, but the model "
                    f"knows ids 0 to {vocab_size - 1}: use the tokenizer that the model was built "
                    "for, or build the model with a larger vocab_size"
                )


def _check_repeatable(data: Any) -> None:
    """Refuse data that never ends or that only the first epoch could read."""
    if hasattr(data, "__next__"):
        raise ArgumentError(
            f"data is a {type(data).__name__}, which can be read only once: give a "
            "tf.data.Dataset, a keras.utils.PyDataset or a tuple of arrays"
        )
    # -1 is tf.data.INFINITE_CARDINALITY.
    if hasattr(data, "cardinality") and int(data.cardinality()) == -1:
        raise ArgumentError("data repeats without end: evaluation needs a finite data set")


def _batches(data: Any) -> Any:
    """Iterate over batches; arrays are one batch of at most 32 rows each."""
    if isinstance(data, tuple):
        for start in range(0, len(data[0]), 32):
            yield tuple(array[start : start + 32] for array in data)
    elif hasattr(data, "__getitem__") and hasattr(data, "num_batches"):
        for index in range(data.num_batches):
            yield data[index]
    else:
        yield from data
