"""The order of class labels."""

from collections.abc import Iterable


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Sorts class labels: whole numbers by their value, others as strings.

    Example:
        >>> sort_labels(["10", "9"]), sort_labels(["10", "9", "a"])
        (['9', '10'], ['10', '9', 'a'])
    """
    names = list(labels)
    if all(label.isdecimal() for label in names):
        return sorted(names, key=lambda label: (int(label), label))
    return sorted(names)
