"""The zoo's classifiers and taggers under JAX."""

import pytest

from tests.backends.jax_process import run_zoo_on_jax


@pytest.mark.parametrize("kind", ["classifiers", "taggers"])
def test_the_zoo_holds(kind):
    run_zoo_on_jax(f"test_zoo_{kind}.py")
