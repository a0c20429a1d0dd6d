"""Texts from TensorFlow Datasets."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

import tensorflow_datasets as tfds

from lmzoo.errors import DataError

Opener: TypeAlias = Callable[[Counter[str], int | None], Iterator[str]]
SPLITS = {
    "train": ("train", "training"),
    "valid": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}


def read_tfds(rest: str, errors: str) -> tuple[str, dict[str, Opener], list[str]]:
    """Finds one text feature of a data set, which is fetched if it is not there yet.

    Args:
        rest: "NAME" or "NAME:FEATURE".
        errors: "strict" or "replace", for strings that are not UTF-8.

    Returns:
        What a report calls the texts, a function to open each part, sentences for the report.

    Raises:
        DataError: no such data set, no such feature, or no split for training.
    """
    name, _, wanted = rest.partition(":")
    builder = _builder(name)
    feature = _text_feature(name, dict(builder.info.features.items()), wanted)
    openers: dict[str, Opener] = {
        part: _open_tfds(builder, split, feature, errors) for part, split in _fetch(builder).items()
    }
    return f"tfds:{name}", openers, [f"feature read: {feature}"]


def read_tfds_pairs(
    name: str, fields: tuple[str, str] | None
) -> tuple[str, dict[str, Callable[[], Iterator[tuple[str, str]]]], tuple[str, str], list[str]]:
    """Finds two text features of a data set, which is fetched if it is not there yet.

    Args:
        name: the data set.
        fields: the features that are source and target; None takes those that the data set calls
            input and target.

    Returns:
        What a report calls the pairs, a function to open each part, the features, sentences for
        the report.

    Raises:
        DataError: no such data set, no such features, or no split for training.
    """
    builder = _builder(name)
    texts = [key for key, value in builder.info.features.items() if _is_text(value)]
    fields = fields or builder.info.supervised_keys
    if fields is None or len(fields) != 2 or not set(fields) <= set(texts):
        raise DataError(
            f"tfds:{name} has the text features {', '.join(texts) or 'none'}: say which two are "
            f"source and target, fields=(...), not {fields}"
        )
    source, target = fields

    def open_split(split: str) -> Callable[[], Iterator[tuple[str, str]]]:
        sides = [_open_tfds(builder, split, feature, "strict") for feature in (source, target)]

        def read() -> Iterator[tuple[str, str]]:
            first, second = (side(Counter(), None) for side in sides)
            return zip(first, second, strict=True)

        return read

    openers = {part: open_split(split) for part, split in _fetch(builder).items()}
    notes = [f"features read: {source}, {target}"]
    return f"tfds:{name}", openers, (source, target), notes


def _builder(name: str) -> Any:
    try:
        return tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise DataError(
            f"TensorFlow Datasets has no data set {name!r}: {str(error).splitlines()[0]}"
        ) from error


def _fetch(builder: Any) -> dict[str, str]:
    """Downloads a data set where that has not been done; the split of each part."""
    try:
        builder.download_and_prepare()
    except OSError as error:  # of the disk, or of requests
        raise DataError(
            f"tfds:{builder.name} could not be fetched to {builder.data_dir} ({error}); check the "
            "network and the disk"
        ) from error
    found = {}
    for part, names in SPLITS.items():
        splits = [split for split in names if split in builder.info.splits]
        if splits:
            found[part] = splits[0]
    if "train" not in found:
        raise DataError(
            f"tfds:{builder.name} has no split for training, only {sorted(builder.info.splits)}"
        )
    return found


def _text_feature(name: str, features: Mapping[str, Any], wanted: str) -> str:
    """Chooses the feature that holds the text."""
    texts = [key for key, value in features.items() if _is_text(value)]
    if wanted in texts:
        return wanted
    if wanted or not texts:
        raise DataError(
            f"tfds:{name} has no text feature {wanted or 'at all'}; its features are "
            f"{sorted(features)}, of which text: {texts}; name one as tfds:{name}:FEATURE"
        )
    return "text" if "text" in texts else texts[0]


def _is_text(feature: Any) -> bool:
    """Says whether a feature is one string per example."""
    dtype = getattr(feature, "np_dtype", None)
    return getattr(feature, "shape", None) == () and dtype in (object, str, bytes)


def _open_tfds(builder: Any, split: str, feature: str, errors: str) -> Opener:
    """Reads the split in batches, in its stored order."""

    def read(counts: Counter[str], line_limit: int | None) -> Iterator[str]:
        examples = builder.as_dataset(split=split, shuffle_files=False)
        column = examples.map(lambda example: example[feature]).batch(1024).prefetch(2)
        for data in chain.from_iterable(column.as_numpy_iterator()):
            try:
                text = data.decode("utf-8", errors)
            except UnicodeDecodeError as error:
                raise DataError(
                    f"tfds:{builder.name} holds a {feature} that is not UTF-8 ({error}): "
                    f"{data[:40]}; read it with read_texts(source, errors='replace')"
                ) from error
            counts["broken_bytes"] += text.count("\ufffd") - data.count(b"\xef\xbf\xbd")
            yield text

    return read
