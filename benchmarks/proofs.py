"""Measures what the tests only bound: how far step is from call, memory of the pipeline, and more.

    python benchmarks/proofs.py steps       step against call, generate against recomputation
    python benchmarks/proofs.py perplexity  Perplexity against float64 NumPy on ragged batches
    python benchmarks/proofs.py overlap     validation documents of the grammar seen in training
    python benchmarks/proofs.py memory      what the pipeline needs for a text file of 2 GB

The last line is JSON; the exit status is 1 where a bound does not hold.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FLOAT32_BOUND, BFLOAT16_BOUND = 1e-4, 3e-2
Result = tuple[dict[str, Any], bool]


def main() -> int:
    """Runs one proof."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("proof", choices=sorted(PROOFS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    figures, holds = PROOFS[args.proof](args.seed)
    print(json.dumps({"proof": args.proof, "seed": args.seed, "holds": holds, **figures}))
    return 0 if holds else 1


def steps(seed: int) -> Result:
    """Both backends, each in a process of its own."""
    figures: dict[str, Any] = {}
    for backend in ("tensorflow", "jax"):
        environment = {**os.environ, "KERAS_BACKEND": backend}
        command = [sys.executable, __file__, "steps_here", "--seed", str(seed)]
        run = subprocess.run(
            command, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        *log, last = run.stdout.strip().splitlines() or [""]
        print("\n".join(log), flush=True)
        figures[backend] = json.loads(last) if last else {"holds": False}
    return figures, all(figures[backend]["holds"] for backend in figures)


def steps_here(seed: int) -> Result:
    """Every registered language model: largest differences, and the greedy texts that agree."""
    import keras

    import lmzoo
    from lmzoo.layers import dense

    dense._SMALLEST = 1  # tiny weights are laid out as large ones are
    figures: dict[str, Any] = {}
    holds = True
    for name in lmzoo.list_models("*_lm"):
        found: dict[str, float] = {}
        for policy in ("float32", "mixed_bfloat16"):
            keras.config.set_dtype_policy(policy)
            found[policy] = _step_difference(_perturbed(name, seed), seed)
        keras.config.set_dtype_policy("float32")
        same, total = _greedy_agreement(_perturbed(name, seed), seed)
        print(
            f"{keras.backend.backend():10s} {name:10s} float32 {found['float32']:.1e}, bfloat16 "
            f"{found['mixed_bfloat16']:.1e} of the largest logit; greedy {same} of {total}",
            flush=True,
        )
        figures[name] = {**found, "greedy_texts_equal": same, "greedy_texts": total}
        holds &= found["float32"] <= FLOAT32_BOUND and same == total
        holds &= found["mixed_bfloat16"] <= BFLOAT16_BOUND
    return figures, bool(holds)


def _perturbed(name: str, seed: int) -> Any:
    """A tiny model with every weight moved, for texts of 80 tokens."""
    import keras

    import lmzoo
    from lmzoo.registry import tiny_arguments

    keras.utils.set_random_seed(seed)
    arguments = tiny_arguments(name)
    if "max_length" in arguments:
        arguments["max_length"] = 80
    model = lmzoo.build_model(name, **arguments)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "float" in weight.dtype:
            value = keras.ops.convert_to_numpy(weight)
            weight.assign(value + 0.2 * rng.standard_normal(weight.shape).astype("float32"))
    return model


def _array(x: Any) -> np.ndarray:
    from keras import ops

    return np.array(ops.convert_to_numpy(ops.cast(x, "float32")))


def _step_difference(model: Any, seed: int) -> float:
    """The largest difference from `call` over ways to cut 24 ids; in bfloat16 relative."""
    from keras import ops

    rng = np.random.default_rng(seed)
    length = min(24, model.max_length or 24)
    ids = rng.integers(0, model.vocab_size, (3, length)).astype("int32")
    whole = _array(model(ids))
    scale = np.abs(whole).max() if model.dtype_policy.compute_dtype == "bfloat16" else 1.0
    middle = sorted(rng.choice(np.arange(1, length), 4, replace=False).tolist())
    worst = 0.0
    for cuts in (list(range(1, length)), [], [1], [length // 2], middle):
        ends = [*cuts, length]
        logits, state, position = model.start(ids[:, : ends[0]], length)
        pieces = [_array(logits)]
        for begin, end in itertools.pairwise(ends):
            logits, state = model.step(ops.convert_to_tensor(ids[:, begin:end]), state, position)
            position = position + (end - begin)
            pieces.append(_array(logits))
        worst = np.maximum(worst, np.abs(np.concatenate(pieces, axis=1) - whole).max() / scale)
    return float(worst)


def _greedy_agreement(model: Any, seed: int, prompts: int = 100) -> tuple[int, int]:
    """How many greedy texts of one call equal the arg-max by full recomputation of each alone."""
    import lmzoo

    rng = np.random.default_rng(seed)
    limit, new = 80, 32  # so many new tokens run in the long loop, with weights laid out for it
    lengths = rng.integers(1, limit - new, prompts)
    rows = [rng.integers(0, model.vocab_size, n).tolist() for n in lengths]
    found = lmzoo.generate(model, rows, temperature=0, max_new_tokens=new)
    wanted = [list(row) for row in rows]
    for _ in range(new):  # padding behind a text changes nothing before it: the models are causal
        padded = np.zeros((prompts, limit), "int32")
        for i, row in enumerate(wanted):
            padded[i, : len(row)] = row
        logits = _array(model(padded))
        for i, row in enumerate(wanted):
            row.append(int(logits[i, len(row) - 1].argmax()))
    return sum(list(a) == b for a, b in zip(found, wanted, strict=True)), prompts


def perplexity(seed: int) -> Result:
    """The metric over ragged, masked batches of unequal size, against float64."""
    from lmzoo.metrics import Perplexity

    rng = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(100):
        metric, nats, tokens = Perplexity(), 0.0, 0.0
        vocab = int(rng.integers(2, 60))
        for _ in range(rng.integers(1, 6)):
            batch, time_steps = rng.integers(1, 9), rng.integers(1, 33)
            logits = (rng.standard_normal((batch, time_steps, vocab)) * 4).astype("float32")
            ids = rng.integers(0, vocab, (batch, time_steps))
            ends = rng.integers(0, time_steps + 1, batch)
            weights = (np.arange(time_steps) < ends[:, None]).astype("float32")
            metric.update_state(ids, logits, weights)
            exact = logits.astype("float64")
            exact -= exact.max(axis=-1, keepdims=True)
            exact -= np.log(np.exp(exact).sum(axis=-1, keepdims=True))
            chosen = np.take_along_axis(exact, ids[..., None], axis=-1)[..., 0]
            nats -= float((chosen * weights).sum())
            tokens += float(weights.sum())
        if tokens:
            exact_perplexity = float(np.exp(nats / tokens))
            worst = max(worst, abs(float(metric.result()) / exact_perplexity - 1))
    return {"largest_relative_error": worst, "bound": 1e-5}, worst <= 1e-5


def overlap(seed: int) -> Result:
    """Fresh validation documents that stand among the training documents."""
    from lmzoo import grammar

    train = set(grammar.documents(250_000, seed=seed))
    valid = grammar.documents(10_000, seed=seed + 1)
    seen = sum(text in train for text in valid)
    distinct = grammar.distinct_sentences()
    figures = {
        "train_documents": 250_000,
        "valid_documents": len(valid),
        "valid_seen_in_training": seen,
        "share": seen / len(valid),
        "distinct_first_sentences": float(distinct),
        "entropy_nats_per_document": grammar.entropy().nats,
    }
    return figures, seen / len(valid) < 0.01 and distinct >= 10**9


def memory(seed: int, gigabytes: float = 2.0, steps: int = 20_000) -> Result:
    """Resident memory over that of the warmed-up process, through preparation and training data."""
    from lmzoo.data import prepare_lm

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        size = _write_text(path, int(gigabytes * 1e9), seed)
        settings = {"tokenizer": "char", "sequence_length": 64, "batch_size": 256}
        small = Path(folder, "small.txt")
        with path.open("rb") as file:
            small.write_bytes(file.read(1_000_000))
        for _ in prepare_lm(small, **settings).train.take(50):
            pass
        with _Peak() as peak:
            start = time.monotonic()
            data = prepare_lm(path, **settings)
            prepared = time.monotonic()
            print(f"prepared in {prepared - start:.0f} s", flush=True)
            taken = sum(1 for _ in data.train.repeat().take(steps))
            trained = time.monotonic()
            for _ in data.valid.take(2_000):
                pass
        figures = {
            "file_bytes": size,
            "train_tokens": data.report["train"]["tokens"],
            "seconds_to_prepare": round(prepared - start, 1),
            "tokens_per_second": round(taken * 256 * 64 / (trained - prepared)),
            "peak_mib_over_idle": round(peak.mib),
            "idle_mib": round(peak.idle),
        }
        return figures, peak.mib < 1000


def _write_text(path: Path, size: int, seed: int) -> int:
    """A file of random words, different all the way through."""
    rng = np.random.default_rng(seed)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz    .\n", dtype="uint8")
    with path.open("wb") as file:
        for begin in range(0, size, 10_000_000):
            picks = rng.integers(0, len(letters), min(10_000_000, size - begin))
            file.write(letters[picks].tobytes())
    return path.stat().st_size


class _Peak:
    """Samples the process's resident memory ten times a second."""

    def __enter__(self) -> "_Peak":
        self.idle = self.highest = _resident_mib()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.mib = self.highest - self.idle

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.highest = max(self.highest, _resident_mib())


def _resident_mib() -> float:
    import psutil

    return psutil.Process().memory_info().rss / 2**20


PROOFS: dict[str, Callable[[int], Result]] = {
    "steps": steps,
    "steps_here": steps_here,
    "perplexity": perplexity,
    "overlap": overlap,
    "memory": memory,
}

if __name__ == "__main__":
    sys.exit(main())
