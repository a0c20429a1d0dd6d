"""What models that predict tokens share: loss, metric, XLA, and training without logits."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import Head
from lmzoo.losses import CrossEntropy, FusedCrossEntropy
from lmzoo.metrics import NatsPerToken, Perplexity
from lmzoo.models.zoo_model import ZooModel, refuse_beside_loss, refuse_class_weight, xla_on
from lmzoo.typing import Tensor

# From so many words on, a batch of logits costs more to hold and move than the loss to compute.
LARGE_VOCABULARY = 4096

# The model that is in a step without logits; replicas of a model take their steps in threads.
_FUSED: contextvars.ContextVar[Any] = contextvars.ContextVar("fused", default=None)


class TokenModel(ZooModel):
    """A functional model from ids to logits (batch, time, vocab_size) of each next id.

    A subclass sets `head` and defines `hidden`; what it makes of its inputs, `fit` and `evaluate`
    turn into nats without holding logits where the loss is a FusedCrossEntropy.

    Attributes:
        head: hidden states to logits.
        vocab_size: number of logits.
    """

    head: Any
    _can_fuse = False

    def hidden(self, inputs: Any, training: bool = False) -> Tensor:
        """What the output weights are multiplied with, (batch, time, dim)."""
        raise AttributeError("TokenModel is a base: use LanguageModel or Seq2SeqModel.")

    @property
    def vocab_size(self) -> int:
        """Number of logits."""
        return self.head.vocab_size

    def input_sizes(self) -> list[int | None]:
        """How many ids each input may hold, in the order of the inputs."""
        return [self.vocab_size]

    def call(self, inputs: Any, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """Logits (batch, time, vocab_size).

        Inside a step of `fit` or `evaluate` whose loss is a FusedCrossEntropy: `hidden`.
        """
        if _FUSED.get() is not self:
            return super().call(inputs, training=training, mask=mask)
        return self.hidden(inputs, training=training)

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
        label_smoothing: float = 0.0,
        r_drop: float = 0.0,
    ) -> None:
        """Keras's `compile`; loss and metric are those of tokens, and XLA is on.

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
            label_smoothing: That of the default loss, 0 to below 1; metrics never contain it.
            r_drop: That of the default loss: `fit` reads each batch twice, with different dropout,
                and lowers the divergence between the two (see lmzoo.losses.CrossEntropy).

        Raises:
            ArgumentError: If label_smoothing or r_drop is given beside a loss, which has its own;
                or r_drop to a model that carries its state, whose rows go on from each other.
        """
        settings = {"label_smoothing": label_smoothing, "r_drop": r_drop}
        refuse_beside_loss(loss, "lmzoo.losses.CrossEntropy", settings)
        if loss is None:
            fused = getattr(self.head, "is_for_hidden_states", False)
            fused = fused or self.vocab_size >= LARGE_VOCABULARY
            kind = FusedCrossEntropy if fused else CrossEntropy
            loss = kind(label_smoothing=label_smoothing, r_drop=r_drop)
        if _reads_twice(loss) and any(getattr(x, "carry_batch_size", 0) for x in _parts(self)):
            raise ArgumentError(
                f"r_drop={loss.r_drop} reads each batch twice, and this model carries its state "
                "from row to row: leave r_drop out, or build it with carry_batch_size=0."
            )
        if weighted_metrics is None:
            weighted_metrics = [Perplexity()]
        self._can_fuse = (
            isinstance(loss, FusedCrossEntropy)
            and not metrics
            and not loss_weights
            and all(_counts_nats(m) for m in weighted_metrics)
            and isinstance(self.head, Head)
            and all(
                getattr(type(self), name) is getattr(TokenModel, name)
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
            jit_compile=xla_on(jit_compile, run_eagerly),
            auto_scale_loss=auto_scale_loss,
        )

    def train_step(self, *args: Any) -> Any:
        """Keras's step; with a FusedCrossEntropy, from hidden states instead of logits."""
        if _reads_twice(self.loss):
            args = (*args[:-1], _twice(args[-1]))
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
            loss = super().compute_loss(x, y, y_pred, sample_weight, training=training)
            if training and _reads_twice(self.loss):
                loss = loss + self.loss.twin_penalty(y_pred, sample_weight)
            return loss
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

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; ids in arrays are checked against the vocabulary first.

        Raises:
            PromptError: If an id is outside the vocabulary.
            ArgumentError: If class_weight is given: Keras takes each row of labels for one-hot.
        """
        refuse_class_weight(kwargs.get("class_weight"))
        return super().fit(x, *args, **kwargs)


def _reads_twice(loss: Any) -> bool:
    return isinstance(loss, CrossEntropy) and loss.r_drop > 0


def _twice(data: Any) -> Any:
    """The batch, and behind it the same again."""
    parts = keras.utils.unpack_x_y_sample_weight(data)
    double = [
        None if part is None else keras.tree.map_structure(lambda x: ops.concatenate([x, x]), part)
        for part in parts
    ]
    return keras.utils.pack_x_y_sample_weight(*double)


def _counts_nats(metric: Any) -> bool:
    """Whether a metric needs no more than the sums of nats and weights."""
    return (
        isinstance(metric, NatsPerToken)
        and metric.from_logits
        and type(metric).update_state is NatsPerToken.update_state
    )


def _parts(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    return list(layer._flatten_layers())
