"""Cross-entropy that never holds the logits of a whole batch.

Hidden states become nats a few rows at a time; gradients are summed up on the way.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.labels import as_ids
from lmzoo.loops import by_hand
from lmzoo.losses.cross_entropy import CrossEntropy, over_replicas, spread_weights
from lmzoo.typing import Tensor

# Logits held at once: 32 MB, which the last cache of most processors holds.
LOGITS_AT_ONCE = 2**23


def head_nats(
    hidden: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    sample_weight: Tensor | None = None,
    *,
    transposed: bool = False,
    training: bool = False,
    logits_at_once: int = LOGITS_AT_ONCE,
    window: tuple[Tensor, Tensor] | None = None,
    label_smoothing: float = 0.0,
    r_drop: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Sum of -log softmax(hidden kernel + bias)[target], computed some rows at a time.

    Args:
        hidden: (batch, time, dim), or any shape that ends in dim.
        kernel, bias: (dim, vocab), or if `transposed` (vocab, dim); (vocab,) or None.
        targets: ids, `hidden`'s shape without its last axis. One outside [0, vocab) is refused, in
            compiled code NaN, unless its weight is 0.
        sample_weight: weights of the tokens, of the shape of `targets` or (batch,); None is 1.
        transposed: whether `kernel` is an embedding table.
        training: whether gradients will be asked for: they are computed along with the sum.
        window: int32 scalars, the first token and the one behind the last, outside of which all
            weights are 0 (tokens counted over the batch): nothing is computed there.
        logits_at_once, label_smoothing: as `FusedCrossEntropy`.
        r_drop: weight of the divergence from the twin; the second half of the batch is the first
            one again, with another dropout.

    Returns:
        Two float32 tensors: the sum of the weighted nats, a scalar, and the sum of the weights.
        With label_smoothing or r_drop the first is (2,): the nats to be lowered, and the plain
        ones, which have no gradient.

    Source: the rows are those of Liger's fused linear cross-entropy, https://arxiv.org/abs/2410.10989

    Example:
        >>> from keras import ops
        >>> states, table, ids = ops.zeros((2, 3, 4)), ops.zeros((4, 5)), ops.zeros((2, 3), "int32")
        >>> nats, tokens = head_nats(states, table, None, ids)
        >>> round(float(nats / tokens), 4)  # log 5
        1.6094
    """
    dim, vocab = hidden.shape[-1], kernel.shape[0 if transposed else 1]
    weights = spread_weights(targets, sample_weight)
    rows = max(1, logits_at_once // vocab)
    if all(isinstance(n, int) for n in targets.shape):
        count = math.prod(targets.shape)
        rows = -(-count // -(-count // rows))  # equal parts, so that none is mostly padding
    hidden = ops.reshape(hidden, (-1, dim))  # (tokens, dim)
    targets = as_ids(ops.reshape(targets, (-1,)), vocab, "target", ops.reshape(weights, (-1,)))
    total = ops.sum(weights)  # targets are (tokens,)
    weights = ops.reshape(weights, (-1,))  # (tokens,)
    if r_drop:
        rows += rows % 2
        hidden, targets, weights = (_side_by_side(x) for x in (hidden, targets, weights))
    bias = ops.zeros((vocab,), kernel.dtype) if bias is None else bias
    chunks = _Chunks(rows, transposed, label_smoothing, r_drop)
    return chunks.nats(hidden, kernel, bias, targets, weights, window, training), total


def _side_by_side(x: Tensor) -> Tensor:
    """Moves each row of the second half behind its twin in the first."""
    first, second = ops.split(x, 2, axis=0)
    pairs = ops.stack([first, second], axis=1)
    return ops.reshape(pairs, (-1, *x.shape[1:]))  # (tokens, ...)


def _swap_twins(x: Tensor) -> Tensor:
    """Exchanges the rows 0 and 1, 2 and 3, and so on."""
    pairs = ops.reshape(x, (-1, 2, x.shape[-1]))  # (rows / 2, 2, vocab)
    return ops.reshape(ops.flip(pairs, axis=1), (-1, x.shape[-1]))  # (rows, vocab)


def _check(targets: Tensor, hidden: Tensor) -> None:
    """Refuses targets that are not one id for each hidden state."""
    shape, expected = tuple(targets.shape), tuple(hidden.shape[:-1])
    pairs = zip(shape, expected, strict=False)
    if len(shape) != len(expected) or any(None not in p and p[0] != p[1] for p in pairs):
        raise ArgumentError(
            f"targets of shape {shape} do not fit predictions for {expected}: give ids of shape "
            f"{expected}, or loss=lmzoo.losses.CrossEntropy() for distributions over the vocabulary"
        )


@dataclass(frozen=True)
class _Chunks:
    """The computation for one number of rows and one layout of the kernel."""

    rows: int
    transposed: bool
    smoothing: float
    r_drop: float

    @property
    def is_altered(self) -> bool:
        """Whether plain nats are counted apart."""
        return bool(self.smoothing or self.r_drop)

    def __call__(
        self,
        hidden: Tensor,
        kernel: Tensor,
        bias: Tensor,
        targets: Tensor,
        weights: Tensor,
        *_: Any,
    ) -> Tensor:
        """The sum with all logits held at once, for derivatives of its gradient."""
        return self._of_rows((hidden, targets, weights), kernel, bias)[0]

    def nats(
        self,
        hidden: Tensor,
        kernel: Tensor,
        bias: Tensor,
        targets: Tensor,
        weights: Tensor,
        window: tuple[Tensor, Tensor] | None,
        training: bool,
    ) -> Tensor:
        """The sum of the weighted nats, whose gradient is that of the weighted sum."""
        tokens = ops.shape(targets)[0]
        chunks = (tokens + self.rows - 1) // self.rows
        missing = chunks * self.rows - tokens
        span: tuple = ()
        if window is not None:
            span = (window[0] // self.rows, (window[1] + self.rows - 1) // self.rows)
        hidden = ops.pad(hidden, ((0, missing), (0, 0)))
        targets = ops.pad(targets, ((0, missing),))
        weights = ops.pad(weights, ((0, missing),))
        if not training:
            return self._loop(self._forward, (hidden, kernel, bias, targets, weights), (), span)

        return by_hand(
            self._with_gradients,
            self._scaled,
            (hidden, kernel, bias),
            (targets, weights, *span),
            plain=self,
        )

    def _with_gradients(
        self,
        _: Any,
        hidden: Tensor,
        kernel: Tensor,
        bias: Tensor,
        targets: Tensor,
        weights: Tensor,
        *span: Any,
    ) -> tuple[Tensor, tuple]:
        """The sum, and its gradients in the first three."""
        # Sums over all chunks are kept in float32, whatever the products are computed in.
        start = (
            ops.zeros_like(hidden),
            ops.zeros_like(kernel, dtype="float32"),
            ops.zeros_like(bias, dtype="float32"),
        )
        inputs = (hidden, kernel, bias, targets, weights)
        nats, *gradients = self._loop(self._both, inputs, start, span)
        return nats, tuple(gradients)

    def _scaled(self, _: Any, gradients: tuple, upstream: tuple, *fixed: Any) -> tuple[Tensor, ...]:
        factor = upstream[0][0] if self.is_altered else upstream[0]
        return tuple(g * ops.cast(factor, g.dtype) for g in gradients)

    def _loop(self, body: Callable, inputs: tuple, start: tuple, span: tuple) -> Tensor | tuple:
        """Sums of what `body` computes, over all chunks or those from span[0] to before span[1]."""
        span = span or (0, ops.shape(inputs[-1])[0] // self.rows)
        zero = ops.zeros((2,) if self.is_altered else (), "float32")

        def step(index: Tensor, state: tuple) -> tuple:
            return body(index * self.rows, inputs, state)

        sums = ops.fori_loop(*span, step, (zero, *start))
        return sums if start else sums[0]

    def _forward(self, first: Tensor, inputs: tuple, state: tuple) -> tuple:
        return (state[0] + self._chunk(first, inputs)[0],)

    def _both(self, first: Tensor, inputs: tuple, state: tuple) -> tuple:
        nats, rows, d_logits = self._chunk(first, inputs)
        total, d_hidden, d_kernel, d_bias = state
        kernel = inputs[1]
        columns = kernel if self.transposed else ops.transpose(kernel)  # (vocab, dim)
        d_rows = ops.matmul(d_logits, columns)  # (rows, dim)
        pair = (d_logits, rows) if self.transposed else (rows, d_logits)
        return (
            total + nats,
            ops.slice_update(d_hidden, (first, 0), d_rows),
            d_kernel + ops.cast(ops.matmul(ops.transpose(pair[0]), pair[1]), "float32"),
            d_bias + ops.sum(ops.cast(d_logits, "float32"), axis=0),
        )

    def _chunk(self, first: Tensor, inputs: tuple) -> tuple[Tensor, Tensor, Tensor]:
        """Nats of the rows from `first` on, the rows, and the gradient of their logits."""
        hidden, kernel, bias, targets, weights = inputs
        rows = ops.slice(hidden, (first, 0), (self.rows, hidden.shape[-1]))
        ids = ops.slice(targets, (first,), (self.rows,))
        weight = ops.slice(weights, (first,), (self.rows,))
        return self._of_rows((rows, ids, weight), kernel, bias)

    def _of_rows(self, given: tuple, kernel: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows, ids, weight = given
        logits = ops.matmul(rows, ops.transpose(kernel) if self.transposed else kernel) + bias
        logits = ops.cast(logits, "float32")  # (rows, vocab)
        vocab = logits.shape[-1]
        powers = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
        normalizer = ops.sum(powers, axis=-1)
        known = (ids >= 0) & (ids < vocab)
        place = ops.where(known, ids, 0)[:, None]
        chosen = ops.take_along_axis(logits, place, axis=-1)[:, 0]
        peak = ops.max(logits, axis=-1)
        total = ops.log(normalizer) + peak
        nats = ops.where(known, total - chosen, float("nan"))
        nats = ops.sum(ops.where(weight != 0, nats * weight, 0.0))
        is_target = ops.arange(vocab, dtype="int32")[None, :] == place
        weighted = powers * (weight / normalizer)[:, None]
        if not self.is_altered:
            d_logits = weighted - ops.where(is_target, weight[:, None], 0.0)
            return nats, rows, ops.cast(d_logits, rows.dtype)
        even = ops.sum(weight * (total - ops.mean(logits, axis=-1)))
        lowered = (1 - self.smoothing) * nats + self.smoothing * even
        smoothed = ops.where(is_target, 1 - self.smoothing, 0.0) + self.smoothing / vocab
        d_logits = weighted - smoothed * weight[:, None]
        if self.r_drop:
            divergence, d_divergence = self._divergence(logits - total[:, None])
            lowered = lowered + ops.sum(ops.where(weight != 0, weight * divergence, 0.0))
            d_logits = d_logits + weight[:, None] * d_divergence
        return ops.stack([lowered, ops.stop_gradient(nats)]), rows, ops.cast(d_logits, rows.dtype)

    def _divergence(self, logs: Tensor) -> tuple[Tensor, Tensor]:
        """What R-Drop adds to each row, and a pair's gradient with respect to the row's logits."""
        own, gap = ops.exp(logs), logs - _swap_twins(logs)
        divergence = ops.sum(own * gap, axis=-1)  # KL(p || q); the twin's row has KL(q || p)
        gradient = own * (gap - divergence[:, None]) + own - _swap_twins(own)
        return self.r_drop / 2 * divergence, self.r_drop / 2 * gradient


@keras.saving.register_keras_serializable(package="lmzoo")
class FusedCrossEntropy(CrossEntropy):
    """Cross-entropy computed from hidden states, so that no batch of logits is ever held.

    `LanguageModel.fit` and `evaluate` give it hidden states and the head; the numbers are those of
    `CrossEntropy`, whose place it takes for vocabularies of 4,096 ids and more. Called with logits,
    as any loss, it is `CrossEntropy`: so it is where targets are distributions, a metric other than
    `Perplexity` and `NatsPerToken` needs logits, or the output is quantized.

    Args:
        logits_at_once: about how many logits are held at once; 2^23 are 32 MB.
        label_smoothing, name: as `CrossEntropy`; no smoothing for an adaptive softmax.

    Example:
        >>> import lmzoo
        >>> model = lmzoo.build_gru_lm(100, embed_dim=8, hidden_dim=8)
        >>> model.compile("adam", loss=lmzoo.losses.FusedCrossEntropy())
    """

    def __init__(
        self,
        logits_at_once: int = LOGITS_AT_ONCE,
        label_smoothing: float = 0.0,
        name: str = "fused_cross_entropy",
    ) -> None:
        super().__init__(label_smoothing=label_smoothing, name=name)
        self.logits_at_once = logits_at_once

    def from_hidden(
        self,
        hidden: Tensor,
        head: Any,
        targets: Tensor,
        sample_weight: Tensor | None,
        *,
        training: bool,
        r_drop: float = 0.0,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Float32 scalars: the loss, the sum of the plain nats, the sum of the weights.

        `hidden` is what the head's `prepare` gives, (batch, time, dim); the other arguments are as
        for `head_nats`.
        """
        altered = bool(self.label_smoothing or r_drop)
        if altered and getattr(head, "is_for_hidden_states", False):
            raise ArgumentError(
                "label_smoothing and R-Drop are not for the fused loss of an adaptive softmax: use "
                "lmzoo.losses.CrossEntropy, or build the model without adaptive_cutoffs"
            )
        count = functools.partial(
            head_nats,
            training=training,
            logits_at_once=self.logits_at_once,
            label_smoothing=self.label_smoothing,
            r_drop=r_drop,
        )
        _check(targets, hidden)
        weights = spread_weights(targets, sample_weight)
        targets = as_ids(targets, head.vocab_size, "target", weights)
        nats, tokens = head.nats(count, hidden, targets, weights)
        lowered, plain = (nats[0], nats[1]) if altered else (nats, nats)
        return ops.divide_no_nan(lowered, over_replicas(tokens)), plain, tokens

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this loss again."""
        config = {**super().get_config(), "logits_at_once": self.logits_at_once}
        del config["from_logits"]
        return config
