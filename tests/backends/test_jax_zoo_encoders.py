"""Encoders, decoders and training methods under JAX."""

from tests.backends.jax_process import run_zoo_on_jax


def test_the_zoo_holds():
    run_zoo_on_jax("test_zoo_encoders.py", only="gradient_reaches or decoder_steps")


def test_a_wrapper_trains_and_stands_for_the_model_inside():
    run_zoo_on_jax("training/test_rdrop.py", only="passes_twice or stands_for")
