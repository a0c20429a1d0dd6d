"""What an evaluation found: metrics, a table, files and figures."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmzoo.files import to_json, write_json, write_text


@dataclass
class Report:
    """The result of an evaluation.

    Args:
        metrics: figures by name; whoever wants more in metrics.json adds them here.
        rows: the table that `str` shows: (label, text).
        files: further texts to save, by file name.
        figures: functions that draw a PNG to a path, by file name.

    Example:
        >>> report = Report({"val_loss": 0.5}, [("loss", "0.5000 nats")])
        >>> print(report)
        loss                0.5000 nats
        >>> print(report.json())
        {"val_loss": 0.5}
    """

    metrics: dict[str, Any]
    rows: list[tuple[str, str]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Callable[[Path], Any]] = field(default_factory=dict)

    def __str__(self) -> str:
        """The table, a line each."""
        return "\n".join(f"{label:<20}{text}" for label, text in self.rows)

    def json(self) -> str:
        """The metrics as one line of strict JSON: what is not finite becomes null."""
        return to_json(self.metrics)

    def save(self, folder: str | os.PathLike[str], **more: Any) -> None:
        """Writes metrics.json, with more metrics, report.txt, and the other files and figures."""
        self.metrics.update(more)
        place = Path(folder)
        write_json(place / "metrics.json", self.metrics)
        for name, text in {"report.txt": f"{self}\n", **self.files}.items():
            write_text(place / name, text)
        for name, draw in self.figures.items():
            draw(place / name)


# The row of a report whose model cannot be decoded.
DIVERGED = ("diverged", "the model's outputs are not numbers; go back to an earlier checkpoint")


def evaluated_splits(data: Any) -> list[tuple[str, str]]:
    """The splits that a report covers, each with the prefix of its metrics."""
    names = {"valid": "val", "test": "test"}
    return [(split, name) for split, name in names.items() if getattr(data, split) is not None]


def split_rows(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """A row for each metric of a split."""
    shown = [key for key in metrics if key.partition("_")[0] in ("val", "test", "baseline")]
    return [(f"{key.replace('_', ' '):<28}", as_text(metrics[key])) for key in shown]


def as_text(value: float | None, form: str = ".4f") -> str:
    """A figure as text, also one that is None or NaN, as a diverged model's are."""
    if value is None or math.isnan(value):
        return "not a number"
    return f"{value:{form}}"


def loss_and_perplexity(model: Any, batches: Any) -> tuple[float, float]:
    """Nats per token, from the metric that weights every token alike, and their perplexity."""
    loss = math.log(float(model.evaluate(batches, verbose=0, return_dict=True)["perplexity"]))
    return loss, math.exp(min(loss, 700.0))
