"""Kills trainings at random moments; each, resumed, must end as the unbroken one, bit by bit.

    python benchmarks/kill_resume.py --kills 50 --out runs/kill_resume

Three examples train by epochs. Each run is killed (SIGKILL) one to four times between its first
epoch and its end, resumed after each, and ends undisturbed; every array in its model.keras and
every metric but times is compared with the unbroken run's. Prints a table. What is finished lies in
results.jsonl, and a second call goes on from there.
"""

import argparse
import concurrent.futures
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
FLAGS = {
    "train_lstm_lm": ["--smoke", "--epochs", "3"],
    "classify_text": ["--smoke", "--epochs", "8"],
    "tag_entities": ["--smoke", "--epochs", "5"],
}
# Half of a tiny training is compilation: the quickest code is good enough.
QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
TIMES = {"seconds", "training_seconds", "steps_per_second", "tokens_per_second", "out"}
MOST_SECONDS = 900.0  # of one process


class Run:
    """A process of an example, and when its training began."""

    def __init__(self, name: str, out: Path) -> None:
        self.begun = threading.Event()
        self.resumed_at = 0
        is_begun = any((out / file).exists() for file in ("last.keras", "model.keras"))
        command = [sys.executable, str(ROOT / "examples" / f"{name}.py"), *FLAGS[name]]
        environment = {
            "XLA_FLAGS": QUICK, **os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"
        }  # fmt: skip
        self.log: list[str] = []
        self.started, self.trained = time.monotonic(), 0.0
        self.process = subprocess.Popen(
            [*command, "--out", str(out), *(["--resume"] if is_begun else [])],
            env=environment, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.log.append(line)
            if line.startswith("resuming at step"):
                self.resumed_at = int(line.split()[3].replace(",", ""))
            if line.startswith("Epoch "):
                self.trained = self.trained or time.monotonic()
                self.begun.set()
        self.begun.set()

    def finish(self) -> float:
        """Waits for the end; seconds since the training began."""
        try:
            status = self.process.wait(MOST_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            status = -1
        self.reader.join()
        if status:
            raise RuntimeError(f"status {status}\n{''.join(self.log[-30:])}")
        return time.monotonic() - (self.trained or self.started)

    def kill_after(self, seconds: float) -> bool:
        """Kills the process so long after its training began; False if it ended before."""
        self.begun.wait(MOST_SECONDS)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return True
        self.finish()
        return False

    def kill(self) -> None:
        """SIGKILL to the process and what it began."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.reader.join()


def main() -> None:
    """Trains unbroken, then broken runs until there were enough kills, and compares."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="of all examples together")
    parser.add_argument("--out", type=Path, default=Path("runs/kill_resume"))
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--workers", type=int, default=2, help="trainings at a time")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(args.workers) as pool:
        seconds = pool.map(lambda name: unbroken(name, args.out), FLAGS)
        lengths = dict(zip(FLAGS, seconds, strict=True))
        rows: list[dict[str, Any]] = []
        # A moment near the end may come too late: then there are some more runs.
        while (missing := args.kills - sum(row["kills"] for row in rows)) > 0:
            plan = planned(missing, args.seed, len(rows))
            rows += pool.map(lambda job: broken(job, args.out, lengths[job[0]]), plan)
            if any(row["problem"] for row in rows):
                break
    report(rows)


def planned(kills: int, seed: int, first: int) -> list[tuple[str, int, list[float]]]:
    """(example, number of the run, moments as fractions of its training), for so many kills."""
    jobs: list[tuple[str, int, list[float]]] = []
    names = list(FLAGS)
    while kills > 0:
        number = first + len(jobs)
        rng = random.Random(f"{seed} {number}")
        moments = [rng.random() for _ in range(min(rng.randint(1, 4), kills))]
        jobs.append((names[number % len(names)], number, moments))
        kills -= len(moments)
    return jobs


def unbroken(name: str, out: Path) -> float:
    """Trains an example to its end, unless it is there; the seconds of its training."""
    folder, length = out / name, out / f"{name}.seconds"
    if not length.exists():
        shutil.rmtree(folder, ignore_errors=True)
        length.write_text(str(Run(name, folder).finish()), "utf-8")
    return float(length.read_text("utf-8"))


def broken(job: tuple[str, int, list[float]], out: Path, length: float) -> dict[str, Any]:
    """Trains an example with kills, and compares it; a row of the table."""
    name, number, moments = job
    results = out / "results.jsonl"
    known = results.read_text("utf-8").splitlines() if results.exists() else []
    for row in map(json.loads, known):
        if row["run"] == number and row["moments"] == moments:
            return dict(row)
    folder = out / f"{name}_{number}"
    shutil.rmtree(folder, ignore_errors=True)
    killed, resumed, problem = 0, [], ""
    try:
        for moment in moments:
            run = Run(name, folder)
            killed += run.kill_after(moment * length)
            resumed.append(run.resumed_at)
        run = Run(name, folder)
        run.finish()
        resumed.append(run.resumed_at)
        problem = difference(out / name, folder)
    except (OSError, RuntimeError) as error:
        problem = str(error)
    row = {"run": number, "example": name, "moments": moments, "kills": killed,
           "resumed_at": resumed[1:], "problem": problem}  # fmt: skip
    with results.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(line_of(row), flush=True)
    if not problem:
        shutil.rmtree(folder)
    return row


def difference(one: Path, other: Path) -> str:
    """How two finished runs differ; empty if they are equal."""
    found = []
    arrays, others = arrays_of(one / "model.keras"), arrays_of(other / "model.keras")
    if arrays.keys() != others.keys():
        found.append("other arrays")
    found += [
        key for key in arrays.keys() & others.keys()
        if not np.array_equal(arrays[key], others[key], equal_nan=arrays[key].dtype.kind == "f")
    ]  # fmt: skip
    metrics, more = (
        json.loads((place / "metrics.json").read_text("utf-8")) for place in (one, other)
    )
    found += [
        f"{key}: {metrics.get(key)} and {more.get(key)}"
        for key in sorted({*metrics, *more} - TIMES)
        if metrics.get(key) != more.get(key)
    ]
    return "; ".join(found)


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a Keras file: weights and the optimizer's."""
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with (
        zipfile.ZipFile(path) as archive,
        archive.open("model.weights.h5") as member,
        h5py.File(member, "r") as file,
    ):
        file.visititems(keep)
    return found


def line_of(row: dict[str, Any]) -> str:
    """A run as a line of the table."""
    steps = ", ".join(map(str, row["resumed_at"])) or "-"
    ends = row["problem"] or "bit-equal"
    return f"{row['run']:>3}  {row['example']:<14} {row['kills']:>5}  {steps:<24} {ends}"


def report(rows: list[dict[str, Any]]) -> None:
    """Prints the table and, last, its sums as JSON; the status is 1 if a run differs."""
    print(f"\n{'run':>3}  {'example':<14} {'kills':>5}  {'resumed at step':<24} end")
    for row in sorted(rows, key=lambda row: int(row["run"])):
        print(line_of(row))
    equal = sum(not row["problem"] for row in rows)
    kills = sum(row["kills"] for row in rows)
    print(json.dumps({"runs": len(rows), "kills": kills, "bit_equal": equal}))
    if equal < len(rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
