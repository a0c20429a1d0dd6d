"""Data sets of TensorFlow Datasets: tfds:NAME."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from lmzoo.data.corpus import Corpus
from lmzoo.data.readers.hubs import DataSet, Feature, read_data_set
from lmzoo.data.records import TEXTS, Kind
from lmzoo.errors import DataError


def read_tfds(
    rest: str, kind: Kind, columns: Sequence[str] | None, errors: str = "strict"
) -> Corpus:
    """Reads "NAME", or for texts "NAME:FEATURE"; see `read_data_set`."""
    name, _, feature = rest.partition(":")
    if kind.name == TEXTS.name and feature:
        columns = (feature,)
    builder = _builder(name)
    features = {key: _feature(value) for key, value in builder.info.features.items()}

    def rows(split: str, names: Sequence[str]) -> Iterator[Sequence[Any]]:
        examples = builder.as_dataset(split=split, shuffle_files=False)
        chosen = examples.map(lambda example: tuple(example[key] for key in names))
        if any(features[key].type in ("texts", "classes") for key in names):
            return chosen.prefetch(64).as_numpy_iterator()
        batches = chosen.batch(1024).prefetch(2).as_numpy_iterator()
        return (row for batch in batches for row in zip(*batch, strict=True))

    supervised = getattr(builder.info, "supervised_keys", None)
    data = DataSet(f"tfds:{name}", features, lambda: _fetch(builder), rows, supervised)
    return read_data_set(data, kind, columns, errors)


def _builder(name: str) -> Any:
    try:
        return tfds.builder(name)
    except (tfds.core.DatasetNotFoundError, ValueError) as error:
        raise DataError(
            f"TensorFlow Datasets has no data set {name!r}: {str(error).splitlines()[0]}"
        ) from error


def _fetch(builder: Any) -> Iterable[str]:
    """Downloads a data set where that has not been done; its own names of splits."""
    try:
        builder.download_and_prepare()
    except OSError as error:  # of the disk, or of requests
        raise DataError(
            f"tfds:{builder.name} could not be fetched to {builder.data_dir} ({error}); check the "
            "network and the disk"
        ) from error
    splits: Iterable[str] = builder.info.splits
    return splits


def _feature(feature: Any) -> Feature:
    shape = getattr(feature, "shape", None)
    if isinstance(feature, tfds.features.Sequence):
        return _feature(feature.feature).sequence() if shape == (None,) else Feature("other")
    dtype = getattr(feature, "np_dtype", None)
    if shape != ():
        return Feature("other")
    if dtype in (object, str, bytes):
        return Feature("text")
    if isinstance(dtype, type | np.dtype) and np.issubdtype(dtype, np.integer):
        names = getattr(feature, "names", None)
        return Feature("class", list(names)) if names else Feature("number")
    return Feature("other")
