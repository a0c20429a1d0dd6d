"""How much memory and time word vectors of a large file cost: 5 GB of GloVe's text format.

    python benchmarks/vectors_memory.py --gigabytes 5

Writes the file to a temporary folder, loads 20,000 wanted words into an embedding in a process of
its own, and prints its peak memory as one JSON line. `idle_mb` is the process before it reads: most
of it is TensorFlow's own code, mapped from disk.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

DIM = 300
WANTED = 20_000
# So many different vectors are written, in turn: numbers are slow to print.
POOL = 1_000


def main() -> None:
    """Writes the file, starts the process that reads it, and prints what that says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--read", nargs=2, metavar=("FILE", "ROWS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read[0], int(args.read[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vectors.txt")
        rows = write(path, int(args.gigabytes * 1e9), args.seed)
        command = [sys.executable, __file__, "--read", str(path), str(rows)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout.splitlines()[-1])


def write(path: Path, size: int, seed: int) -> int:
    """A file of about `size` bytes: words w0, w1, ... with vectors; returns how many rows."""
    vectors = np.random.default_rng(seed).normal(0, 0.4, (POOL, DIM))
    texts = [b" ".join(b"%.5f" % number for number in vector) for vector in vectors]
    rows = written = 0
    with path.open("wb") as file:
        while written < size:
            written += file.write(b"w%d %s\n" % (rows, texts[rows % POOL]))
            rows += 1
    return rows


def read(path: str, rows: int) -> None:
    """Loads the wanted words, spread over the whole file, and prints figures as JSON."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from lmzoo.pretrained import load_vectors

    number = min(WANTED, rows)
    words = ["<pad>", *(f"w{i * rows // number}" for i in range(number))]
    embedding = keras.layers.Embedding(len(words), DIM)
    embedding.build((None, None))
    idle = peak_mb()
    start = time.perf_counter()
    coverage = load_vectors(embedding, path, words)
    seconds = time.perf_counter() - start
    size = os.path.getsize(path)
    figures = {
        "file_gb": round(size / 1e9, 3),
        "rows": coverage.file.rows,
        "found": coverage.found,
        "idle_mb": round(idle),
        "peak_mb": round(peak_mb()),
        "mb_over_idle": round(peak_mb() - idle),
        "seconds": round(seconds, 2),
        "mb_per_second": round(size / 1e6 / seconds),
    }
    print(json.dumps(figures))


def peak_mb() -> float:
    """The most resident memory of this process so far, in 10^6 bytes."""
    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, else KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
