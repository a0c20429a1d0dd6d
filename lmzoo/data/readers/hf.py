"""Data sets of the Hugging Face hub: hf:NAME, through the optional package `datasets`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lmzoo.data.corpus import Corpus
from lmzoo.data.readers.hubs import DataSet, Feature, read_data_set
from lmzoo.data.records import Kind
from lmzoo.data.splits import splits_by_name
from lmzoo.errors import DataError


def read_hf(rest: str, kind: Kind, columns: Sequence[str] | None) -> Corpus:
    """Reads "NAME" or "NAME:CONFIGURATION", such as "stanfordnlp/imdb" or "nyu-mll/glue:sst2".

    See `read_data_set`; the languages of translations are features.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            f"hf:{rest} needs the package datasets: pip install 'lmzoo[hf]', or give the data as "
            "files"
        ) from error
    name, _, configuration = rest.partition(":")
    try:
        loaded = datasets.load_dataset(name, configuration or None)
    except (OSError, ValueError, RuntimeError) as error:  # no network, no such name, a script
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"hf:{rest} could not be fetched ({first}); check the name, its configuration "
            "(hf:NAME:CONFIGURATION) and the network"
        ) from error
    splits = splits_by_name(f"hf:{rest}", loaded)
    features, paths = _features(loaded[splits["train"]].features)

    def rows(split: str, names: Sequence[str]) -> Iterator[Sequence[Any]]:
        chosen = [paths[name] for name in names]
        for example in loaded[split].select_columns(sorted({path[0] for path in chosen})):
            yield [_follow(example, path) for path in chosen]

    return read_data_set(DataSet(f"hf:{rest}", features, lambda: splits, rows), kind, columns)


def _features(
    given: Mapping[str, Any],
) -> tuple[dict[str, Feature], dict[str, tuple[str, ...]]]:
    """The features, and where their values stand; languages of translations are features."""
    features: dict[str, Feature] = {}
    paths: dict[str, tuple[str, ...]] = {}
    for name, feature in given.items():
        languages = getattr(feature, "languages", None)
        for language in languages or ():
            features[language], paths[language] = Feature("text"), (name, language)
        if not languages:
            features[name], paths[name] = _feature(feature), (name,)
    return features, paths


def _feature(feature: Any) -> Feature:
    """What a feature holds; `datasets` has changed the class of sequences, but not their form."""
    inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
    if inner is not None:
        one = _feature(inner)
        sequence = {"text": "texts", "class": "classes"}.get(one.type, "other")
        return Feature(sequence, one.names)
    if names := getattr(feature, "names", None):
        return Feature("class", list(names))
    dtype = str(getattr(feature, "dtype", ""))
    if dtype in ("string", "large_string"):
        return Feature("text")
    return Feature("number" if dtype.lstrip("u").startswith("int") else "other")


def _follow(example: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = example
    for key in path:
        value = value[key]
    return value
