"""Old home of the base class, until nothing imports it from here."""

from typing import Any

import keras

from lmzoo.errors import ArgumentError
from lmzoo.models.bases.checks import refuse_class_weight
from lmzoo.models.bases.zoo_model import ZooModel, clone
from lmzoo.models.parts import penalty

__all__ = ["ZooModel", "clone", "penalty", "refuse_beside_loss", "refuse_class_weight", "xla_on"]


def xla_on(jit_compile: bool | str, run_eagerly: bool) -> bool | str:
    if jit_compile == "auto" and keras.backend.backend() == "tensorflow":
        return not run_eagerly
    return jit_compile


def refuse_beside_loss(loss: Any, remedy: str, settings: dict[str, float]) -> None:
    for name, value in settings.items():
        if loss is not None and value:
            raise ArgumentError(
                f"{name}={value} is that of the default loss: {remedy}({name}=...)."
            )
