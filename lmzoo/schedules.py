"""Learning-rate schedules: a warmup, then a decay. ArgumentError for arguments out of range."""

import abc
import inspect
import math
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor


class _Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Abstract base class: linear warmup to `peak`, then `_after`; the config has all arguments."""

    def __init__(self, peak: float, warmup_steps: int = 0) -> None:
        super().__init__()
        if not peak > 0:
            raise ArgumentError(f"peak must be a positive learning rate, not {peak}")
        if warmup_steps < 0:
            raise ArgumentError(f"warmup_steps must be 0 or more, not {warmup_steps}")
        self.peak, self.warmup_steps = float(peak), int(warmup_steps)

    def __call__(self, step: Tensor) -> Tensor:
        """The learning rate of the update that follows `step` updates, a float32 scalar."""
        step = ops.cast(step, "float32")
        after = self.peak * self._after(step)
        if not self.warmup_steps:
            return after
        # The rate of step 0 is 1/warmup_steps of the peak, not 0.
        rising = self.peak * (step + 1.0) / float(self.warmup_steps)
        return ops.where(step < self.warmup_steps, rising, after)

    @abc.abstractmethod
    def _after(self, step: Tensor) -> Tensor:
        """The fraction of the peak once the warmup is over."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this schedule again."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


class _WarmupDecay(_Schedule):
    """Abstract base class: warmup, and a decay over a known number of steps."""

    def __init__(
        self, peak: float, steps: int, warmup_steps: int = 0, final_fraction: float = 0.0
    ) -> None:
        super().__init__(peak, warmup_steps)
        if steps <= warmup_steps:
            raise ArgumentError(
                f"steps must be more than warmup_steps ({warmup_steps}), not {steps}"
            )
        self.steps = int(steps)
        self.final_fraction = _fraction("final_fraction", final_fraction)

    def _decay(self, step: Tensor, start: int) -> Tensor:
        """1 at `start`, `final_fraction` from `steps` on, linearly."""
        return 1.0 - (1.0 - self.final_fraction) * _ramp(step, start, self.steps)


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupCosine(_WarmupDecay):
    """Linear warmup, then half a cosine from the peak down to `final_fraction` of it.

    Args:
        peak: the highest learning rate; > 0.
        steps: the step at which the lowest is reached, warmup included; > warmup_steps.
        warmup_steps: updates before the peak is reached; >= 0.
        final_fraction: the last learning rate as a fraction of the peak, in [0, 1].

    Source: Loshchilov and Hutter, "SGDR" (2017), https://arxiv.org/abs/1608.03983

    Example:
        >>> schedule = WarmupCosine(1.0, steps=30, warmup_steps=10, final_fraction=0.1)
        >>> [round(float(schedule(step)), 3) for step in (0, 9, 10, 20, 30, 99)]
        [0.1, 1.0, 1.0, 0.55, 0.1, 0.1]
    """

    def _after(self, step: Tensor) -> Tensor:
        return _wave(1.0 - _ramp(step, self.warmup_steps, self.steps), self.final_fraction)


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupLinear(_WarmupDecay):
    """Linear warmup, then a linear decay; the arguments are those of `WarmupCosine`.

    Source: Devlin et al., "BERT" (2019), https://arxiv.org/abs/1810.04805

    Example:
        >>> schedule = WarmupLinear(1.0, steps=30, warmup_steps=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 9, 10, 20, 30)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """

    def _after(self, step: Tensor) -> Tensor:
        return self._decay(step, self.warmup_steps)


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupStableDecay(_WarmupDecay):
    """Linear warmup, a plateau at the peak, and a linear decay over the last steps.

    Args:
        peak, steps, warmup_steps, final_fraction: as for `WarmupCosine`.
        decay_steps: length of the decay, in [1, steps - warmup_steps]; None for a fifth of `steps`.

    Source: Hu et al., "MiniCPM" (2024), https://arxiv.org/abs/2404.06395

    Example:
        >>> schedule = WarmupStableDecay(1.0, steps=30, warmup_steps=10, decay_steps=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 9, 19, 20, 25, 30)]
        [0.1, 1.0, 1.0, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        warmup_steps: int = 0,
        decay_steps: int | None = None,
        final_fraction: float = 0.0,
    ) -> None:
        super().__init__(peak, steps, warmup_steps, final_fraction)
        longest = steps - warmup_steps
        decay_steps = max(1, min(steps // 5, longest)) if decay_steps is None else decay_steps
        if not 1 <= decay_steps <= longest:
            raise ArgumentError(
                f"decay_steps must lie in [1, steps - warmup_steps = {longest}], not {decay_steps}"
            )
        self.decay_steps = int(decay_steps)

    def _after(self, step: Tensor) -> Tensor:
        return self._decay(step, self.steps - self.decay_steps)


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupInverseSquareRoot(_Schedule):
    """Linear warmup, then a decay with the inverse square root of the step, without a last step.

    With n = step + 1 it is peak * min(n / warmup_steps, (n / warmup_steps) ** -0.5); giving `dim`
    sets the peak to (dim * warmup_steps) ** -0.5, the Transformer paper's formula.

    Args:
        peak, dim: the highest learning rate, or the model's width; one of them, > 0.
        warmup_steps: updates before the peak is reached; >= 1.

    Source: Vaswani et al., "Attention Is All You Need" (2017), https://arxiv.org/abs/1706.03762

    Example:
        >>> schedule = WarmupInverseSquareRoot(1.0, warmup_steps=4)
        >>> [round(float(schedule(step)), 3) for step in (0, 3, 15)]
        [0.25, 1.0, 0.5]
    """

    dim = None  # the peak is in the config

    def __init__(
        self, peak: float | None = None, warmup_steps: int = 4000, dim: int | None = None
    ) -> None:
        if (peak is None) == (dim is None):
            raise ArgumentError(f"give one of peak and dim, not peak={peak}, dim={dim}")
        if warmup_steps < 1:
            raise ArgumentError(f"warmup_steps must be 1 or more, not {warmup_steps}")
        if dim is not None and dim < 1:
            raise ArgumentError(f"dim must be 1 or more, not {dim}")
        if dim is not None:
            peak = (dim * warmup_steps) ** -0.5
        super().__init__(float(peak or 0.0), warmup_steps)

    def _after(self, step: Tensor) -> Tensor:
        return ops.rsqrt((step + 1.0) / float(self.warmup_steps))


@keras.saving.register_keras_serializable(package="lmzoo")
class OneCycle(_WarmupDecay):
    """Half a cosine up to the peak, half a cosine down to `final_fraction` of it.

    Args:
        peak: the highest learning rate; > 0.
        steps: the step at which the lowest is reached; >= 2.
        rise: fraction of the steps before the peak, between 0 and 1.
        first_fraction, final_fraction: the first and the last rate by the peak, in [0, 1].

    Source: Smith and Topin, "Super-Convergence" (2018), https://arxiv.org/abs/1708.07120

    Example:
        >>> schedule = OneCycle(1.0, steps=100, rise=0.3, first_fraction=0.04)
        >>> [round(float(schedule(step)), 3) for step in (0, 15, 30, 65, 100)]
        [0.04, 0.52, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        rise: float = 0.3,
        first_fraction: float = 0.04,
        final_fraction: float = 0.0,
    ) -> None:
        if steps < 2:
            raise ArgumentError(f"steps must be 2 or more, not {steps}")
        if not 0 < rise < 1:
            raise ArgumentError(f"rise must lie between 0 and 1, not {rise}")
        super().__init__(peak, steps, final_fraction=final_fraction)
        self.rise = float(rise)
        self.first_fraction = _fraction("first_fraction", first_fraction)

    def _after(self, step: Tensor) -> Tensor:
        top = self.rise * self.steps
        rising = _wave(_ramp(step, 0.0, top), self.first_fraction)
        falling = _wave(1.0 - _ramp(step, top, self.steps), self.final_fraction)
        return ops.where(step < top, rising, falling)


def _fraction(name: str, value: float) -> float:
    """The value, if it lies in [0, 1]."""
    if not 0 <= value <= 1:
        raise ArgumentError(f"{name} must lie in [0, 1], not {value}")
    return float(value)


def _ramp(step: Tensor, start: float, stop: float) -> Tensor:
    """0 until `start`, 1 from `stop` on."""
    return ops.clip((step - float(start)) / float(stop - start), 0.0, 1.0)


def _wave(height: Tensor, low: float) -> Tensor:
    """Half a cosine: `low` at height 0, 1 at height 1."""
    return low + (1.0 - low) * 0.5 * (1.0 - ops.cos(math.pi * height))
