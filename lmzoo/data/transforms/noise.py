"""Noise for the first (or only) input of batches (inputs, labels, weights), Dataset -> Dataset.

It depends on (seed, epoch, step) within `data.transform_train`; elsewhere every pass draws anew.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lmzoo.data.batching.batches import Transform
from lmzoo.data.batching.checks import check_at_least
from lmzoo.data.batching.passes import batch_seeds
from lmzoo.errors import ArgumentError
from lmzoo.special_ids import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from lmzoo.typing import Tensor

FIRST_WORD = EOS_ID + 1
# From ids and seeds (2,) to other ids.
Change: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def blank_words(rate: float, *, seed: int | None = None, blank_id: int = UNK_ID) -> Transform:
    """Replaces tokens of a source or text by a blank; labels of words stay right.

    Args:
        rate, seed: fraction of the tokens, 0 to below 1; None: other noise in each process.
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
    return _replacing(lambda ids: ids != PAD_ID, blank_id, rate, seed)


def delete_words(rate: float, *, seed: int | None = None) -> Transform:
    """Deletes tokens of a source or text, which keeps at least its first; padding fills up.

    Args:
        rate, seed: see `blank_words`; batches with a label for each word raise ArgumentError.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Example:
        >>> data = tf.data.Dataset.from_tensors((np.full((1, 99), 7), np.zeros(1), np.ones(1)))
        >>> ids, *_ = next(data.apply(delete_words(0.5, seed=0)).as_numpy_iterator())
        >>> 30 < int((ids == 7).sum()) < 70
        True
    """
    choose = _choosing(rate)

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        real = source != PAD_ID
        kept = real & ~choose(source, seeds)
        none_left = ~tf.reduce_any(kept, axis=1, keepdims=True)
        first = tf.range(tf.shape(source)[1])[None, :] == 0
        kept = kept | (none_left & first & real)
        order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)
        return tf.gather(tf.where(kept, source, PAD_ID), order, batch_dims=1)

    return _transform(change, seed, moves=True)


def swap_words(distance: int = 3, *, seed: int | None = None) -> Transform:
    """Shuffles tokens of a source or text locally: none moves further than `distance` places.

    Args:
        distance, seed: at least 1; see `blank_words`. Labels of words raise ArgumentError.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Example:
        >>> data = tf.data.Dataset.from_tensors((np.array([[4, 5, 6]]), np.zeros(1), np.ones(1)))
        >>> sorted(next(data.apply(swap_words(seed=0)).as_numpy_iterator())[0][0].tolist())
        [4, 5, 6]
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
    """Hides tokens of the target from the decoder, which must rely on the source (word dropout).

    Args:
        rate, seed: see `blank_words`; batches without a target raise ArgumentError.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Source: Bowman et al. 2016, https://arxiv.org/abs/1511.06349

    Example:
        >>> target = np.array([[2] + [7] * 99])
        >>> data = tf.data.Dataset.from_tensors(((target, target), target, np.ones((1, 100))))
        >>> (_, changed), _, _ = next(data.apply(drop_words(0.5, seed=0)).as_numpy_iterator())
        >>> sorted(set(changed[0].tolist()))
        [1, 2, 7]
    """
    # The begin token stays.
    return _replacing(lambda ids: (ids != PAD_ID) & (ids != BOS_ID), UNK_ID, rate, seed, place=1)


def forget_rare_words(
    rare: Sequence[int] | np.ndarray, rate: float = 0.5, *, seed: int | None = None
) -> Transform:
    """Makes rare words unknown at random, so that a model learns what the unknown id means.

    Args:
        rare: ids of words, such as those of `rare_words`; a special id raises ArgumentError.
        rate, seed: of these words; see `blank_words`.

    Returns:
        A function for `transform_train` or `Dataset.apply`.

    Source: Lample et al. 2016, https://arxiv.org/abs/1603.01360

    Example:
        >>> data = tf.data.Dataset.from_tensors((np.array([[5, 6] * 50]), np.zeros(1), np.ones(1)))
        >>> ids, *_ = next(data.apply(forget_rare_words([6], seed=0)).as_numpy_iterator())
        >>> sorted(set(ids[0].tolist()))
        [1, 5, 6]
    """
    rare_ids = np.asarray(rare, np.int64).ravel()
    if len(rare_ids) and rare_ids.min() < FIRST_WORD:
        raise ArgumentError(
            f"the id {rare_ids.min()} is no word's: words have ids from {FIRST_WORD}"
        )
    is_rare = np.zeros(int(rare_ids.max(initial=0)) + 2, bool)
    is_rare[rare_ids] = True

    # The last entry of the table stands for all higher ids: not rare.
    last = len(is_rare) - 1
    return _replacing(lambda ids: tf.gather(is_rare, tf.minimum(ids, last)), UNK_ID, rate, seed)


def rare_words(dataset: tf.data.Dataset, *, most: int = 1) -> np.ndarray:
    """The words that occur from once to `most` times in one pass over batches.

    Args:
        dataset, most: batches of which words are the first or only input; at least 1.

    Returns:
        Their ids, int64 (words,), rising; special ids are left out.

    Example:
        >>> rare_words(tf.data.Dataset.from_tensors((np.array([[4, 5, 5, 0], [4, 6, 0, 0]]),)))
        array([6])
    """
    check_at_least(1, {"most": most})
    counts: Counter[int] = Counter()
    for inputs, *_ in dataset:
        counts.update(tf.nest.flatten(inputs)[0].numpy().ravel().tolist())
    rare = [word for word, count in counts.items() if word >= FIRST_WORD and count <= most]
    return np.array(sorted(rare), np.int64)


def _choosing(rate: float) -> Change:
    """Chooses a fraction of ids by seeds."""
    if not 0 <= rate < 1:
        raise ArgumentError(f"rate is {rate}; it must be from 0 to below 1")
    return lambda ids, seeds: tf.random.stateless_uniform(tf.shape(ids), seeds) < rate


def _replacing(
    may_change: Callable[[Tensor], Tensor], by: int, rate: float, seed: int | None, place: int = 0
) -> Transform:
    """Replaces some of the ids that may change."""
    choose = _choosing(rate)

    def change(ids: Tensor, seeds: Tensor) -> Tensor:
        chosen = choose(ids, seeds) & may_change(ids)
        return tf.where(chosen, tf.cast(by, ids.dtype), ids)

    return _transform(change, seed, place=place)


def _transform(change: Change, seed: int | None, moves: bool = False, place: int = 0) -> Transform:
    """Changes the ids of the input at a place; those of words that move have no labels each."""

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        inputs, labels = dataset.element_spec[:2]
        several = inputs if isinstance(inputs, tuple) else (inputs,)
        if place and len(several) <= place:
            raise ArgumentError("drop_words hides words of a target; these batches have none")
        # Labels (batch, time) are of a pair's target, or of words, perhaps with their characters.
        is_pair = len(several) > 1 and several[1].shape.rank == 2
        of_words = any(label.shape.rank == 2 for label in tf.nest.flatten(labels))
        if moves and not is_pair and of_words:
            raise ArgumentError(
                "words that have labels of their own must keep their places; use blank_words or "
                "forget_rare_words"
            )

        def noisy(batch: Any, seeds: Tensor) -> Any:
            inputs, *rest = batch
            if not isinstance(inputs, tuple):
                return change(inputs, seeds), *rest
            changed = change(inputs[place], seeds)
            return (*inputs[:place], changed, *inputs[place + 1 :]), *rest

        return tf.data.Dataset.zip(dataset, batch_seeds(seed)).map(noisy)

    return apply
