"""Settings for the whole suite: quiet, seeded, no display, nothing left over between tests."""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "Agg")
# Half of the suite's time is compilation of tiny models: the quickest code is good enough.
os.environ.setdefault(
    "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
)

import pytest
from hypothesis import settings

settings.register_profile("lmzoo", deadline=None, derandomize=True, max_examples=30)
settings.load_profile("lmzoo")


@pytest.fixture(autouse=True)
def fresh_keras_state():
    """Seed every test alike, and undo a dtype policy that it sets."""
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.set_random_seed(0)
    yield
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.config.set_dtype_policy("float32")
