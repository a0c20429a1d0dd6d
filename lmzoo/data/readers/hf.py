"""Data sets of the Hugging Face hub: hf:NAME, through the optional package `datasets`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any

from lmzoo.data.corpus import Corpus
from lmzoo.data.readers.hubs import DataSet, Feature, read_data_set
from lmzoo.data.records import Kind
from lmzoo.data.splits import splits_by_name
from lmzoo.errors import DataError


def read_hf(rest: str, kind: Kind, columns: Sequence[str] | None) -> Corpus:
    """Reads "NAME" or "NAME:CONFIGURATION", such as "nyu-mll/glue:sst2"; see `read_data_set`."""
    try:
        import datasets
    except ImportError as error:
        remedy = "pip install 'lmzoo[hf]', or give the data as files"
        raise DataError(f"hf:{rest} needs the package datasets: {remedy}") from error
    name, _, configuration = rest.partition(":")
    try:
        loaded = datasets.load_dataset(name, configuration or None)
    except (OSError, ValueError, RuntimeError) as error:  # no network, no such name, a script
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"hf:{rest} could not be fetched ({first}); check the name, its configuration "
            "(hf:NAME:CONFIGURATION) and the network"
        ) from error
    train = splits_by_name(f"hf:{rest}", loaded)["train"]
    found = _features(loaded[train].features)

    def rows(split: str, names: Sequence[str]) -> Iterator[Sequence[Any]]:
        paths = [found[name][1] for name in names]
        for example in loaded[split].select_columns(sorted({path[0] for path in paths})):
            yield [reduce(getitem, path, example) for path in paths]

    features = {name: feature for name, (feature, _) in found.items()}
    return read_data_set(DataSet(f"hf:{rest}", features, lambda: loaded, rows), kind, columns)


def _features(given: Mapping[str, Any]) -> dict[str, tuple[Feature, tuple[str, ...]]]:
    """The features, and where their values stand; languages of translations are features."""
    features: dict[str, tuple[Feature, tuple[str, ...]]] = {}
    for name, feature in given.items():
        languages = getattr(feature, "languages", None) or ()
        features |= {language: (Feature("text"), (name, language)) for language in languages}
        if not languages:
            features[name] = _feature(feature), (name,)
    return features


def _feature(feature: Any) -> Feature:
    """What a feature holds; `datasets` has changed the class of sequences, but not their form."""
    inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
    if inner is not None:
        return _feature(inner).sequence()
    if names := getattr(feature, "names", None):
        return Feature("class", list(names))
    dtype = str(getattr(feature, "dtype", ""))
    if dtype in ("string", "large_string"):
        return Feature("text")
    return Feature("number" if dtype.lstrip("u").startswith("int") else "other")
