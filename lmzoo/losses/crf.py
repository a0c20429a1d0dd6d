"""Linear-chain conditional random fields: partition, likelihood, marginals, and the loss.

A tag sequence y scores start[y_1] + sum e_t[y_t] + sum T[y_t-1, y_t] + end[y_n].
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.losses.cross_entropy import over_replicas, spread_weights
from lmzoo.losses.forward_backward import backward, compiled, forward, posteriors
from lmzoo.typing import Tensor


def split_scores(scores: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Takes the output of `lmzoo.layers.CRF` apart.

    Args:
        scores: (batch, time + tags + 2, tags): the emissions, and behind them the transitions, the
            start's row and the end's, the same in every row of the batch.

    Returns:
        Float32 tensors: emissions (batch, time, tags), transitions (tags, tags) [from, to], start
        (tags,) and end (tags,).

    Raises:
        ArgumentError: If the scores are not of that shape.

    Example:
        >>> import keras, lmzoo
        >>> parts = lmzoo.losses.split_scores(keras.ops.ones((2, 9, 3)))
        >>> [tuple(part.shape) for part in parts]
        [(2, 4, 3), (3, 3), (3,), (3,)]
    """
    scores = ops.cast(ops.convert_to_tensor(scores), "float32")
    shape = tuple(scores.shape)
    if len(shape) != 3 or (shape[1] is not None and shape[1] < shape[2] + 3):
        raise ArgumentError(
            f"CRF scores of shape {shape}: give (batch, time + tags + 2, tags), the output of "
            "lmzoo.layers.CRF."
        )
    tags = shape[-1]
    rest = scores[0, -(tags + 2) :]
    return scores[:, : -(tags + 2)], rest[:tags], rest[tags], rest[tags + 1]


