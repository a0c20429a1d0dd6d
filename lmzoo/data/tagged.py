"""Sentences whose words have tags: column files, JSON lines, lists, data sets, the grammar."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from lmzoo.data.conll import read_conll
from lmzoo.data.parts import existing, list_files, part_of, sort_by_part
from lmzoo.data.sentences import PLAIN, Opener, Sentence, make_sentence, read_json, settle_tags
from lmzoo.data.sources import PARTS
from lmzoo.data.tables import stem
from lmzoo.data.tags import SCHEMES, check_scheme, convert_tags
from lmzoo.errors import ArgumentError, DataError

TaggedSentence: TypeAlias = tuple[list[str], list[str]]
TaggedSource: TypeAlias = "str | Path | Sequence[Any] | Mapping[str, Any] | Tagged"

SUFFIXES = (".conll", ".conllu", ".iob2", ".iob", ".bio", ".bioes", ".jsonl")
# Files that may hold sentences where there are none of the above.
_PERHAPS = (".txt", ".tsv")
KEYS = ("tokens", "tags")
_SAMPLED = "a sample of the grammar: repetitions are part of its distribution and stay"


@dataclass(frozen=True)
class Tagged:
    """Sentences by part (train, valid, test) that can be read any number of times.

    Args:
        name: what an error or a report calls them.
        openers: for each part, a function that opens it.
        scheme: by which the tags mark spans: "IOB1", "IOB2" or "IOBES"; None: they mark none.
        notes: sentences for the report.
    """

    name: str
    openers: Mapping[str, Opener]
    scheme: str | None = None
    notes: list[str] = field(default_factory=list)

    def read(self, part: str = "train") -> Iterator[TaggedSentence]:
        """Reads one part from its beginning: the words and the tags of each sentence."""
        return ((sentence.words, sentence.tags) for sentence in self.openers[part]())


def read_tagged(
    source: TaggedSource,
    *,
    columns: Sequence[str | int] | None = None,
    scheme: str | None = None,
    repair: bool = False,
    strip_position: bool = False,
    grammar_documents: int = 20_000,
    seed: int = 0,
) -> Tagged:
    """Finds the tagged sentences that a source names, and checks all their tags.

    Args:
        source: one of
            a file, plain or .gz: .conllu, .iob2 or any other with a word in each line (see
            `read_conll`); .jsonl, each line {"tokens": [...], "tags": [...]};
            a folder, or a path that ends in a pattern such as `wnut17/*.conll`: a file for each
            part, named so (`train.conll`, `en_ewt-ud-dev.conllu.gz`, `weibo.test`); if no name
            tells a part, all files are for training;
            a list of (words, tags), two lists of strings;
            "tfds:NAME", a data set of TensorFlow Datasets with words and tags as sequences;
            "grammar", the embedded corpus: people, places, times and events;
            a dictionary from "train", "valid", "test" to files, lists of files or lists of pairs.
        columns: of the word and of its tag: numbers from 0 or names of CoNLL-U for files with
            columns; keys of JSON lines; features of a data set. None: the usual ones.
        scheme: by which the tags mark spans, "IOB1", "IOB2" or "IOBES"; "plain": they mark none;
            None: told from the tags of the training part.
        repair: whether tags that break their scheme are mended, as `repair_tags` does, and empty
            words left out, both counted in the notes; otherwise the first one is an error.
        strip_position: whether the last character of every word is a digit that is left out: the
            place of a character in its word, as in the Weibo corpus.
        grammar_documents: sentences for training from the grammar; for validation there is a
            fresh sample, a tenth as many but at least 500 and at most 2,000.
        seed: of the grammar's sample.

    Returns:
        The sentences by part.

    Raises:
        DataError: what is missing, a line in another form, tags that are not as many as their
            words, an empty word, a tag that breaks the scheme.
        ArgumentError: columns or a scheme that do not exist.

    Example:
        >>> tagged = read_tagged([(["Ann", "slept"], ["B-PER", "O"])])
        >>> tagged.scheme, next(tagged.read())
        ('IOB2', (['Ann', 'slept'], ['B-PER', 'O']))
    """
    if isinstance(source, Tagged):
        return source
    if scheme not in (None, PLAIN, *SCHEMES):
        raise ArgumentError(f"scheme is {scheme!r}; choose one of {', '.join(SCHEMES)}, {PLAIN}")
    name, openers, notes = find_tagged(source, columns, grammar_documents, seed)
    if strip_position:
        openers = {part: _stripped(opener) for part, opener in openers.items()}
    scheme, openers, mended = settle_tags(openers, scheme, repair)
    return Tagged(name, openers, scheme, notes + mended)


def find_tagged(
    source: Any, columns: Sequence[str | int] | None, grammar_documents: int, seed: int
) -> tuple[str, Mapping[str, Opener], list[str]]:
    """The name, the parts and the notes of a source; see `read_tagged`."""
    if isinstance(source, str) and source.startswith("tfds:"):
        from lmzoo.data.tfds_tags import read_tfds_tags

        return read_tfds_tags(source.removeprefix("tfds:"), columns)
    if source == "grammar":
        return source, _sample_grammar(grammar_documents, seed), [_SAMPLED]
    if isinstance(source, str | Path):
        return _find_path(Path(source), columns)
    parts = source if isinstance(source, Mapping) else {"train": source}
    if "train" not in parts or set(parts) - set(PARTS):
        raise DataError(
            f'a dictionary of sentences has the keys {sorted(parts)}; it needs "train", and may '
            'have "valid" and "test"'
        )
    found = {part: _open(value, columns) for part, value in parts.items()}
    named = ", ".join(f"{part}: {name}" for part, (name, _) in found.items())
    name = named if len(found) > 1 else found["train"][0]
    return name, {part: opener for part, (_, opener) in found.items()}, []


def _find_path(
    path: Path, columns: Sequence[str | int] | None
) -> tuple[str, Mapping[str, Opener], list[str]]:
    """A file, a folder, or the files of a pattern."""
    if path.is_file():
        return str(path), {"train": _open(path, columns)[1]}, []
    by = find_parts(path, SUFFIXES, _PERHAPS)
    openers = {part: _open(files, columns)[1] for part, files in by.items()}
    read = "; ".join(f"{part}: {', '.join(f.name for f in files)}" for part, files in by.items())
    return str(path), openers, [f"files read: {read}"]


def find_parts(
    path: Path, suffixes: Sequence[str], perhaps: Sequence[str] = ()
) -> dict[str, list[Path]]:
    """The files of a folder or a pattern by part.

    Args:
        path: a folder, or a path that ends in a pattern.
        suffixes: of files that may hold sentences; others may too if their last suffix, as in
            `weibo.train`, tells the part.
        perhaps: suffixes of files that may where there are no such files.

    Returns:
        One file for each part; all files for "train" where no name tells a part.

    Raises:
        DataError: nothing there, two files for a part, or none for training.
    """
    found = list_files(path)
    files = [f for f in found if stem(f).suffix in suffixes or part_of(Path(stem(f).suffix))]
    files = files or [file for file in found if stem(file).suffix in perhaps]
    if files and not any(map(part_of, files)):
        return {"train": files}
    by = sort_by_part(path, files, "sentences")
    return {part: [by[part]] for part in PARTS if part in by}


def _open(source: Any, columns: Sequence[str | int] | None) -> tuple[str, Opener]:
    """One part: a file, files, or a list of pairs."""
    if isinstance(source, str | Path):
        source = [source]
    items = source if isinstance(source, list | tuple) else list(source)
    if not items or not all(isinstance(item, str | Path) for item in items):
        return "the given sentences", lambda: _read_items(items)
    paths = [existing(Path(item)) for item in items]

    def read() -> Iterator[Sentence]:
        for path in paths:
            if stem(path).suffix == ".jsonl":
                yield from read_json(path, columns or KEYS)
            else:
                yield from read_conll(path, columns=columns)

    return ", ".join(map(str, paths)), read


def _read_items(items: Sequence[Any]) -> Iterator[Sentence]:
    for number, item in enumerate(items):
        if not isinstance(item, list | tuple) or len(item) != 2:
            raise DataError(
                f"item {number} of the sentences is {str(item)[:60]!r}: give (words, tags), two "
                "lists of strings"
            )
        yield make_sentence(item[0], item[1], f"item {number} of the sentences")


def _sample_grammar(count: int, seed: int) -> dict[str, Opener]:
    """Samples the embedded corpus; each part is drawn once."""
    from lmzoo.grammar.tags import tagged

    if count < 1:
        raise ArgumentError(f"grammar_documents is {count}; it must be at least 1")

    @cache
    def sample(number: int, part_seed: int) -> list[TaggedSentence]:
        return tagged(number, seed=part_seed)

    return {
        "train": lambda: _read_items(sample(count, 2 * seed)),
        "valid": lambda: _read_items(sample(min(max(count // 10, 500), 2000), 2 * seed + 1)),
    }


def _stripped(opener: Opener) -> Opener:
    """The sentences without the digit that ends each word."""

    def read() -> Iterator[Sentence]:
        for sentence in opener():
            for number, word in enumerate(sentence.words):
                if len(word) < 2 or not word[-1].isdigit():
                    raise DataError(
                        f"{sentence.place(number)}: {word!r} is no word with a digit behind it; "
                        "read this file without strip_position"
                    )
            sentence.words = [word[:-1] for word in sentence.words]
            yield sentence

    return read


def in_scheme(tagged: Tagged, scheme: str | None) -> Tagged:
    """The sentences with the tags of a scheme to train on.

    Args:
        tagged: the sentences.
        scheme: "IOB1", "IOB2" or "IOBES"; None: that of the sentences, IOB2 if it is IOB1.

    Returns:
        Sentences whose tags mark the same spans.

    Raises:
        ArgumentError: an unknown scheme, or one for tags that mark no spans.

    Example:
        >>> tagged = read_tagged([(["Ann"], ["B-PER"])])
        >>> list(in_scheme(tagged, "IOBES").read())
        [(['Ann'], ['S-PER'])]
    """
    source = tagged.scheme
    if source is None:
        if scheme is not None:
            raise ArgumentError(
                f"scheme is {scheme!r}, but the tags of {tagged.name} mark no spans"
            )
        return tagged
    target = check_scheme(scheme or ("IOB2" if source == "IOB1" else source))
    if target == source:
        return tagged

    def converted(opener: Opener) -> Opener:
        def read() -> Any:
            for sentence in opener():
                yield replace(sentence, tags=convert_tags(sentence.tags, source, target))

        return read

    openers = {part: converted(opener) for part, opener in tagged.openers.items()}
    notes = [*tagged.notes, f"tags written in {target} instead of {source}"]
    return replace(tagged, openers=openers, scheme=target, notes=notes)


def split_tagged(tagged: Tagged, fraction: float, seed: int) -> Tagged:
    """Gives sentences a validation part where they have none: those with a small hash.

    Sentences of equal words stand on one side.

    Args:
        tagged: the sentences.
        fraction: share for validation, from 0 to below 1.
        seed: of the hashes.

    Returns:
        Sentences with a part "valid", unless the fraction is 0.

    Raises:
        ArgumentError: the fraction is outside its range.

    Example:
        >>> tagged = read_tagged([([str(i)], ["NUM"]) for i in range(1000)])
        >>> 50 < len(list(split_tagged(tagged, 0.1, 0).read("valid"))) < 150
        True
    """
    from lmzoo.data.deduplicate import digest

    if not 0 <= fraction < 1:
        raise ArgumentError(f"valid_fraction is {fraction}; it must be from 0 to below 1")
    if "valid" in tagged.openers or not fraction:
        return tagged
    border = int(fraction * 2**64)
    opener = tagged.openers["train"]

    def side(is_valid: bool) -> Opener:
        def read() -> Any:
            for sentence in opener():
                if (digest(" ".join(sentence.words), seed=seed) < border) == is_valid:
                    yield sentence

        return read

    openers = {**tagged.openers, "train": side(False), "valid": side(True)}
    return replace(tagged, openers=openers)
