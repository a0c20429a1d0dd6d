"""Linear-chain conditional random fields: partition, likelihood, marginals, and the loss."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.labels import as_ids, host_array
from lmzoo.loops import by_hand, without_gradient
from lmzoo.losses.cross_entropy import over_replicas, spread_weights
from lmzoo.losses.forward_backward import backward, forward, posteriors
from lmzoo.typing import Tensor


def crf_log_partition(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Log of the sum of exp(score) over all tag sequences.

    A sequence y scores start[y_1] + sum e_t[y_t] + sum T[y_t-1, y_t] + end[y_n].

    Args:
        emissions: Score of each tag at each word, (batch, time, tags), time at least 1.
        transitions: Score of each tag after each other, (tags, tags) [from, to]; -1e4 forbids.
        start, end: Score of each tag as the first, and as the last, (tags,).
        mask: (batch, time), not 0 where a word is real: neighboring words, as padding stands behind
            or before them; None: all.

    Returns:
        Float32 (batch,); 0 for a row without words.

    Raises:
        ArgumentError: Shapes do not fit; a mask whose values are known has gaps.

    Source: Lafferty et al. 2001, https://repository.upenn.edu/cis_papers/159; Rabiner 1989
    (forward-backward), https://doi.org/10.1109/5.18626

    Example:
        >>> zeros = ops.zeros((1, 2, 3)), ops.zeros((3, 3)), ops.zeros(3), ops.zeros(3)
        >>> round(float(crf_log_partition(*zeros)[0]), 4)  # log 9
        2.1972
    """
    *inputs, real = crf_inputs(emissions, transitions, start, end, mask)

    return by_hand(forward, backward, tuple(inputs), (real,), width=inputs[0].shape[-1])


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
        emissions, transitions, start, end, mask: As in `crf_log_partition`.
        tags: Ids (batch, time); one outside [0, tags) is refused, in compiled code NaN, unless its
            word is not real.

    Returns:
        Float32 (batch,); 0 for a row without words.

    Example:
        >>> scores = ops.zeros((1, 2, 3)), ops.ones((3, 3)), ops.zeros(3), ops.ones(3)
        >>> float(crf_score(*scores, [[0, 2]])[0])
        2.0
    """
    emissions, transitions, start, end, real = crf_inputs(emissions, transitions, start, end, mask)
    size = emissions.shape[-1]
    tags = tags if hasattr(tags, "shape") else ops.convert_to_tensor(tags)
    refuse_shapes("tags", tags, real)
    tags = as_ids(tags, size, "tag", real if mask is None else mask)
    tags = tags if mask is None else move_words(tags, mask)
    known = tags >= 0
    ids = ops.maximum(tags, 0)
    is_it = ops.expand_dims(ids, -1) == ops.arange(size, dtype="int32")  # (batch, time, tags)
    at_words = ops.sum(ops.where(is_it, emissions, 0.0), axis=(1, 2))
    pairs = ops.take(ops.reshape(transitions, (-1,)), ids[:, :-1] * size + ids[:, 1:])
    between = ops.sum(ops.where(real[:, 1:], pairs, 0.0), axis=1)
    count = ops.sum(ops.cast(real, "int32"), axis=1, keepdims=True)
    last = ops.take_along_axis(ids, ops.maximum(count - 1, 0), axis=1)[:, 0]
    borders = ops.take(start, ids[:, 0]) + ops.take(end, last)
    total = ops.where(count[:, 0] > 0, at_words + between + borders, 0.0)
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
        emissions, transitions, start, end, tags, mask: As in `crf_score`.

    Returns:
        Float32 (batch,); 0 for a row without words.

    Example:
        >>> zeros = ops.zeros((1, 2, 3)), ops.zeros((3, 3)), ops.zeros(3), ops.zeros(3)
        >>> round(float(crf_log_likelihood(*zeros, [[0, 2]])[0]), 4)  # -log 9
        -2.1972
    """
    emissions = ops.cast(ops.convert_to_tensor(emissions), "float32")
    # What all tags of a word share cancels; without it the two numbers lose less to rounding.
    emissions = emissions - ops.stop_gradient(ops.max(emissions, axis=-1, keepdims=True))
    score = crf_score(emissions, transitions, start, end, tags, mask)
    return score - crf_log_partition(emissions, transitions, start, end, mask)


