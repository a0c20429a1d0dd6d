"""The stepper of a model, whatever the model is."""

import weakref
from typing import Any

import keras

from lmzoo.errors import ArgumentError
from lmzoo.generation.prompts import Prompts, check_tokenizer
from lmzoo.generation.steppers.recomputing import PlainModel, RecomputingStepper
from lmzoo.generation.steppers.stepper import Stepper, stepper_of

_PLAIN: weakref.WeakKeyDictionary[keras.Model, PlainModel] = weakref.WeakKeyDictionary()


def prepare(model: keras.Model, prompts: Prompts, new_tokens: int, tokenizer: Any) -> Stepper:
    """The model's stepper, once the prompts have been checked against it."""
    stepper = _stepper(model, max(1, min(len(row) for row in prompts.rows)))
    check_tokenizer(tokenizer, stepper.vocab_size)
    stepper.check(prompts, new_tokens)
    return stepper


def _stepper(model: keras.Model, length: int) -> Stepper:
    """The stepper of a model; `length` is that of a prompt which the model will get."""
    if hasattr(model, "step") and hasattr(model, "init_state"):
        return stepper_of(model)
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"the model is a {type(model).__name__}: pass a keras.Model")
    if model not in _PLAIN:
        _PLAIN[model] = PlainModel(model, length)
    return RecomputingStepper(model, _PLAIN[model])
