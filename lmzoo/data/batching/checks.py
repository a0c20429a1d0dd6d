"""Checks of arguments that several tasks share."""

from collections.abc import Mapping

from lmzoo.errors import ArgumentError


def check_at_least(least: int, values: Mapping[str, float | None]) -> None:
    """Refuses numbers below a bound by their names; None passes."""
    for name, value in values.items():
        if value is not None and value < least:
            raise ArgumentError(f"{name} is {value}; it must be at least {least}")


# Sizes above these are slips of the pen: they are refused before memory is allocated for them.
MOST = {"sequence_length": 1 << 20, "batch_size": 1 << 16, "tokens_per_batch": 1 << 24}
MOST_POSITIONS = 1 << 26  # of a batch


def check_sizes(values: Mapping[str, int]) -> None:
    """Refuses sizes of batches below 1 or beyond any memory."""
    check_at_least(1, values)
    for name, value in values.items():
        if value > MOST.get(name, value):
            raise ArgumentError(f"{name} is {value:,}; it must be at most {MOST[name]:,}")
    positions = values.get("batch_size", 1) * values.get("sequence_length", 1)
    if positions > MOST_POSITIONS:
        raise ArgumentError(
            f"batch_size and sequence_length make {positions:,} positions in a batch; at most "
            f"{MOST_POSITIONS:,} are supported: lower one of them"
        )
