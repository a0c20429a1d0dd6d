"""Labeled texts from TensorFlow Datasets."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lmzoo.data import tfds as texts
from lmzoo.data.label_forms import SEPARATOR
from lmzoo.errors import DataError


def read_tfds_labels(
    name: str, fields: tuple[str, ...] | None
) -> tuple[str, dict[str, Callable[[], Iterator[tuple[str, str]]]], list[str]]:
    """Finds a text and a label of a data set, which is fetched if it is not there yet.

    Args:
        name: the data set, "imdb_reviews" or "glue/sst2".
        fields: the features that are text and label; of several texts, which are joined, the label
            comes last. None takes those that the data set calls input and target, or else its only
            text and its only class label.

    Returns:
        What a report calls them, a function to open each part, sentences for the report. Labels
        are the data set's own names of its classes. A part that has no labels, as GLUE's tests, is
        left out.

    Raises:
        DataError: no such data set, no such features, or no split for training.
    """
    builder = texts._builder(name)
    *words, label = _fields(name, builder.info, fields)
    openers, unlabeled = {}, []
    for part, split in texts._fetch(builder).items():
        opener = _open(builder, split, words, label)
        if opener is None:
            unlabeled.append(part)
        else:
            openers[part] = opener
    if "train" not in openers:
        raise DataError(f"tfds:{name} has no labels for training in {label!r}; choose with fields")
    notes = [f"features read: {', '.join([*words, label])}"]
    notes += [f"{part} is left out: its texts have no labels" for part in unlabeled]
    return f"tfds:{name}", openers, notes


def _fields(name: str, info: Any, fields: tuple[str, ...] | None) -> tuple[str, ...]:
    """The features of the texts and, last, of the label."""
    features = dict(info.features.items())
    words = [key for key, value in features.items() if texts._is_text(value)]
    labels = [key for key, value in features.items() if key in words or _is_label(value)]
    if fields is None:
        fields = info.supervised_keys
        classes = [key for key in labels if hasattr(features[key], "int2str")]
        if fields is None and len(words) == 1 and len(classes) == 1:
            fields = (words[0], classes[0])
    if (
        fields is None
        or len(fields) < 2
        or set(fields[:-1]) - set(words)
        or fields[-1] not in labels
    ):
        raise DataError(
            f"tfds:{name} has the text features {', '.join(words) or 'none'} and the labels "
            f"{', '.join(key for key in labels if key not in words) or 'none'}: say which are text "
            f"and label, fields=(...), not {fields}"
        )
    return tuple(fields)


def _is_label(feature: Any) -> bool:
    """Says whether a feature is one whole number per example."""
    dtype = getattr(feature, "np_dtype", None)
    is_whole = isinstance(dtype, type | np.dtype) and np.issubdtype(dtype, np.integer)
    return getattr(feature, "shape", None) == () and is_whole


def _open(
    builder: Any, split: str, words: list[str], label: str
) -> Callable[[], Iterator[tuple[str, str]]] | None:
    """Opens a split, read in batches in its stored order; None if it has no labels."""
    names = getattr(builder.info.features[label], "int2str", str)

    def examples() -> Iterator[tuple[bytes, Any]]:
        found = builder.as_dataset(split=split, shuffle_files=False)
        columns = found.map(lambda example: ([example[word] for word in words], example[label]))
        for data, values in columns.batch(1024).prefetch(2).as_numpy_iterator():
            joined = (SEPARATOR.encode().join(row) for row in data)
            yield from zip(joined, values, strict=True)

    def read() -> Iterator[tuple[str, str]]:
        for number, (data, value) in enumerate(examples()):
            where = f"tfds:{builder.name}, {split}, example {number:,}"
            try:
                named = value.decode("utf-8") if isinstance(value, bytes) else names(int(value))
                text = data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"{where} is not UTF-8 ({error}): {data[:40]!r}") from error
            except ValueError as error:
                raise DataError(f"{where} has the label {value}, which has no name") from error
            if not named.strip():
                raise DataError(f"{where} has no label: {text[:40]!r}")
            yield text, named.strip()

    first = next(examples(), None)
    return None if first is not None and _is_missing(first[1]) else read


def _is_missing(value: Any) -> bool:
    """Data sets write -1 where there is no label."""
    return not isinstance(value, bytes) and int(value) < 0
