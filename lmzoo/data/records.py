"""The kinds of records that tasks read, and the checks of what goes into them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from lmzoo.data.corpus import Located, Record
from lmzoo.errors import ArgumentError, DataError

# Between the texts of an example that has several: users write it into texts to be classified.
SEPARATOR = " ||| "
# The key of the error in a record that stands for something unusable.
REFUSED = "refused"
# Names or numbers of what is read, one for each key of the records.
Columns: TypeAlias = Sequence[str | int] | None


# ASCII's, which alone separate words and columns: a no-break space is part of a word, or a word.
BLANKS = " \t\n\r\v\f"


def split_blanks(line: str) -> list[str]:
    """The words of a line that ASCII's blanks separate."""
    return re.findall(f"[^{BLANKS}]+", line)


def _raise(error: DataError) -> Record:
    raise error


@dataclass(frozen=True)
class Kind:
    """One kind of records: keys in the order of columns, of which there may be `most` (None: any).

    `columns`, `item`: what these need, for errors. `make`: values, names, place -> record.
    `extra`: a key that a record may have besides, whose value comes behind the others. `refuse`:
    raises the error of what cannot be used, or makes a record of it that `is_refused`.
    """

    name: str
    keys: tuple[str, ...]
    most: int | None
    columns: str
    item: str
    make: Callable[[Sequence[Any], Sequence[str], str], Record]
    extra: str | None = None
    refuse: Callable[[DataError], Record] = _raise

    def lenient(self) -> "Kind":
        """The same kind, whose unusable records are refused without an error."""

        def make(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
            try:
                return self.make(values, names, place)
            except DataError as error:
                return refuse(error)

        def refuse(error: DataError) -> Record:
            return {REFUSED: str(error)}

        return replace(self, make=make, refuse=refuse)

    def check_columns(self, columns: Columns) -> tuple[str, ...] | None:
        """The names of columns as strings; refuses too few, too many, or the same twice."""
        if columns is None:
            return None
        names = [columns] if isinstance(columns, str) else [str(name) for name in columns]
        if not len(self.keys) <= len(set(names)) == len(names) <= (self.most or len(names)):
            raise ArgumentError(f"columns is {columns!r}: give {self.columns}")
        return tuple(names)

    def from_item(self, item: Any, place: str) -> Record:
        """Makes a record of an item of a list: values in the order of the keys, or a dict."""
        if isinstance(item, dict):
            if missing := [key for key in self.keys if key not in item]:
                return self.refuse(DataError(f"{place} has no {missing[0]!r}: {str(item)[:60]}"))
            extra = [item[self.extra]] if self.extra in item else []
            item = [item[key] for key in self.keys] + extra
        elif len(self.keys) == 1:
            item = [item]
        elif not isinstance(item, list | tuple) or len(item) not in (len(self.keys), self.most):
            return self.refuse(DataError(
                f"{place} is {str(item)[:60]!r}: give {self.item}; files are given as pathlib.Path"
            ))  # fmt: skip
        return self.make(item, self.keys, place)


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
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            value = str(value)[:40]
            raise DataError(f"{place}: {name!r} is {value}, neither a text nor a list of texts")
    source, target = values
    source = source if isinstance(source, str) else " ".join(source)
    target = target if isinstance(target, str) else next(iter(target), "")
    return Located({"source": source, "target": target}, place)


def _labeled(values: Sequence[Any], names: Sequence[str], place: str) -> Record:
    *texts, label = values
    for name, text in zip(names, texts, strict=False):
        if not isinstance(text, str):
            raise DataError(f"{place}: {name!r} holds {str(text)[:40]!r}, which is not a text")
    return Located({"text": SEPARATOR.join(texts), "label": checked_label(label, place)}, place)


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
        record: Record = {"turns": [(speaker, text) for speaker, text in turns]}
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{place} is {str(turns)[:60]!r}: give turns [speaker, text]") from error
    for number, turn in enumerate(record["turns"]):
        if not all(isinstance(part, str) for part in turn):
            raise DataError(f"{place}: turn {number} is {str(turn)[:60]}; give two strings")
    if speakers:
        record["speakers"] = list(speakers[0])
    return Located(record, place)


TEXTS = Kind("texts", ("text",), 1, "one name, that of the text", "strings", _text)
_COLUMNS = "two names, that of the {} and that of {}"
PAIRS = Kind(
    "pairs", ("source", "target"), 2, _COLUMNS.format("source", "the target"),
    "(source, target), two strings", _pair,
)  # fmt: skip
LABELED = Kind(
    "labeled texts", ("text", "label"), None,
    _COLUMNS.format("text", "the label, or more where an example has several texts"),
    "(text, label)", _labeled,
)  # fmt: skip
TAGGED = Kind(
    "sentences", ("tokens", "tags"), 3,
    _COLUMNS.format("tokens", "their tags, or a third, that of the intent"),
    "(tokens, tags), two lists of strings, or (tokens, tags, intent)", _tagged, "intent",
)  # fmt: skip
DIALOGUES = Kind(
    "dialogues", ("turns",), 1, "one name, that of the turns", "turns", _dialogue, "speakers"
)
