"""Noise for pairs: each function gives a Dataset -> Dataset function for batches of pairs."""

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

Transform: TypeAlias = Callable[[tf.data.Dataset], tf.data.Dataset]
# The ids of padding, of an unknown word, and of the begin of a text, the same in every tokenizer.
PAD, UNK, BOS = 0, 1, 2


def blank_words(share: float, *, seed: int | None = None, blank_id: int = UNK) -> Transform:
    """Puts a blank in the place of source tokens.

    Args:
        share: of the tokens, 0 to below 1.
        seed: same seed, same noise; every pass over the Dataset draws anew.
        blank_id: what stands in their place.

    Returns:
        A function for `Dataset.apply`, for batches ((source, target), next ids, weights).

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

    def change(source: Tensor, target: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        chosen = _chosen(source, share, seeds)
        return tf.where(chosen & (source != PAD), blank_id, source), target

    return _transform(change, seed)


def delete_words(share: float, *, seed: int | None = None) -> Transform:
    """Takes source tokens out; a source that would lose all of them keeps its first.

    Args:
        share: of the tokens, 0 to below 1.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`; widths stay, sources are padded.

    Raises:
        ArgumentError: the share is outside its range.

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

    def change(source: Tensor, target: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        real = source != PAD
        kept = real & ~_chosen(source, share, seeds)
        none_left = ~tf.reduce_any(kept, axis=1, keepdims=True)
        first = tf.range(tf.shape(source)[1])[None, :] == 0
        kept = kept | (none_left & first & real)
        order = tf.argsort(tf.cast(~kept, tf.int32), axis=1, stable=True)
        return tf.gather(tf.where(kept, source, PAD), order, batch_dims=1), target

    return _transform(change, seed)


def swap_words(distance: int = 3, *, seed: int | None = None) -> Transform:
    """Shuffles source tokens a little: none moves further than `distance` places.

    Args:
        distance: 1 or more.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`.

    Raises:
        ArgumentError: the distance is below 1.

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

    def change(source: Tensor, target: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        places = tf.range(tf.shape(source)[1], dtype=tf.float32)[None, :]
        drawn = tf.random.stateless_uniform(tf.shape(source), seeds) * float(distance + 1)
        # Padding keeps its place behind all words.
        key = tf.where(source != PAD, places + drawn, places + 2.0 * float(distance + 1))
        return tf.gather(source, tf.argsort(key, axis=1, stable=True), batch_dims=1), target

    return _transform(change, seed)


def drop_words(share: float, *, seed: int | None = None) -> Transform:
    """Hides tokens of the target from the model that reads it, not from the loss.

    A decoder that does not see all that it wrote must look at the source.

    Args:
        share: of the tokens, 0 to below 1; the one that begins a text stays.
        seed: same seed, same noise; every pass over the Dataset draws anew.

    Returns:
        A function for `Dataset.apply`.

    Raises:
        ArgumentError: the share is outside its range.

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

    def change(source: Tensor, target: Tensor, seeds: Tensor) -> tuple[Tensor, Tensor]:
        hidden = _chosen(target, share, seeds) & (target != PAD) & (target != BOS)
        return source, tf.where(hidden, UNK, target)

    return _transform(change, seed)


def _check(share: float) -> None:
    if not 0 <= share < 1:
        raise ArgumentError(f"share is {share}; it must be from 0 to below 1")


def _chosen(ids: Tensor, share: float, seeds: Tensor) -> Tensor:
    return tf.random.stateless_uniform(tf.shape(ids), seeds) < share


def _transform(change: Callable[[Tensor, Tensor, Tensor], Any], seed: int | None) -> Transform:
    """A Dataset -> Dataset function that gives `change` two random numbers for each batch."""

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)

        def noisy(batch: Any, drawn: Tensor) -> Any:
            (source, target), *rest = batch
            return change(source, target, drawn), *rest

        zipped = tf.data.Dataset.zip(dataset, seeds)
        return zipped.map(noisy, num_parallel_calls=1).prefetch(tf.data.AUTOTUNE)

    return apply