def crf_marginals(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor | None = None
) -> Tensor:
    """Probability of each tag at each word, over all sequences; without a gradient.

    Args:
        emissions, transitions, start, end, mask: As in `crf_log_partition`.

    Returns:
        Float32 (batch, time, tags), 0 at padding.

    Example:
        >>> scores = ops.zeros((1, 2, 2)), ops.zeros((2, 2)), ops.zeros(2), ops.log([1.0, 3.0])
        >>> [[round(float(p), 3) for p in word] for word in crf_marginals(*scores)[0]]
        [[0.5, 0.5], [0.25, 0.75]]
    """
    inputs = crf_inputs(emissions, transitions, start, end, mask)
    found = without_gradient(posteriors, *inputs)
    return found if mask is None else move_words(found, mask, back=True)


def crf_inputs(
    emissions: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor | None
) -> list[Tensor]:
    """The scores in float32, 0 where no word is real, and where words are, bool (batch, time).

    The first word of each row comes first: padding before it moves behind the last one.
    """
    scores = [ops.convert_to_tensor(x) for x in (emissions, transitions, start, end)]
    emissions, *others = (ops.cast(x, "float32") for x in scores)
    if len(emissions.shape) != 3 or emissions.shape[1] == 0:
        raise ArgumentError(
            f"emissions of shape {tuple(emissions.shape)}: give (batch, time, tags) of at least "
            "one word"
        )
    tags = emissions.shape[-1]
    for name, x, wanted in zip(
        ("transitions", "start", "end"), others, ((tags, tags), (tags,), (tags,)), strict=True
    ):
        if tuple(x.shape) != wanted:
            raise ArgumentError(f"{name} of shape {tuple(x.shape)}: for {tags} tags give {wanted}")
    if mask is None:
        return [emissions, *others, ops.ones_like(emissions[..., 0], dtype="bool")]
    mask = mask if hasattr(mask, "shape") else ops.convert_to_tensor(mask)
    refuse_shapes("a mask", mask, emissions[..., 0])
    refuse_gaps(mask)
    emissions, real = move_words(emissions, mask), move_words(mask, mask)
    real = ops.cast(real, "bool")
    # Padding may be anything: 0 times NaN is not 0.
    return [ops.where(real[..., None], emissions, 0.0), *others, real]


def refuse_shapes(name: str, x: Tensor, like: Tensor) -> None:
    """Raises an ArgumentError for what is not (batch, time), as the emissions' first two axes."""
    shape, wanted = tuple(x.shape), tuple(like.shape)
    pairs = zip(shape, wanted, strict=False)
    if len(shape) != 2 or any(None not in pair and pair[0] != pair[1] for pair in pairs):
        raise ArgumentError(
            f"{name} of shape {shape} for emissions of {wanted} words: give (batch, time), one for "
            "each word"
        )


def refuse_gaps(mask: Any) -> None:
    """Raises an ArgumentError for a row whose real words are not neighbors, if values are known."""
    values = host_array(mask)
    if values is None:
        return
    real = values != 0
    begins = real & ~np.pad(real, ((0, 0), (1, 0)))[:, :-1]
    wrong = begins.sum(axis=1) > 1
    if wrong.any():
        raise ArgumentError(
            f"row {int(wrong.argmax())} has words of weight 0 between others: give 0 to padding "
            "only, before the first word or behind the last; a CRF weighs whole sentences"
        )


def move_words(x: Tensor, mask: Tensor, back: bool = False) -> Tensor:
    """(batch, time, ...) with padding before the words behind them; or the same `back`."""
    real = ops.cast(ops.cast(ops.convert_to_tensor(mask), "bool"), "int32")
    shift = ops.cast(ops.argmax(real, axis=1), "int32")[:, None]  # (batch, 1)
    shift, x = -shift if back else shift, ops.convert_to_tensor(x)
    if "float" not in keras.backend.standardize_dtype(x.dtype):
        return _moved(x, shift)
    return by_hand(_move, _move_back, (x,), (shift,), plain=_moved)


def _moved(x: Tensor, shift: Tensor) -> Tensor:
    rows, count = ops.shape(x)[0], ops.shape(x)[1]
    first = ops.arange(rows, dtype="int32")[:, None] * count
    place = first + (ops.arange(count, dtype="int32")[None] + shift) % count
    flat = ops.reshape(x, (-1, *x.shape[2:]))  # (batch * time, ...)
    return ops.reshape(ops.take(flat, place, axis=0), ops.shape(x))  # (batch, time, ...)


