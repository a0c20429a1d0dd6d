"""What every model of the zoo is: saved as the builder call that made it."""

import warnings
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from lmzoo import registry
from lmzoo.errors import ArgumentError, LmzooError, PromptError


class ZooModel(keras.Model):
    """A functional Keras model that is saved as the builder call which made it."""

    def record_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Notes the builder call; `register` does this."""
        # A tuple of pairs: Keras would wrap a dict and track it.
        self._recipe = tuple(recipe.items())
        self.name = recipe["builder"]

    @property
    def recipe(self) -> dict[str, Any]:
        """The builder call that makes this model: {"builder": "lstm_lm", "vocab_size": 50, ...}."""
        if not hasattr(self, "_recipe"):
            raise LmzooError(
                f"{type(self).__name__} {self.name!r} was built by hand and has no recipe: put "
                "@lmzoo.register(tiny=...) on the function that builds it, or save only its "
                "weights with save_weights."
            )
        recipe = dict(self._recipe)
        recipe["name"] = self.name
        recipe["quantization"] = getattr(self, "_quantization", None)
        # By place: the names of layers count up with every model of a process.
        recipe["frozen"] = [i for i, x in enumerate(_layers(self)) if not x.trainable]
        return recipe

    def get_config(self) -> dict[str, Any]:
        """The recipe."""
        return self.recipe

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "ZooModel":
        """Calls the builder that the recipe names."""
        return registry.rebuild(config)

    def apply_extras(self, recipe: Mapping[str, Any]) -> None:
        """Brings a rebuilt model into the recipe's state beyond its sizes."""
        self.name = recipe.get("name") or self.name
        if recipe.get("quantization"):
            self.quantize(recipe["quantization"])
        frozen = set(recipe.get("frozen") or ())
        for i, layer in enumerate(_layers(self)):
            layer.trainable = i not in frozen

    def input_sizes(self) -> list[int | None]:
        """How many ids each input may hold, in the order of the inputs; None: it holds no ids."""
        return [None] * len(self.inputs)

    def fit(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `fit`; ids in arrays are checked against the vocabulary first.

        Raises:
            PromptError: If an id is outside the vocabulary.
        """
        self._check_ids(x)
        if hasattr(x, "element_spec"):  # a tf.data.Dataset is shuffled by its pipeline
            kwargs.setdefault("shuffle", False)
        return super().fit(x, *args, **kwargs)

    def evaluate(self, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Keras's `evaluate`; ids in arrays are checked against the vocabulary first."""
        self._check_ids(x)
        return super().evaluate(x, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Keras's `predict`; ids in arrays are checked against the vocabulary first."""
        self._check_ids(x)
        return super().predict(x, *args, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def _check_ids(self, x: Any) -> None:
        """Names the first id outside the vocabulary; data sets are caught by the NaN they give."""
        if hasattr(x, "element_spec") or x is None:
            return
        parts = list(x) if len(self.inputs) > 1 and isinstance(x, list | tuple) else [x]
        for part, size in zip(parts, self.input_sizes(), strict=False):
            _check_range(part, size)

    def quantize(self, mode: str, **kwargs: Any) -> None:
        """Keras's `quantize`, noted in the recipe so that a saved model loads again."""
        with warnings.catch_warnings():  # Keras warns of each layer that has nothing to quantize
            warnings.filterwarnings("ignore", message=".*does not have a `quantize` method")
            super().quantize(mode, **kwargs)
        self._quantization = mode


def penalty(l1: float, l2: float) -> keras.regularizers.Regularizer | None:
    """The regularizer of a builder's `l1` and `l2`; None if both are 0, which costs nothing."""
    return keras.regularizers.L1L2(l1, l2) if l1 or l2 else None


def xla_on(jit_compile: bool | str, run_eagerly: bool) -> bool | str:
    """What "auto" means for `compile`: XLA, which Keras's "auto" does not take on a CPU."""
    if jit_compile == "auto" and keras.backend.backend() == "tensorflow":
        return not run_eagerly
    return jit_compile


def refuse_beside_loss(loss: Any, remedy: str, settings: dict[str, float]) -> None:
    """Raises an ArgumentError if settings of the default loss are given beside a loss.

    Args:
        loss: What `compile` was given.
        remedy: The loss that takes such a setting, such as "lmzoo.losses.CrossEntropy".
        settings: By name; 0 is not given.
    """
    for name, value in settings.items():
        if loss is not None and value:
            raise ArgumentError(
                f"{name}={value} is that of the default loss: give it to the loss instead, "
                f"{remedy}({name}=...)."
            )


def refuse_class_weight(class_weight: Any) -> None:
    """Raises an ArgumentError if class weights are given for labels (batch, time)."""
    if class_weight is not None:
        raise ArgumentError(
            "class_weight does not fit labels (batch, time), which Keras takes for one-hot "
            "rows: give every token its weight through sample_weight."
        )


def _check_range(x: Any, size: int | None) -> None:
    """Raises for an id in an array that is not among `size` ids."""
    if size is None or not isinstance(x, np.ndarray | list | tuple):
        return
    ids = np.asarray(x)
    if ids.dtype.kind not in "iu" or not ids.size:
        return
    outside = ids[(ids < 0) | (ids >= size)]
    if outside.size:
        raise PromptError(
            f"id {outside.flat[0]} is outside the vocabulary of {size} ids "
            f"(0 to {size - 1}): use the tokenizer that the model was built for."
        )


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers, each before those inside it; one that holds others may have weights too."""
    return list(model._flatten_layers(include_self=False))


def clone(model: ZooModel) -> Any:
    """A new model of the same recipe and the same weights.

    `keras.models.clone_model` gives back a plain functional model that cannot step.

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
    copy.set_weights(model.get_weights())
    return copy
