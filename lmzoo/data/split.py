"""Parts training texts from validation texts, so that no document is on both sides."""

import numpy as np

from lmzoo.data.deduplicate import buckets
from lmzoo.errors import ArgumentError, DataError

DROPPED, TRAIN, VALID = 0, 1, 2


def split_point(length: int, valid_fraction: float) -> int:
    """Finds where the validation text begins in a text without document borders.

    Args:
        length: characters (or tokens) of the text.
        valid_fraction: share of the text for validation, from 0 up to, but not including, 1.

    Returns:
        The index of the first character of the validation text.

    Raises:
        ArgumentError: `valid_fraction` outside its range.

    Example:
        >>> split_point(1_115_394, 0.1)
        1003854
    """
    check_fraction(valid_fraction)
    return int((1 - valid_fraction) * length)


def check_fraction(valid_fraction: float) -> None:
    """Raises unless a share is at least 0 and less than 1.

    Args:
        valid_fraction: share of the texts for validation.

    Raises:
        ArgumentError: it is not.

    Example:
        >>> check_fraction(0.1)
    """
    if not 0 <= valid_fraction < 1:
        raise ArgumentError(
            f"valid_fraction is {valid_fraction}; it must be at least 0 and less than 1"
        )


def split_documents(digests: np.ndarray, valid_fraction: float) -> np.ndarray:
    """Chooses the documents for validation: those whose digests come first in a fixed order.

    Equal documents have equal digests and thus stand on the same side.

    Args:
        digests: uint64, shape (n,), from `lmzoo.data.deduplicate.digest`; they decide, hence so
            does their seed.
        valid_fraction: share of the different documents for validation, rounded, but at least
            one document if it is above 0.

    Returns:
        Booleans, shape (n,): True for validation.

    Raises:
        ArgumentError: `valid_fraction` outside its range.
        DataError: too few documents to leave one on each side.

    Example:
        >>> split_documents(np.array([7, 2, 9, 2, 5], np.uint64), 0.25).tolist()
        [False, True, False, True, False]
    """
    check_fraction(valid_fraction)
    if not valid_fraction:
        return np.zeros(len(digests), bool)
    different = sum(len(np.unique(digests[places])) for places in buckets(digests))
    if different < 2:
        raise DataError(
            f"{different} different document(s) cannot be split into training and validation; "
            "give more documents, or valid_fraction=0"
        )
    left = min(max(1, round(valid_fraction * different)), different - 1)
    valid = np.zeros(len(digests), bool)
    for places in buckets(digests):
        values = np.unique(digests[places])
        taken = min(left, len(values))
        if taken:
            valid[places] = digests[places] <= values[taken - 1]
        left -= taken
    return valid
