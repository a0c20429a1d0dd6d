"""What models that predict tokens share: loss, metric, and training without logits."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lmzoo.losses import CrossEntropy, FusedCrossEntropy
from lmzoo.metrics import NatsPerToken, Perplexity
from lmzoo.models.bases.blocks import cross_attends
from lmzoo.models.bases.zoo_model import ZooModel
from lmzoo.typing import Tensor

# From so many words on, a batch of logits costs more to hold and move than the loss to compute.
LARGE_VOCABULARY = 4096


# The model whose step computes the loss from hidden states, and that step's weight of R-Drop;
# replicas of a model take their steps in threads.
_STEP: contextvars.ContextVar[tuple[Any, float]] = contextvars.ContextVar("step")


class TokenModel(ZooModel):
    """Abstract base class of functional models with logits (batch, time, vocab_size) as output.

    Where the loss is a FusedCrossEntropy, `fit` and `evaluate` compute it from `hidden`, a
    functional sub-model of the same inputs, and never hold the logits of a batch.
    """

    embedding: Any  # ids to vectors
    head: Any  # hidden states to logits
    hidden: Any = None  # sub-model: inputs -> what the output weights multiply; None if more
    labels_have_time = True

    @property
    def vocab_size(self) -> int:
        """Number of logits."""
        return self.head.vocab_size

    @property
    def max_length(self) -> int | None:
        """The longest sequence, or target, or None if there is no limit."""
        return self.embedding.max_length

    @property
    def copies(self) -> bool:
        """Whether tokens may be copied from the source."""
        return cross_attends(self.head)

    def label_sizes(self) -> list[int | None]:
        """The vocabulary's size."""
        return [self.vocab_size]

    def default_loss(self) -> Any:
        """Mean nats per token."""
        return CrossEntropy()

    def default_metrics(self) -> list[Any]:
        """Perplexity."""
        return [Perplexity()]

    def accept_loss(self, loss: Any) -> Any:
        """As every model; for a large vocabulary or an adaptive softmax, CrossEntropy is fused."""
        loss = super().accept_loss(loss)
        if type(loss) is not CrossEntropy or self.hidden is None:
            return loss
        adaptive = self.head.is_for_hidden_states and not loss.label_smoothing
        large = self.vocab_size >= LARGE_VOCABULARY and not self.head.is_for_hidden_states
        if not (adaptive or large):
            return loss
        return FusedCrossEntropy(label_smoothing=loss.label_smoothing, name=loss.name)

    def call(self, inputs: Any, training: bool = False, mask: Tensor | None = None) -> Tensor:
        """Logits (batch, time, vocab_size); in a fused step, what `hidden` gives."""
        if self.is_in_fused_step:
            return self.hidden(inputs, training=training)
        return super().call(inputs, training=training, mask=mask)

    def train_step(self, *args: Any) -> Any:
        """Keras's step; with a FusedCrossEntropy, from hidden states instead of logits."""
        with self.fused_step(args[-1]):
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """Keras's step; with a FusedCrossEntropy, from hidden states instead of logits."""
        with self.fused_step(args[-1]):
            return super().test_step(*args)

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Keras's loss; in a fused step that of hidden states, which the metrics count too."""
        if not self.is_in_fused_step:
            return super().compute_loss(x, y, y_pred, sample_weight, training=training)
        y = keras.tree.flatten(y)[0]
        sample_weight = None if sample_weight is None else keras.tree.flatten(sample_weight)[0]
        loss, nats, tokens = self.loss.from_hidden(
            y_pred, self.head, y, sample_weight, training=training, r_drop=_STEP.get()[1]
        )
        if self._compile_metrics is not None:
            if not self._compile_metrics.built:
                self._compile_metrics.build(y, y_pred)
            for metric in self._compile_metrics.metrics:
                metric.add(ops.stop_gradient(nats), tokens)
        penalties = (ops.sum(self._aggregate_additional_loss(extra)) for extra in self.losses)
        return sum((ops.cast(penalty, "float32") for penalty in penalties), loss)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Keras's metrics; in a fused step they have counted in `compute_loss`."""
        if self.is_in_fused_step:
            return self.get_metrics_result()
        return super().compute_metrics(x, y, y_pred, sample_weight)

    @property
    def is_in_fused_step(self) -> bool:
        """Whether a step is under way in which the model gives hidden states."""
        return _STEP.get((None, 0.0))[0] is self

    @contextlib.contextmanager
    def fused_step(self, data: Any, r_drop: float = 0.0) -> Iterator[None]:
        """Makes `call` give hidden states, where loss, metrics, head and the batch allow it."""
        token = _STEP.set((self if self._can_fuse(data, r_drop) else None, r_drop))
        try:
            yield
        finally:
            _STEP.reset(token)

    def _can_fuse(self, data: Any, r_drop: float) -> bool:
        if self.hidden is None or not isinstance(self.loss, FusedCrossEntropy):
            return False
        given = self._compile_config.config
        targets = keras.tree.flatten(keras.utils.unpack_x_y_sample_weight(data)[1])
        altered = r_drop or self.loss.label_smoothing
        return (
            len(targets) == 1
            and len(getattr(targets[0], "shape", ())) == 2
            and not (altered and self.head.is_for_hidden_states)
            and not given["metrics"]
            and not given["loss_weights"]
            and all(_counts_nats(metric) for metric in given["weighted_metrics"] or ())
            and all(
                getattr(layer, "quantization_mode", None) is None
                for layer in self.head._flatten_layers()
            )
            and all(
                getattr(type(self), name) is getattr(TokenModel, name)
                for name in ("call", "compute_loss", "compute_metrics")
            )
        )


def _counts_nats(metric: Any) -> bool:
    """Whether a metric needs no more than the sums of nats and weights."""
    return (
        isinstance(metric, NatsPerToken)
        and metric.from_logits
        and type(metric).update_state is NatsPerToken.update_state
    )
