"""What a training ends with: the metrics, a figure, a short table, one JSON line."""

import json
import math
from pathlib import Path
from typing import Any

import keras

from lmzoo.callbacks import draw_curves
from lmzoo.experiment.loop import nats_per_token
from lmzoo.metrics import bits_per_byte, perplexity_per_word


def evaluate(model: keras.Model, data: Any) -> dict[str, float | None]:
    """Measures the whole validation set.

    Args:
        model: a compiled language model with a perplexity metric.
        data: an LMData.

    Returns:
        `val_loss` (nats per token), `val_perplexity`, `val_perplexity_per_word`,
        `val_bits_per_byte`, `val_bits_per_character`, and, where the entropy of the language is
        known, `floor_loss`, `floor_perplexity` and `excess_per_word` (nats above the floor).
    """
    found = model.evaluate(data.valid, verbose=0, return_dict=True)
    loss, counts = nats_per_token(found), data.valid_counts
    nats = loss * counts["tokens"]
    metrics: dict[str, float | None] = {
        "val_loss": loss,
        "val_perplexity": math.exp(min(loss, 700.0)),
        "floor_loss": None,
        "floor_perplexity": None,
        "excess_per_word": None,
        "val_perplexity_per_word": (
            perplexity_per_word(nats, counts["words"]) if counts["words"] else None
        ),
        "val_bits_per_byte": bits_per_byte(nats, counts["bytes"]),
        "val_bits_per_character": nats / counts["characters"] / math.log(2),
        "val_tokens": counts["tokens"],
    }
    if data.floor_nats is not None:
        floor = data.floor_nats / counts["tokens"]
        metrics["floor_loss"], metrics["floor_perplexity"] = floor, math.exp(floor)
        metrics["excess_per_word"] = (nats - data.floor_nats) / counts["words"]
    return metrics


def draw_curve(path: Path, history: list[dict[str, Any]], floor: float | None = None) -> None:
    """Draws training and validation loss over time.

    Args:
        path: the PNG to write.
        history: the entries of log.jsonl.
        floor: the entropy of the language in nats per token, if it is known.
    """
    names = {"training": "loss", "validation": "val_loss"}
    curves = {
        label: [(entry["seconds"], entry[name]) for entry in history if name in entry]
        for label, name in names.items()
    }
    draw_curves(curves, path, floor=floor)


def table(metrics: dict[str, Any]) -> str:
    """The figures that a reader wants, one to a line."""
    rows = [("perplexity", f"{metrics['val_perplexity']:,.2f}{_floor(metrics)}")]
    rows.append(("loss", f"{metrics['val_loss']:.4f} nats per token"))
    if metrics.get("excess_per_word") is not None:
        error = metrics.get("excess_per_word_error")
        spread = "" if error is None else f", standard error {error:.4f}"
        rows.append(
            (
                "above the floor",
                f"{math.expm1(metrics['excess_per_word']):,.1%} per word "
                f"({metrics['excess_per_word']:.4f} nats{spread})",
            )
        )
    if metrics.get("parsed") is not None:
        rows.append(("grammatical", f"{metrics['parsed']:.1%} of {metrics['sampled']:,} samples"))
    rows += [
        ("per word", _perplexity(metrics["val_perplexity_per_word"])),
        ("bits per byte", f"{metrics['val_bits_per_byte']:.4f}"),
        ("bits per character", f"{metrics['val_bits_per_character']:.4f}"),
        ("speed", f"{metrics['tokens_per_second']:,.0f} tokens per second"),
        ("training", f"{metrics['steps']:,} steps, {metrics['training_seconds']:.0f} seconds"),
        ("parameters", f"{metrics['parameters']:,}"),
    ]
    return "\n".join(f"{name:<20}{value}" for name, value in rows)


def json_line(metrics: dict[str, Any]) -> str:
    """The metrics as one line of strict JSON: what is not a number becomes null."""
    return json.dumps({name: finite(value) for name, value in metrics.items()})


def finite(value: Any) -> Any:
    """The value, or None for NaN and infinity, which JSON has not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _perplexity(value: float | None) -> str:
    """A text of one endless word has no finite perplexity per word, one without words has none."""
    return "not finite" if value is None else f"{value:,.2f}"


def _floor(metrics: dict[str, Any]) -> str:
    floor = metrics.get("floor_perplexity")
    return "" if floor is None else f" (floor {floor:.2f})"
