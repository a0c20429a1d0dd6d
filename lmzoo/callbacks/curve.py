"""Learning curves: logs as JSON lines, and a picture."""

import contextlib
import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmzoo.callbacks.progress import Progress, is_validated, learning_rate_of
from lmzoo.errors import ArgumentError
from lmzoo.files import append_line, reading, replacing, to_json, write_text


class LearningCurve(Progress):
    """Records the logs as JSON lines, and draws losses and the learning rate over time.

    `log.jsonl` gets a line at the end of every epoch and wherever `PeriodicValidation` measured:
    step (batches so far), epoch, seconds, learning_rate, and the logs. `curve.png` is drawn when
    training ends, or by `draw`. Put it behind the callbacks whose figures it records.

    Args:
        folder: where both files go; made if missing.
        floor: the lowest reachable loss, drawn as a line; or None.
        every_steps: also record after every so many batches; None for the above only.
        keys: the logs to draw: of training and of validation.
        label: what the vertical axis shows.
        state: what `Checkpoint.start` returned, to continue the file; None begins a new one.
        clock: seconds, monotonic.

    Raises:
        ArgumentError: every_steps < 1.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        floor: float | None = None,
        every_steps: int | None = None,
        keys: tuple[str, str] = ("loss", "val_loss"),
        label: str = "loss",
        state: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(state, clock)
        if every_steps is not None and every_steps < 1:
            raise ArgumentError(f"every_steps must be 1 or more, not {every_steps}")
        self.path = Path(folder) / "log.jsonl"
        self.picture = Path(folder) / "curve.png"
        self.floor, self.every_steps, self.keys, self.label = floor, every_steps, keys, label
        self.records: list[dict[str, Any]] = []
        if self.step:
            self.records = [r for r in _read(self.path) if r["step"] <= self.step]
        self._kept = len(self.records) or None  # of a training that is resumed
        self._opened = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_begin(logs)
        if not self._opened:
            self._write()
            self._opened = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        before = self.step
        super().on_train_batch_end(batch, logs)
        is_time = self.every_steps and self.step // self.every_steps > before // self.every_steps
        if is_time or is_validated(logs):
            self._record(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self._record(logs or {})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_end(logs)
        self.draw()

    def draw(self) -> Path | None:
        """Draws what is recorded so far; the picture's path, None if nothing is recorded."""
        curves = {
            label: [(r["seconds"], r[key]) for r in self.records if key in r]
            for label, key in zip(("training", "validation"), self.keys, strict=True)
        }
        rates = [(r["seconds"], r["learning_rate"]) for r in self.records if "learning_rate" in r]
        below = {"learning rate": rates}
        return draw_curves(curves, self.picture, floor=self.floor, y_label=self.label, below=below)

    def _record(self, logs: Mapping[str, Any]) -> None:
        record = {"step": self.step, "epoch": self.epoch, "seconds": round(self.seconds, 3)}
        if (rate := learning_rate_of(self.model)) is not None:
            record["learning_rate"] = rate
        record |= {name: float(value) for name, value in logs.items()}
        if self._kept == len(self.records) and self.records[-1]["step"] == self.step:
            # Measured before the training was resumed, and again.
            self.records[-1] |= record
            self._write()
        else:
            self.records.append(record)
            append_line(self.path, to_json(record))

    def _write(self) -> None:
        write_text(self.path, "".join(f"{to_json(record)}\n" for record in self.records))


def draw_curves(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    path: str | os.PathLike[str],
    *,
    floor: float | None = None,
    x_label: str = "seconds",
    y_label: str = "loss",
    title: str = "",
    below: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Path | None:
    """Draws one line per label into a PNG file.

    Args:
        curves: label -> points (x, y); points that are not finite and empty curves are left out.
        path: of the picture.
        floor: the height of a dashed horizontal line, or None.
        x_label, y_label, title: text at the axes and over the picture.
        below: label -> points of a small panel of its own under the other one.

    Returns:
        The path; None if there is no point to draw.

    Example:
        >>> draw_curves({"empty": []}, "nothing.png") is None
        True
    """
    upper, lower = _finite(curves), _finite(below or {})
    if not upper:
        return None
    # Imported here, and without pyplot: no window system is asked for, and no global state kept.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5.5 if lower else 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    ratios = [4, 1] if lower else [1]
    panels = figure.subplots(len(ratios), sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for axes, lines in zip(panels, (upper, lower), strict=False):
        for label, points in lines.items():
            x, y = zip(*points, strict=True)
            axes.plot(x, y, label=label, marker="o" if len(points) < 30 else None, markersize=3)
        axes.grid(alpha=0.3)
    if floor is not None:
        panels[0].axhline(floor, linestyle="--", color="black", label=f"floor {floor:.3f}")
    panels[0].set(ylabel=y_label, title=title)
    panels[0].legend()
    if lower:
        panels[1].set(ylabel=", ".join(lower))
    panels[-1].set(xlabel=x_label)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
    return Path(path)


def _finite(curves: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, list[Any]]:
    """The points that are finite, of the curves that have any."""
    finite = {
        label: [p for p in points if all(v is not None and math.isfinite(v) for v in p)]
        for label, points in curves.items()
    }
    return {label: points for label, points in finite.items() if points}


def _read(path: Path) -> list[dict[str, Any]]:
    """The records of a file, without a line that a kill cut short."""
    with reading(path):
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    found = []
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            found.append(json.loads(line))
    return [r for r in found if isinstance(r, dict) and type(r.get("step")) is int]
