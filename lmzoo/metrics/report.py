"""Scores as text: tables, and the mean and deviation of several runs."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError

Runs = Sequence[Mapping[str, Any]]
SCORES = ("precision", "recall", "f1")


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table: the first column to the left, others to the right; an empty row is a blank line."""
    columns = max(map(len, rows), default=0)
    full = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = [max(map(len, column)) for column in zip(*full, strict=True)]
    lines = []
    for first, *others in full:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def score_rows(
    classes: Mapping[str, Mapping[str, float]],
    averages: Mapping[str, Mapping[str, float]],
    show: Callable[[float], str],
) -> list[list[str]]:
    """Rows of a table of SCORES and support: a heading, classes, averages."""

    def rows(scores: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
        return [
            [name, *(show(values[score]) for score in SCORES), f"{values['support']:g}"]
            for name, values in scores.items()
        ]

    return [["", *SCORES, "support"], *rows(classes), [], *rows(averages)]


def new_figure(width: float, height: float) -> Any:
    """A Matplotlib figure, without pyplot, which would ask for a window system, and keep state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def mean_and_deviation(runs: Runs) -> dict[str, float | None]:
    """Mean and sample standard deviation (dividing by n - 1) of the metrics of several seeds.

    Args:
        runs: the metrics of each run, such as its metrics.json.

    Returns:
        name -> mean and name_deviation -> standard deviation (absent for one run) of what is a
        number in some run; a mean of None, and no deviation, if it is none in another.

    Raises:
        ArgumentError: no run.

    Example:
        >>> mean_and_deviation([{"accuracy": 0.25}, {"accuracy": 0.5}, {"accuracy": 0.75}])
        {'accuracy': 0.5, 'accuracy_deviation': 0.25}
    """
    if not runs:
        raise ArgumentError("there is no run to average: give the metrics of at least one run")
    summary: dict[str, float | None] = {}
    for name in dict.fromkeys(name for run in runs for name in run):
        values = [run.get(name) for run in runs]
        numbers = [
            float(value)
            for value in values
            if isinstance(value, int | float | np.number) and not isinstance(value, bool)
        ]
        if len(numbers) == len(runs):
            summary[name] = statistics.fmean(numbers)
            if len(runs) > 1:
                finite = all(map(math.isfinite, numbers))
                summary[f"{name}_deviation"] = statistics.stdev(numbers) if finite else math.nan
        elif numbers:
            summary[name] = None
    return summary


def deviation_table(
    systems: Mapping[str, Runs],
    metrics: Sequence[str] | None = None,
    *,
    scale: float = 100.0,
    digits: int = 2,
) -> str:
    """A table of mean ± standard deviation over seeds.

    Args:
        systems: name -> the metrics of its runs.
        metrics: the columns; None for every number that all systems have.
        scale: multiplies the metrics; 100 shows those from 0 to 1 in percent.
        digits: after the decimal point.

    Returns:
        Text of one line for each system, below a heading.

    Raises:
        ArgumentError: a system lacks a metric or runs, or no metric is left.

    Example:
        >>> print(deviation_table({"lstm": [{"accuracy": 0.81}, {"accuracy": 0.83}]}))
                  accuracy  runs
        lstm  82.00 ± 1.41     2
    """
    summaries = {name: mean_and_deviation(runs) for name, runs in systems.items()}
    if metrics is None:
        first = next(iter(systems.values()), [{}])[0]
        metrics = [
            name for name in first if all(s.get(name) is not None for s in summaries.values())
        ]
    if not metrics:
        raise ArgumentError("no metric to show: give systems whose runs share a metric")

    def cell(summary: Mapping[str, Any], metric: str) -> str:
        deviation = summary.get(f"{metric}_deviation")
        text = f"{scale * summary[metric]:.{digits}f}"
        return text if deviation is None else f"{text} ± {scale * deviation:.{digits}f}"

    rows = [["", *metrics, "runs"]]
    for system, summary in summaries.items():
        missing = [metric for metric in metrics if summary.get(metric) is None]
        if missing:
            known = [name for name, value in summary.items() if value is not None]
            raise ArgumentError(f"{system!r} has no {missing[0]!r} in all runs; it has {known}")
        rows.append([system, *(cell(summary, m) for m in metrics), str(len(systems[system]))])
    return aligned(rows)
