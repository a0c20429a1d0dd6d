"""Classes of unequal size: weights, samples of equal size, and a rare class made on purpose."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lmzoo.data.classification import sort_labels
from lmzoo.errors import ArgumentError, DataError
from lmzoo.typing import Tensor

Example: TypeAlias = tuple[str, str]
Transform: TypeAlias = Callable[[tf.data.Dataset], tf.data.Dataset]


def class_weights(
    labels: Sequence[Any] | Mapping[Any, int], power: float = 1.0
) -> dict[int, float]:
    """Weights that let every class count the same, however many examples it has.

    The weight of a class is (n / (k * n_c)) ** power: n examples, k classes, n_c of this class.

    Args:
        labels: the class of each example, whole numbers or names; or the count of each class,
            such as `data.class_counts`.
        power: 1 for equal classes, 0 for equal examples, 0.5 for what lies between.

    Returns:
        A weight for each class, 0 to k - 1; classes with names are numbered in the order of the
        counts, or sorted as `prepare_classification` sorts them. `fit(class_weight=...)`,
        `weigh_classes` and losses take them.

    Raises:
        DataError: no examples, a class without any.
        ArgumentError: a negative power; whole numbers that are not 0 to k - 1.

    Source: King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868

    Example:
        >>> import lmzoo
        >>> lmzoo.data.class_weights([0, 0, 0, 1])
        {0: 0.6666666666666666, 1: 2.0}
        >>> lmzoo.data.class_weights({"ham": 90, "spam": 10})[1]
        5.0
    """
    if power < 0:
        raise ArgumentError(f"power is {power}; it must be 0 or more")
    counts = _counts(labels)
    total = sum(counts.values())
    if not total or min(counts.values()) < 1:
        raise DataError(
            f"classes without any example have no weight: {str(counts)[:80]}; leave them out"
        )
    return {
        number: float((total / (len(counts) * count)) ** power) for number, count in counts.items()
    }


def _counts(labels: Sequence[Any] | Mapping[Any, int]) -> dict[int, int]:
    """Examples of each class by its number."""
    counts: dict[Any, int]
    if isinstance(labels, Mapping):
        counts = {name: int(count) for name, count in labels.items()}
    else:
        found = np.asarray(labels).ravel().tolist()
        counts = dict(Counter(found))
        if all(isinstance(name, str) for name in counts):
            counts = {name: counts[name] for name in sort_labels(counts)}
    if not all(isinstance(name, int | np.integer) for name in counts):
        return dict(enumerate(counts.values()))
    if sorted(counts) != list(range(len(counts))):
        raise ArgumentError(
            f"the classes are {str(sorted(counts))[:60]}; they must be 0 to {len(counts) - 1}, "
            "each with an example"
        )
    return {int(name): counts[name] for name in sorted(counts)}


def weigh_classes(weights: Mapping[int, float]) -> Transform:
    """Multiplies the weight of each example, or of each word, by that of its class.

    Keras's own `class_weight` does so for one label per text, and not for tags.

    Args:
        weights: of classes by number, such as the answer of `class_weights`; others weigh 1.

    Returns:
        A function for `Dataset.apply`, for batches (inputs, labels, weights) whose labels and
        weights are (batch,) or (batch, time).

    Raises:
        ArgumentError: no weights, a negative one; batches with several labels.

    Example:
        >>> import lmzoo
        >>> texts = [("a", "x"), ("b", "x"), ("c", "x"), ("d", "y")]
        >>> data = lmzoo.data.prepare_classification(texts, batch_size=4, valid_fraction=0.0)
        >>> weights = lmzoo.data.class_weights(data.class_counts)
        >>> batch = next(iter(data.train.apply(lmzoo.data.weigh_classes(weights))))
        >>> [round(float(weight), 2) for weight in sorted(batch[2].numpy())]
        [0.67, 0.67, 0.67, 2.0]
    """
    if not weights or min(weights) < 0 or not all(0 <= w < np.inf for w in weights.values()):
        raise ArgumentError(
            f"weights are {str(weights)[:80]}; give classes from 0 on with weights of 0 or more"
        )
    table = np.ones(max(weights) + 1, np.float32)
    table[list(weights)] = list(weights.values())

    def weigh(inputs: Any, labels: Tensor, given: Tensor) -> Any:
        known = labels < len(table)
        factors = tf.gather(table, tf.clip_by_value(labels, 0, len(table) - 1))
        return inputs, labels, given * tf.where(known, factors, 1.0)

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        spec = dataset.element_spec
        if len(spec) != 3 or isinstance(spec[1], tuple | dict):
            raise ArgumentError("weigh_classes needs batches (inputs, labels, weights), one label")
        return dataset.map(weigh, num_parallel_calls=1).prefetch(tf.data.AUTOTUNE)

    return apply


def over_sample(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Repeats examples of the smaller classes until each has as many as the largest.

    Only training examples may be repeated: set aside validation and test before.

    Args:
        examples: (text, label).
        seed: of the choice.

    Returns:
        The examples in their order, and the repeated ones behind them: each example of a class
        as often as any other, or once more.

    Raises:
        DataError: no examples.

    Example:
        >>> import lmzoo
        >>> lmzoo.data.over_sample([("a", "x"), ("b", "x"), ("c", "y")])
        [('a', 'x'), ('b', 'x'), ('c', 'y'), ('c', 'y')]
    """
    rng = np.random.default_rng(seed % 2**32)
    places = _places(examples)
    most = max(map(len, places.values()))
    more: list[int] = []
    for found in places.values():
        rounds, rest = divmod(most - len(found), len(found))
        more += found * rounds + rng.permutation(found)[:rest].tolist()
    return [*examples, *(examples[place] for place in more)]


