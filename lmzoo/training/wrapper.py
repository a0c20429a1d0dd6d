"""What training methods share: a wrapper whose `fit` trains the model inside."""

from collections.abc import Callable
from typing import Any

import keras


def _of_the_model(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.model, name)(*args, **kwargs)

    method.__name__, method.__doc__ = name, f"`{name}` of the model inside."
    return method


class TrainingMethod(keras.Model):
    """Abstract base class of the training methods: `fit` trains `model` in another way.

    A subclass defines `train_step` or `compute_loss`. Compiled, evaluated, saved and loaded is the
    model inside, with its own loss, metrics and optimizer, so that callbacks work as with it; what
    else it offers (`recipe`, `vocab_size`, `step`, ...) the wrapper offers too.

    Args:
        model: A compiled or uncompiled model of the zoo, or another wrapper.
    """

    compute_metrics = _of_the_model("compute_metrics")
    predict = _of_the_model("predict")
    predict_on_batch = _of_the_model("predict_on_batch")
    test_on_batch = _of_the_model("test_on_batch")
    save = _of_the_model("save")
    save_weights = _of_the_model("save_weights")
    load_weights = _of_the_model("load_weights")

    def __init__(self, model: Any, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.model = model
        self.built = True
        if model.compiled:
            self._share_compiled()

    def __getattr__(self, name: str) -> Any:
        """Whatever else the model inside offers."""
        if name.startswith("_") or "model" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.model, name)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """What the model gives."""
        return self.model(inputs, training=training)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compiles the model inside; arguments as `ZooModel.compile`."""
        self.model.compile(*args, **kwargs)
        self._share_compiled()

    def _share_compiled(self) -> None:
        """Takes over how the model is compiled: its very optimizer, loss and metrics."""
        super().compile(
            optimizer=self.model.optimizer,
            run_eagerly=self.model.run_eagerly,
            steps_per_execution=self.model.steps_per_execution,
            jit_compile=self.model.jit_compile,
            auto_scale_loss=False,
        )
        self.loss = self.model.loss
        for name in ("_loss_tracker", "_compile_loss", "_compile_metrics"):
            setattr(self, name, getattr(self.model, name))

    @property
    def metrics(self) -> list[Any]:
        """The model's own metrics."""
        return self.model.metrics

    def compute_loss(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The model's loss."""
        return self.model.compute_loss(x, y, y_pred, sample_weight, training=training)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; it trains the model inside."""
        with self.model.prepared("fit", args, kwargs) as arguments:
            return super().fit(**arguments)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `train_on_batch`; it trains the model inside."""
        with self.model.prepared("train_on_batch", args, kwargs) as arguments:
            return super().train_on_batch(**arguments)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The model's `evaluate`."""
        if kwargs.get("_use_cached_eval_dataset"):  # within `fit`, which keeps its iterator here
            self.model._eval_epoch_iterator = self._eval_epoch_iterator
        return self.model.evaluate(x, *args, **kwargs)
