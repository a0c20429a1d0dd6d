"""Seconds that a plain Keras model with a recurrent layer takes on batches of many lengths.

    python benchmarks/varying_lengths.py

Keras's layer and lmzoo's take turns, each in a process of its own; the first epoch meets each
length for the first time, as does prediction.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROUNDS, LENGTHS = 3, range(5, 65)


def measure(module: str, layer: str) -> dict[str, float]:
    """Trains two epochs over all lengths, then predicts for growing ones."""
    import keras
    import numpy as np
    import tensorflow as tf

    import lmzoo

    layers = lmzoo.layers if module == "lmzoo" else keras.layers
    rng = np.random.default_rng(0)
    batches = [rng.integers(1, 50, (8, n)) for n in rng.permutation(np.array(LENGTHS))]

    def data() -> Iterator[tuple]:
        yield from ((ids, ids) for ids in batches)

    spec = tf.TensorSpec((8, None), tf.int64)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(50, 32),
            getattr(layers, layer)(32, return_sequences=True),
            keras.layers.Dense(50),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, jit_compile=False)
    found = {}
    for name in ("first epoch", "second epoch"):
        start = time.perf_counter()
        model.fit(tf.data.Dataset.from_generator(data, output_signature=(spec, spec)), verbose=0)
        found[name] = time.perf_counter() - start
    start = time.perf_counter()
    for length in range(1, 41):
        model.predict(np.ones((1, length), "int32"), verbose=0)
    found["predict, 40 lengths"] = time.perf_counter() - start
    return found


def main() -> None:
    """Prints the seconds side by side, the least of all rounds."""
    for layer in ("LSTM", "GRU", "SimpleRNN"):
        best: dict[str, dict[str, float]] = {"keras": {}, "lmzoo": {}}
        for _ in range(ROUNDS):
            for module, least in best.items():
                command = [sys.executable, __file__, module, layer]
                run = subprocess.run(command, check=True, capture_output=True, text=True)
                for name, seconds in json.loads(run.stdout.splitlines()[-1]).items():
                    least[name] = min(seconds, least.get(name, seconds))
        for name, seconds in best["keras"].items():
            ours = best["lmzoo"][name]
            print(f"{layer:10} {name:20} Keras {seconds:6.2f} s, lmzoo {ours:6.2f} s", flush=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(measure(*sys.argv[1:])))
    else:
        main()
