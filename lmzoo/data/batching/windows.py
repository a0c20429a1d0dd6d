"""The next-word windows of textbooks: some words, and the next word."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.batching.batches import PREFETCH, without_autotuning
from lmzoo.data.batching.checks import check_at_least
from lmzoo.errors import ArgumentError, DataError, PromptError


def next_word_windows(
    ids: Any,
    context_length: int,
    *,
    one_hot: bool = False,
    vocab_size: int | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
) -> tf.data.Dataset:
    """Makes the examples of introductory articles: some words, and the next word.

    Args:
        ids: (n,), each run of `context_length + 1` an example, all within `vocab_size`.
        context_length: ids in the context, at least 1.
        one_hot, vocab_size: whether the next id comes as a one-hot vector, and its length.
        batch_size: None: single examples; otherwise batches, the last one may be smaller.
        seed: of one shuffle, the same in every pass; None: no shuffle.

    Returns:
        Dataset of (context, next): int32 ([batch,] context_length), int32 ([batch]) or one-hot.

    Example:
        >>> windows = next_word_windows([5, 6, 7, 8], context_length=2)
        >>> [context.tolist() for context, _ in windows.as_numpy_iterator()]
        [[5, 6], [6, 7]]
    """
    check_at_least(1, {"context_length": context_length, "batch_size": batch_size})
    if one_hot and vocab_size is None:
        raise ArgumentError("one_hot needs vocab_size, the length of the vectors")
    tokens, one_hots = np.asarray(ids, np.int32), np.arange(vocab_size or 0)
    if tokens.ndim != 1 or len(tokens) <= context_length:
        raise DataError(
            f"ids of shape {tokens.shape} are too few for a context of {context_length} and a next "
            "word; give more ids or a smaller context_length"
        )
    if vocab_size is not None and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        wrong = int(tokens.min() if tokens.min() < 0 else tokens.max())
        raise PromptError(f"id {wrong} is outside the vocabulary of {vocab_size} ids")
    order = np.arange(len(tokens) - context_length)
    if seed is not None:
        np.random.default_rng(seed).shuffle(order)
    together = batch_size or 4096

    def generate() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first in range(0, len(order), together):
            index = order[first : first + together, None] + np.arange(context_length + 1)
            context, word = np.split(tokens[index], [context_length], axis=1)
            yield context, (word == one_hots).astype(np.float32) if one_hot else word[:, 0]

    target = ((None, vocab_size), tf.float32) if one_hot else ((None,), tf.int32)
    signature = (tf.TensorSpec((None, context_length), tf.int32), tf.TensorSpec(*target))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    count = -(-len(order) // batch_size) if batch_size else len(order)
    if batch_size is None:
        dataset = dataset.unbatch()
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    return without_autotuning(dataset.prefetch(PREFETCH))
