"""Runs Python in a process of its own, with JAX as Keras's backend."""

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
# Of the zoo's tests, those that say that a backend computes right.
ZOO = "(step_equals_call and cuts2) or one_batch or greedy"


def run_on_jax(*command: str) -> None:
    """Runs `python command`; what it printed is told if it fails."""
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    run = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-3000:]


def run_zoo_on_jax(*names: str, only: str = ZOO) -> None:
    """Runs tests of some of the zoo's files."""
    run_on_jax("-m", "pytest", "-q", "-n", "0", "-k", only, *(str(TESTS / n) for n in names))
