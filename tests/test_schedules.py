"""Every schedule against its formula, at every step."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from lmzoo.errors import ArgumentError
from lmzoo.schedules import (
    OneCycle,
    WarmupCosine,
    WarmupInverseSquareRoot,
    WarmupLinear,
    WarmupStableDecay,
)

PEAK, STEPS, WARMUP, FINAL = 3e-3, 500, 40, 0.1


def cosine(step):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    if step >= STEPS:
        return PEAK * FINAL
    low = PEAK * FINAL
    return low + (PEAK - low) * (1 + math.cos(math.pi * (step - WARMUP) / (STEPS - WARMUP))) / 2


def linear(step):
    down = PEAK - (PEAK - PEAK * FINAL) * (step - WARMUP) / (STEPS - WARMUP)
    return min(PEAK * (step + 1) / WARMUP, max(down, PEAK * FINAL))


def stable(step):
    if step < WARMUP:
        return PEAK * (step + 1) / WARMUP
    left = max(STEPS - step, 0)
    return PEAK if left >= 100 else PEAK * (FINAL + (1 - FINAL) * left / 100)


def vaswani(step):
    return 512**-0.5 * min((step + 1) ** -0.5, (step + 1) * WARMUP**-1.5)


def cycle(step):
    top = 0.25 * STEPS
    if step < top:
        low = PEAK * 0.04
        return low + (PEAK - low) * (1 - math.cos(math.pi * step / top)) / 2
    down = min(1.0, (step - top) / (STEPS - top))
    return PEAK * (FINAL + (1 - FINAL) * (1 + math.cos(math.pi * down)) / 2)


CASES = {
    "cycle": (OneCycle(PEAK, STEPS, 0.25, 0.04, FINAL), cycle),
    "cosine": (WarmupCosine(PEAK, STEPS, WARMUP, FINAL), cosine),
    "linear": (WarmupLinear(PEAK, STEPS, WARMUP, FINAL), linear),
    "stable": (WarmupStableDecay(PEAK, STEPS, WARMUP, 100, FINAL), stable),
    "vaswani": (WarmupInverseSquareRoot(dim=512, warmup_steps=WARMUP), vaswani),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_its_formula_at_every_step(name):
    schedule, formula = CASES[name]
    steps = np.arange(STEPS + 50)
    rates = tf.function(schedule)(tf.constant(steps, "int64"))
    np.testing.assert_allclose(rates, [formula(int(step)) for step in steps], rtol=2e-5)
    assert float(schedule(7)) == pytest.approx(formula(7), rel=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_survives_serialisation_in_an_optimizer(name):
    schedule, _ = CASES[name]
    optimizer = keras.optimizers.Adam(schedule)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(again._learning_rate) is type(schedule)
    for step in (0, 39, 40, 300, 999):
        assert float(again._learning_rate(step)) == float(schedule(step))


def test_inverse_square_root_by_peak():
    schedule = WarmupInverseSquareRoot(PEAK, warmup_steps=10)
    assert float(schedule(9)) == pytest.approx(PEAK)
    assert float(schedule(39)) == pytest.approx(PEAK / 2)


def test_without_warm_up_the_first_step_has_the_peak():
    assert float(WarmupCosine(PEAK, 10)(0)) == pytest.approx(PEAK)
    assert float(WarmupStableDecay(PEAK, 10)(0)) == pytest.approx(PEAK)
    assert WarmupStableDecay(PEAK, 10).decay_steps == 2


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: WarmupCosine(0.0, 10), "peak"),
        (lambda: WarmupCosine(1.0, 10, warmup_steps=10), "steps"),
        (lambda: WarmupLinear(1.0, 10, final_fraction=2), "final_fraction"),
        (lambda: WarmupLinear(1.0, 10, -1), "warmup_steps"),
        (lambda: WarmupStableDecay(1.0, 10, 5, decay_steps=6), "decay_steps"),
        (lambda: WarmupInverseSquareRoot(1.0, dim=4), "one of peak and dim"),
        (lambda: WarmupInverseSquareRoot(1.0, 0), "warmup_steps"),
    ],
)
def test_arguments_out_of_range_are_named(make, word):
    with pytest.raises(ArgumentError, match=word):
        make()
