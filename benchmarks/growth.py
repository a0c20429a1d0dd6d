"""How cost grows: step time and memory over sequence length, vocabulary and batch.

    python benchmarks/growth.py --out runs/growth

For an LSTM and a Transformer language model, ours beside PyTorch's, each point in a process of its
own. Writes growth.json and growth.png.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from speed import PEERS, Side, start

LENGTHS = (64, 128, 256, 512, 1024, 2048)
VOCABULARIES = (1_000, 8_000, 33_278, 100_000, 250_000)
BATCHES = (1, 4, 16, 64)
LSTM: dict[str, Any] = {"units": 200, "batch": 20, "time": 35, "vocab_size": 10_000, "steps": 1}
GPT: dict[str, Any] = {
    "embed_dim": 128, "num_layers": 4, "num_heads": 4, "batch": 4, "time": 128,
    "vocab_size": 1000,
}  # fmt: skip
AXES = {
    "sequence length": ("time", LENGTHS),
    "vocabulary": ("vocab_size", VOCABULARIES),
    "batch": ("batch", BATCHES),
}


def main() -> None:
    """Measures every point and draws the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/growth"))
    parser.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow")
    parser.add_argument("--peers", default=str(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for job, settings in (("lstm_lm", LSTM), ("gpt", GPT)):
        for axis, (name, values) in AXES.items():
            for value in values:
                for module in ("ours", "pytorch"):
                    point = measure(module, job, {**settings, name: value}, args)
                    found.setdefault(f"{job}, {axis}", {}).setdefault(module, {})[value] = point
                    print(job, axis, value, module, point, flush=True)
            (args.out / "growth.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    draw(found, args.out / "growth.png")
    print(json.dumps({"points": sum(len(m) for a in found.values() for m in a.values())}))


def measure(
    module: str, job: str, settings: dict[str, Any], args: argparse.Namespace
) -> dict[str, float] | None:
    """Seconds a step and peak MB over those of the idle process; None where it fails."""
    settings = dict(settings)
    if module == "ours" and job == "gpt":
        settings["steps"] = 10
    if module == "pytorch":
        settings.pop("steps", None)
    tokens = settings["batch"] * settings["time"]
    try:
        worker = start(Side(module, job, settings), args, round_seconds=0.3)
        rate = max(worker.round() for _ in range(args.rounds))
        memory = worker.end()
    except RuntimeError as error:
        print(f"{module} {job} {settings}: {error}")
        return None
    peak = memory["peak_mb"] - memory["idle_mb"]
    return {"milliseconds": round(1000 * tokens / rate, 2), "mb_over_idle": round(peak)}


def draw(found: dict[str, Any], path: Path) -> None:
    """Time above, memory below; a column for each job and axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(found), figsize=(3.2 * len(found), 6), squeeze=False)
    for column, (title, sides) in enumerate(found.items()):
        for row, (key, label) in enumerate(
            (("milliseconds", "ms a step"), ("mb_over_idle", "MB over idle"))
        ):
            plot = axes[row][column]
            for module, points in sides.items():
                known = {x: p[key] for x, p in points.items() if p}
                plot.plot(list(known), list(known.values()), "o-", label=module, markersize=3)
            plot.set(xscale="log", yscale="log", ylabel=label)
            plot.set_xlabel(title.split(", ")[1])
            if row == 0:
                plot.set_title(title.split(", ")[0])
            plot.grid(alpha=0.3)
    axes[0][0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
