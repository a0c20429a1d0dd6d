"""Classes of unequal size: weights, samples of equal size, and a class made rare on purpose."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.data.batching.batches import Transform
from lmzoo.data.batching.checks import check_at_least
from lmzoo.data.corpus import Record
from lmzoo.errors import ArgumentError, DataError
from lmzoo.typing import Tensor


def class_weights(
    labels: Sequence[Any] | Mapping[Any, int], power: float = 1.0
) -> dict[int, float]:
    """Weights by which every class counts the same, however many examples it has.

    Args:
        labels: the class of each example, whole numbers or names; or the count of each class,
            such as `data.class_counts`.
        power: 1 for equal classes, 0 for equal examples, 0.5 for what lies between.

    Returns:
        (n / (k * n_c)) ** power for each class, 0 to k - 1: n examples, n_c of this class. Names
        are numbered as `prepare_classification` sorts them; those of a dict in its own order.

    Raises:
        ArgumentError: labels are neither names nor 0, 1, ..., or have a row for each example.
        DataError: a class has no example.

    Source: King and Zeng 2001, https://doi.org/10.1093/oxfordjournals.pan.a004868

    Example:
        >>> class_weights({"ham": 90, "spam": 10})[1]
        5.0
    """
    check_at_least(0, {"power": power})
    counts = _count(labels)
    total = sum(counts.values())
    if not total or min(counts.values()) < 1:
        raise DataError(
            f"classes without any example have no weight: {str(counts)[:80]}; leave them out"
        )
    return {
        number: float((total / (len(counts) * count)) ** power) for number, count in counts.items()
    }


def _count(labels: Sequence[Any] | Mapping[Any, int]) -> dict[int, int]:
    """Examples of each class by its number."""
    if isinstance(labels, Mapping):
        counts: dict[Any, int] = {_class_of(name): int(count) for name, count in labels.items()}
    else:
        values = np.asarray(labels)
        if values.ndim != 1 and values.shape[1:] != (1,):
            raise ArgumentError(
                f"labels of shape {values.shape} are not one class for each example: give "
                "labels.argmax(axis=-1) of one-hot rows, labels.ravel() of tags"
            )
        counts = Counter(map(_class_of, values.ravel().tolist()))
    names = [name for name in counts if isinstance(name, str)]
    if names and len(names) == len(counts):
        if not isinstance(labels, Mapping) or isinstance(labels, Counter):
            names = sort_labels(names)
        return dict(enumerate(counts[name] for name in names))
    if names or sorted(counts) != list(range(len(counts))):
        raise ArgumentError(
            f"the classes are {str(sorted(counts, key=str))[:60]}; they must be 0 to "
            f"{len(counts) - 1}, each with an example, or names"
        )
    return {name: counts[name] for name in sorted(counts)}


def _class_of(label: Any) -> int | str:
    """A label as a whole number, or a name."""
    if isinstance(label, bytes):
        return label.decode()
    if isinstance(label, str):
        return str(label)
    if not isinstance(label, int | float | np.number) or label != np.floor(label):
        raise ArgumentError(f"the label {label!r} is neither a whole number nor a name")
    return int(label)


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Sorts class labels: whole numbers by their value, others as strings."""
    names = list(labels)
    are_numbers = all(label.isdecimal() for label in names)
    return sorted(names, key=lambda label: (int(label) if are_numbers else 0, label))


def weigh_classes(weights: Mapping[int, float]) -> Transform:
    """Multiplies the weight of each example, or of each word, by that of its class.

    Args:
        weights: of classes by number, such as those of `class_weights`; other classes weigh 1.

    Returns:
        A function for `transform_train` or `Dataset.apply`. Labels are ids (batch,), (batch, 1) or
        (batch, time), or float distributions (batch, classes), with weights of their rows.

    Example:
        >>> batch = (np.zeros((2, 3)), np.array([0, 1]), np.ones(2, np.float32))
        >>> data = tf.data.Dataset.from_tensors(batch).apply(weigh_classes({1: 2.0}))
        >>> next(data.as_numpy_iterator())[2].tolist()
        [1.0, 2.0]
    """
    known = all(isinstance(c, int | np.integer) and c >= 0 for c in weights)
    if not weights or not known or not all(0 <= w < np.inf for w in weights.values()):
        raise ArgumentError(
            f"weights are {str(weights)[:80]}; give classes from 0 on with weights of 0 or more"
        )
    table = np.ones(max(weights) + 1, np.float32)
    table[list(weights)] = list(weights.values())

    @tf.autograph.experimental.do_not_convert
    def weigh(inputs: Any, labels: Tensor, given: Tensor) -> Any:
        return inputs, labels, given * _factors(labels, given, table)

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        spec = dataset.element_spec
        if len(spec) != 3 or isinstance(spec[1], tuple | dict):
            raise ArgumentError("weigh_classes needs batches (inputs, labels, weights), one label")
        return dataset.map(weigh)

    return apply


