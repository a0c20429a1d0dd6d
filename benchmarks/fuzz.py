"""Feeds lmzoo hostile inputs: only its own errors, under 500 MB over idle, nothing over 10 seconds.

    python benchmarks/fuzz.py --inputs 20000 --out runs/fuzz
    python benchmarks/fuzz.py --room readers --only 4711

Each room of `fuzz_inputs.py` runs in a process of its own under a guard of time and memory, which
is started anew after a failure and every few hundred inputs. An input follows from its room and
seed; `--only` repeats one with its traceback. A second call goes on from ROOM.jsonl.
Prints what was tried, and every failure with its seed.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

MOST_SECONDS = 10.0
MOST_MB = 500.0
KILL_SECONDS, KILL_MB = 40.0, 3000.0  # a process that goes on beyond its bounds
BATCH = 300  # inputs of a process: TensorFlow keeps some memory of every model and graph
# Of all inputs; those that compile take their time.
PARTS = {"readers": 0.3, "tokenizers": 0.2, "metrics": 0.25, "run_files": 0.15, "builders": 0.07,
         "generation": 0.03}  # fmt: skip


def main() -> None:
    """Runs all rooms, or one input, or (with --worker) what a room's process does."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--workers", type=int, default=2, help="rooms at a time")
    parser.add_argument("--room", choices=PARTS)
    parser.add_argument("--only", type=int, metavar="SEED", help="one input of --room")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        serve(args.room)
        return
    if args.only is not None:
        print(attempt(args.room, args.only, shows=True))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    counts = {room: max(1, round(args.inputs * part)) for room, part in PARTS.items()}
    rooms = [args.room] if args.room else sorted(PARTS, key=lambda room: PARTS[room])
    with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
        found = dict(
            zip(rooms, pool.map(lambda r: run_room(r, counts[r], args.out), rooms), strict=True)
        )
    report(found)


def run_room(room: str, count: int, out: Path) -> list[dict[str, Any]]:
    """The results of a room's seeds 0, 1, ..., those of earlier calls included."""
    path = out / f"{room}.jsonl"
    text = path.read_text("utf-8") if path.exists() else ""
    rows = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
    known = {row["seed"] for row in rows}
    left = [seed for seed in range(count) if seed not in known]
    while left:
        worker = Worker(room, out)
        try:
            for seed in left[:BATCH]:
                row = worker.ask(seed)
                left.remove(seed)
                rows.append(row)
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                if row["problem"]:
                    print(f"{room} {seed}: {row['problem']}", flush=True)
                    break
        finally:
            worker.end()
    return [row for row in rows if row["seed"] < count]


class Worker:
    """A room's process."""

    def __init__(self, room: str, out: Path) -> None:
        log = (out / f"{room}.stderr").open("wb")
        command = [sys.executable, os.path.abspath(__file__), "--room", room, "--worker"]
        self.folder = tempfile.TemporaryDirectory(prefix="fuzz-")
        root = str(Path(__file__).resolve().parents[1])
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": root}
        environment.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
        self.process = subprocess.Popen(
            command, cwd=self.folder.name, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        log.close()
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        first = json.loads(self.lines.get(timeout=600))
        if "idle_mb" not in first:
            raise RuntimeError(f"the room {room} cannot start: see {log.name}")
        self.idle = float(first["idle_mb"])

    def _read(self) -> None:
        for line in self.process.stdout or ():
            if line.startswith("{"):
                self.lines.put(line)
        self.lines.put('{"problem": "the process ended"}')

    def ask(self, seed: int) -> dict[str, Any]:
        """Runs an input; its result, with a problem if a bound was broken."""
        row: dict[str, Any] = {"seed": seed, "seconds": 0.0, "mb": 0.0, "problem": ""}
        began = time.monotonic()
        if self.process.stdin is not None:
            self.process.stdin.write(f"{seed}\n")
            self.process.stdin.flush()
        while True:
            with contextlib.suppress(queue.Empty):
                row |= json.loads(self.lines.get(timeout=0.2))
                break
            row["seconds"] = round(time.monotonic() - began, 2)
            row["mb"] = memory_mb(self.process.pid) - self.idle
            if row["seconds"] > KILL_SECONDS or row["mb"] > KILL_MB:
                row["problem"] = f"killed after {row['seconds']} s, {row['mb']:.0f} MB"
                break
        if not row["problem"] and row["seconds"] > MOST_SECONDS:
            row["problem"] = f"{row['seconds']} seconds"
        if not row["problem"] and row["mb"] > MOST_MB:
            row["problem"] = f"{row['mb']:.0f} MB over the idle process"
        return row

    def end(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


def serve(room: str) -> None:
    """Answers seeds on the standard input with a line of JSON each."""
    import fuzz_inputs

    from lmzoo.errors import LmzooError

    with contextlib.suppress(LmzooError):
        fuzz_inputs.ROOMS[room](random.Random(0), warm_up=True)
    idle = memory_mb(os.getpid())
    print(json.dumps({"idle_mb": idle}), flush=True)
    for line in sys.stdin:
        print(json.dumps(attempt(room, int(line)) | {"mb": peak_mb() - idle}), flush=True)


def attempt(room: str, seed: int, *, shows: bool = False) -> dict[str, Any]:
    """One input: what became of it, and the seconds that it took."""
    import fuzz_inputs

    from lmzoo.errors import LmzooError

    began, problem, end = time.monotonic(), "", "fine"
    forget_peak()
    try:
        fuzz_inputs.ROOMS[room](random.Random(f"{room} {seed}"))
    except LmzooError as error:
        end = "refused"
        if shows:
            print(f"{type(error).__name__}: {error}")
    except Exception as error:
        if shows:
            raise
        end, problem = "error", f"{type(error).__name__}: {str(error)[:300]}"
    seconds = round(time.monotonic() - began, 3)
    return {"seed": seed, "end": end, "seconds": seconds, "problem": problem}


def memory_mb(process: int, name: str = "VmRSS") -> float:
    """Memory of a process in MB: what it holds, or VmHWM, the most since `forget_peak`."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text("utf-8").splitlines():
            if line.startswith(name):
                return int(line.split()[1]) / 1000
    return 0.0


def peak_mb() -> float:
    """The most memory of this process since `forget_peak`, in MB."""
    return memory_mb(os.getpid(), "VmHWM")


def forget_peak() -> None:
    """Lets the peak of this process be counted anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """Prints the table, the failures and, last, the sums as JSON; the status is 1 if any failed."""
    print(
        f"\n{'room':<12} {'inputs':>7} {'fine':>7} {'refused':>8} {'failed':>7} {'s':>6} {'MB':>6}"
    )
    failures = []
    for room, rows in found.items():
        ends = [row.get("end") for row in rows]
        bad = [row for row in rows if row["problem"]]
        failures += [f"{room} --only {row['seed']}: {row['problem']}" for row in bad]
        print(f"{room:<12} {len(rows):>7,} {ends.count('fine'):>7,} {ends.count('refused'):>8,} "
              f"{len(bad):>7} {max(row['seconds'] for row in rows):>6.1f} "
              f"{max(row['mb'] for row in rows):>6.0f}")  # fmt: skip
    print("\n".join(["", *failures]))
    inputs = sum(map(len, found.values()))
    print(json.dumps({"inputs": inputs, "failures": len(failures)}))
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
