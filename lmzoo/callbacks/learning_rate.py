"""Find a learning rate: let it grow from step to step and watch the loss."""

import dataclasses
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.callbacks.curve import draw_curves
from lmzoo.errors import ArgumentError, DataError, TrainingDiverged

_SMOOTHING = 0.9  # the weight of a loss in the mean, by that of the next
_DIVERGED = 4.0


@dataclasses.dataclass(frozen=True)
class RateSearch:
    """What `find_learning_rate` saw.

    Args:
        rates, losses, smoothed: of each step; the last is a running average.
        steepest: where the loss, smoothed from both sides, falls most; None if it never falls.
        turned: the rate at which that loss is lowest; None if it still falls at the last rate.
        diverged: where the loss passed four times its best or became infinite; None if nowhere.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    steepest: float | None
    turned: float | None
    diverged: float | None

    @property
    def suggestion(self) -> float | None:
        """The steepest rate, but at most a tenth of the one where the loss turned.

        None where the loss never falls. A first guess, not a measurement: with warm-up and decay
        the peak may lie above it.
        """
        bounds = [self.steepest, None if self.turned is None else self.turned / 10.0]
        return min((bound for bound in bounds if bound is not None), default=None)

    def draw(self, path: str | os.PathLike[str]) -> Path | None:
        """Draws loss over rate, and the suggestion as an upright line, into a PNG; its path."""
        low = min(self.losses)
        high = max(self.losses if self.diverged is None else self.smoothed)
        logs = [math.log10(rate) for rate in self.rates]
        curves = {
            label: [(x, min(y, high)) for x, y in zip(logs, values, strict=True)]
            for label, values in (("loss of a batch", self.losses), ("smoothed", self.smoothed))
        }
        if self.suggestion is not None:
            place = math.log10(self.suggestion)
            curves[f"suggestion {self.suggestion:.2g}"] = [(place, low), (place, high)]
        return draw_curves(curves, path, x_label="log10 of the learning rate", y_label="loss")


def find_learning_rate(
    model: keras.Model,
    dataset: Iterable[Any],
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
    path: str | os.PathLike[str] | None = None,
) -> RateSearch:
    """Trains for some steps at rates that rise by a factor each, then undoes the training.

    Weights, random seeds, the optimizer's state and its learning rate are afterwards what they were
    before. It stops early when the loss diverges. The steps are compiled as those of `fit`.

    Args:
        model: a compiled Keras model; its optimizer has a number as learning rate.
        dataset: batches as `fit` takes them, a tf.data.Dataset for one; read again when it ends.
        lowest, highest: the first and the last rate; > 0.
        steps: training steps, 10 or more.
        path: a PNG to draw, or None.

    Returns:
        Rates, losses, and a suggestion.

    Raises:
        ArgumentError: an argument out of its range; a model not compiled, or with a schedule.
        DataError: there is no batch.
        TrainingDiverged: the loss is no number within the first steps.

    Source: Smith 2017, https://arxiv.org/abs/1506.01186

    Example:
        >>> import lmzoo, tensorflow as tf
        >>> x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
        >>> data = tf.data.Dataset.from_tensor_slices((x, x.sum(axis=1))).batch(16)
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> search = lmzoo.callbacks.find_learning_rate(model, data, highest=10.0, steps=40)
        >>> 1e-4 < search.suggestion < 1.0
        True
    """
    if not 0 < lowest < highest:
        raise ArgumentError(
            f"lowest must be above 0 and below highest, not lowest={lowest}, highest={highest}"
        )
    if steps < 10:
        raise ArgumentError(f"steps is {steps}; it must be at least 10")
    if not model.compiled or model.optimizer is None:
        raise ArgumentError("the model has no optimizer: call its compile first")
    optimizer = model.optimizer
    if isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule):
        raise ArgumentError(
            "the search sets the learning rate at each step, but the optimizer has a schedule of "
            "its own: compile the model with a number as learning_rate, search, then compile it "
            "with the schedule"
        )
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    state = [*model.variables, *optimizer.variables]
    before = [np.array(ops.convert_to_numpy(variable)) for variable in state]
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    diverged = None
    batches = _endless(dataset)
    try:
        for step in range(steps):
            rate = lowest * (highest / lowest) ** (step / (steps - 1))
            optimizer.learning_rate = rate
            batch = keras.utils.unpack_x_y_sample_weight(_as_arrays(next(batches)))
            loss = float(model.train_on_batch(*batch, return_dict=True)["loss"])
            if math.isfinite(loss):
                rates.append(rate)
                losses.append(loss)
                weights = _SMOOTHING ** np.arange(len(losses))[::-1]
                smoothed.append(float(weights @ np.array(losses) / weights.sum()))
            if not math.isfinite(loss) or smoothed[-1] > _DIVERGED * abs(min(smoothed)):
                diverged = rate
                break
    finally:
        for variable, value in zip(state, before, strict=True):
            variable.assign(value)
        model.reset_metrics()
    if len(losses) < 3:
        raise TrainingDiverged(
            f"the loss diverged at step {len(losses) + 1}, at the learning rate {diverged:.3g}: "
            "give a smaller `lowest`, and check that all ids lie inside the model's vocabulary"
        )
    search = RateSearch(rates, losses, smoothed, *_landmarks(rates, losses), diverged)
    if path is not None:
        search.draw(path)
    return search


def _endless(dataset: Iterable[Any]) -> Iterator[Any]:
    """The batches, again and again."""
    while True:
        batch = None
        for batch in dataset:
            yield batch
        if batch is None:
            raise DataError("the data set holds no batch: give one batch at the least")


def _as_arrays(batch: Any) -> Any:
    """The batch of a tf.data.Dataset for other backends, whose `train_on_batch` cannot read it."""
    if keras.backend.backend() == "tensorflow":
        return batch
    return keras.tree.map_structure(lambda x: x.numpy() if hasattr(x, "numpy") else x, batch)


def _landmarks(rates: list[float], losses: list[float]) -> tuple[float | None, float | None]:
    """The rates where the loss falls fastest per decade, which is per step, and where it turns."""
    places = np.arange(len(losses))
    # Smoothed from both sides: a running average would find both too late.
    weights = np.exp(-0.5 * ((places[:, None] - places) / max(1.0, len(losses) / 25)) ** 2)
    smooth = weights @ np.array(losses) / weights.sum(axis=1)
    slope, lowest = np.gradient(smooth), int(smooth.argmin())
    steepest = rates[int(slope.argmin())] if slope.min() < 0 else None
    falls = lowest == len(losses) - 1 or steepest is None
    return steepest, None if falls else rates[lowest]
