"""Noise for what a model reads: each function gives a Dataset -> Dataset function.

Batches are (inputs, labels, weights). Where the inputs are several tensors, as the source and the
target of a pair, or words and their characters, it is the first one that changes.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

Transform: TypeAlias = Callable[[tf.data.Dataset], tf.data.Dataset]
# The ids of padding, of an unknown word, and of the begin of a text, the same in every tokenizer.
PAD, UNK, BOS = 0, 1, 2
SPECIAL = 4  # ids from here on are words


def blank_words(share: float, *, seed: int | None = None, blank_id: int = UNK) -> Transform:
    """Puts a blank in the place of tokens of a source or text; labels of words stay right.

    Args:
        share: of the tokens, 0 to below 1.
        seed: same seed, same noise; every pass over the Dataset draws anew.
        blank_id: what stands in their place.

    Returns:
        A function for `Dataset.apply`, for batches (inputs, labels, weights).

    Raises:
        ArgumentError: the share is outside its range.

    Source: Lample et al. 2018, https://arxiv.org/abs/1711.00043

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_seq2seq([("a b", "c d")] * 8, tokenizer="word",
        ...                                   valid_fraction=0.0)
        >>> noisy = data.train.apply(lmzoo.data.blank_words(0.5, seed=0))
        >>> (source, target), next_ids, weights = next(iter(noisy))
        >>> bool((source == 1).numpy().any())
        True
    """
    _check(share)

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        chosen = _chosen(source, share, seeds)
        return tf.where(chosen & (source != PAD), blank_id, source)

    return _transform(change, seed)


def delete_words(share: float, *, seed: int | None = None) -> Transform:
    """Takes tokens of a source or text out; one that would lose all of them keeps its first.

    Args:
        share: of the tokens, 0 to below 1.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`; widths stay, what is shorter is padded.

    Raises:
        ArgumentError: the share is outside its range; batches with a label for each word.

    Source: Lample et al. 2018, https://arxiv.org/abs/1711.00043

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_seq2seq([("a b", "c d")] * 8, tokenizer="word",
        ...                                   valid_fraction=0.0)
        >>> noisy = data.train.apply(lmzoo.data.delete_words(0.5, seed=0))
        >>> (source, target), next_ids, weights = next(iter(noisy))
        >>> bool((source[:8, 0] > 0).numpy().all()), bool((source[:8, 1] == 0).numpy().any())
        (True, True)
    """
    _check(share)

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        real = source != PAD
        kept = real & ~_chosen(source, share, seeds)
        none_left = ~tf.reduce_any(kept, axis=1, keepdims=True)
        first = tf.range(tf.shape(source)[1])[None, :] == 0
        kept = kept | (none_left & first & real)
        order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)
        return tf.gather(tf.where(kept, source, PAD), order, batch_dims=1)

    return _transform(change, seed, moves=True)


def swap_words(distance: int = 3, *, seed: int | None = None) -> Transform:
    """Shuffles tokens of a source or text a little: none moves further than `distance` places.

    Args:
        distance: 1 or more.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`.

    Raises:
        ArgumentError: the distance is below 1; batches with a label for each word.

    Source: Lample et al. 2018, https://arxiv.org/abs/1711.00043

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_seq2seq([("a b", "c d")] * 8, tokenizer="word",
        ...                                   valid_fraction=0.0)
        >>> noisy = data.train.apply(lmzoo.data.swap_words(seed=0))
        >>> (source, target), next_ids, weights = next(iter(noisy))
        >>> len(set(source[:8, 0].numpy()))
        2
    """
    if distance < 1:
        raise ArgumentError(f"distance is {distance}; it must be at least 1")

    def change(source: Tensor, seeds: Tensor) -> Tensor:
        places = tf.range(tf.shape(source)[1], dtype=tf.float32)[None, :]
        drawn = tf.random.stateless_uniform(tf.shape(source), seeds) * float(distance + 1)
        # Padding keeps its place behind all words.
        key = tf.where(source != PAD, places + drawn, places + 2.0 * float(distance + 1))
        return tf.gather(source, tf.argsort(key, axis=1, stable=True), batch_dims=1)

    return _transform(change, seed, moves=True)


def drop_words(share: float, *, seed: int | None = None) -> Transform:
    """Hides tokens of the target from the model that reads it, not from the loss.

    A decoder that does not see all that it wrote must look at the source.

    Args:
        share: of the tokens, 0 to below 1; the one that begins a text stays.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`, for batches ((source, target), next ids, weights).

    Raises:
        ArgumentError: the share is outside its range; batches without a target.

    Source: Bowman et al. 2016, https://arxiv.org/abs/1511.06349

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_seq2seq([("a b", "c d")] * 8, tokenizer="word",
        ...                                   valid_fraction=0.0)
        >>> noisy = data.train.apply(lmzoo.data.drop_words(0.5, seed=0))
        >>> (source, target), next_ids, weights = next(iter(noisy))
        >>> bool((target == 1).numpy().any()), bool((next_ids == 1).numpy().any())
        (True, False)
    """
    _check(share)

    def change(target: Tensor, seeds: Tensor) -> Tensor:
        hidden = _chosen(target, share, seeds) & (target != PAD) & (target != BOS)
        return tf.where(hidden, UNK, target)

    return _transform(change, seed, place=1)


def forget_rare_words(
    rare: Sequence[int] | np.ndarray, share: float = 0.5, *, seed: int | None = None
) -> Transform:
    """Makes rare words unknown now and then, so that a model learns what an unknown word is.

    Without it the unknown id never occurs in training where the tokenizer knows all words.

    Args:
        rare: ids of words, such as those that occur once in training: see `rare_words`.
        share: how often such a word becomes unknown, 0 to below 1.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`, for batches (inputs, labels, weights).

    Raises:
        ArgumentError: the share is outside its range; an id that is no word's.

    Source: Lample et al. 2016, https://arxiv.org/abs/1603.01360

    Example:
        >>> import lmzoo
        >>> texts = [("a b", "x"), ("a c", "y")]
        >>> data = lmzoo.data.prepare_classification(texts, valid_fraction=0.0)
        >>> rare = lmzoo.data.rare_words(data.train)
        >>> [data.tokenizer.decode([int(word)]) for word in rare]
        ['b', 'c']
        >>> forgetful = data.train.apply(lmzoo.data.forget_rare_words(rare, 0.5, seed=0))
        >>> ids, labels, weights = next(iter(forgetful))
    """
    _check(share)
    rare_ids = np.asarray(rare, np.int64).ravel()
    if len(rare_ids) and rare_ids.min() < SPECIAL:
        raise ArgumentError(f"the id {rare_ids.min()} is no word's: words have ids from {SPECIAL}")
    is_rare = np.zeros(int(rare_ids.max(initial=0)) + 2, bool)
    is_rare[rare_ids] = True

    def change(ids: Tensor, seeds: Tensor) -> Tensor:
        # The last place of the table stands for all ids behind it: not rare.
        known = tf.gather(is_rare, tf.minimum(ids, len(is_rare) - 1))
        return tf.where(known & _chosen(ids, share, seeds), UNK, ids)

    return _transform(change, seed)


def rare_words(dataset: tf.data.Dataset, *, most: int = 1) -> np.ndarray:
    """The words that occur at least once and at most so many times in one pass over batches.

    Args:
        dataset: batches (inputs, ...); words are the first or only tensor of the inputs.
        most: occurrences of a rare word, at least 1.

    Returns:
        Their ids, int64 (words,), rising; special ids are no words.

    Raises:
        ArgumentError: `most` below 1.

    Example:
        >>> batch = (np.array([[4, 5, 5, 0], [4, 6, 0, 0]]), np.array([0, 1]), np.ones(2))
        >>> rare_words(tf.data.Dataset.from_tensors(batch))
        array([6])
    """
    if most < 1:
        raise ArgumentError(f"most is {most}; it must be at least 1")
    counts = np.zeros(SPECIAL, np.int64)
    for inputs, *_ in dataset:
        found = np.bincount(tf.nest.flatten(inputs)[0].numpy().ravel(), minlength=len(counts))
        found[: len(counts)] += counts
        counts = found
    counts[:SPECIAL] = 0
    return np.flatnonzero((counts > 0) & (counts <= most))


def _check(share: float) -> None:
    if not 0 <= share < 1:
        raise ArgumentError(f"share is {share}; it must be from 0 to below 1")


def _chosen(ids: Tensor, share: float, seeds: Tensor) -> Tensor:
    return tf.random.stateless_uniform(tf.shape(ids), seeds) < share


def _transform(
    change: Callable[[Tensor, Tensor], Tensor],
    seed: int | None,
    *,
    moves: bool = False,
    place: int = 0,
) -> Transform:
    """A Dataset -> Dataset function that gives `change` two random numbers for each batch.

    Args:
        change: of the ids of one of the inputs.
        seed: of the random numbers.
        moves: whether words change their places, so that they may have no labels of their own.
        place: which of several inputs changes.
    """

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        _check_batches(dataset.element_spec, moves, place)
        seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)

        def noisy(batch: Any, drawn: Tensor) -> Any:
            inputs, *rest = batch
            if not isinstance(inputs, tuple):
                return change(inputs, drawn), *rest
            changed = change(inputs[place], drawn)
            return (*inputs[:place], changed, *inputs[place + 1 :]), *rest

        zipped = tf.data.Dataset.zip(dataset, seeds)
        return zipped.map(noisy, num_parallel_calls=1).prefetch(tf.data.AUTOTUNE)

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
