"""What every model of the zoo is: saved as the builder call that made it, compiled alike."""

import contextlib
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras

from lmzoo import registry
from lmzoo.errors import ArgumentError, LmzooError
from lmzoo.models.bases.checks import (
    BatchCheck,
    lmzoo_errors,
    named_arguments,
    ranks_of,
    refuse_metrics_of_probabilities,
    refuse_probabilities,
)
from lmzoo.models.bases.transforms import layers_inside

QUANTIZATIONS = ("int8", "int4", "float8")


def _checked(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        arguments = named_arguments(name, args, kwargs)
        check = BatchCheck(self)
        x = arguments.pop("x", None)
        check.arrays(x, arguments.get("y"), arguments.get("sample_weight"))
        if "predict" not in name:
            self._renew("test_function", x, arguments)
        with lmzoo_errors():
            return getattr(super(ZooModel, self), name)(check.data(x), **arguments)

    method.__name__ = name
    method.__doc__ = f"Keras's `{name}`; ids and labels are checked first, of a Dataset by batches."
    return method


class ZooModel(keras.Model):
    """A functional Keras model that is saved as the builder call which made it.

    A subclass says how it is trained: `default_loss`, `default_metrics`, `accept_loss`,
    `prepare_fit`; and what its inputs and labels hold: `input_sizes`, `label_sizes`.
    """

    # In a namespace: Keras would track the models and wrap the containers of an attribute.
    _recorded: Any = None
    is_inside = False  # whether it is a layer of another model, which knows it by its name
    is_built_frozen = False  # whether the builder itself froze layers
    labels_have_time = False  # whether labels are (batch, time), which take no class weights

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """A .h5 file names a class without its package; `Encoder` may be anybody's."""
        super().__init_subclass__(**kwargs)
        if cls.__name__.endswith("Model"):
            keras.saving.get_custom_objects()[cls.__name__] = cls

    evaluate = _checked("evaluate")
    predict = _checked("predict")
    test_on_batch = _checked("test_on_batch")
    predict_on_batch = _checked("predict_on_batch")

    def record_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Notes the builder call; `register` does this."""
        self._recorded = types.SimpleNamespace(recipe=dict(recipe), transforms=())
        self.name = recipe["builder"]
        self.is_built_frozen = not all(layer.trainable for layer in layers_inside(self))

    @property
    def recipe(self) -> dict[str, Any]:
        """The builder call and the transforms that make this model, as JSON values.

        {"builder": "lstm_lm", "vocab_size": 50, ..., "dtype": ..., "name": ..., "transforms": []}
        """
        if self._recorded is None:
            raise LmzooError(
                f"{type(self).__name__} {self.name!r} was built by hand and has no recipe: put "
                "@lmzoo.register(tiny=...) on the function that builds it, or save only its "
                "weights with save_weights."
            )
        recipe = {name: _plain(value) for name, value in self._recorded.recipe.items()}
        transforms = [*map(dict, self.transforms), *registry.observed_transforms(self)]
        return {**recipe, "name": self.name, "transforms": transforms}

    @property
    def transforms(self) -> tuple[dict[str, Any], ...]:
        """The recorded transforms, in the order in which they were applied."""
        return () if self._recorded is None else self._recorded.transforms

    @transforms.setter
    def transforms(self, transforms: tuple[dict[str, Any], ...]) -> None:
        if self._recorded is not None:
            self._recorded.transforms = transforms

    def get_config(self) -> dict[str, Any]:
        """The recipe."""
        return {**self.recipe, "is_inside": True} if self.is_inside else self.recipe

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "ZooModel":
        """Calls the builder that the recipe names."""
        model = registry.rebuild(config)
        model.is_inside = config.get("is_inside", False)
        return model

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's call; in another model's graph, models of one builder get names of their own."""
        symbolic = any(isinstance(x, keras.KerasTensor) for x in keras.tree.flatten((args, kwargs)))
        if symbolic and self._recorded is not None and not self.is_inside:
            self.is_inside = True
            builder = self._recorded.recipe["builder"]
            if re.fullmatch(rf"{builder}(_\d+)?", self.name):
                count = keras.backend.get_uid(builder) - 1
                self.name = f"{builder}_{count}" if count else builder
        return super().__call__(*args, **kwargs)

    def input_sizes(self) -> list[int | None]:
        """How many ids each input may hold, in the order of the inputs; None: it holds no ids."""
        return [None] * len(self.inputs)

    def label_sizes(self) -> list[int | None]:
        """How many classes the labels of each output may name; None: they are not checked."""
        return [None] * len(self.outputs)

    def default_loss(self) -> Any:
        """What `loss="auto"` stands for; None for no loss."""

    def default_metrics(self) -> Any:
        """What `weighted_metrics="auto"` stands for; None for none."""

    def accept_loss(self, loss: Any) -> Any:
        """The loss that takes the place of a given one: itself, as a rule."""
        refuse_probabilities(loss, self.default_loss())
        return loss

    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = "auto",
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = "auto",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Keras's `compile`, with the loss and the metrics of the task, and XLA on.

        Args:
            optimizer, loss_weights, metrics, run_eagerly, auto_scale_loss: As Keras.
            loss, weighted_metrics: "auto" for those of the task, with their default settings.
            steps_per_execution: As Keras; 10 or more is faster for small models.
            jit_compile: "auto" compiles with XLA, which Keras's "auto" does not do on a CPU.

        Raises:
            ArgumentError: If the loss or a metric expects probabilities, or does not fit the model.
        """
        if _is_auto(weighted_metrics):
            weighted_metrics = self.default_metrics()
        is_binary = any(output.shape[-1] == 1 for output in self.outputs)
        refuse_metrics_of_probabilities([metrics, weighted_metrics], is_binary)
        if jit_compile == "auto" and keras.backend.backend() == "tensorflow":
            jit_compile = not run_eagerly
        super().compile(
            optimizer=optimizer,
            loss=self.accept_loss(self.default_loss() if _is_auto(loss) else loss),
            loss_weights=loss_weights,
            metrics=metrics,
            weighted_metrics=weighted_metrics,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=jit_compile,
            auto_scale_loss=auto_scale_loss,
        )

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.build_optimizer()

    def build_optimizer(self) -> None:
        """Makes the optimizer's variables before the first step, which would be traced twice."""
        # Under a tf.distribute strategy Keras itself makes them, in the strategy's scope.
        alone = getattr(self, "_distribute_strategy", None) is None
        if alone and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    def prepare_fit(self, x: Any, arguments: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Checks and completes what `fit` is given: the inputs, and arguments by name."""
        check = BatchCheck(self, is_training=True)
        if self.labels_have_time and arguments.get("class_weight") is not None:
            raise ArgumentError(
                "class_weight does not fit labels (batch, time), which Keras takes for one-hot "
                "rows: give every token its weight through sample_weight."
            )
        if hasattr(x, "element_spec"):  # a tf.data.Dataset is shuffled by its pipeline
            arguments = {"shuffle": False, **arguments}
        elif _rows(x):
            check.check_rows(_rows(x), arguments.get("batch_size") or 32)
        check.arrays(x, arguments.get("y"), arguments.get("sample_weight"))
        if arguments.get("verbose", "auto") == "auto" and not _shows_bars():
            arguments = {**arguments, "verbose": 2}  # a line for each epoch, not each step
        given = arguments.get("validation_data")
        if given is not None:
            without_carry = BatchCheck(self)
            if isinstance(given, list | tuple):
                without_carry.arrays(*keras.utils.unpack_x_y_sample_weight(given))
            arguments = {**arguments, "validation_data": without_carry.data(given)}
        return check.data(x), arguments

    def _renew(self, function: str, x: Any, arguments: dict[str, Any]) -> None:
        """Has Keras trace its step again where labels or weights have other numbers of axes: one
        traced for both would know neither."""
        ranks = ranks_of(x, arguments.get("y"), arguments.get("sample_weight"))
        known = self.__dict__.setdefault("_ranks", {})
        if ranks and known.setdefault(function, ranks) != ranks:
            known[function] = ranks
            setattr(self, function, None)

    @contextlib.contextmanager
    def prepared(
        self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """The arguments of `fit` or `train_on_batch` by name, checked, and its errors as ours."""
        arguments = named_arguments(method, args, kwargs)
        x = arguments.pop("x", None)
        if method == "train_on_batch":
            self.prepare_fit(x, {"batch_size": _rows(x), **arguments})
        else:
            x, arguments = self.prepare_fit(x, arguments)
        if self.compiled:
            self.build_optimizer()
        self._renew("train_function", x, arguments)
        with lmzoo_errors():
            yield {"x": x, **arguments}

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; what it is given is checked first, see `prepare_fit`."""
        with self.prepared("fit", args, kwargs) as arguments:
            return super().fit(**arguments)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Keras's `train_on_batch`, checked as `fit`."""
        with self.prepared("train_on_batch", args, kwargs) as arguments:
            return super().train_on_batch(**arguments)

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None) -> None:
        """Keras's `quantize`, with its default config only, so that a recipe can hold it."""
        # Keras has made the default config out of the mode before this is called.
        if mode not in QUANTIZATIONS or config.get_config() != type(config)().get_config():
            raise ArgumentError(
                f"A recipe cannot hold the config of {mode!r}: use a mode of "
                f"{', '.join(QUANTIZATIONS)} with Keras's default config."
            )
        with warnings.catch_warnings():  # Keras warns of each layer that has nothing to quantize
            warnings.filterwarnings("ignore", message=".*does not have a `quantize` method")
            super().quantize(mode, filters=filters)


def _rows(x: Any) -> int:
    """Rows of arrays; 0 of other data."""
    parts = keras.tree.flatten(x)
    return len(parts[0]) if parts and len(getattr(parts[0], "shape", ())) else 0


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _plain(value: Any) -> Any:
    """An argument as JSON holds it: a model by its recipe, a tuple as a list."""
    if isinstance(value, ZooModel):
        return value.recipe
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def clone(model: ZooModel) -> Any:
    """A new model of the same recipe and weights (`keras.models.clone_model`'s cannot step).

    Args:
        model: A model that a builder of the zoo made.

    Returns:
        A model of the same class, not compiled.

    Raises:
        LmzooError: If the model was built by hand.

    Example:
        >>> import lmzoo
        >>> model = lmzoo.build_lstm_lm(20, embed_dim=4, hidden_dim=4)
        >>> lmzoo.clone(model).count_params() == model.count_params()
        True
    """
    copy = registry.rebuild(model.recipe)
    for layer, own in zip(layers_inside(model), layers_inside(copy), strict=True):
        if getattr(layer, "lora_enabled", False):  # no part of a recipe: a file holds the sum
            own.enable_lora(layer.lora_rank, lora_alpha=layer.lora_alpha)
    copy.set_weights(model.get_weights())
    return copy


def _shows_bars() -> bool:
    """Whether a progress bar can overwrite itself: in a terminal or a notebook, not in a file."""
    return sys.stdout.isatty() or "ipykernel" in sys.modules
