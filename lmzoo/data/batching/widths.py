"""Padded lengths: few different ones, chosen so that little is padding."""

import numpy as np

# XLA compiles once for each padded length.
MAX_WIDTHS = 5


def choose_widths(lengths: np.ndarray, most: int = MAX_WIDTHS) -> np.ndarray:
    """The few padded lengths, rising, with the least padding; the last holds the longest."""
    widths = np.array(sorted({round_up(int(length)) for length in np.unique(lengths)}))
    below = np.searchsorted(np.sort(lengths), widths, side="right")
    # cheapest[j]: positions of all sequences up to widths[j], and the widths chosen for them.
    cheapest = [(int(count * width), [width]) for count, width in zip(below, widths, strict=True)]
    for _ in range(most - 1):
        cheapest = [
            min(
                [cheapest[j]]
                + [
                    (cheapest[i][0] + int((below[j] - below[i]) * widths[j]),
                     [*cheapest[i][1], widths[j]])
                    for i in range(j)
                ],
                key=lambda choice: choice[0],
            )
            for j in range(len(widths))
        ]  # fmt: skip
    return np.array(cheapest[-1][1])


def round_up(length: int) -> int:
    """The next padded length: a multiple of 4, above 64 of 16, above 256 of 64."""
    step = 4 if length <= 64 else 16 if length <= 256 else 64
    return -(-length // step) * step


def padded_widths(lengths: np.ndarray, most: int = MAX_WIDTHS) -> np.ndarray:
    """The padded length of each sequence, among the few of `choose_widths`; same shape."""
    widths = choose_widths(lengths, most)
    return widths[np.searchsorted(widths, lengths)]
