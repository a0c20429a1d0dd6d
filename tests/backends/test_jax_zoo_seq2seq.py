"""The zoo under JAX; files of their own, so that they run side by side."""

from tests.backends.jax_process import run_zoo_on_jax

# What learns is the same on each backend but for the loops of its layers, which the language models
# test; of the options, those whose loops are the backend's own.
ONLY = (
    "(step_equals_call and cuts2) or (one_batch and transformer) "
    "or (options and (input or coverage))"
)


def test_the_zoo_holds():
    run_zoo_on_jax("test_zoo_seq2seq.py", only=ONLY)
