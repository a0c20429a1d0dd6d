"""What data sets of a hub have in common: the features that hold records, and their values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.records import LABELED, PAIRS, TAGGED, TEXTS, Kind
from lmzoo.errors import DataError

# What data sets call tags, the most common first.
_TAG_NAMES = ("ner", "tags", "ner_tags", "upos", "pos", "labels")
# The types of features that may hold the value of a key.
_TYPES = {
    "text": ("text",),
    "source": ("text",),
    "target": ("text",),
    "label": ("class", "number", "text"),
    "tokens": ("texts",),
    "tags": ("classes", "texts"),
    "intent": ("class", "text"),
}


@dataclass(frozen=True)
class Feature:
    """What a feature holds: its type, and the names of its classes.

    Types are "text", "class" (a number that stands for a name), "number", "texts" or "classes"
    (sequences of these), and "other".
    """

    type: str
    names: Sequence[str] = ()


@dataclass(frozen=True)
class DataSet:
    """A data set of a hub.

    Args:
        name: with the hub: "tfds:imdb_reviews".
        features: by name.
        fetch: downloads it where that has not been done; gives its own name of each split.
        rows: opens a split (its own name) and gives the values of some features of each example.
        supervised: the features that the data set itself calls input and target.
    """

    name: str
    features: Mapping[str, Feature]
    fetch: Callable[[], Mapping[str, str]]
    rows: Callable[[str, Sequence[str]], Iterator[Sequence[Any]]]
    supervised: Sequence[str] | None = None


def read_data_set(
    data: DataSet, kind: Kind, columns: Sequence[str] | None, errors: str = "strict"
) -> Corpus:
    """Makes a corpus of a data set.

    `columns` are the features that hold the records; None: those that the data set itself calls
    input and target, or the only ones of their type. A split whose labels are missing, as in
    GLUE's tests, is left out. `errors`, "strict" or "replace", is for texts that are not UTF-8.
    """
    chosen = _choose(data, kind, columns)
    notes = [f"features read: {', '.join(chosen)}"]
    splits: dict[str, Opener] = {}
    for split, own_name in data.fetch().items():
        # Data sets write -1 where there is no label.
        if kind is LABELED and data.features[chosen[-1]].type == "class":
            first = next(data.rows(own_name, chosen[-1:]), [0])
            if int(first[0]) < 0:
                notes.append(f"{split} is left out: its texts have no labels")
                continue
        splits[split] = _open(data, own_name, kind, chosen, errors)
    if "train" not in splits:
        raise DataError(
            f"{data.name} has no labels for training in {chosen[-1]!r}; choose with columns"
        )
    return Corpus(data.name, splits, notes)


def _choose(data: DataSet, kind: Kind, columns: Sequence[str] | None) -> tuple[str, ...]:
    """The features that hold the records."""
    chosen = tuple(map(str, columns or _usual(data, kind)))
    keys = list(kind.keys)
    if kind is LABELED:  # several texts, and the label last
        keys = ["text"] * (len(chosen) - 1) + ["label"]
    elif len(chosen) > len(keys) and kind.extra:
        keys.append(kind.extra)
    fits = len(chosen) == len(keys) > 0 and all(
        name in data.features and data.features[name].type in _TYPES[key]
        for name, key in zip(chosen, keys, strict=True)
    )
    if not fits:
        features = ", ".join(f"{name} ({found.type})" for name, found in data.features.items())
        raise DataError(
            f"{data.name} has the features {features}: columns needs {kind.columns}"
            + (f", not {chosen}" if chosen else "")
        )
    return chosen


def _usual(data: DataSet, kind: Kind) -> Sequence[str]:
    """The features that need no choice; empty where they do."""

    def of(*types: str) -> list[str]:
        return [name for name, feature in data.features.items() if feature.type in types]

    if all(key in of(*_TYPES[key]) for key in kind.keys):
        return kind.keys
    if kind is TEXTS:
        return of("text")[:1]
    if kind is TAGGED:
        tags = [name for name in _TAG_NAMES if name in of("classes")] or of("classes")
        return [*of("texts"), *tags[:1]] if len(of("texts")) == 1 else ()
    if data.supervised is not None or kind is PAIRS:
        return data.supervised or ()
    alone = len(of("text")) == len(of("class")) == 1
    return of("text", "class") if alone else ()


def _open(data: DataSet, own_name: str, kind: Kind, chosen: Sequence[str], errors: str) -> Opener:
    features = [data.features[name] for name in chosen]

    def records() -> Iterator[Record]:
        for number, row in enumerate(data.rows(own_name, chosen)):
            place = f"{data.name}, {own_name}, example {number:,}"
            values = [
                _value(value, feature, place, errors)
                for value, feature in zip(row, features, strict=True)
            ]
            record = kind.make(values, chosen, place)
            if errors == "replace" and isinstance(row[0], bytes):
                broken = values[0].count("\ufffd") - row[0].count(b"\xef\xbf\xbd")
                record |= {"repaired": {"broken_bytes": broken}} if broken else {}
            yield record

    return records


def _value(value: Any, feature: Feature, place: str, errors: str) -> Any:
    """The value of a feature as text, label or list of texts."""
    if feature.type in ("texts", "classes"):
        one = Feature("text" if feature.type == "texts" else "class", feature.names)
        return [_value(item, one, place, errors) for item in value]
    if feature.type == "text":
        try:
            return value.decode("utf-8", errors) if isinstance(value, bytes) else value
        except UnicodeDecodeError as error:
            raise DataError(
                f"{place} is not UTF-8 ({error}): {value[:40]!r}; repair it (read_texts reads "
                "texts with errors='replace')"
            ) from error
    if feature.type == "class" and not 0 <= int(value) < len(feature.names):
        raise DataError(f"{place} has the label {value}, which has no name")
    return feature.names[int(value)] if feature.type == "class" else int(value)
