"""What training methods share: a wrapper whose `fit` trains the model inside."""

from typing import Any

import keras


class TrainingMethod(keras.Model):
    """Abstract base class of the training methods: `fit` trains `model` in another way.

    A subclass defines `train_step` or `compute_loss`. Compiled, evaluated, saved and loaded is the
    model inside, with its own loss, metrics and optimizer, so that callbacks work as with it; what
    else it offers (`recipe`, `vocab_size`, `step`, ...) the wrapper offers too.

    Args:
        model: A compiled or uncompiled model of the zoo, or another wrapper.

    Attributes:
        model: the model that is trained.
    """

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

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The model's metrics."""
        return self.model.compute_metrics(x, y, y_pred, sample_weight)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; it trains the model inside."""
        x, kwargs = self.model.prepare_fit(x, kwargs)
        self.model.build_optimizer()
        return super().fit(x, *args, **kwargs)

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's `train_on_batch`; it trains the model inside."""
        self.model.prepare_fit(x, kwargs)
        self.model.build_optimizer()
        return super().train_on_batch(x, *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The model's `evaluate`."""
        if kwargs.get("_use_cached_eval_dataset"):  # within `fit`, which keeps its iterator here
            self.model._eval_epoch_iterator = self._eval_epoch_iterator
        return self.model.evaluate(x, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The model's `predict`."""
        return self.model.predict(x, *args, **kwargs)

    def test_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The model's `test_on_batch`."""
        return self.model.test_on_batch(x, *args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's `predict_on_batch`."""
        return self.model.predict_on_batch(x)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Saves the model inside; arguments as Keras's `save`."""
        self.model.save(*args, **kwargs)

    def save_weights(
        self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None
    ) -> None:
        """Saves the weights of the model inside, as Keras's `save_weights`."""
        self.model.save_weights(filepath, overwrite, max_shard_size)

    def load_weights(
        self, filepath: Any, skip_mismatch: bool = False, objects_to_skip: Any = None
    ) -> None:
        """Loads weights into the model inside, as Keras's `load_weights`."""
        self.model.load_weights(filepath, skip_mismatch, objects_to_skip=objects_to_skip)
