"""Times lmzoo beside the tools that users would pick instead, and prints the ratios.

    python benchmarks/speed.py --list
    python benchmarks/speed.py --only lstm_layer --json speed.json
    python benchmarks/speed.py --backend jax

Each side runs in a process of its own; they take turns: ours, theirs, ours, theirs ... The ratio
is that of throughputs, ours / theirs, the median over the rounds. The machine's own limits are
measured in the same run: square float32 products, and reading memory. benchmarks/README.md says how
to make the peers' virtual environment; a peer that is missing is reported as missing.
"""

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
MARK = "@@ "
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
PAUSE = 0.3  # threads of the side that just ran stop spinning


@dataclass(frozen=True)
class Side:
    """A job of one module, with its settings."""

    module: str
    job: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Ours, and every peer with the ratio to reach."""

    job: str
    settings: dict[str, Any]
    peers: dict[str, tuple[Side, float]]
    limit: str | None = None
    round_seconds: float = 1.0


def _layer(units: int, batch: int) -> Comparison:
    size = {"units": units, "batch": batch}
    peers = {
        "PyTorch": (Side("pytorch", "lstm_layer", size), 1.0),
        "Keras": (Side("keras_layers", "lstm_layer", size), 1.7),
        "Keras, XLA": (Side("keras_layers", "lstm_layer", {**size, "xla": True}), 1.7),
    }
    return Comparison("lstm_layer", size, peers, "matmul")


def _gpt(size: dict[str, int], steps: int, goals: tuple[float, float, float]) -> Comparison:
    """`steps` is how many one call of `fit` makes, a multiple of ten."""
    eager, compiled, hub = goals
    fit = {**size, "steps": steps}
    peers = {
        "PyTorch": (Side("pytorch", "gpt", size), eager),
        "PyTorch compiled": (Side("pytorch", "gpt", {**size, "compile": True}), compiled),
        "KerasHub": (Side("kerashub", "gpt", fit), hub),
        "KerasHub, XLA": (Side("kerashub", "gpt", {**fit, "xla": True}), hub),
    }
    return Comparison("gpt", fit, peers, "matmul")


def _generate(batch: int) -> Comparison:
    size = {"batch": batch}
    peers = {
        "transformers": (Side("huggingface", "generate_gpt2", size), 2.0),
        "transformers, static": (Side("huggingface", "generate_gpt2", {**size, "static": True}), 2),
        "KerasHub": (Side("kerashub", "generate_gpt2", size), 2.0),
        "KerasHub, XLA": (Side("kerashub", "generate_gpt2", {**size, "xla": True}), 2.0),
    }
    return Comparison("generate_gpt2", size, peers, "memory_read")


COMPARISONS = {
    "lstm_layer_200_20": _layer(200, 20),
    "lstm_layer_650_20": _layer(650, 20),
    "lstm_layer_256_64": _layer(256, 64),
    "lstm_layer_512_64": _layer(512, 64),
    "lstm_lm": Comparison("lstm_lm", {}, {"PyTorch": (Side("pytorch", "lstm_lm"), 1.5)}, "matmul"),
    "gpt_4x128": _gpt(
        {"embed_dim": 128, "num_layers": 4, "num_heads": 4, "batch": 12, "time": 64},
        50,
        (1.25, 1.1, 2.0),
    ),
    "gpt_6x384": _gpt(
        {"embed_dim": 384, "num_layers": 6, "num_heads": 6, "batch": 8, "time": 256},
        10,
        (1.0, 1.0, 1.3),
    ),
    "generate_gpt2_1": _generate(1),
    "generate_gpt2_8": _generate(8),
    "generate_lstm_1": Comparison(
        "generate_lstm",
        {"batch": 1},
        {"PyTorch": (Side("pytorch", "generate_lstm", {"batch": 1}), 3.0)},
        "memory_read",
    ),
    "generate_lstm_32": Comparison(
        "generate_lstm",
        {"batch": 32},
        {"PyTorch": (Side("pytorch", "generate_lstm", {"batch": 32}), 3.0)},
    ),
    "pipeline": Comparison("pipeline", {}, {}),
    "startup": Comparison("startup", {}, {"Keras": (Side("keras_layers", "startup"), 1 / 1.1)}),
}


class Worker:
    """A side in its process; it waits between rounds."""

    def __init__(self, side: Side, python: str, backend: str, round_seconds: float = 1.0) -> None:
        settings = {**side.settings, "round_seconds": round_seconds}
        command = [python, str(HERE / "runner.py"), side.module, side.job, json.dumps(settings)]
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
        )
        self.about = self._answer()

    def round(self) -> float:
        """Units of work per second in one more round."""
        time.sleep(PAUSE)
        self._say("go")
        return float(self.about["amount"] / self._answer()["seconds"])

    def end(self) -> dict[str, float]:
        """Ends the process; its memory in MB, idle and at the peak."""
        self._say("end")
        memory = self._answer()
        self.process.communicate()
        return memory

    def _say(self, word: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # `_answer` says what ended the process
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        said = "no answer"
        for line in self.process.stdout:
            if line.startswith(MARK):
                return json.loads(line.removeprefix(MARK))
            said = line.strip() or said
        self.process.communicate()
        raise RuntimeError(said)


def main() -> None:
    """Runs the comparisons that were asked for."""
    args = flags()
    if args.list:
        for name, comparison in COMPARISONS.items():
            goals = ", ".join(f"{peer} >= {goal}" for peer, (_, goal) in comparison.peers.items())
            print(f"{name}: {goals}")
        return
    names = [n for n in COMPARISONS if any(n.startswith(only) for only in args.only or [""])]
    if not names:
        sys.exit(f"speed: no comparison begins with {args.only}; --list names them")
    limits = measure_limits(args)
    results: dict[str, Any] = {"machine": platform.processor(), "limits": limits}
    for name in names:
        results[name] = compare(name, COMPARISONS[name], limits, args)
        if args.json:
            args.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    show({name: results[name] for name in names}, limits)
    print(
        json.dumps({n: {p: r.get("ratio") for p, r in results[n]["peers"].items()} for n in names})
    )


def flags() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--only", nargs="+", metavar="NAME", help="comparisons whose names begin so")
    add("--backend", choices=("tensorflow", "jax"), default="tensorflow")
    add("--rounds", type=int, default=5, help="rounds of each side, after warm-up")
    add("--json", type=Path, metavar="FILE", help="where all figures are written")
    add("--peers", default=str(PEERS if PEERS.exists() else sys.executable), metavar="PYTHON",
        help="Python of the peers' virtual environment")  # fmt: skip
    add("--list", action="store_true", help="print the comparisons and the ratios to reach")
    return parser.parse_args()


def start(side: Side, args: argparse.Namespace, round_seconds: float = 1.0) -> Worker:
    """Starts a side in the environment that it needs."""
    own = side.module in ("ours", "keras_layers")
    backend = args.backend if own else "tensorflow"
    return Worker(side, sys.executable if own else args.peers, backend, round_seconds)


def measure_limits(args: argparse.Namespace) -> dict[str, float]:
    """GFLOP/s of square products and GB/s of reading, the best that any side reaches."""
    limits = {}
    for job, kind in (("matmul", "flops"), ("memory_read", "bytes")):
        found = {}
        for module in ("ours", "pytorch"):
            try:
                worker = start(Side(module, job), args)
            except RuntimeError as error:
                print(f"{job}, {module}: {error}")
                continue
            rates = [worker.round() for _ in range(args.rounds)]
            worker.end()
            found[module] = statistics.median(rates) * worker.about[kind] / 1e9
        limits[job] = max(found.values())
        print(f"{job}: {', '.join(f'{k} {v:.1f}' for k, v in found.items())}", flush=True)
    return limits


def compare(
    name: str, comparison: Comparison, limits: dict[str, float], args: argparse.Namespace
) -> dict[str, Any]:
    """Lets ours and each peer take turns."""
    ours = start(Side("ours", comparison.job, comparison.settings), args, comparison.round_seconds)
    found: dict[str, Any] = {"peers": {}}
    rates: list[float] = []
    for peer, (side, goal) in comparison.peers.items():
        try:
            theirs = start(side, args, comparison.round_seconds)
            turns = [(ours.round(), theirs.round()) for _ in range(args.rounds)]
            memory = theirs.end()
        except RuntimeError as error:
            if ours.process.poll() is not None:
                raise
            found["peers"][peer] = {"missing": str(error), "goal": goal}
            print(f"{name}, {peer}: {error}", flush=True)
            continue
        rates += [mine for mine, _ in turns]
        ratios = [mine / other for mine, other in turns]
        found["peers"][peer] = {
            "ratio": statistics.median(ratios),
            "range": [min(ratios), max(ratios)],
            "goal": goal,
            "per_second": statistics.median(other for _, other in turns),
            "note": theirs.about["note"],
            "first_seconds": theirs.about["first_seconds"],
            **memory,
        }
        print(f"{name}, {peer}: {found['peers'][peer]['ratio']:.2f} (>= {goal})", flush=True)
    rates = rates or [ours.round() for _ in range(args.rounds)]
    about = ours.about
    found |= {
        "per_second": statistics.median(rates),
        "first_seconds": about["first_seconds"],
        "note": about["note"],
        **ours.end(),
    }
    runs = found["per_second"] / about["amount"]
    found["gflops"] = runs * about["flops"] / 1e9
    found["gb_per_second"] = runs * about["bytes"] / 1e9
    if comparison.limit:
        reached = found["gflops" if comparison.limit == "matmul" else "gb_per_second"]
        found["share_of_limit"] = reached / limits[comparison.limit]
    return found


def show(results: dict[str, Any], limits: dict[str, float]) -> None:
    """Prints the table."""
    table = Table(box=box.SIMPLE_HEAD, title="throughput, ours / theirs")
    for column in ("comparison", "peer", "ratio", "range", "goal", "ours/s", "theirs/s",
                   "of limit", "MB", "their MB"):  # fmt: skip
        table.add_column(column, justify="left" if column in ("comparison", "peer") else "right")
    for name, found in results.items():
        share = f"{found['share_of_limit']:.0%}" if "share_of_limit" in found else ""
        ours = (f"{found['per_second']:,.0f}", share, f"{found['peak_mb']:,.0f}")
        for peer, other in found["peers"].items() or [("", {})]:
            if "ratio" not in other:
                cells = ["", "", str(other.get("goal", "")), ours[0], "", *ours[1:], ""]
            else:
                low, high = other["range"]
                cells = [
                    f"{other['ratio']:.2f}", f"{low:.2f} to {high:.2f}", f"{other['goal']:.3g}",
                    ours[0], f"{other['per_second']:,.0f}", *ours[1:], f"{other['peak_mb']:,.0f}",
                ]  # fmt: skip
            table.add_row(name, peer, *cells)
    console = Console(width=130)
    console.print(table)
    print(f"limits: {limits['matmul']:.0f} GFLOP/s, {limits['memory_read']:.1f} GB/s")


if __name__ == "__main__":
    main()
