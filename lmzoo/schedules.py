"""Learning-rate schedules: a way up, then a way down."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor


class _Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to `peak`; `after` says what follows. Arguments are kept for `get_config`."""

    def __init__(self, peak: float, warmup_steps: int) -> None:
        super().__init__()
        if not peak > 0:
            raise ArgumentError(f"peak must be a positive learning rate, not {peak}")
        if warmup_steps < 0:
            raise ArgumentError(f"warmup_steps must be 0 or more, not {warmup_steps}")
        self.peak = float(peak)
        self.warmup_steps = int(warmup_steps)

    def __call__(self, step: Tensor) -> Tensor:
        """The learning rate of the update that follows `step` updates, a float32 scalar."""
        step = ops.cast(step, "float32")
        after = self.peak * self.after(step)
        if not self.warmup_steps:
            return after
        # Step 0 already learns: 1/warmup_steps of the peak.
        rising = self.peak * (step + 1.0) / float(self.warmup_steps)
        return ops.where(step < self.warmup_steps, rising, after)

    def after(self, step: Tensor) -> Tensor:
        """The fraction of the peak once the warm-up is over."""
        return ops.ones_like(step)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this schedule again."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


class _WarmupDecay(_Warmup):
    """Warm-up and decay over a known number of steps down to a fraction of the peak."""

    def __init__(
        self, peak: float, steps: int, warmup_steps: int = 0, final_fraction: float = 0.0
    ) -> None:
        super().__init__(peak, warmup_steps)
        if steps <= warmup_steps:
            raise ArgumentError(
                f"steps must be more than warmup_steps ({warmup_steps}), not {steps}"
            )
        if not 0 <= final_fraction <= 1:
            raise ArgumentError(f"final_fraction must lie in [0, 1], not {final_fraction}")
        self.steps = int(steps)
        self.final_fraction = float(final_fraction)

    def _progress(self, step: Tensor, start: int) -> Tensor:
        """0 at `start`, 1 from `steps` on."""
        return ops.clip((step - float(start)) / float(self.steps - start), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this schedule again."""
        own = {"steps": self.steps, "final_fraction": self.final_fraction}
        return super().get_config() | own


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupCosine(_WarmupDecay):
    """Linear warm-up, then half a cosine from the peak down to `final_fraction` of it.

    Args:
        peak: the highest learning rate; > 0.
        steps: the step at which the lowest is reached, warm-up included; > warmup_steps.
        warmup_steps: updates before the peak is reached; >= 0.
        final_fraction: the last learning rate as a fraction of the peak, in [0, 1].

    Raises:
        ArgumentError: an argument is out of its range.

    Source: Loshchilov and Hutter, "SGDR" (2017), https://arxiv.org/abs/1608.03983

    Example:
        >>> schedule = WarmupCosine(1.0, steps=30, warmup_steps=10, final_fraction=0.1)
        >>> [round(float(schedule(step)), 3) for step in (0, 9, 10, 20, 30, 99)]
        [0.1, 1.0, 1.0, 0.55, 0.1, 0.1]
    """

    def after(self, step: Tensor) -> Tensor:
        """The fraction of the peak once the warm-up is over."""
        down = _half_cosine(self._progress(step, self.warmup_steps))
        return self.final_fraction + (1.0 - self.final_fraction) * down


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupLinear(_WarmupDecay):
    """Linear warm-up, then a straight line from the peak down to `final_fraction` of it.

    Args:
        peak: the highest learning rate; > 0.
        steps: the step at which the lowest is reached, warm-up included; > warmup_steps.
        warmup_steps: updates before the peak is reached; >= 0.
        final_fraction: the last learning rate as a fraction of the peak, in [0, 1].

    Raises:
        ArgumentError: an argument is out of its range.

    Source: Devlin et al., "BERT" (2019), https://arxiv.org/abs/1810.04805

    Example:
        >>> schedule = WarmupLinear(1.0, steps=30, warmup_steps=10)
        >>> [round(float(schedule(step)), 3) for step in (0, 9, 10, 20, 30)]
        [0.1, 1.0, 1.0, 0.5, 0.0]
    """

    def after(self, step: Tensor) -> Tensor:
        """The fraction of the peak once the warm-up is over."""
        return 1.0 - (1.0 - self.final_fraction) * self._progress(step, self.warmup_steps)


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupStableDecay(_WarmupDecay):
    """Linear warm-up, a plateau at the peak, and a straight way down over the last steps.

    Args:
        peak: the highest learning rate; > 0.
        steps: the step at which the lowest is reached, warm-up included; > warmup_steps.
        warmup_steps: updates before the peak is reached; >= 0.
        decay_steps: the length of the way down; None for a fifth of `steps`; at least 1 and at
            most steps - warmup_steps.
        final_fraction: the last learning rate as a fraction of the peak, in [0, 1].

    Raises:
        ArgumentError: an argument is out of its range.

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
        if decay_steps is None:
            decay_steps = max(1, min(steps // 5, steps - warmup_steps))
        if not 1 <= decay_steps <= steps - warmup_steps:
            raise ArgumentError(
                f"decay_steps must lie in [1, steps - warmup_steps = {steps - warmup_steps}], "
                f"not {decay_steps}"
            )
        self.decay_steps = int(decay_steps)

    def after(self, step: Tensor) -> Tensor:
        """The fraction of the peak once the warm-up is over."""
        return 1.0 - (1.0 - self.final_fraction) * self._progress(
            step, self.steps - self.decay_steps
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this schedule again."""
        return super().get_config() | {"decay_steps": self.decay_steps}


@keras.saving.register_keras_serializable(package="lmzoo")
class WarmupInverseSquareRoot(_Warmup):
    """Linear warm-up, then down with the inverse square root of the step: no last step to name.

    With n = step + 1 it is peak * min(n / warmup_steps, (n / warmup_steps) ** -0.5); giving `dim`
    sets the peak to (dim * warmup_steps) ** -0.5, the Transformer paper's formula.

    Args:
        peak: the highest learning rate; > 0. Exactly one of peak and dim is given.
        warmup_steps: updates before the peak is reached; >= 1.
        dim: the model's width; > 0.

    Raises:
        ArgumentError: both or neither of peak and dim are given, or one is out of its range.

    Source: Vaswani et al., "Attention Is All You Need" (2017), https://arxiv.org/abs/1706.03762

    Example:
        >>> schedule = WarmupInverseSquareRoot(1.0, warmup_steps=4)
        >>> [round(float(schedule(step)), 3) for step in (0, 3, 15)]
        [0.25, 1.0, 0.5]
    """

    def __init__(
        self, peak: float | None = None, warmup_steps: int = 4000, dim: int | None = None
    ) -> None:
        if (peak is None) == (dim is None):
            raise ArgumentError(f"give one of peak and dim, not peak={peak}, dim={dim}")
        if warmup_steps < 1:
            raise ArgumentError(f"warmup_steps must be 1 or more, not {warmup_steps}")
        if dim is not None:
            if dim < 1:
                raise ArgumentError(f"dim must be 1 or more, not {dim}")
            peak = (dim * warmup_steps) ** -0.5
        super().__init__(float(peak or 0.0), warmup_steps)

    def after(self, step: Tensor) -> Tensor:
        """The fraction of the peak once the warm-up is over."""
        return ops.rsqrt((step + 1.0) / float(self.warmup_steps))


@keras.saving.register_keras_serializable(package="lmzoo")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Half a cosine up to the peak, half a cosine down to nearly nothing.

    Args:
        peak: the highest learning rate; > 0.
        steps: the step at which the lowest is reached; >= 2.
        rise: share of the steps before the peak, between 0 and 1.
        first_fraction: the first learning rate as a fraction of the peak, in [0, 1].
        final_fraction: the last learning rate as a fraction of the peak, in [0, 1].

    Raises:
        ArgumentError: an argument is out of its range.

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
        super().__init__()
        if not peak > 0:
            raise ArgumentError(f"peak must be a positive learning rate, not {peak}")
        if steps < 2:
            raise ArgumentError(f"steps must be 2 or more, not {steps}")
        if not 0 < rise < 1:
            raise ArgumentError(f"rise must lie between 0 and 1, not {rise}")
        for name, value in (("first", first_fraction), ("final", final_fraction)):
            if not 0 <= value <= 1:
                raise ArgumentError(f"{name}_fraction must lie in [0, 1], not {value}")
        self.peak, self.steps, self.rise = float(peak), int(steps), float(rise)
        self.first_fraction = float(first_fraction)
        self.final_fraction = float(final_fraction)

    def __call__(self, step: Tensor) -> Tensor:
        """The learning rate of the update that follows `step` updates, a float32 scalar."""
        step = ops.cast(step, "float32")
        top = self.rise * self.steps
        up = ops.clip(step / top, 0.0, 1.0)
        down = ops.clip((step - top) / (self.steps - top), 0.0, 1.0)
        rising = self.first_fraction + (1.0 - self.first_fraction) * _half_cosine(1.0 - up)
        falling = self.final_fraction + (1.0 - self.final_fraction) * _half_cosine(down)
        return self.peak * ops.where(step < top, rising, falling)

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this schedule again."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "rise": self.rise,
            "first_fraction": self.first_fraction,
            "final_fraction": self.final_fraction,
        }


def _half_cosine(progress: Tensor) -> Tensor:
    """1 at 0, 0 at 1."""
    return 0.5 * (1.0 + ops.cos(3.141592653589793 * progress))