def crf_log_partition(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Log of the sum of exp(score) over all tag sequences.

    Args:
        emissions: Score of each tag at each word, (batch, time, tags), time at least 1.
        transitions: Score of each tag after each other, (tags, tags) [from, to]; -1e4 forbids.
        start: Score of each tag as the first, (tags,).
        end: Score of each tag as the last, (tags,).
        mask: (batch, time), not 0 where a word is real: the first words of each row; None: all.

    Returns:
        Float32 (batch,); 0 for a row without words.

    Source: Lafferty et al. 2001, https://repository.upenn.edu/cis_papers/159; Rabiner 1989
    (forward-backward), https://doi.org/10.1109/5.18626

    Example:
        >>> from keras import ops
        >>> import lmzoo
        >>> zeros = ops.zeros((1, 2, 3)), ops.zeros((3, 3)), ops.zeros(3), ops.zeros(3)
        >>> round(float(lmzoo.losses.crf_log_partition(*zeros)[0]), 4)  # log 9
        2.1972
    """
    real = _real(emissions, mask)

    @ops.custom_gradient
    def total(*inputs: Tensor) -> tuple[Tensor, Callable]:
        # An eager tape would otherwise ask for the gradient of the compiled function itself.
        stopped = [ops.stop_gradient(x) for x in inputs]
        value, logs = compiled(forward)(*stopped, real)

        def gradient(upstream: Tensor) -> tuple[Tensor, ...]:
            return compiled(backward)(*stopped[1:], real, logs, upstream)

        return value, gradient

    return total(*(_float(x) for x in (emissions, transitions, start, end)))


def crf_score(
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    tags: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    """Score of one tag sequence for each row.

    Args:
        emissions: As in `crf_log_partition`, like the next three.
        transitions: (tags, tags).
        start: (tags,).
        end: (tags,).
        tags: Ids (batch, time); one outside [0, tags) gives NaN, unless its word is not real.
        mask: (batch, time), not 0 where a word is real: the first words of each row; None: all.

    Returns:
        Float32 (batch,); 0 for a row without words.

    Example:
        >>> from keras import ops
        >>> import lmzoo
        >>> parts = ops.zeros((1, 2, 3)), ops.ones((3, 3)), ops.zeros(3), ops.ones(3)
        >>> float(lmzoo.losses.crf_score(*parts, ops.convert_to_tensor([[0, 2]]))[0])
        2.0
    """
    emissions, transitions, start, end = map(_float, (emissions, transitions, start, end))
    real, size = _real(emissions, mask), emissions.shape[-1]
    tags = ops.cast(ops.convert_to_tensor(tags), "int32")
    known = (tags >= 0) & (tags < size)
    ids = ops.where(known, tags, 0)
    is_it = ops.expand_dims(ids, -1) == ops.arange(size, dtype="int32")  # (batch, time, tags)
    at_words = ops.sum(ops.where(is_it, emissions, 0.0), axis=-1)
    pairs = ops.take(ops.reshape(transitions, (-1,)), ids[:, :-1] * size + ids[:, 1:])
    between = ops.sum(ops.where(real[:, 1:], pairs, 0.0), axis=1)
    count = ops.sum(ops.cast(real, "int32"), axis=1, keepdims=True)
    last = ops.take_along_axis(ids, ops.maximum(count - 1, 0), axis=1)[:, 0]
    borders = ops.take(start, ids[:, 0]) + ops.take(end, last)
    total = ops.sum(ops.where(real, at_words, 0.0), axis=1) + between
    total = ops.where(count[:, 0] > 0, total + borders, 0.0)
    return ops.where(ops.any(real & ~known, axis=1), float("nan"), total)


def crf_log_likelihood(
    emissions: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    tags: Tensor,
    mask: Tensor | None = None,
) -> Tensor:
    """Log-probability of one tag sequence for each row, in nats.

    Args:
        emissions: As in `crf_log_partition`, like the next three.
        transitions: (tags, tags).
        start: (tags,).
        end: (tags,).
        tags: Ids (batch, time), as in `crf_score`.
        mask: (batch, time), not 0 where a word is real: the first words of each row; None: all.

    Returns:
        Float32 (batch,), at most 0 but for rounding; 0 for a row without words.

    Example:
        >>> from keras import ops
        >>> import lmzoo
        >>> zeros = ops.zeros((1, 2, 3)), ops.zeros((3, 3)), ops.zeros(3), ops.zeros(3)
        >>> tags = ops.convert_to_tensor([[0, 2]])
        >>> round(float(lmzoo.losses.crf_log_likelihood(*zeros, tags)[0]), 4)  # -log 9
        -2.1972
    """
    emissions = _float(emissions)
    # What all tags of a word share cancels; without it the two numbers lose less to rounding.
    emissions = emissions - ops.stop_gradient(ops.max(emissions, axis=-1, keepdims=True))
    score = crf_score(emissions, transitions, start, end, tags, mask)
    return score - crf_log_partition(emissions, transitions, start, end, mask)


def crf_marginals(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Probability of each tag at each word, over all sequences; without a gradient.

    Args:
        emissions: As in `crf_log_partition`, like the others.
        transitions: (tags, tags).
        start: (tags,).
        end: (tags,).
        mask: (batch, time), not 0 where a word is real: the first words of each row; None: all.

    Returns:
        Float32 (batch, time, tags), adding up to 1 at real words, 0 at others.

    Example:
        >>> from keras import ops
        >>> import lmzoo
        >>> parts = ops.zeros((1, 2, 2)), ops.zeros((2, 2)), ops.zeros(2), ops.log([1.0, 3.0])
        >>> [[round(float(p), 3) for p in word] for word in lmzoo.losses.crf_marginals(*parts)[0]]
        [[0.5, 0.5], [0.25, 0.75]]
    """
    inputs = [ops.stop_gradient(_float(x)) for x in (emissions, transitions, start, end)]
    return compiled(posteriors)(*inputs, _real(emissions, mask))


def _float(x: Tensor) -> Tensor:
    return ops.cast(ops.convert_to_tensor(x), "float32")


def _real(emissions: Tensor, mask: Tensor | None) -> Tensor:
    """Where words are real, bool (batch, time)."""
    if mask is None:
        return ops.ones_like(ops.convert_to_tensor(emissions)[..., 0], dtype="bool")
    return ops.cast(ops.convert_to_tensor(mask), "bool")


@keras.saving.register_keras_serializable(package="lmzoo")
class CRFLoss(keras.losses.Loss):
    """Negative log-likelihood of the tag sequences in nats per word, for `lmzoo.layers.CRF`.

    The sum over the batch's sequences divided by the number of its real words; a batch without
    any has loss 0. Words are real where the sample weight is above 0; these must be the first ones
    of their row, or the loss is NaN. A CRF scores whole sequences, so a sequence counts with the
    mean of its nonzero weights: a single word cannot be weighted. A tag outside [0, tags) that has
    weight gives NaN. Under a `tf.distribute` strategy it divides by the words of all replicas.

    Args:
        name: the loss's name.

    Returns:
        From a call with tags (batch, time), CRF scores (batch, time + tags + 2, tags) and weights
        (batch, time), (batch,) or None: a float32 scalar.

    Raises:
        ArgumentError: From a call, if the shapes do not fit.

    Source: Lafferty et al. 2001, https://repository.upenn.edu/cis_papers/159; Lample et al. 2016,
    https://arxiv.org/abs/1603.01360

    Example:
        >>> import keras, lmzoo
        >>> scores = keras.ops.zeros((1, 2 + 3 + 2, 3))  # two words, three tags
        >>> round(float(lmzoo.losses.CRFLoss()([[0, 2]], scores)), 4)  # log 3
        1.0986
    """

    def __init__(self, name: str = "crf_loss") -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")

    def __call__(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        """Nats per real word of a batch, a float32 scalar."""
        nats, weight = self._nats(y_true, y_pred, sample_weight)
        words = ops.sum(ops.cast(weight > 0, "float32"), axis=1)
        of_row = ops.divide_no_nan(ops.sum(weight, axis=1), words)  # (batch,)
        total = ops.sum(ops.where(of_row != 0, nats * of_row, 0.0))
        return ops.divide_no_nan(total, over_replicas(ops.sum(weight)))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Nats of each sequence, float32 (batch,)."""
        return self._nats(y_true, y_pred, None)[0]

    def _nats(
        self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Nats of each sequence (batch,), and the weight of each word (batch, time)."""
        parts, tags = split_scores(y_pred), ops.convert_to_tensor(y_true)
        given, wanted = tuple(tags.shape), tuple(parts[0].shape[:2])
        pairs = zip(given, wanted, strict=False)
        if len(given) != 2 or any(None not in p and p[0] != p[1] for p in pairs):
            raise ArgumentError(
                f"tags of shape {given} do not fit CRF scores of {wanted} words: give ids of shape "
                "(batch, time)."
            )
        weight = spread_weights(tags, sample_weight)
        nats = -crf_log_likelihood(*parts, tags, weight > 0)
        holes = ops.any((weight[:, 1:] > 0) & (weight[:, :-1] <= 0), axis=1)
        return ops.where(holes, float("nan"), nats), weight

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this loss again."""
        return {"name": self.name}
