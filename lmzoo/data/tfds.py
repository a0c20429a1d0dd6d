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
    try:
        builder = tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise DataError(
            f"TensorFlow Datasets has no data set {name!r}: {str(error).splitlines()[0]}"
        ) from error
    feature = _text_feature(name, dict(builder.info.features.items()), wanted)
    try:
        builder.download_and_prepare()
    except OSError as error:  # of the disk, or of requests
        raise DataError(
            f"tfds:{name} could not be fetched to {builder.data_dir} ({error}); check the network "
            "and the disk"
        ) from error
    openers: dict[str, Opener] = {}
    for part, names in SPLITS.items():
        splits = [split for split in names if split in builder.info.splits]
        if splits:
            openers[part] = _open_tfds(builder, splits[0], feature, errors)
    if "train" not in openers:
        raise DataError(
            f"tfds:{name} has no split for training, only {sorted(builder.info.splits)}"
        )
    notes = [f"feature read: {feature}"]
    return f"tfds:{name}", openers, notes


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
