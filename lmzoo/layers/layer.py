"""The base class of the package's layers."""

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, Self

import keras

from lmzoo.typing import plain


def _with_plain_numbers(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def method(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *map(plain, args), **{name: plain(value) for name, value in kwargs.items()})

    # Keras reads the arguments' names by a function that looks no deeper.
    vars(method)["__signature__"] = inspect.signature(init)
    return method


class Layer(keras.layers.Layer):
    """A Keras layer whose config is the call that made it; `**kwargs` are Keras's (name, dtype)."""

    trainable: bool

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Registers every subclass, so that what a model's graph holds can be loaded."""
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable(package=cls.__module__.partition(".")[0])(cls)
        if "__init__" in vars(cls):
            type.__setattr__(cls, "__init__", _with_plain_numbers(vars(cls)["__init__"]))

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls, *args, **kwargs)
        bound = inspect.signature(cls.__init__).bind(layer, *args, **kwargs)
        bound.apply_defaults()
        _, *arguments = ((name, plain(value)) for name, value in bound.arguments.items())
        # In a read-only view Keras neither tracks nor saves layers that are arguments.
        vars(layer)["_arguments"] = types.MappingProxyType(dict(arguments))
        return layer

    def _post_build(self) -> None:
        """Freezes the parts of a layer that was made frozen, as one that is loaded."""
        super()._post_build()
        if not self.trainable:
            self.trainable = True  # setting the same value again would reach no part
            self.trainable = False

    def get_config(self) -> dict[str, Any]:
        own = {name: value for name, value in self._arguments.items() if name != "kwargs"}
        own = {name: keras.saving.serialize_keras_object(value) for name, value in own.items()}
        return {**own, **super().get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        restore = keras.saving.deserialize_keras_object
        return super().from_config(
            {name: restore(v) if isinstance(v, dict | list) else v for name, v in config.items()}
        )
