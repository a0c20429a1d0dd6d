"""What lazy updates of an embedding do to the loss and to the step: LazyAdam beside Adam.

    python benchmarks/lazy_adam.py ../shared/data/lm_word

The same word GRU (200 units), the same seed, batches and steps. The last line is JSON.
"""

import argparse
import json
import os
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import lmzoo
from lmzoo.data import prepare_lm


def main() -> None:
    """Trains with the one and with the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    data = prepare_lm(
        args.data, tokenizer="whitespace", sequence_length=35, batch_size=20, seed=args.seed
    )
    found: dict[str, Any] = {}
    for optimizer in (keras.optimizers.Adam, lmzoo.optimizers.LazyAdam):
        found[optimizer.__name__] = train(data, optimizer(args.learning_rate, clipnorm=1.0), args)
        print(optimizer.__name__, found[optimizer.__name__], flush=True)
    print(json.dumps({**found, "steps": args.steps, "seed": args.seed}))


def train(data: Any, optimizer: Any, args: argparse.Namespace) -> dict[str, float]:
    """The validation loss after the steps, and milliseconds a step."""
    keras.utils.set_random_seed(args.seed)
    model = lmzoo.build_gru_lm(
        data.vocab_size, embed_dim=200, hidden_dim=200, num_layers=1, dropout=0.1
    )
    model.compile(optimizer, steps_per_execution=10)
    data.start_at(0)
    model.fit(data.train.take(10), shuffle=False, verbose=0)  # compiles
    data.start_at(10)
    start = time.perf_counter()
    model.fit(data.train.repeat().take(args.steps), shuffle=False, verbose=0)
    seconds = time.perf_counter() - start
    figures = model.evaluate(data.valid, verbose=0, return_dict=True)
    return {
        "val_loss": float(figures["loss"]),
        "val_perplexity": float(figures["perplexity"]),
        "milliseconds_a_step": 1000 * seconds / args.steps,
    }


if __name__ == "__main__":
    main()
