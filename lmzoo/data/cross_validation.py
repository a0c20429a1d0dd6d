"""Parts in which every label has its share, and equal texts stand together."""

import math
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from lmzoo.errors import ArgumentError, DataError

Example = tuple[str, str]


def stratified_split(
    labels: Sequence[Hashable],
    fraction: float,
    seed: int = 0,
    *,
    texts: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """Chooses examples to hold out, of each label the same share.

    Args:
        labels: of the examples.
        fraction: share to hold out, from 0 to below 1: rounded up in all, and within one text of
            it for each label. The last text of a label is never held out: it must be learned.
        seed: of the choice.
        texts: of the examples; equal ones stand on one side, which may hold out more than the
            share, by less than the copies of one text. None: all differ.

    Returns:
        Booleans, shape (n,): True for those held out.

    Raises:
        ArgumentError: a fraction outside its range, texts of another number.

    Example:
        >>> import lmzoo
        >>> held = lmzoo.data.stratified_split(["a"] * 20 + ["b"] * 10, 0.1)
        >>> int(held[:20].sum()), int(held[20:].sum())
        (2, 1)
    """
    if not 0 <= fraction < 1:
        raise ArgumentError(f"fraction is {fraction}; it must be from 0 to below 1")
    held = np.zeros(len(labels), bool)
    if not fraction:
        return held
    rng = np.random.default_rng(seed % 2**32)
    share, before = 0.0, 0
    for groups in _groups(labels, texts).values():
        # Rounding the running sum, not each label's share, keeps the total.
        share += fraction * sum(map(len, groups))
        wanted = math.ceil(share - 1e-9) - before
        before += wanted
        for place in rng.permutation(len(groups))[:-1]:
            if wanted <= 0:
                break
            held[groups[place]] = True
            wanted -= len(groups[place])
    return held


def folds(
    examples: Sequence[Example], k: int = 10, *, seed: int = 0
) -> Iterator[tuple[list[Example], list[Example]]]:
    """Parts examples for cross-validation: each is tested once, by a model that never saw it.

    Every label is spread evenly over the folds, and equal texts stand in one fold.

    Args:
        examples: (text, label).
        k: number of folds, at least 2.
        seed: of the parting; the same seed gives the same folds.

    Yields:
        For each fold the examples to train on and those to test, in their order.

    Raises:
        ArgumentError: `k` below 2.
        DataError: fewer different texts than folds, or a label with one text only, which cannot be
            both learned and tested.

    Source: Kohavi 1995, https://www.ijcai.org/Proceedings/95-2/Papers/016.pdf

    Example:
        >>> import lmzoo
        >>> examples = [(f"text {i}", "ab"[i % 2]) for i in range(20)]
        >>> [len(test) for train, test in lmzoo.data.folds(examples, 5)]
        [4, 4, 4, 4, 4]
    """
    if k < 2:
        raise ArgumentError(f"k is {k}; cross-validation needs at least 2 folds")
    texts = [text for text, _ in examples]
    by_label = _groups([label for _, label in examples], texts)
    if (different := sum(map(len, by_label.values()))) < k:
        raise DataError(f"{different} different texts cannot be parted into {k} folds; lower k")
    for label, groups in by_label.items():
        if len(groups) < 2:
            raise DataError(
                f"the label {label!r} has one text only, which cannot be both learned and tested: "
                f"{texts[groups[0][0]][:60]!r}; give more texts, or take the label out"
            )
    of = _deal(by_label, len(examples), k, seed)
    for fold in range(k):
        train = [example for example, its in zip(examples, of, strict=True) if its != fold]
        yield train, [example for example, its in zip(examples, of, strict=True) if its == fold]


def _deal(by_label: dict[Hashable, list[np.ndarray]], count: int, k: int, seed: int) -> np.ndarray:
    """The fold of each example, shape (count,)."""
    rng = np.random.default_rng(seed % 2**32)
    of, sizes = np.zeros(count, np.int64), np.zeros(k, np.int64)
    for groups in by_label.values():
        of_label: Counter[int] = Counter()
        for place in rng.permutation(len(groups)):
            fold = min(range(k), key=lambda i: (of_label[i], sizes[i]))
            of[groups[place]] = fold
            of_label[fold] += len(groups[place])
            sizes[fold] += len(groups[place])
    return of


def _groups(
    labels: Sequence[Hashable], texts: Sequence[Hashable] | None
) -> dict[Hashable, list[np.ndarray]]:
    """The places of equal texts, by the label of the first of them."""
    if texts is not None and len(texts) != len(labels):
        raise ArgumentError(f"{len(texts):,} texts have {len(labels):,} labels; give one for each")
    places: dict[Hashable, list[int]] = {}
    for place, key in enumerate(range(len(labels)) if texts is None else texts):
        places.setdefault(key, []).append(place)
    found: dict[Hashable, list[np.ndarray]] = {}
    for group in places.values():
        found.setdefault(labels[group[0]], []).append(np.array(group))
    return found
