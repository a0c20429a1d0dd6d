"""Training by the clock, with a clock made of batches."""

import math

import keras
import numpy as np
import pytest

from lmzoo.callbacks import TimeBudget
from lmzoo.errors import ArgumentError


class Clock(keras.callbacks.Callback):
    """One second per training batch, `compilation` more for the first."""

    def __init__(self, compilation=0.0):
        super().__init__()
        self.now = 1000.0
        self.compilation = compilation
        self.rates = []

    def __call__(self):
        return self.now

    def on_train_batch_end(self, batch, logs=None):
        self.now += 1.0 + self.compilation
        self.compilation = 0.0
        self.rates.append(float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)))


def train(budget, clock, optimizer=None, steps_per_execution=1, batches=7):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    optimizer = optimizer or keras.optimizers.SGD(0.5)
    model.compile(optimizer, "mse", steps_per_execution=steps_per_execution)
    x = np.zeros((batches, 2), "float32")
    model.fit(x, x[:, :1], batch_size=1, epochs=1000, verbose=0, callbacks=[clock, budget])
    return model


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_rate_follows_the_clock_and_training_ends(schedule):
    clock = Clock()
    budget = TimeBudget(1, schedule=schedule, warmup=0.1, final_fraction=0.2, clock=clock)
    train(budget, clock)
    assert budget.step == 60
    assert budget.seconds == 60
    assert len(clock.rates) == 60
    for second, rate in enumerate(clock.rates):
        progress = max(0.0, (second - 6) / 54)
        fall = {"cosine": (1 + math.cos(math.pi * progress)) / 2, "linear": 1 - progress}
        wanted = 0.2 + 0.8 * fall.get(schedule, 1.0)
        # The first batch is taken for compilation, so the warm-up lags one second behind.
        wanted *= min(1.0, max((second - 1) / 6, 0.01))
        assert rate == pytest.approx(0.5 * wanted, rel=3e-3)


@pytest.mark.parametrize(("counted", "steps"), [(True, 10), (False, 61)])
def test_compilation_counts_or_not(counted, steps):
    clock = Clock(compilation=50.0)
    budget = TimeBudget(1, count_compilation=counted, clock=clock)
    train(budget, clock)
    assert budget.step == steps


@pytest.mark.parametrize(("batches", "said"), [(1000, True), (50, False)])
def test_a_model_too_large_for_the_time_is_named(batches, said, capsys):
    clock = Clock()
    train(TimeBudget(1, clock=clock), clock, batches=batches)
    assert ("this model sees 6% of the data in 1 minutes" in capsys.readouterr().out) == said


def test_goes_on_from_where_it_was():
    clock = Clock()
    model = train(TimeBudget(0.5, schedule="linear", warmup=0.0, clock=clock), clock)
    state = {"seconds": 30.0, "step": 30, "learning_rate": 0.5}
    second = TimeBudget(1, schedule="linear", warmup=0.0, state=state, clock=clock)
    train(second, clock, model.optimizer.from_config(model.optimizer.get_config()))
    assert second.step == 60
    assert clock.rates[30] == pytest.approx(0.25, rel=3e-3)  # half the time of one minute is over
    third = TimeBudget(1, state=state | {"seconds": 59.5, "step": 0}, clock=clock)
    train(third, clock)
    assert third.step == 1


def test_a_finished_budget_changes_nothing_and_none_is_no_budget():
    clock = Clock()
    over = TimeBudget(1, state={"seconds": 60.0, "step": 9, "learning_rate": 0.5}, clock=clock)
    train(over, clock)
    assert clock.rates == [0.0]
    free = TimeBudget(None, clock=clock)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = np.zeros((7, 2), "float32")
    model.fit(x, x[:, :1], batch_size=1, epochs=3, verbose=0, callbacks=[clock, free])
    assert free.step == 21
    assert clock.rates[1:] == [0.5] * 21


def test_by_epochs_the_rate_follows_the_steps():
    clock = Clock()
    budget = TimeBudget(None, epochs=4, schedule="linear", warmup=0.25, clock=clock)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = np.zeros((5, 2), "float32")
    model.fit(x, x[:, :1], batch_size=1, epochs=4, verbose=0, callbacks=[clock, budget])
    assert len(clock.rates) == 20
    for step, rate in enumerate(clock.rates):
        wanted = 0.5 * min(1.0, max(step / 5, 0.01), (20 - step) / 15)
        assert rate == pytest.approx(wanted, rel=1e-4)
    with pytest.raises(ArgumentError, match="give one of the two"):
        TimeBudget(1, epochs=2)


def test_counts_steps_with_several_per_execution():
    clock = Clock()  # one second per execution here
    budget = TimeBudget(4 / 60, clock=clock)
    model = train(budget, clock, steps_per_execution=3)
    assert budget.step == int(model.optimizer.iterations)
    assert budget.step == 10  # 3 + 3 + 1 in the first epoch, then 3


def test_the_multiplier_rises_and_falls():
    budget = TimeBudget(2, warmup=0.1)
    rates = [budget.multiplier(fraction) for fraction in (0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.5, 1.0, 0.5, 0.0])


def test_what_it_cannot_do_is_said():
    clock = Clock()
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10))
    with pytest.raises(ArgumentError, match="schedule of its own"):
        train(TimeBudget(1, clock=clock), clock, optimizer)
    wrong = [
        {"minutes": 0},
        {"schedule": "step"},
        {"warmup": 1},
        {"final_fraction": 2},
    ]
    for arguments in wrong:
        with pytest.raises(ArgumentError, match=next(iter(arguments))):
            TimeBudget(**({"minutes": 1} | arguments))
