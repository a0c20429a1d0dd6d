"""One side of a comparison in a process of its own; `speed.py` starts it and speaks with it.

    python benchmarks/runner.py MODULE JOB '{"setting": 1}'

MODULE is a file of benchmarks/reference/ or `ours`; its function JOB returns a `Job`. On each line
"go" of the standard input the job is run for about a second, and what it took is printed.
"""

import dataclasses
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.modules.setdefault("runner", sys.modules[__name__])

MARK = "@@ "


@dataclasses.dataclass
class Job:
    """Something to be timed.

    Attributes:
        run: does it once and returns when it is done.
        amount: how much one run does, in tokens, say.
        flops: floating-point operations of a run's matrix products, if known.
        bytes: bytes of weights and cache that one run must read, if known.
        note: settings worth knowing.
        warm: how often it is run before anything is timed.
    """

    run: Callable[[], Any]
    amount: float
    flops: float = 0.0
    bytes: float = 0.0
    note: str = ""
    warm: int = 2


def fit_job(model: Any, x: Any, y: Any, batch: int, *, flops: float = 0.0, note: str = "") -> Job:
    """`fit` once over arrays of whole batches, from a pipeline that starves nobody."""
    import tensorflow as tf

    options = tf.data.Options()  # the end of an autotuned iterator may wait half a second
    options.autotune.enabled = False
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch, drop_remainder=True)
    data = data.prefetch(2).repeat().with_options(options)
    return Job(
        lambda: model.fit(data, steps_per_epoch=len(y) // batch, epochs=1, verbose=0),
        y.size,
        flops=flops,
        note=note,
    )


def main(module: str, job: str, settings: dict[str, Any]) -> None:
    """Warms up, then answers until the input ends."""
    side = importlib.import_module(module if module == "ours" else f"reference.{module}")
    idle = resident_mb()
    seconds = settings.pop("round_seconds", 1.0)
    work: Job = getattr(side, job)(**settings)
    begin = time.perf_counter()
    work.run()
    first = time.perf_counter() - begin
    for _ in range(work.warm):
        work.run()
    begin = time.perf_counter()
    work.run()
    once = time.perf_counter() - begin
    repeats = max(1, round(seconds / max(once, 1e-9)))
    say(
        ready=True, amount=work.amount, flops=work.flops, bytes=work.bytes, note=work.note,
        first_seconds=first, repeats=repeats,
    )  # fmt: skip
    for line in sys.stdin:
        if line.strip() != "go":
            break
        begin = time.perf_counter()
        for _ in range(repeats):
            work.run()
        say(seconds=(time.perf_counter() - begin) / repeats)
    say(idle_mb=idle, peak_mb=peak_mb())


def say(**values: Any) -> None:
    """Prints one answer; what a library prints is told apart by the mark."""
    print(MARK + json.dumps(values), flush=True)


def resident_mb() -> float:
    """Memory that the process holds now, in MB."""
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def peak_mb() -> float:
    """The most memory that the process ever held, in MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
