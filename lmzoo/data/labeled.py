"""Texts with labels: tables, folders, trees, lists, data sets, the embedded grammar."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.label_folders import (
    UNLABELED,
    find_class_files,
    find_class_folders,
    read_class_files,
    read_class_folders,
)
from lmzoo.data.label_forms import (
    Row,
    as_example,
    encoding_of,
    read_json,
    read_label_first,
    read_label_table,
)
from lmzoo.data.pairs import sample_parts
from lmzoo.data.parts import existing, list_files, sort_by_part
from lmzoo.data.sources import PARTS
from lmzoo.data.tables import TABLES, stem
from lmzoo.data.trees import read_trees
from lmzoo.errors import ArgumentError, DataError

Example: TypeAlias = tuple[str, str]
LabelSource: TypeAlias = "str | Path | Sequence[Any] | Mapping[str, Any] | Labeled"
Rows: TypeAlias = Callable[[], Iterable[Row]]

TREES = ("trees", "binary trees")
FORMS = ("table", "label first", "coarse label first", "folders", "files", *TREES, "json")
GRAMMARS = {"grammar": "sentiment", "grammar:sentiment": "sentiment", "grammar:topic": "topic"}
_SAMPLED = "a sample of the grammar: repetitions are part of its distribution and stay"


@dataclass(frozen=True)
class Labeled:
    """Labeled texts by part (train, valid, test) that can be read any number of times.

    Args:
        name: what an error or a report calls them.
        openers: for each part, a function that opens it: (text, label), both strings.
        notes: sentences for the report.
        lines: for parts that are lines of a file, a function that gives each example's line.
    """

    name: str
    openers: Mapping[str, Callable[[], Iterator[Example]]]
    notes: list[str] = field(default_factory=list)
    lines: Mapping[str, Callable[[], Iterator[int]]] = field(default_factory=dict)

    def read(self, part: str = "train") -> Iterator[Example]:
        """Reads one part from its beginning: (text, label), both strings."""
        return self.openers[part]()

    def place(self, part: str, number: int) -> str:
        """Where an example stands, for errors; `number` counts from 1, texts without words too."""
        lines = self.lines[part]() if part in self.lines else iter(())
        if line := next(itertools.islice(lines, number - 1, None), 0):
            return f"{part}, line {line:,}"
        return f"{part}, example {number:,}"


def read_labeled(
    source: LabelSource,
    *,
    fields: Sequence[str | int] | None = None,
    form: str | None = None,
    grammar_documents: int = 20_000,
    seed: int = 0,
) -> Labeled:
    """Finds the labeled texts that a source names; they are read later, and may be read again.

    Args:
        source: one of
            a table: .tsv or .csv (columns), .jsonl (keys), plain or .gz;
            a folder, or a path that ends in a pattern such as `sst/stsa.binary.*`: one file for
            each part, told by its name (`train.tsv`, `dev.tsv.gz`, `test.tsv`);
            a folder that holds a folder for each label (`train/pos/*.txt`, `test/neg/*.txt`);
            JSON with lists of [text, label] by part, as CLINC150 has it;
            a list of (text, label); a label is a string or a whole number;
            "tfds:NAME", a data set of TensorFlow Datasets with a text and a label;
            "grammar", the embedded corpus with the sentiment of each text, or "grammar:topic";
            a dictionary from "train", "valid", "test" to files or lists.
        fields: columns (numbers from 0, or names that the first row holds), keys or features of
            text and label. None: "text" and "label" where the first row has one of these names,
            else columns 0 and 1; the keys "text" and "label"; the data set's own. Of three or more
            the last is the label's; the texts before it are joined by " ||| ", as in
            ("premise", "hypothesis", "label").
        form: what files hold, where their names do not tell:
            "table": columns parted by tabs;
            "label first": lines such as `1 a fine film`;
            "coarse label first": `LOC:city Where is it ?`, with the label LOC;
            "files": a text in each line, the label is the file's suffix (`rt-polarity.pos`);
            "folders": a text in each file, the label is the folder's name;
            "trees": labeled trees such as `(3 (2 a) (4 film))`: every phrase for training, whole
            sentences for validation and test; "binary trees": their five grades as two;
            "json".
            With a form, files that are not UTF-8 are read as latin-1, which the notes then say.
        grammar_documents: texts for training from the grammar; for validation there is a fresh
            sample, a tenth as many but at least 500 and at most 2,000.
        seed: of the grammar's sample.

    Returns:
        The labeled texts by part.

    Raises:
        DataError: what is missing, a text without label, a file in another form.
        ArgumentError: `fields` that are fewer than two, or not there; an unknown form.

    Example:
        >>> import lmzoo
        >>> found = lmzoo.data.read_labeled([("a fine film", "good"), ("a bore", "bad")])
        >>> next(found.read("train"))
        ('a fine film', 'good')
    """
    chosen = _check_fields(fields)
    if form is not None and form not in FORMS:
        raise ArgumentError(f"form is {form!r}; the forms are {', '.join(FORMS)}")
    if isinstance(source, Labeled):
        return source
    if isinstance(source, Mapping):
        return _read_parts(source, chosen, form)
    if isinstance(source, str) and source.startswith("tfds:"):
        from lmzoo.data.tfds_labels import read_tfds_labels

        return Labeled(*read_tfds_labels(source.removeprefix("tfds:"), chosen))
    if isinstance(source, str) and source in GRAMMARS:
        return _read_grammar(source, grammar_documents, seed)
    if isinstance(source, str | Path):
        return _read_path(Path(source), chosen, form)
    return _from_rows("the given texts", {"train": _open_items(source, "train")})


def _check_fields(fields: Sequence[str | int] | None) -> tuple[str, ...] | None:
    """Two or more different names, or None."""
    if fields is None:
        return None
    names = [str(name) for name in fields] if not isinstance(fields, str) else [fields]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ArgumentError(
            f"fields is {fields!r}: give two names, that of the text and that of the label, or "
            "more where an example has several texts"
        )
    return tuple(names)


def _from_rows(name: str, rows: Mapping[str, Rows], notes: Sequence[str] = ()) -> Labeled:
    """Labeled texts from functions that open their rows."""

    def open_part(part: str) -> Callable[[], Iterator[Example]]:
        return lambda: ((text, label) for _, text, label in rows[part]())

    def open_lines(part: str) -> Callable[[], Iterator[int]]:
        return lambda: (line for line, _, _ in rows[part]())

    openers = {part: open_part(part) for part in rows}
    return Labeled(name, openers, list(notes), {part: open_lines(part) for part in rows})


def _read_parts(source: Mapping[str, Any], fields: Any, form: str | None) -> Labeled:
    """Reads a dictionary of parts."""
    if "train" not in source or set(source) - set(PARTS):
        raise DataError(
            f'a dictionary of labeled texts has the keys {sorted(source)}; it needs "train", and '
            'may have "valid" and "test"'
        )
    rows, names, notes = {}, [], []
    for part, value in source.items():
        if isinstance(value, str | Path):
            rows[part], found = _open_file(existing(Path(value)), part, fields, form)
            notes += found
        else:
            rows[part] = _open_items(value, part)
        names.append(f"{part}: {value}" if isinstance(value, str | Path) else f"{part}: given")
    if form in TREES and "valid" not in rows:
        notes.append(
            "there are no trees for validation: what is set aside are phrases, and other phrases "
            "of their sentences stay in training"
        )
    return _from_rows(", ".join(names), rows, notes)


def _open_items(source: Any, part: str) -> Rows:
    """Checks a list of (text, label) once, and opens it."""
    items = source if isinstance(source, list | tuple) else list(source)
    rows = [(0, *as_example(item, f"item {n} of {part}")) for n, item in enumerate(items)]
    return lambda: iter(rows)


def _read_path(path: Path, fields: Any, form: str | None) -> Labeled:
    """Reads a file, a folder, or the files of a pattern."""
    if path.is_file():
        if form == "json" or (form is None and stem(path).suffix == ".json"):
            parts, notes = read_json(path)
            rows = {part: _again(found) for part, found in parts.items()}
            return _from_rows(str(path), rows, notes)
        return _named(path, _read_parts({"train": path}, fields, form))
    files = list_files(path)
    if form == "files":
        classes = find_class_files(path, files)
        return _from_classes(path, classes, read_class_files, is_checked=True)
    tables = [file for file in files if stem(file).suffix in TABLES]
    may_be_folders = form == "folders" or (form is None and not tables)
    if path.is_dir() and may_be_folders and (classes := find_class_folders(path)):
        return _from_classes(path, classes, read_class_folders, is_checked=form is not None)
    if form == "folders":
        raise DataError(f"{path} holds no folders with files, such as train/pos/1.txt")
    if form is None and not tables:
        raise _formless(path)
    if form is not None:
        tables = [file for file in files if not file.name.lower().startswith("readme")]
    return _named(path, _read_parts(sort_by_part(path, tables, "labeled texts"), fields, form))


def _named(path: Path, found: Labeled) -> Labeled:
    """The same under the name of their folder."""
    return Labeled(str(path), found.openers, found.notes, found.lines)


def _again(rows: list[Row]) -> Rows:
    return lambda: iter(rows)


def _formless(path: Path) -> DataError:
    return DataError(
        f"{path} is no table ({', '.join(TABLES)}, plain or .gz), no .json, and no folder of them "
        f"or of folders named by labels; say what it holds with form: {', '.join(FORMS)}"
    )


def _from_classes(
    path: Path,
    classes: Mapping[str, Mapping[str, list[Path]]],
    read: Callable[..., Iterator[Row]],
    *,
    is_checked: bool,
) -> Labeled:
    """Labeled texts whose files' or folders' names are labels."""
    paths = [file for by in classes.values() for found in by.values() for file in found]
    encodings = {f: "latin-1" for f in paths if is_checked and encoding_of(f) == "latin-1"}
    notes = [f"labels of {part}: {', '.join(by)}" for part, by in classes.items()]
    notes += _said(list(encodings))
    if read is read_class_folders and any(path.glob(f"**/{UNLABELED}")):
        notes.append(f"the folder {UNLABELED} is left out: its texts have no labels")

    def open_part(part: str) -> Rows:
        return lambda: read(classes[part], encodings)

    return _from_rows(str(path), {part: open_part(part) for part in classes}, notes)


def _said(files: Sequence[Path]) -> list[str]:
    """The note that names files in another encoding."""
    if not files:
        return []
    names = ", ".join(file.name for file in files[:4]) + (", ..." if len(files) > 4 else "")
    return [f"read as latin-1, because they are not UTF-8: {len(files)} files, {names}"]


def _open_file(path: Path, part: str, fields: Any, form: str | None) -> tuple[Rows, list[str]]:
    """Opens one file of a part; the second value are sentences for the report."""
    if form == "table" or (form is None and stem(path).suffix in TABLES):
        return lambda: read_label_table(path, fields), []
    if form == "json" or (form is None and stem(path).suffix == ".json"):
        parts, notes = read_json(path)
        if set(parts) != {"train"}:
            raise DataError(f"{path} holds the parts {', '.join(parts)}; give it alone")
        return _again(parts["train"]), notes
    if form is None:
        raise _formless(path)
    if form in ("files", "folders"):
        raise DataError(f"{path} is one file; form={form!r} reads a folder or a pattern")
    encoding = encoding_of(path)
    notes = _said([path] if encoding != "utf-8" else [])
    if form not in TREES:
        coarse = form.startswith("coarse")
        return lambda: read_label_first(path, coarse=coarse, encoding=encoding), notes
    phrases, binary = part == "train", form.startswith("binary")
    if phrases:
        notes.append(f"{path.name}: every phrase of its trees, each once")
    return lambda: read_trees(path, phrases=phrases, binary=binary, encoding=encoding), notes


def _read_grammar(source: str, count: int, seed: int) -> Labeled:
    """Samples the embedded corpus."""
    from lmzoo.grammar.labels import labeled

    if count < 1:
        raise ArgumentError(f"grammar_documents is {count}; it must be at least 1")

    def draw(number: int, *, seed: int) -> list[Example]:
        return labeled(number, seed=seed, kind=GRAMMARS[source])

    return Labeled(source, sample_parts(draw, count, seed), [_SAMPLED])
