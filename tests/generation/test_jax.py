"""The same under JAX, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from lmzoo.generation import generate
from tests.generation.standins import AttentionModel

PROMPTS = [[1], [2, 3, 4, 5], [6] * 40]
SAMPLING = {
    "max_new_tokens": 30,
    "temperature": 0.9,
    "top_k": 5,
    "top_p": 0.9,
    "min_p": 0.01,
    "seed": 4,
}
SCRIPT = f"""
import keras
import numpy as np

from lmzoo.generation import beam_search, generate, score, stream
from lmzoo.generation.steppers.compiled import compilation_count
from tests.generation.standins import AttentionModel, greedy, log_softmax

assert keras.backend.backend() == "jax"
prompts = {PROMPTS}
model = AttentionModel()
for seed in (0, 1):  # the second time with other weights
    expected = [greedy(model, prompt, 7) for prompt in prompts]
    assert generate(model, prompts, max_new_tokens=7, temperature=0) == expected
    assert beam_search(model, prompts, num_beams=1, max_new_tokens=7) == expected
    for row, got in zip(expected, score(model, expected), strict=True):
        table = log_softmax(model.numpy_logits(row))[np.arange(len(row) - 1), row[1:]]
        np.testing.assert_allclose(got, table, atol=1e-4)
    for table in model.tables:
        table.assign(np.random.default_rng(9).normal(size=table.shape))
sampling = {SAMPLING}
rows = generate(model, prompts, repetition_penalty=1.1, no_repeat_ngram=3, **sampling)
print(rows)
assert list(stream(model, prompts[0], **sampling)) == generate(model, prompts[0], **sampling)[1:]
before = compilation_count()
for length in range(1, 51):
    generate(model, [prompts[0]] * 2 + [[1] * length], max_new_tokens=7, temperature=0)
assert compilation_count() == before
layers = [keras.layers.Embedding(9, 4), keras.layers.Dense(9, activation="softmax")]
plain = keras.Sequential(layers)
assert len(generate(plain, [1, 2], max_new_tokens=3, top_p=0.5)) == 5
"""


def test_jax_generates_what_tensorflow_generates():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    model = AttentionModel()
    for table in model.tables:
        table.assign(np.random.default_rng(9).normal(size=table.shape))
    rows = generate(model, PROMPTS, repetition_penalty=1.1, no_repeat_ngram=3, **SAMPLING)
    assert done.stdout.splitlines() == [str(rows)]
