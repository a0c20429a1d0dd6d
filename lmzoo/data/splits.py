"""Training, validation and test: by name, by hash, at a point, stratified, and in folds."""

import math
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from lmzoo.data.corpus import Corpus, Record
from lmzoo.data.digests import buckets, digest
from lmzoo.errors import ArgumentError, DataError

# The names of each split, in files, folders and data sets.
SPLITS = {
    "train": ("train", "training", "trn"),
    "valid": ("valid", "validation", "val", "dev", "eval"),
    "test": ("test", "testing", "tst"),
}


# Words that may stand beside the name of a split, with spaces between them: "train data.txt".
_GENERIC = {"data", "dataset", "set", "split", "file", "text", "texts"}


def split_of(file: Path | str) -> str | None:
    """The split that the name of a file, a folder or a key tells; None if it tells none.

    Dots, dashes, underscores and digits separate words, spaces do not: no title is a split.
    """
    for part in re.split(r"[._\-0-9]+", Path(file).name.lower()):
        words = [word for word in re.findall(r"\w+", part) if word not in _GENERIC]
        for split, names in SPLITS.items():
            if len(words) == 1 and words[0] in names:
                return split
    return None


def splits_by_name(name: str, names: Iterable[str]) -> dict[str, str]:
    """The splits of a data set, which calls them exactly as `SPLITS` does: its name of each."""
    given = set(names)
    known = {split: [x for x in synonyms if x in given] for split, synonyms in SPLITS.items()}
    if not known["train"]:
        raise DataError(f"{name} has no split for training, only {sorted(given)}")
    return {split: found[0] for split, found in known.items() if found}


def list_files(path: Path) -> list[Path]:
    """The files of a folder or a pattern, sorted; no hidden ones, no .gz beside its original."""
    if "*" in path.name:
        found = path.parent.glob(path.name)
    elif path.is_dir():
        found = path.iterdir()
    else:
        raise DataError(f"there is no file or folder {str(path)[:200]!r}; check the path")
    files = [file for file in sorted(found) if file.is_file() and not is_hidden(file)]
    return [f for f in files if f.suffix != ".gz" or f.with_suffix("") not in files]


def is_hidden(path: Path) -> bool:
    """Whether a system made a file or folder for itself: .DS_Store, __MACOSX."""
    return path.name.startswith((".", "__"))


def unused_note(path: Path, used: Iterable[Path]) -> list[str]:
    """The note that names what a folder, or a pattern, holds besides the files that are used."""
    known = {part for file in used for part in (file, *file.parents)}
    entries = path.parent.glob(path.name) if "*" in path.name else path.iterdir()
    left = [
        entry.name
        for entry in sorted(entries)
        if not (entry in known or is_hidden(entry))
        and not (entry.suffix == ".gz" and entry.with_suffix("") in known)
    ]
    more = f" and {len(left) - 8:,} more" if len(left) > 8 else ""
    return [f"not used in {path.name or path}: {', '.join(left[:8])}{more}"] if left else []


def group_by_split(
    path: Path, files: Sequence[Path], what: str, *, several: bool = False
) -> dict[str, list[Path]]:
    """The files, or folders, of each split by name; the only one of no split is for training.

    So are all of no split, if `several` may belong to one. `what`: for errors.
    """
    groups: dict[str | None, list[Path]] = {split: [] for split in (*SPLITS, None)}
    for file in files:
        groups[split_of(file)].append(file)
    unnamed = groups.pop(None)
    if not groups["train"] and (several or len(unnamed) == 1):
        groups["train"] = unnamed
    for split, found in groups.items():
        if len(found) > 1 and not several:
            names = f"{found[0].name}, {found[1].name}"
            raise DataError(
                f"{path} holds several files for {split}: {names}; narrow it with a pattern, "
                f"such as {path}/corpus.*, or name one of them"
            )
    if not groups["train"]:
        among = f" among {', '.join(file.name for file in files[:8])}" if files else ""
        raise DataError(
            f"{path} holds no {what} for training{among}; name one train, such as train.tsv, or "
            "give the path of the file"
        )
    return {split: found for split, found in groups.items() if split and found}


def check_fraction(fraction: float, name: str = "valid_fraction") -> None:
    """Raises unless a fraction is at least 0 and less than 1."""
    if not 0 <= fraction < 1:
        raise ArgumentError(f"{name} is {fraction}; it must be at least 0 and less than 1")


def split_point(length: int, valid_fraction: float) -> int:
    """The index at which validation begins in a text without document borders."""
    check_fraction(valid_fraction)
    return int((1 - valid_fraction) * length)


def split_documents(digests: np.ndarray, valid_fraction: float) -> np.ndarray:
    """Chooses for validation, booleans (n,), the digests, uint64 (n,), that come first."""
    check_fraction(valid_fraction)
    valid = np.zeros(len(digests), bool)
    if not valid_fraction:
        return valid
    different = sum(len(np.unique(digests[places])) for places in buckets(digests))
    if different < 2:
        raise DataError(
            f"{different} different document(s) cannot be split into training and validation; "
            "give more documents, or valid_fraction=0"
        )
    left = min(max(1, round(valid_fraction * different)), different - 1)
    for places in buckets(digests):
        taken = np.unique(digests[places])[:left]
        valid[places] = np.isin(digests[places], taken)
        left -= len(taken)
    return valid


