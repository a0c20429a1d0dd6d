"""The language model: a functional Keras model that also steps, and trains without logits."""

import contextlib
import contextvars
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError, PromptError
from lmzoo.layers import Head, RecurrentBlock, TokenEmbedding
from lmzoo.losses import CrossEntropy, FusedCrossEntropy
from lmzoo.metrics import NatsPerToken, Perplexity
from lmzoo.models.zoo_model import ZooModel
from lmzoo.typing import Tensor

# From so many words on, a batch of logits costs more to hold and move than the loss to compute.
LARGE_VOCABULARY = 4096

# The model that is in a step without logits; replicas of a model take their steps in threads.
_FUSED: contextvars.ContextVar[Any] = contextvars.ContextVar("fused", default=None)


@keras.saving.register_keras_serializable(package="lmzoo")
class LanguageModel(ZooModel):
    """A decoder: ids (batch, time) -> logits (batch, time, vocab_size) of each next id.

    Args:
        embedding: Ids to vectors, with `step(ids, position)`.
        blocks: Layers with `call(x, training)`, `init_state(batch_size, length)` and
            `step(x, state, position)`.
        head: Hidden states to logits.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> embedding = lmzoo.layers.TokenEmbedding(50, 8)
        >>> head = lmzoo.layers.LanguageModelHead(50)
        >>> model = lmzoo.LanguageModel(embedding, [lmzoo.layers.GRUBlock(8)], head)
        >>> model.predict(np.array([[1, 2, 3]]), verbose=0).shape
        (1, 3, 50)
    """

    def __init__(
        self,
        embedding: TokenEmbedding,
        blocks: Sequence[keras.layers.Layer],
        head: Head,
        *,
        name: str | None = None,
    ) -> None:
        ids = keras.Input((None,), dtype="int32", name="ids")
        x = embedding(ids)
        for block in blocks:
            x = block(x)
        super().__init__(inputs=ids, outputs=head(x), name=name)
        self.embedding = embedding
        self.blocks = list(blocks)
        self.head = head
        self._can_fuse = False

    def call(self, inputs: Tensor, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """Logits (batch, time, vocab_size) of ids (batch, time).

        Inside a step of `fit` or `evaluate` whose loss is a FusedCrossEntropy: what the output
        weights are multiplied with, (batch, time, dim).
        """
        if _FUSED.get() is not self:
            return super().call(inputs, training=training, mask=mask)
        x = self.embedding(keras.tree.flatten(inputs)[0], training=training)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head.prepare(x, training=training)

    @property
    def vocab_size(self) -> int:
        """Number of ids."""
        return self.embedding.vocab_size

    @property
    def max_length(self) -> int | None:
        """The longest sequence, or None if there is no limit."""
        return self.embedding.max_length

    @property
    def rereads(self) -> bool:
        """Whether positions may be read twice, and ahead: a later step overwrites what was read."""
        return all(getattr(block, "rereads", False) for block in self.blocks)

    def init_state(self, batch_size: int, length: int) -> list:
        """An empty memory for sequences of up to `length` ids; every tensor's batch axis first."""
        return [block.init_state(batch_size, length) for block in self.blocks]

    def start(self, ids: Tensor, length: int) -> tuple[Tensor, list, Tensor]:
        """Reads the first ids.

        Args:
            ids: int32 (batch, n), n >= 1.
            length: How many ids the memory must hold, these and all that follow.

        Returns:
            Logits (batch, n, vocab_size), the state, and the position int32 () of the next id.
        """
        ids = ops.convert_to_tensor(ids, dtype="int32")
        position = ops.zeros((), "int32")
        logits, state = self.step(ids, self.init_state(ids.shape[0], length), position)
        return logits, state, position + ids.shape[1]

    def step(self, ids: Tensor, state: list, position: Tensor) -> tuple[Tensor, list]:
        """Reads n more ids.

        Args:
            ids: int32 (batch, n), n >= 1.
            state: What the step before, or `init_state`, gave.
            position: int32 (), how many ids were read before.

        Returns:
            Logits (batch, n, vocab_size) and the new state.
        """
        x = self.embedding.step(ids, position)
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, new = block.step(x, before, position)
            after.append(new)
        return self.head(x), after

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Keras's `compile`; loss and metric are a language model's, and XLA is on.

        Args:
            optimizer: Name or optimizer.
            loss: None for the mean nats per token: lmzoo.losses.CrossEntropy(), or, from a
                vocabulary of 4,096 ids on, lmzoo.losses.FusedCrossEntropy().
            loss_weights: As Keras.
            metrics: As Keras.
            weighted_metrics: None for [lmzoo.metrics.Perplexity()].
            run_eagerly: As Keras.
            steps_per_execution: As Keras; 10 or more is faster for small models.
            jit_compile: "auto" compiles with XLA, which Keras's "auto" does not do on a CPU.
            auto_scale_loss: As Keras.
        """
        if jit_compile == "auto" and keras.backend.backend() == "tensorflow":
            jit_compile = not run_eagerly
        if loss is None:
            fused = getattr(self.head, "is_for_hidden_states", False)
            fused = fused or self.vocab_size >= LARGE_VOCABULARY
            loss = FusedCrossEntropy() if fused else CrossEntropy()
        if weighted_metrics is None:
            weighted_metrics = [Perplexity()]
        self._can_fuse = (
            isinstance(loss, FusedCrossEntropy)
            and not metrics
            and not loss_weights
            and all(_counts_nats(m) for m in weighted_metrics)
            and isinstance(self.head, Head)
            and all(
                getattr(type(self), name) is getattr(LanguageModel, name)
                for name in ("call", "compute_loss", "compute_metrics")
            )
        )
        super().compile(
            optimizer=optimizer,
            loss=loss,
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )

    def train_step(self, *args: Any) -> Any:
        """Keras's step; with a FusedCrossEntropy, from hidden states instead of logits."""
        with self._fusing(args[-1]):
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """Keras's step; with a FusedCrossEntropy, from hidden states instead of logits."""
        with self._fusing(args[-1]):
            return super().test_step(*args)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Keras's loss; in a fused step that of the hidden states, which the metrics count too."""
        if _FUSED.get() is not self:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        y = keras.tree.flatten(y)[0]
        sample_weight = None if sample_weight is None else keras.tree.flatten(sample_weight)[0]
        loss, nats, tokens = self.loss.from_hidden(
            y_pred, self.head, y, sample_weight, training=training
        )
        if self._compile_metrics is not None:
            if not self._compile_metrics.built:
                self._compile_metrics.build(y, y_pred)
            for metric in self._compile_metrics.metrics:
                metric.add(ops.stop_gradient(nats), tokens)
        penalties = [
            ops.cast(ops.sum(self._aggregate_additional_loss(extra)), "float32")
            for extra in self.losses
        ]
        return sum(penalties, loss)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Keras's metrics; in a fused step they have counted in `compute_loss`."""
        if _FUSED.get() is self:
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)

    @contextlib.contextmanager
    def _fusing(self, data: Any) -> Iterator[None]:
        """Makes `call` give hidden states, where loss, metrics, head and targets allow it."""
        targets = keras.tree.flatten(keras.utils.unpack_x_y_sample_weight(data)[1])
        fits = len(targets) == 1 and len(getattr(targets[0], "shape", ())) == 2
        plain = all(getattr(x, "quantization_mode", None) is None for x in _parts(self.head))
        token = _FUSED.set(self if self._can_fuse and fits and plain else None)
        try:
            yield
        finally:
            _FUSED.reset(token)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; ids in arrays are checked against the vocabulary first.

        Raises:
            PromptError: If an id is outside the vocabulary.
            ArgumentError: If class_weight is given: Keras takes each row of labels for one-hot.
        """
        self._check_ids(x)
        if kwargs.get("class_weight") is not None:
            raise ArgumentError(
                "class_weight does not fit labels (batch, time), which Keras takes for one-hot "
                "rows: give every token its weight through sample_weight."
            )
        if hasattr(x, "element_spec"):  # a tf.data.Dataset is shuffled by its pipeline
            kwargs.setdefault("shuffle", False)
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `evaluate`; ids in arrays are checked against the vocabulary first."""
        self._check_ids(x)
        return super().evaluate(x, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's `predict`; ids in arrays are checked against the vocabulary first."""
        self._check_ids(x)
        return super().predict(x, *args, **kwargs)

    def reset_carried_state(self) -> None:
        """Lets recurrent blocks that carry their state start from zeros again."""
        for block in self.blocks:
            if isinstance(block, RecurrentBlock):
                block.reset_carried_state()

    def _check_ids(self, x: Any) -> None:
        """Names the first id outside the vocabulary; data sets are caught by the NaN they give."""
        if not isinstance(x, np.ndarray | list | tuple):
            return
        ids = np.asarray(x)
        if ids.dtype.kind not in "iu" or not ids.size:
            return
        outside = ids[(ids < 0) | (ids >= self.vocab_size)]
        if outside.size:
            raise PromptError(
                f"id {outside.flat[0]} is outside the vocabulary of {self.vocab_size} ids "
                f"(0 to {self.vocab_size - 1}): use the tokenizer that the model was built for."
            )


def _counts_nats(metric: Any) -> bool:
    """Whether a metric needs no more than the sums of nats and weights."""
    return (
        isinstance(metric, NatsPerToken)
        and metric.from_logits
        and type(metric).update_state is NatsPerToken.update_state
    )


def _parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    return list(layer._flatten_layers())
