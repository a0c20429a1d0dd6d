"""Noise for the inputs of a model: each function gives a Dataset -> Dataset function.

Batches are (inputs, labels, weights). Where the inputs are several tensors, as the source and the
target of a pair, or words and their characters, the first one changes. Registered with
`data.transform_train`, noise depends on (seed, epoch, step); otherwise every pass draws anew.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.batching.batches import Transform
from lmzoo.data.batching.checks import check_at_least
from lmzoo.data.batching.passes import batch_seeds
from lmzoo.errors import ArgumentError
from lmzoo.special_ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from lmzoo.typing import Tensor

FIRST_WORD = EOS_ID + 1


def blank_words(rate: float, *, seed: int | None = None, blank_id: int = UNK_ID) -> Transform:
    """Replaces tokens of a source or text by a blank; labels of words stay right.

    Args:
        rate: fraction of the tokens, 0 to below 1.
        seed: of the noise; None: other noise in each process.
        blank_id: id of the blank.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Source: Lample et al. 2018, https://arxiv.org/abs/1711.00043

    Example:
        >>> batch = (np.full((1, 100), 7), np.zeros(1), np.ones(1))
        >>> noisy = tf.data.Dataset.from_tensors(batch).apply(blank_words(0.5, seed=0))
        >>> sorted(set(next(noisy.as_numpy_iterator())[0][0].tolist()))
        [1, 7]
    """
    _check_rate(rate)

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        chosen = _chosen(source, rate, seeds)
        return tf.where(chosen & (source != PAD_ID), tf.cast(blank_id, source.dtype), source)

    return _transform(change, seed)


def delete_words(rate: float, *, seed: int | None = None) -> Transform:
    """Deletes tokens of a source or text, which keeps at least its first; padding fills up.

    Args:
        rate: fraction of the tokens, 0 to below 1.
        seed: of the noise; None: other noise in each process.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Raises:
        ArgumentError: batches with a label for each word.

    Source: Lample et al. 2018, https://arxiv.org/abs/1711.00043

    Example:
        >>> batch = (np.full((1, 100), 7), np.zeros(1), np.ones(1))
        >>> noisy = tf.data.Dataset.from_tensors(batch).apply(delete_words(0.5, seed=0))
        >>> 30 < int((next(noisy.as_numpy_iterator())[0] == 7).sum()) < 70
        True
    """
    _check_rate(rate)

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        real = source != PAD_ID
        kept = real & ~_chosen(source, rate, seeds)
        none_left = ~tf.reduce_any(kept, axis=1, keepdims=True)
        first = tf.range(tf.shape(source)[1])[None, :] == 0
        kept = kept | (none_left & first & real)
        order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)
        return tf.gather(tf.where(kept, source, PAD_ID), order, batch_dims=1)

    return _transform(change, seed, moves=True)


def swap_words(distance: int = 3, *, seed: int | None = None) -> Transform:
    """Shuffles tokens of a source or text locally: none moves further than `distance` places.

    Args:
        distance: 1 or more.
        seed: of the noise; None: other noise in each process.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Raises:
        ArgumentError: batches with a label for each word.

    Source: Lample et al. 2018, https://arxiv.org/abs/1711.00043

    Example:
        >>> batch = (np.array([[4, 5, 6, 7, 8, 0]]), np.zeros(1), np.ones(1))
        >>> noisy = tf.data.Dataset.from_tensors(batch).apply(swap_words(seed=0))
        >>> sorted(next(noisy.as_numpy_iterator())[0][0].tolist())
        [0, 4, 5, 6, 7, 8]
    """
    check_at_least(1, {"distance": distance})

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        places = tf.range(tf.shape(source)[1], dtype=tf.float32)[None, :]
        drawn = tf.random.stateless_uniform(tf.shape(source), seeds) * float(distance + 1)
        # Padding stays behind all words.
        key = tf.where(source != PAD_ID, places + drawn, places + 2.0 * float(distance + 1))
        return tf.gather(source, tf.argsort(key, axis=1, stable=True), batch_dims=1)

    return _transform(change, seed, moves=True)


def drop_words(rate: float, *, seed: int | None = None) -> Transform:
    """Hides tokens of the target from the decoder, not from the loss (word dropout).

    A decoder that does not see all previous tokens must rely on the source.

    Args:
        rate: fraction of the tokens, 0 to below 1; the begin token stays.
        seed: of the noise; None: other noise in each process.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Raises:
        ArgumentError: batches without a target.

    Source: Bowman et al. 2016, https://arxiv.org/abs/1511.06349

    Example:
        >>> target = np.array([[2] + [7] * 99])
        >>> batch = ((np.full((1, 9), 7), target), target, np.ones((1, 100)))
        >>> noisy = tf.data.Dataset.from_tensors(batch).apply(drop_words(0.5, seed=0))
        >>> (source, target), next_ids, weights = next(noisy.as_numpy_iterator())
        >>> sorted(set(target[0].tolist())), sorted(set(next_ids[0].tolist()))
        ([1, 2, 7], [2, 7])
    """
    _check_rate(rate)

    def change(target: Tensor, seeds: Tensor) -> Tensor:
        hidden = _chosen(target, rate, seeds) & (target != PAD_ID) & (target != BOS_ID)
        return tf.where(hidden, tf.cast(UNK_ID, target.dtype), target)

    return _transform(change, seed, place=1)


def forget_rare_words(
    rare: Sequence[int] | np.ndarray, rate: float = 0.5, *, seed: int | None = None
) -> Transform:
    """Makes rare words unknown at random, so that a model learns what the unknown id means.

    Without it the unknown id never occurs in training if the tokenizer knows all words.

    Args:
        rare: ids of words, such as those of `rare_words`.
        rate: probability that such a word becomes unknown, 0 to below 1.
        seed: of the noise; None: other noise in each process.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Raises:
        ArgumentError: a special id among the words.

    Source: Lample et al. 2016, https://arxiv.org/abs/1603.01360

    Example:
        >>> batch = (np.array([[5, 6] * 50]), np.zeros(1), np.ones(1))
        >>> noisy = tf.data.Dataset.from_tensors(batch).apply(forget_rare_words([6], seed=0))
        >>> sorted(set(next(noisy.as_numpy_iterator())[0][0].tolist()))
        [1, 5, 6]
    """
    _check_rate(rate)
    rare_ids = np.asarray(rare, np.int64).ravel()
    if len(rare_ids) and rare_ids.min() < FIRST_WORD:
        raise ArgumentError(
            f"the id {rare_ids.min()} is no word's: words have ids from {FIRST_WORD}"
        )
    is_rare = np.zeros(int(rare_ids.max(initial=0)) + 2, bool)
    is_rare[rare_ids] = True

    def change(ids: Tensor, seeds: Tensor) -> Tensor:
        # The last entry of the table stands for all higher ids: not rare.
        known = tf.gather(is_rare, tf.minimum(ids, len(is_rare) - 1))
        return tf.where(known & _chosen(ids, rate, seeds), tf.cast(UNK_ID, ids.dtype), ids)

    return _transform(change, seed)


def rare_words(dataset: tf.data.Dataset, *, most: int = 1) -> np.ndarray:
    """The words that occur from once to `most` times in one pass over batches.

    Args:
        dataset: batches (inputs, ...); words are the first or only tensor of the inputs.
        most: occurrences of a rare word, at least 1.

    Returns:
        Their ids, int64 (words,), rising; special ids are left out.

    Example:
        >>> batch = (np.array([[4, 5, 5, 0], [4, 6, 0, 0]]), np.array([0, 1]), np.ones(2))
        >>> rare_words(tf.data.Dataset.from_tensors(batch))
        array([6])
    """
    check_at_least(1, {"most": most})
    counts = np.zeros(FIRST_WORD, np.int64)
    for inputs, *_ in dataset:
        ids = tf.nest.flatten(inputs)[0].numpy().ravel()
        total = np.bincount(ids, minlength=len(counts))
        total[: len(counts)] += counts
        counts = total
    counts[:FIRST_WORD] = 0
    return np.flatnonzero((counts > 0) & (counts <= most))


def _check_rate(rate: float) -> None:
    if not 0 <= rate < 1:
        raise ArgumentError(f"rate is {rate}; it must be from 0 to below 1")


def _chosen(ids: Tensor, rate: float, seeds: Tensor) -> Tensor:
    return tf.random.stateless_uniform(tf.shape(ids), seeds) < rate


def _transform(
    change: Callable[[Tensor, Tensor], Tensor],
    seed: int | None,
    *,
    moves: bool = False,
    place: int = 0,
) -> Transform:
    """Changes ids of the batches of a Dataset.

    Args:
        change: from the ids of one of the inputs, and seeds (2,), to other ids.
        seed: of the noise.
        moves: whether words change their places, so that they may have no labels of their own.
        place: which of several inputs changes.
    """

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        _check_batches(dataset.element_spec, moves, place)

        def noisy(batch: Any, seeds: Tensor) -> Any:
            inputs, *rest = batch
            if not isinstance(inputs, tuple):
                return change(inputs, seeds), *rest
            changed = change(inputs[place], seeds)
            return (*inputs[:place], changed, *inputs[place + 1 :]), *rest

        return tf.data.Dataset.zip(dataset, batch_seeds(seed)).map(noisy)

    return apply


def _check_batches(spec: Any, moves: bool, place: int) -> None:
    """Refuses batches that the noise would spoil."""
    inputs, labels = spec[0], spec[1]
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    if place and len(several) <= place:
        raise ArgumentError("drop_words hides words of a target; these batches have none")
    # A pair's labels belong to its target; words and characters (batch, time, characters) and
    # plain words have labels of their own where labels are (batch, time).
    is_pair = len(several) > 1 and several[1].shape.rank == 2
    of_words = any(label.shape.rank == 2 for label in tf.nest.flatten(labels))
    if moves and not is_pair and of_words:
        raise ArgumentError(
            "words that have labels of their own must keep their places; use blank_words or "
            "forget_rare_words"
        )