def _move(loop: Callable, x: Tensor, shift: Tensor) -> tuple[Tensor, tuple]:
    return _moved(x, shift), ()


def _move_back(loop: Callable, needed: tuple, upstream: tuple, shift: Tensor) -> tuple[Tensor]:
    # The gradient of a gather would be a scatter, which XLA does one by one.
    return (_moved(upstream[0], -shift),)


def crf_layer(crf: Any, call: str) -> Any:
    """The CRF layer of a loss or metric; its name (it was loaded) raises, with the `call` for
    it."""
    if isinstance(crf, str):
        call = call.format(f"model.get_layer({crf!r})")
        raise ArgumentError(
            f"The layer {crf!r} is not saved with what decodes by it: compile the model again, "
            f"with {call}."
        )
    return crf


@keras.saving.register_keras_serializable(package="lmzoo")
class CRFLoss(keras.losses.Loss):
    """Negative log-likelihood of the tag sequences in nats per word, under a `lmzoo.layers.CRF`.

    The sum over sequences divided by the number of real words (on all replicas of a `tf.distribute`
    strategy); 0 without any. Words are real where the sample weight, and the Keras mask, is above
    0; these must be neighbors. A sequence counts with the mean of its nonzero weights: a single
    word cannot be weighted. Gaps between words, and tags outside [0, tags) that have weight, are
    refused; in compiled code the loss is then NaN.

    Args:
        crf: The model's CRF layer, whose weights the loss trains. Only its name is saved: compile a
            loaded plain Keras model again (a TaggerModel finds the layer itself).

    Raises:
        ArgumentError: From a call, if shapes do not fit (tags (batch, time), weights that or
            (batch,), emissions (batch, time, tags)), or the loss was loaded without a layer.

    Source: Lafferty et al. 2001, https://repository.upenn.edu/cis_papers/159; Lample et al. 2016,
    https://arxiv.org/abs/1603.01360

    Example:
        >>> import lmzoo
        >>> crf = lmzoo.layers.CRF(3)
        >>> loss = CRFLoss(crf)([[0, 2]], crf(ops.zeros((1, 2, 3))))  # two words, three tags
        >>> round(float(loss), 4)  # log 3
        1.0986
    """

    def __init__(self, crf: Any, name: str = "crf_loss") -> None:
        super().__init__(name=name, reduction="mean_with_sample_weight", dtype="float32")
        self.crf = crf

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Any = None) -> Tensor:
        """Nats per real word of a batch, a float32 scalar."""
        nats, weight = self._nats(y_true, y_pred, sample_weight)
        words = ops.sum(ops.cast(weight > 0, "float32"), axis=1)
        of_row = ops.divide_no_nan(ops.sum(weight, axis=1), words)  # (batch,)
        total = ops.sum(ops.where(of_row != 0, nats * of_row, 0.0))
        return ops.divide_no_nan(total, over_replicas(ops.sum(weight)))

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Nats of each sequence, float32 (batch,)."""
        return self._nats(y_true, y_pred, None)[0]

    def _nats(self, y_true: Tensor, y_pred: Tensor, given: Any) -> tuple[Tensor, Tensor]:
        """Nats of each sequence (batch,), and the weight of each word (batch, time)."""
        crf = crf_layer(self.crf, "CRFLoss({})")
        tags, emissions = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        shape, wanted = tuple(tags.shape), tuple(emissions.shape)
        pairs = zip((*shape, crf.num_tags), wanted, strict=False)
        ranks = (len(shape), len(wanted))
        if ranks != (2, 3) or any(None not in p and p[0] != p[1] for p in pairs):
            raise ArgumentError(
                f"tags of shape {shape} do not fit emissions of shape {wanted}: give ids (batch, "
                f"time) and emissions (batch, time, {crf.num_tags})."
            )
        weight = spread_weights(tags, given, getattr(y_pred, "_keras_mask", None))
        nats = -crf.log_likelihood(emissions, tags, weight > 0)
        real = ops.cast(weight > 0, "int32")
        begins = real[:, 0] + ops.sum(real[:, 1:] * (1 - real[:, :-1]), axis=1)
        return ops.where(begins > 1, float("nan"), nats), weight

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this loss again, with the layer's name."""
        return {"crf": getattr(self.crf, "name", self.crf), "name": self.name}
