"""Which architecture for my data? Train them all for the same time, and see.

    python examples/compare_models.py --data my_text.txt --minutes 8
    python examples/compare_models.py --data corpus/ --families lstm gpt2 --parameters 2000000

Every family gets about as many parameters, embeddings included, and the same minutes on the clock.
In these lie, each in a process of its own: starting, reading the data, compiling, a search among
the learning rates (about a fifth of the rest), one training for each seed with the best of them,
and measuring the whole validation set. The figures are means over the seeds.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it when it is loaded

import argparse

from lmzoo import experiment

FAMILIES = ["lstm", "gru", "cnn", "gpt2", "llama"]
LEARNING_RATES = [1e-3, 3e-3, 1e-2]
DEFAULTS = {"minutes": 4.0, "batch_size": 16}


def flags() -> argparse.Namespace:
    """The command line: the flags of every example, and those of a comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    experiment.add_arguments(parser, out="runs/compare_models", defaults=DEFAULTS)
    add = parser.add_argument
    add("--families", nargs="+", default=FAMILIES, help="among rnn lstm gru cnn gpt2 llama")
    add("--parameters", type=int, help="size of each model (default: by the vocabulary)")
    add("--learning-rates", nargs="+", type=float, default=LEARNING_RATES, metavar="RATE")
    add("--seeds", type=int, default=2, help="how many trainings with the best rate")
    add("--valid-tokens", type=int, default=8192, help="tokens measured on the way")
    return experiment.parse(parser)


def compare(args: argparse.Namespace) -> None:
    """Trains every family and prints the leaderboard."""
    comparison = experiment.Comparison(args)
    comparison.prepare()
    comparison.show(comparison.run())


if __name__ == "__main__":
    with experiment.errors_in_one_line("compare_models"):
        compare(flags())
