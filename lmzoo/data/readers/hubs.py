"""What data sets of a hub have in common: the features that hold records, and their values."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from lmzoo.data.corpus import Corpus, Opener, Record
from lmzoo.data.records import LABELED, PAIRS, TAGGED, TEXTS, Kind
from lmzoo.data.splits import splits_by_name
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
    """A feature's type, "text", "class", "number", "texts", "classes" or "other"; class names."""

    type: str
    names: Sequence[str] = ()

    def sequence(self) -> "Feature":
        """The feature that holds a list of these."""
        return Feature({"text": "texts", "class": "classes"}.get(self.type, "other"), self.names)


@dataclass(frozen=True)
class DataSet:
    """A data set of a hub: `fetch` gives names of splits, `rows` features of each example."""

    name: str
    features: Mapping[str, Feature]
    fetch: Callable[[], Iterable[str]]
    rows: Callable[[str, Sequence[str]], Iterator[Sequence[Any]]]
    supervised: Sequence[str] | None = None


def read_data_set(
    data: DataSet, kind: Kind, columns: Sequence[str] | None, errors: str = "strict"
) -> Corpus:
    """Makes a corpus of `columns`, or of features that fit; leaves out splits without labels."""
    chosen = _choose(data, kind, columns)
    notes = [f"features read: {', '.join(chosen)}"]
    splits: dict[str, Opener] = {}
    has_classes = kind.name == LABELED.name and data.features[chosen[-1]].type == "class"
    own_names = sorted(map(str, data.fetch()))
    by_split = splits_by_name(data.name, own_names)
    if unused := sorted(set(own_names) - set(by_split.values())):
        notes.append(f"splits not used: {', '.join(unused)}")
    for split, own_name in by_split.items():
        # Data sets write -1 where there is no label.
        if has_classes and int(next(data.rows(own_name, chosen[-1:]), [0])[0]) < 0:
            notes.append(f"{split} is left out: its texts have no labels")
        else:
            splits[split] = partial(_read, data, own_name, kind, chosen, errors)
    if "train" not in splits:
        where = f"{data.name} has no labels for training in {chosen[-1]!r}"
        raise DataError(f"{where}; choose with columns")
    return Corpus(data.name, splits, notes)


def _choose(data: DataSet, kind: Kind, columns: Sequence[str] | None) -> tuple[str, ...]:
    chosen = tuple(map(str, columns or _usual(data, kind)))
    keys = list(kind.keys)
    if kind.name == LABELED.name:  # several texts, and the label last
        keys = ["text"] * (len(chosen) - 1) + ["label"]
    elif len(chosen) > len(keys) and kind.extra:
        keys.append(kind.extra)
    types = {name: feature.type for name, feature in data.features.items()}
    fitting = [types.get(name) in _TYPES[key] for name, key in zip(chosen, keys, strict=False)]
    if len(chosen) != len(keys) or not all(fitting):
        features = ", ".join(f"{name} ({type_})" for name, type_ in types.items())
        needed = kind.columns + (f", not {chosen}" if chosen else "")
        raise DataError(f"{data.name} has the features {features}: columns needs {needed}")
    return chosen


def _usual(data: DataSet, kind: Kind) -> Sequence[str]:
    """The features that need no choice; empty where they do."""

    def of(*types: str) -> list[str]:
        return [name for name, feature in data.features.items() if feature.type in types]

    if all(key in of(*_TYPES[key]) for key in kind.keys):
        return kind.keys
    if kind.name == TEXTS.name:
        return of("text")[:1]
    if kind.name == TAGGED.name:
        tags = [name for name in _TAG_NAMES if name in of("classes")] or of("classes")
        return [*of("texts"), *tags[:1]] if len(of("texts")) == 1 else ()
    if data.supervised is not None or kind.name == PAIRS.name:
        return data.supervised or ()
    alone = len(of("text")) == len(of("class")) == 1
    return of("text", "class") if alone else ()


def _read(
    data: DataSet, own_name: str, kind: Kind, chosen: Sequence[str], errors: str
) -> Iterator[Record]:
    for number, row in enumerate(data.rows(own_name, chosen)):
        place = f"{data.name}, {own_name}, example {number:,}"
        pairs = zip(row, chosen, strict=True)
        values = [_value(value, data.features[name], place, errors) for value, name in pairs]
        record = kind.make(values, chosen, place)
        if errors == "replace" and isinstance(row[0], bytes):
            broken = values[0].count("\ufffd") - row[0].count(b"\xef\xbf\xbd")
            record |= {"repaired": {"broken_bytes": broken}} if broken else {}
        yield record


def _value(value: Any, feature: Feature, place: str, errors: str) -> Any:
    """The value of a feature as text, label or list of texts."""
    if feature.type in ("texts", "classes"):
        one = Feature("text" if feature.type == "texts" else "class", feature.names)
        return [_value(item, one, place, errors) for item in value]
    if feature.type == "text":
        try:
            return value.decode("utf-8", errors) if isinstance(value, bytes) else value
        except UnicodeDecodeError as error:
            remedy = "repair it (read_texts reads texts with errors='replace')"
            raise DataError(f"{place} is not UTF-8 ({error}): {value[:40]!r}; {remedy}") from error
    if feature.type == "class" and not 0 <= int(value) < len(feature.names):
        raise DataError(f"{place} has the label {value}, which has no name")
    return feature.names[int(value)] if feature.type == "class" else int(value)
