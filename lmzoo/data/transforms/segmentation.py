"""Subword regularization: in training, texts are cut into other pieces in each epoch."""

from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.batching.batches import Transform
from lmzoo.data.batching.passes import batch_seeds
from lmzoo.data.batching.widths import round_up
from lmzoo.errors import ArgumentError
from lmzoo.special_ids import BOS_ID, EOS_ID, PAD_ID
from lmzoo.tokenizers.subwords import SubwordSampler, sample_rows
from lmzoo.typing import Tensor

# How much longer padded rows get: always by the same factor, so that there are few widths.
ROOM = 1.5


def sample_subwords(
    tokenizer: Any, *, alpha: float = 0.2, dropout: float = 0.1, seed: int | None = None
) -> Transform:
    """Cuts texts into other pieces of a `bpe` or `unigram` tokenizer, anew in each epoch.

    Args:
        tokenizer: that of the data; `data.tokenizers`, if sources have one of their own.
        alpha: of unigram, above 0: segmentations are drawn by their probability to this power.
        dropout: of bpe: the rate at which a merge is left out, 0 to 1.
        seed: see `blank_words`.

    Returns:
        A function for `transform_train` or `Dataset.apply`: of pairs it changes both sides, of
        labeled texts the text. Rows are padded to half as much again; one that would still be too
        long stays as it was. Labels of single words raise ArgumentError.

    Raises:
        TokenizerError: another kind of tokenizer, alpha or dropout.

    Source: Kudo 2018, https://arxiv.org/abs/1804.10959; Provilkov et al. 2020,
    https://arxiv.org/abs/1910.13267

    Example:
        >>> from lmzoo.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["a dog ran"] * 9, kind="unigram")
        >>> batch = (np.array([tokenizer.encode("a dog")]), np.zeros(1), np.ones(1))
        >>> data = tf.data.Dataset.from_tensors(batch).apply(sample_subwords(tokenizer, seed=0))
        >>> ids, *_ = next(data.as_numpy_iterator())
        >>> tokenizer.decode(ids[0])
        'a dog'
    """
    sides = tokenizer if isinstance(tokenizer, tuple | list) else (tokenizer,) * 2
    samplers = [SubwordSampler(each, alpha=alpha, dropout=dropout) for each in sides]

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        inputs, labels = dataset.element_spec[:2]
        pair = isinstance(inputs, tuple)
        if pair and (len(inputs) != 2 or inputs[1].shape.rank != 2):
            raise ArgumentError("words that have labels or characters of their own keep their ids")
        if not pair and any(label.shape.rank == 2 for label in tf.nest.flatten(labels)):
            raise ArgumentError(
                "sample_subwords takes pairs of texts, or texts with a label each; these batches "
                "have a label for each token"
            )

        def change_text(batch: Any, seeds: Tensor) -> Any:
            ids, *rest = batch

            def draw(ids: np.ndarray, seeds: np.ndarray) -> np.ndarray:
                return _pad(_draw(ids, samplers[0], _width(ids), np.random.default_rng(seeds)), ids)

            new = tf.numpy_function(draw, [ids, seeds], ids.dtype)
            return tf.ensure_shape(new, [ids.shape[0], None]), *rest

        def change_pair(batch: Any, seeds: Tensor) -> Any:
            (source, target), next_ids, weights = batch
            parts = [source, target, next_ids, weights]

            def draw(seeds: np.ndarray, *parts: np.ndarray) -> list[np.ndarray]:
                return _draw_pair(samplers, np.random.default_rng(seeds), *parts)

            new = tf.numpy_function(draw, [seeds, *parts], [part.dtype for part in parts])
            shaped = [
                tf.ensure_shape(one, [part.shape[0], None])
                for one, part in zip(new, parts, strict=True)
            ]
            return (shaped[0], shaped[1]), *shaped[2:]

        change = change_pair if pair else change_text
        return tf.data.Dataset.zip(dataset, batch_seeds(seed)).map(change)

    return apply


def _width(ids: np.ndarray) -> int:
    return round_up(int(ROOM * ids.shape[1]))


def _draw(
    ids: np.ndarray, sampler: SubwordSampler, width: int, rng: np.random.Generator
) -> list[Any]:
    """New rows, not padded; one without any text, such as a missing one, stays."""
    drawn = sample_rows(ids, sampler, width, rng)
    return [new if len(new) else old[old != PAD_ID] for new, old in zip(drawn, ids, strict=True)]


def _pad(rows: list[Any], like: np.ndarray) -> np.ndarray:
    """Rows of ids as an array (batch, width) of the dtype of `like`, which was less wide."""
    padded = np.full((len(rows), _width(like)), PAD_ID, like.dtype)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded


def _draw_pair(
    samplers: list[SubwordSampler],
    rng: np.random.Generator,
    source: np.ndarray,
    target: np.ndarray,
    next_ids: np.ndarray,
    weights: np.ndarray,
) -> list[np.ndarray]:
    """Both sides anew; a target's rows begin and end as before, its weights follow."""
    sources = _pad(_draw(source, samplers[0], _width(source), rng), source)
    texts = sample_rows(target, samplers[1], _width(target) - 1, rng)
    nexts = _pad([[*text, EOS_ID] for text in texts], next_ids)
    begins = np.full((len(nexts), 1), BOS_ID, target.dtype)
    targets = np.concatenate([begins, nexts[:, :-1]], axis=1)
    row_weights = weights.max(axis=1, keepdims=True)  # 0 for a missing row
    return [sources, targets, nexts, np.where(nexts != PAD_ID, row_weights, 0)]