def _factors(labels: Tensor, given: Tensor, table: np.ndarray) -> Tensor:
    """The weights of the labels' classes, of the shape of the given weights."""
    rank = given.shape.rank
    if labels.shape.rank == rank + 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.shape.rank == rank + 1 and labels.dtype.is_floating:  # distributions
        classes = labels.shape[-1] or 0
        if classes < len(table):
            raise ArgumentError(f"weights of {len(table)} classes for rows of {classes}")
        every = np.concatenate([table, np.ones(classes - len(table), np.float32)])
        return tf.linalg.matvec(tf.cast(labels, tf.float32), every)
    if labels.shape.rank != rank:
        raise ArgumentError(
            f"labels of shape {labels.shape} with weights of shape {given.shape}: give ids with a "
            "weight for each, or float distributions with a weight for each row"
        )
    ids = tf.cast(labels, tf.int32)
    if labels.dtype.is_floating:
        whole = tf.debugging.Assert(
            tf.reduce_all(labels == tf.floor(labels)), ["a label is no id of a class", labels]
        )
        with tf.control_dependencies([whole]):
            ids = tf.identity(ids)
    factors = tf.gather(table, tf.clip_by_value(ids, 0, len(table) - 1))
    return tf.where((ids >= 0) & (ids < len(table)), factors, 1.0)


def over_sample(records: Sequence[Record], seed: int = 0) -> list[Record]:
    """Repeats records of the smaller classes, evenly, until each has as many as the largest.

    Args:
        records, seed: {"text", "label"}, of the training split only; of the choice.

    Returns:
        The records, and after them the repeated ones.

    Example:
        >>> [record["text"] for record in over_sample([{"text": t, "label": t} for t in "aab"])]
        ['a', 'a', 'b', 'b']
    """
    rng, places = np.random.default_rng(seed % 2**32), _places(records)
    most = max(map(len, places.values()))
    more: list[int] = []
    for of_class in places.values():
        rounds, rest = divmod(most - len(of_class), len(of_class))
        more += of_class * rounds + rng.permutation(of_class)[:rest].tolist()
    return [*records, *(records[place] for place in more)]


def under_sample(records: Sequence[Record], seed: int = 0) -> list[Record]:
    """Leaves out records of the larger classes until each has as few as the smallest.

    Args:
        records, seed: {"text", "label"}; of the choice.

    Returns:
        The records that are left, in their order.

    Example:
        >>> [record["label"] for record in under_sample([{"label": label} for label in "xxy"])]
        ['x', 'y']
    """
    rng, places = np.random.default_rng(seed % 2**32), _places(records)
    fewest = min(map(len, places.values()))
    kept = [p for of_class in places.values() for p in rng.permutation(of_class)[:fewest].tolist()]
    return [records[place] for place in sorted(kept)]


def imbalanced(
    records: Sequence[Record], ratio: int = 50, *, rare: str, seed: int = 0
) -> list[Record]:
    """A sample in which one class is rare: one record of it for `ratio` of all others.

    Args:
        records, seed: {"text", "label"}; of the choice.
        ratio, rare: number of others, at least 1, for each record of this label.

    Returns:
        As many records as there are with exactly that ratio, in their order; none: DataError.

    Example:
        >>> records = [{"label": "yes"}] * 30 + [{"label": "no"}] * 30
        >>> imbalanced(records, 10, rare="yes").count({"label": "yes"})
        3
    """
    check_at_least(1, {"ratio": ratio})
    places = _places(records)
    if rare not in places or len(places) < 2:
        raise ArgumentError(f"rare is {rare!r}; it must be one of two labels, {list(places)[:12]}")
    rng = np.random.default_rng(seed % 2**32)
    others = [place for label, of_class in places.items() if label != rare for place in of_class]
    count = min(len(places[rare]), len(others) // ratio)
    if not count:
        raise DataError(
            f"{len(others):,} records with other labels than {rare!r} are too few for a ratio of "
            f"1 to {ratio}; lower the ratio"
        )
    kept = rng.permutation(places[rare])[:count].tolist()
    kept += rng.permutation(others)[: count * ratio].tolist()
    return [records[place] for place in sorted(kept)]


def _places(records: Sequence[Record]) -> dict[str, list[int]]:
    """The positions of the records of each label."""
    places: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        places.setdefault(record["label"], []).append(place)
    if not places:
        raise DataError("there are no records; give some with a text and a label")
    return places
