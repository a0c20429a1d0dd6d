"""What an evaluation found: metrics, a table, files and figures."""

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmzoo.files import write_json, write_text


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
        return json.dumps({name: finite(value) for name, value in self.metrics.items()})

    def save(self, folder: str | os.PathLike[str], **more: Any) -> None:
        """Writes metrics.json, report.txt and the other files and figures.

        Args:
            folder: where they go.
            **more: further metrics.
        """
        self.metrics.update(more)
        place = Path(folder)
        write_json(place / "metrics.json", json.loads(self.json()))
        for name, text in {"report.txt": f"{self}\n", **self.files}.items():
            write_text(place / name, text)
        for name, draw in self.figures.items():
            draw(place / name)


def finite(value: Any) -> Any:
    """The value, or None for NaN and infinity, which JSON lacks."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
