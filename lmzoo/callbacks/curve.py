"""Learning curves: figures as JSON lines, and a picture."""

import json
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lmzoo.callbacks.progress import Progress
from lmzoo.errors import ArgumentError


class LearningCurve(Progress):
    """Record every epoch's logs as one JSON line, and draw loss and validation loss over time.

    Each line has step (batches so far), epoch, seconds, and the logs. Lines between epochs have
    the logs of the batches so far, which Keras averages from the epoch's beginning. The picture is
    drawn when training ends, or by `draw`. Put it behind the callbacks whose figures it records.

    Args:
        path: of the JSON lines; the picture has the same name with .png.
        floor: the lowest reachable loss, nats per token, drawn as a line; or None.
        every_steps: also record after every so many batches; None for epochs only.
        keys: the logs to draw, in nats: of training and of validation. None takes
            nats_per_token and val_nats_per_token where they are logged, else loss and val_loss.
        state: what `restore` gave, to continue the file; later lines of it are dropped. None
            begins a new file.
        clock: seconds, monotonic.

    Raises:
        ArgumentError: every_steps < 1.

    Example:
        >>> LearningCurve("curve.jsonl").picture.name
        'curve.png'
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        floor: float | None = None,
        every_steps: int | None = None,
        keys: tuple[str, str] | None = None,
        state: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(state, clock)
        if every_steps is not None and every_steps < 1:
            raise ArgumentError(f"every_steps must be 1 or more, not {every_steps}")
        self.path = Path(path)
        self.picture = self.path.with_suffix(".png")
        self.floor = floor
        self.every_steps = every_steps
        self.keys = keys
        self.records: list[dict[str, Any]] = []
        if state is not None and self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.records = [r for r in map(_parse, lines) if r and r["step"] <= self.step]
        self._opened = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin the file anew, with the lines that are continued."""
        super().on_train_begin(logs)
        if not self._opened:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = "".join(json.dumps(record) + "\n" for record in self.records)
            self.path.write_text(text, encoding="utf-8")
            self._opened = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Record, if it is time."""
        before = self.step
        super().on_train_batch_end(batch, logs)
        if self.every_steps and self.step // self.every_steps > before // self.every_steps:
            self._record(logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Record."""
        super().on_epoch_end(epoch, logs)
        self._record(logs or {})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Draw."""
        super().on_train_end(logs)
        self.draw()

    def draw(self) -> Path | None:
        """Draw what is recorded so far.

        Returns:
            The picture's path; None if nothing is recorded.
        """
        keys = self.keys
        if keys is None:
            better = any("val_nats_per_token" in record for record in self.records)
            name = "nats_per_token" if better else "loss"
            keys = (name, f"val_{name}")
            if not any(name in record for record in self.records):
                keys = ("loss", keys[1])
        curves = {
            label: [(r["seconds"], r[key]) for r in self.records if key in r]
            for label, key in zip(("training", "validation"), keys, strict=True)
        }
        return draw_curves(curves, self.picture, floor=self.floor)

    def _record(self, logs: Mapping[str, Any]) -> None:
        figures = {name: float(value) for name, value in logs.items()}
        record = {"step": self.step, "epoch": self.epoch, "seconds": round(self.seconds, 3)}
        self.records.append(record | figures)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.records[-1]) + "\n")


def draw_curves(
    curves: Mapping[str, Sequence[tuple[float, float]]],
    path: str | os.PathLike[str],
    *,
    floor: float | None = None,
    x_label: str = "seconds",
    y_label: str = "loss (nats per token)",
    title: str = "",
) -> Path | None:
    """Draw one line per label into a PNG file.

    Args:
        curves: label -> points (x, y); points that are not finite and empty curves are left out.
        path: of the picture.
        floor: the height of a dashed horizontal line, or None.
        x_label: under the horizontal axis.
        y_label: beside the vertical axis.
        title: over the picture.

    Returns:
        The path; None if there is no point to draw.

    Example:
        >>> draw_curves({"empty": []}, "nothing.png") is None
        True
    """
    finite = {
        label: [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
        for label, points in curves.items()
    }
    finite = {label: points for label, points in finite.items() if points}
    if not finite:
        return None
    # Imported here, and without pyplot: no window system is asked for, and no global state kept.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for label, points in finite.items():
        x, y = zip(*points, strict=True)
        axes.plot(x, y, label=label, marker="o" if len(points) < 30 else None, markersize=3)
    if floor is not None:
        axes.axhline(floor, linestyle="--", color="black", label=f"floor {floor:.3f}")
    axes.set(xlabel=x_label, ylabel=y_label, title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.part.png")
    figure.savefig(temporary, dpi=120)
    os.replace(temporary, path)
    return path


def _parse(line: str) -> dict[str, Any] | None:
    """A record, or None for a line that a kill cut short."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError:
        return None
    return record if isinstance(record, dict) and "step" in record else None
