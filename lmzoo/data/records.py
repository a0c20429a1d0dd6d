"""The kinds of records that tasks read, and the checks of what goes into them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lmzoo.data.corpus import Located, Record
from lmzoo.errors import ArgumentError, DataError

# Between the texts of an example that has several: users write it into texts to be classified.
SEPARATOR = " ||| "


@dataclass(frozen=True)
class Kind:
    """One kind of records.

    Args:
        name: what errors call them: "pairs".
        keys: the keys of a record, in the order of `columns`.
        most: how many columns there may be; None: any number, of texts that are joined.
        columns, item: what `columns` and an item of a list need, for errors.
        make: makes a record from the values of columns, their names, and the place of the record.
        extra: a key that a record may have besides, whose value comes behind the others.
    """

    name: str
    keys: tuple[str, ...]
    most: int | None
    columns: str
    item: str
    make: Callable[[Sequence[Any], Sequence[str], str], Record]
    extra: str | None = None

    def check_columns(self, columns: Sequence[str | int] | None) -> tuple[str, ...] | None:
        """The names of columns as strings; refuses too few, too many, or the same twice."""
        if columns is None:
            return None
        names = [columns] if isinstance(columns, str) else [str(name) for name in columns]
        if not len(self.keys) <= len(set(names)) == len(names) <= (self.most or len(names)):
            raise ArgumentError(f"columns is {columns!r}: give {self.columns}")
        return tuple(names)

    def from_item(self, item: Any, place: str) -> Record:
        """Makes a record of an item of a list: values in the order of the keys, or a dict."""
        names = self.keys
        if isinstance(item, dict):
            if missing := [key for key in self.keys if key not in item]:
                raise DataError(f"{place} has no {missing[0]!r}: {str(item)[:60]}")
            values: Sequence[Any] = [item[key] for key in self.keys] + self.extras(item)
        elif len(self.keys) == 1:
            values = [item]
        else:
            fits = isinstance(item, list | tuple) and len(item) in (len(names), self.most)
            if not fits:
                raise DataError(
                    f"{place} is {str(item)[:60]!r}: give {self.item}; files are given as "
                    "pathlib.Path"
                )
            values = item
        return self.make(values, names, place)

    def extras(self, record: Mapping[str, Any]) -> list[Any]:
        """The value of the key that a record may have besides, if it is there."""
        return [record[self.extra]] if self.extra and self.extra in record else []


def _text(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
    if not isinstance(values[0], str):
        raise DataError(
            f"{place} is {type(values[0]).__name__}, not a string; decode bytes with "
            ".decode('utf-8'), and do not mix texts with paths"
        )
    return {"text": values[0]}


def _pair(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
    """A source in sentences is joined; of several targets the first is taken."""
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str | list):
            raise DataError(
                f"{place}: {name!r} is {str(value)[:40]}, neither a text nor a list of texts"
            )
    source, target = values
    source = source if isinstance(source, str) else " ".join(map(str, source))
    target = target if isinstance(target, str) else str(next(iter(target), ""))
    return Located({"source": source, "target": target}, place)


def _labeled(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
    *texts, label = values
    for name, text in zip(names, texts, strict=False):
        if not isinstance(text, str):
            raise DataError(f"{place}: {name!r} holds {str(text)[:40]!r}, which is not a text")
    text = texts[0] if len(texts) == 1 else SEPARATOR.join(texts)
    return Located({"text": text, "label": checked_label(label, place)}, place)


def checked_label(label: Any, place: str) -> str:
    """The label, a string or a whole number, as a string without white space around it."""
    if isinstance(label, bool) or not isinstance(label, str | int):
        raise DataError(
            f"{place}: the label is {str(label)[:40]!r}, neither a string nor a whole number; "
            "check which column holds the labels"
        )
    if not (text := str(label).strip()):
        raise DataError(f"{place} has no label; label it, or take it out")
    return text


def _tagged(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
    tokens, tags, *rest = values
    for name, found in (("tokens", tokens), ("tags", tags)):
        if not isinstance(found, list | tuple) or not all(isinstance(v, str) for v in found):
            raise DataError(f"{place}: its {name} are {str(found)[:60]}; give a list of strings")
    if len(tokens) != len(tags):
        raise DataError(
            f"{place} has {len(tokens)} tokens and {len(tags)} tags; each token needs one tag: "
            f"{' '.join(tokens)[:60]!r}"
        )
    for number, tag in enumerate(tags):
        if not tag.strip():
            raise DataError(f"{place}: the tag of its token {number} is empty; each needs one")
    record: Record = {"tokens": list(tokens), "tags": list(tags)}
    if rest:
        if not (isinstance(rest[0], str) and rest[0]):
            raise DataError(f"{place}: its intent is {str(rest[0])[:60]!r}; give a string")
        record["intent"] = rest[0]
    return Located(record, place)


def _dialogue(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
    turns, *speakers = values
    try:
        turns = [(t["speaker"], t["text"]) if isinstance(t, dict) else t for t in turns]
        record: Record = {"turns": [(str(speaker), str(text)) for speaker, text in turns]}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{place} is {str(turns)[:60]!r}: give turns [speaker, text]") from error
    if speakers:
        record["speakers"] = list(speakers[0])
    return Located(record, place)


TEXTS = Kind("texts", ("text",), 1, "one name, that of the text", "strings", _text)
PAIRS = Kind(
    name="pairs",
    keys=("source", "target"),
    most=2,
    columns="two names, that of the source and that of the target",
    item="(source, target), two strings",
    make=_pair,
)
LABELED = Kind(
    name="labeled texts",
    keys=("text", "label"),
    most=None,
    columns="two names, that of the text and that of the label, or more where an example has "
    "several texts",
    item="(text, label)",
    make=_labeled,
)
TAGGED = Kind(
    name="sentences",
    keys=("tokens", "tags"),
    most=3,
    columns="two names, that of the tokens and that of their tags, or a third, that of the intent",
    item="(tokens, tags), two lists of strings, or (tokens, tags, intent)",
    make=_tagged,
    extra="intent",
)
DIALOGUES = Kind(
    "dialogues", ("turns",), 1, "one name, that of the turns", "turns", _dialogue, "speakers"
)
