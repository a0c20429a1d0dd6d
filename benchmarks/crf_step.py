"""Times a training step and the decoding of our CRF beside one in PyTorch.

    python benchmarks/crf_step.py --peers .venv-peers/bin/python

Both: fixed vectors of words, one linear layer, the CRF, Adam; 32 sentences of 15 to 30 words. Ours
trains through `fit` as compiled by default, without a metric (PyTorch's side counts none either).
They take turns, as in speed.py; the last line is JSON: milliseconds, and the ratio of throughputs.
"""

import argparse
import json
import os
import statistics
import sys
import time as clock
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from runner import Job
from speed import PEERS, Side, Worker

import lmzoo

FEATURES = 200
STEPS = 20  # of one call of `fit`


def crf(tags: int, batch: int = 32, time: int = 30, decode: bool = False) -> Job:
    """Training steps through `fit`, or decoding."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((batch, time, FEATURES)).astype("float32")
    y = rng.integers(0, tags, (batch, time)).astype("int32")
    mask = np.arange(time) < rng.integers(time // 2, time + 1, (batch, 1))
    words = keras.Input((None, FEATURES))
    layer = lmzoo.layers.CRF(tags)
    model = keras.Model(words, layer(keras.layers.Dense(tags)(words)))
    if decode:
        emissions = keras.ops.convert_to_tensor(model.predict(vectors, verbose=0))
        real = keras.ops.convert_to_tensor(mask)

        def find() -> Any:
            return np.asarray(layer.decode(emissions, real))

        return Job(find, batch * time)
    loss = lmzoo.losses.CRFLoss(layer)
    model.compile("adam", loss=loss, jit_compile=True, steps_per_execution=10)
    data = tf.data.Dataset.from_tensors((vectors, y, mask.astype("float32"))).cache().repeat()
    data = data.prefetch(2)

    def steps() -> None:
        model.fit(data, steps_per_epoch=STEPS, epochs=1, verbose=0)

    return Job(steps, STEPS * batch * time)


def main() -> None:
    """Lets ours and theirs take turns, for each number of tags."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tags", type=int, nargs="+", default=[17, 72])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--time", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=str(PEERS if PEERS.exists() else sys.executable),
        metavar="PYTHON", help="Python of the peers' virtual environment")  # fmt: skip
    args = parser.parse_args()
    found = {}
    for tags in args.tags:
        for decode in (False, True):
            name = f"{'decode' if decode else 'step'}, {tags} tags"
            size = {"tags": tags, "batch": args.batch, "time": args.time, "decode": decode}
            found[name] = compare(size, args)
            print(f"{name}: {found[name]}", flush=True)
    print(json.dumps(found))


def compare(size: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Milliseconds of a step or a decoding on both sides, medians over the rounds."""
    mine = crf(**size)
    for _ in range(3):
        mine.run()
    try:
        other = Worker(Side("torch_crf", "crf", size), args.peers, keras.backend.backend())
    except RuntimeError as error:
        other = None
        print(f"PyTorch: {error}")
    words = size["batch"] * size["time"]
    ours, theirs = [], []
    for _ in range(args.rounds):
        ours.append(1000 * words / rate(mine))
        if other is not None:
            theirs.append(1000 * words / other.round())
    result: dict[str, Any] = {"ours_ms": round(statistics.median(ours), 3)}
    if other is not None:
        other.end()
        ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
        result |= {
            "pytorch_ms": round(statistics.median(theirs), 3),
            "ratio": round(statistics.median(ratios), 2),
            "range": [round(min(ratios), 2), round(max(ratios), 2)],
        }
    return result


def rate(job: Job, seconds: float = 1.0) -> float:
    """Words per second in one round."""
    clock.sleep(0.3)  # threads of the side that just ran stop spinning
    begin, runs = clock.perf_counter(), 0
    while clock.perf_counter() - begin < seconds:
        job.run()
        runs += 1
    return job.amount * runs / (clock.perf_counter() - begin)


if __name__ == "__main__":
    main()
