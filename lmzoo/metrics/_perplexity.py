"""Perplexity: nats and tokens added up over all batches, exponentiated once."""

import math
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses import token_nats
from lmzoo.typing import Tensor

# Whole blocks of this many move from the low counter to the high one: each stays exact where one
# float32 would stop counting at 2^24. A power of two, so that moving rounds nothing.
_BLOCK = 4096.0


@keras.saving.register_keras_serializable(package="lmzoo")
class NatsPerToken(keras.metrics.Metric):
    """Mean negative log-likelihood in nats per token, over all batches and all weighted tokens.

    Pass it in `weighted_metrics=` (metrics in `metrics=` get no weights: padding would count).
    Label smoothing and weight penalties do not count. Pairs of float32 counters are exact to about
    6e-8 up to some 10^10 tokens, also under XLA and over replicas. Without tokens the result is
    NaN.

    Args:
        from_logits: whether predictions are logits; if not, probabilities.
        name, dtype: as in Keras; the counters are always float32.

    Example:
        >>> metric = NatsPerToken(from_logits=False)
        >>> metric.update_state([[1, 0]], [[[0.5, 0.5], [0.25, 0.75]]], [[1, 1]])
        >>> round(float(metric.result()), 4)
        1.0397
    """

    # Tells Keras's EarlyStopping and ModelCheckpoint that less is better.
    _direction = "down"

    def __init__(
        self, from_logits: bool = True, name: str = "nats_per_token", dtype: str | None = None
    ) -> None:
        super().__init__(name=name, dtype="float32")
        self.from_logits = from_logits
        self.nats_low, self.nats_high, self.tokens_low, self.tokens_high = (
            self.add_variable((), initializer="zeros", dtype="float32", name=counter)
            for counter in ("nats_low", "nats_high", "tokens_low", "tokens_high")
        )

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> None:
        """Count a batch; shapes as in `lmzoo.losses.token_nats`."""
        nats, weight = token_nats(y_true, y_pred, sample_weight, from_logits=self.from_logits)
        self.add(_sum(nats), _sum(weight))

    def add(self, nats: Tensor, tokens: Tensor) -> None:
        """Count sums computed elsewhere: scalars, of weighted nats and of the weights."""
        for low, high, amount in (
            (self.nats_low, self.nats_high, nats),
            (self.tokens_low, self.tokens_high, tokens),
        ):
            total = low + ops.cast(amount, "float32")
            blocks = ops.floor(total / _BLOCK)
            low.assign(total - blocks * _BLOCK)
            high.assign(high + blocks)

    def totals(self) -> tuple[float, float]:
        """Nats and tokens counted so far, added on the host in float64."""
        counters = (self.nats_high, self.nats_low, self.tokens_high, self.tokens_low)
        values = [float(ops.convert_to_numpy(counter)) for counter in counters]
        return values[0] * _BLOCK + values[1], values[2] * _BLOCK + values[3]

    def result(self) -> Tensor:
        """Nats per token, a float32 scalar."""
        nats = self.nats_high * _BLOCK + self.nats_low
        return nats / (self.tokens_high * _BLOCK + self.tokens_low)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this metric again."""
        return {"from_logits": self.from_logits, "name": self.name}


@keras.saving.register_keras_serializable(package="lmzoo")
class Perplexity(NatsPerToken):
    """Perplexity per token: exp of the mean nats over all batches, not a mean of perplexities.

    Args:
        from_logits, name, dtype: as in `NatsPerToken`, as which it counts (in `weighted_metrics=`).

    Source: Jelinek et al. 1977, https://doi.org/10.1121/1.2016299

    Example:
        >>> metric = Perplexity(from_logits=False)
        >>> metric.update_state([[1, 0]], [[[0.5, 0.5], [0.5, 0.5]]], [[1, 1]])
        >>> float(metric.result())
        2.0
    """

    def __init__(
        self, from_logits: bool = True, name: str = "perplexity", dtype: str | None = None
    ) -> None:
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)

    def result(self) -> Tensor:
        """Perplexity, a float32 scalar; infinite from 88.7 nats per token on."""
        return ops.exp(super().result())


def _sum(values: Tensor) -> Tensor:
    """Sum in two steps that XLA does not merge into one long, drifting float32 chain."""
    rows = ops.sum(values, axis=-1)  # (batch,) or ()
    whole = ops.floor(rows)
    return ops.sum(whole) + ops.sum(rows - whole)


def perplexity(nats: float, tokens: float) -> float:
    """Perplexity per token of a text.

    Args:
        nats: total negative log-likelihood of the text.
        tokens: the number of predicted tokens, above 0.

    Returns:
        exp(nats / tokens); infinite beyond float64.

    Example:
        >>> round(perplexity(nats=6.931471805599453, tokens=10), 6)
        2.0
    """
    exponent = nats / _positive(tokens, "tokens")
    try:
        return math.exp(exponent)
    except OverflowError:
        return math.inf


def perplexity_per_word(nats: float, words: float) -> float:
    """Perplexity per word: comparable between tokenizers.

    Args:
        nats: total negative log-likelihood of the text.
        words: the number of words (and of predicted end tokens), above 0.

    Returns:
        exp(nats / words); infinite beyond float64.

    Example:
        >>> round(perplexity_per_word(nats=13.862943611198906, words=10), 6)
        4.0
    """
    return perplexity(nats, _positive(words, "words"))


def bits_per_byte(nats: float, bytes: float) -> float:
    """Bits per byte of UTF-8: comparable between tokenizers and scripts.

    Args:
        nats: total negative log-likelihood of the text.
        bytes: the number of UTF-8 bytes, above 0.

    Returns:
        nats / (bytes ln 2).

    Example:
        >>> round(bits_per_byte(nats=6.931471805599453, bytes=5), 6)
        2.0
    """
    return nats / (_positive(bytes, "bytes") * math.log(2))


def _positive(count: float, name: str) -> float:
    if not count > 0:
        raise ArgumentError(f"{name} must be positive, not {count}: nothing was predicted")
    return count
