"""Times this checkout beside an earlier one, in turns: is anything slower than before?

    git worktree add ../before COMMIT
    python benchmarks/before_after.py ../before
    python benchmarks/before_after.py ../before --only generate_gpt2_1 --rounds 5

Each side runs the jobs of its own benchmarks/ours.py in a process of its own; they take turns.
Which process starts first matters by some percent: half of the rounds are run in the other order.
The ratio is that of throughputs, now / before, the median over the rounds; 1 is as fast as before.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MARK = "@@ "
PAUSE = 0.3  # threads of the side that just ran stop spinning
GPT: dict[str, Any] = {"embed_dim": 128, "num_layers": 4, "num_heads": 4, "batch": 12, "time": 64}
JOBS: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm_lm": ("lstm_lm", {"steps": 10}),
    "gpt_4x128": ("gpt", {**GPT, "steps": 50}),
    "generate_gpt2_1": ("generate_gpt2", {"batch": 1}),
    "generate_gpt2_8": ("generate_gpt2", {"batch": 8}),
    "lstm_layer_650_20": ("lstm_layer", {"units": 650, "batch": 20}),
    "generate_lstm_1": ("generate_lstm", {"batch": 1}),
}


class Side:
    """A job of one checkout in its process; it waits between rounds."""

    def __init__(self, checkout: Path, job: str, settings: dict[str, Any]) -> None:
        runner = checkout / "benchmarks" / "runner.py"
        environment = {**os.environ, "PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [sys.executable, str(runner), "ours", job, json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )
        self.amount = self._answer()["amount"]

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith(MARK):
                found: dict[str, Any] = json.loads(line.removeprefix(MARK))
                return found
        raise SystemExit(f"a side ended early, with status {self.process.wait()}")

    def throughput(self) -> float:
        """One round: what is done in a second."""
        assert self.process.stdin is not None
        time.sleep(PAUSE)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.amount / self._answer()["seconds"])

    def end(self) -> None:
        """Ends the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def run_rounds(
    places: Sequence[Path], job: str, settings: dict[str, Any], rounds: int
) -> list[list[float]]:
    """Throughputs of the checkouts, which start and run in this order, in so many rounds."""
    sides = [Side(place, job, settings) for place in places]
    found = [[side.throughput() for side in sides] for _ in range(rounds)]
    for side in sides:
        side.end()
    return found


def main() -> None:
    """Runs the jobs and prints a line each, then everything as JSON."""
    parser = argparse.ArgumentParser(description="Times this checkout beside an earlier one.")
    parser.add_argument("before", type=Path, help="the root of the earlier checkout")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB")
    parser.add_argument("--rounds", type=int, default=4, help="in each order")
    parser.add_argument("--seconds", type=float, default=2.0, help="of a round, about")
    args = parser.parse_args()
    found = {}
    for name in args.only:
        job, settings = JOBS[name]
        settings = {**settings, "round_seconds": args.seconds}
        places = (HERE.parent, args.before.resolve())
        rounds = run_rounds(places, job, settings, args.rounds)
        rounds += [pair[::-1] for pair in run_rounds(places[::-1], job, settings, args.rounds)]
        ratios = sorted(now / before for now, before in rounds)
        now, before = (statistics.median(values) for values in zip(*rounds, strict=True))
        found[name] = {"ratio": statistics.median(ratios), "ratios": ratios}
        print(
            f"{name:<20} now {now:,.1f}/s, before {before:,.1f}/s, ratio "
            f"{found[name]['ratio']:.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})",
            flush=True,
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