def split_by_hash(
    corpus: Corpus, valid_fraction: float, *, key: Callable[[Record], str], seed: int = 0
) -> Corpus:
    """Gives a corpus without validation records those whose `key`, a text, has a small hash."""
    check_fraction(valid_fraction)
    if "valid" in corpus.splits or not valid_fraction:
        return corpus

    def side(is_valid: bool) -> Iterator[Record]:
        for record in corpus.read():
            if (digest(key(record), seed=seed) < int(valid_fraction * 2**64)) == is_valid:
                yield record

    sides = {"train": partial(side, False), "valid": partial(side, True)}
    return replace(corpus, splits={**corpus.splits, **sides})


def stratified_split(
    labels: Sequence[Hashable],
    fraction: float,
    seed: int = 0,
    *,
    texts: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """Chooses examples to hold out, of each label the same fraction.

    Args:
        labels: of the examples.
        fraction: to hold out, in [0, 1): rounded up in all, and within one text of it for each
            label. The last text of a label is never held out: it must be learned.
        seed: of the choice.
        texts: of the examples; equal ones stand on one side, which may hold out more than the
            fraction, by less than the copies of one text. None: all differ.

    Returns:
        Booleans, shape (n,): True for those held out.

    Raises:
        ArgumentError: a fraction outside its range, texts of another number.

    Example:
        >>> held = stratified_split(["a"] * 20 + ["b"] * 10, 0.1)
        >>> int(held[:20].sum()), int(held[20:].sum())
        (2, 1)
    """
    # scikit-learn's StratifiedShuffleSplit knows no equal texts, and refuses labels with one text
    # and fewer places than labels, which are ordinary here.
    check_fraction(fraction, "fraction")
    held = np.zeros(len(labels), bool)
    if not fraction:
        return held
    rng = np.random.default_rng(seed % 2**32)
    due, before = 0.0, 0
    for groups in _groups(labels, texts).values():
        # Rounding the running sum, not the part of each label, keeps the total.
        due += fraction * sum(map(len, groups))
        wanted = math.ceil(due - 1e-9) - before
        before += wanted
        for place in rng.permutation(len(groups))[:-1]:
            if wanted <= 0:
                break
            held[groups[place]] = True
            wanted -= len(groups[place])
    return held


def _groups(
    labels: Sequence[Hashable], texts: Sequence[Hashable] | None
) -> Mapping[Hashable, list[np.ndarray]]:
    """The places of equal texts, by the label of the first of them."""
    if texts is not None and len(texts) != len(labels):
        raise ArgumentError(f"{len(texts):,} texts have {len(labels):,} labels; give one for each")
    places, found = defaultdict(list), defaultdict(list)
    for place, key in enumerate(range(len(labels)) if texts is None else texts):
        places[key].append(place)
    for group in places.values():
        found[labels[group[0]]].append(np.array(group))
    return found


def folds(corpus: Corpus, k: int = 10, *, seed: int = 0) -> Iterator[Corpus]:
    """Cross-validation: each record is tested once, by a model that never saw its text.

    Every label is spread evenly over the folds (scikit-learn's StratifiedGroupKFold).

    Args:
        corpus: records with "text" and "label"; its training split is what is divided.
        k: number of folds, at least 2.
        seed: of the division; the same seed gives the same folds.

    Yields:
        For each fold a corpus with the splits "train" and "test", in the order of the records.

    Raises:
        ArgumentError: `k` below 2.
        DataError: fewer different texts than folds, no label with as many, a label with one only.

    Source: Kohavi 1995, https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf

    Example:
        >>> records = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(20)]
        >>> corpus = Corpus("mine", {"train": lambda: records})
        >>> [len(list(fold.read("test"))) for fold in folds(corpus, 5)]
        [4, 4, 4, 4, 4]
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if k < 2:
        raise ArgumentError(f"k is {k}; cross-validation needs at least 2 folds")
    records = list(corpus.read())
    texts, labels = ([record[key] for record in records] for key in ("text", "label"))
    by_label, counts = _groups(labels, texts), Counter(labels)
    for what, count in (
        ("different texts", sum(map(len, by_label.values()))),
        ("texts of the most frequent label", max(counts.values(), default=0)),
    ):
        if count < k:
            raise DataError(f"{count} {what} cannot be divided into {k} folds; lower k")
    for label, groups in by_label.items():
        if len(groups) < 2:
            raise DataError(
                f"the label {label!r} has one text only, which cannot be both learned and tested: "
                f"{texts[groups[0][0]][:60]!r}; give more texts, or take the label out"
            )
    text_ids = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    label_ids = {label: number for number, label in enumerate(counts)}
    of_label, of_text = [label_ids[x] for x in labels], [text_ids[x] for x in texts]
    chooser = StratifiedGroupKFold(k, shuffle=True, random_state=seed % 2**32)
    with warnings.catch_warnings():
        # A label with fewer texts than folds is missing in some of them: nothing to warn of.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        chosen = list(chooser.split(of_text, of_label, of_text))
    for number, places in enumerate(chosen, 1):
        train, test = ([records[place] for place in side] for side in places)
        splits = {"train": lambda train=train: train, "test": lambda test=test: test}
        yield Corpus(f"{corpus.name}, fold {number} of {k}", splits, corpus.notes, corpus.grammar)
