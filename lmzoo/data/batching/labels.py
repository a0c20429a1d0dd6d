"""The order of class labels."""

from collections.abc import Iterable


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Sorts class labels: whole numbers by their value, others as strings."""
    names = list(labels)
    are_numbers = all(label.isdecimal() for label in names)
    return sorted(names, key=lambda label: (int(label) if are_numbers else 0, label))