def under_sample(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Leaves examples of the larger classes out until each has as few as the smallest.

    Args:
        examples: (text, label).
        seed: of the choice.

    Returns:
        The examples that are left, in their order.

    Raises:
        DataError: no examples.

    Example:
        >>> import lmzoo
        >>> left = lmzoo.data.under_sample([("a", "x"), ("b", "x"), ("c", "y")])
        >>> [label for text, label in left]
        ['x', 'y']
    """
    rng = np.random.default_rng(seed % 2**32)
    places = _places(examples)
    fewest = min(map(len, places.values()))
    kept = [p for found in places.values() for p in rng.permutation(found)[:fewest].tolist()]
    return [examples[place] for place in sorted(kept)]


def imbalanced(
    examples: Sequence[Example], ratio: int = 50, *, rare: str, seed: int = 0
) -> list[Example]:
    """A sample in which one class is rare: one example of it for `ratio` of all others.

    Args:
        examples: (text, label).
        ratio: how many others there are for each of the rare class, at least 1.
        rare: the label to make rare.
        seed: of the choice.

    Returns:
        As many examples as there are with exactly that ratio, in their order.

    Raises:
        DataError: too few examples for the ratio.
        ArgumentError: a ratio below 1, an unknown label.

    Example:
        >>> import lmzoo
        >>> examples = [(str(i), "yes" if i < 30 else "no") for i in range(60)]
        >>> sample = lmzoo.data.imbalanced(examples, 10, rare="yes")
        >>> [label for text, label in sample].count("yes"), len(sample)
        (3, 33)
    """
    if ratio < 1:
        raise ArgumentError(f"ratio is {ratio}; it must be at least 1")
    places = _places(examples)
    if rare not in places or len(places) < 2:
        raise ArgumentError(f"rare is {rare!r}; it must be one of two labels, {list(places)[:12]}")
    rng = np.random.default_rng(seed % 2**32)
    others = [place for label, found in places.items() if label != rare for place in found]
    count = min(len(places[rare]), len(others) // ratio)
    if not count:
        raise DataError(
            f"{len(others):,} examples with other labels than {rare!r} are too few for a ratio of "
            f"1 to {ratio}; lower the ratio"
        )
    kept = rng.permutation(places[rare])[:count].tolist()
    kept += rng.permutation(others)[: count * ratio].tolist()
    return [examples[place] for place in sorted(kept)]


def _places(examples: Sequence[Example]) -> dict[str, list[int]]:
    """The places of the examples of each label."""
    found: dict[str, list[int]] = {}
    for place, (_, label) in enumerate(examples):
        found.setdefault(label, []).append(place)
    if not found:
        raise DataError("there are no examples; give (text, label) pairs")
    return found
