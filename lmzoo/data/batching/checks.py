"""Checks of arguments that several tasks share."""

from collections.abc import Mapping

from lmzoo.errors import ArgumentError


def check_at_least(least: int, values: Mapping[str, float | None]) -> None:
    """Refuses numbers below a bound by their names; None passes."""
    for name, value in values.items():
        if value is not None and value < least:
            raise ArgumentError(f"{name} is {value}; it must be at least {least}")
