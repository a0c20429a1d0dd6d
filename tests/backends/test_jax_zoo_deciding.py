"""The zoo's classifiers and taggers under JAX."""

from tests.backends.jax_process import run_zoo_on_jax


def test_the_zoo_holds():
    run_zoo_on_jax("test_zoo_classifiers.py", "test_zoo_taggers.py", only="a_gradient_reaches")
