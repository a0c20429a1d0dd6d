"""The zoo under JAX; files of their own, so that they run side by side."""

from tests.backends.jax_process import run_zoo_on_jax


def test_the_zoo_holds():
    run_zoo_on_jax("test_zoo_seq2seq.py")
