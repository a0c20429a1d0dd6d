"""The base class of the package's layers."""

import inspect
import types
from typing import Any, Self

import keras


class Layer(keras.layers.Layer):
    """A Keras layer whose config is the call that made it; `**kwargs` are Keras's (name, dtype)."""

    trainable: bool

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Registers every subclass, so that what a model's graph holds can be loaded."""
        super().__init_subclass__(**kwargs)
        keras.saving.register_keras_serializable(package=cls.__module__.partition(".")[0])(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls, *args, **kwargs)
        bound = inspect.signature(cls.__init__).bind(layer, *args, **kwargs)
        bound.apply_defaults()
        _, *arguments = bound.arguments.items()
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
