"""Models without a cache: every step calls them on the whole text so far."""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.generation.prompts import Prompts
from lmzoo.generation.steppers import compiled
from lmzoo.generation.steppers.stepper import Stepper
from lmzoo.typing import Tensor


class PlainModel:
    """The sizes of a Keras model without `step`, and the kind of its output, from a first call."""

    def __init__(self, model: keras.Model, length: int) -> None:
        self._model = weakref.ref(model)
        self.fixed_length = _fixed_length(model)
        ids = np.zeros((1, self.fixed_length or length), "int32")
        # A model without an Input makes its variables in its first call, which must not be traced.
        output = self._call(ids) if model.built else model(ids, training=False)
        shape = getattr(output, "shape", None)
        if shape is None or len(shape) not in (2, 3):
            raise ArgumentError(
                f"the model {model.name!r} gives {_describe(output)}: text can be generated from "
                "a model whose output is (batch, time, vocab) or (batch, vocab)"
            )
        self.per_token = len(shape) == 3
        self.vocab_size = int(shape[-1])
        tables = [layer for layer in _layers(model) if isinstance(layer, keras.layers.Embedding)]
        self.input_size = int(tables[0].input_dim) if tables else self.vocab_size
        self.is_softmax = _is_softmax(ops.convert_to_numpy(ops.cast(output, "float32")))

    def next_logits(self, context: np.ndarray) -> Tensor:
        """Logits (batch, vocab) after the contexts (batch, time)."""
        output = self.logits(self.fit(context))
        return output[:, -1] if self.per_token else output

    def logits(self, ids: np.ndarray) -> Tensor:
        """Logits of the model on exactly these ids, (batch, time, vocab) or (batch, vocab)."""
        output = ops.cast(self._call(ids), "float32")
        if self.is_softmax:
            return ops.log(ops.maximum(output, 1e-37))
        return output

    def fit(self, context: np.ndarray) -> np.ndarray:
        """The last L tokens, or 0 on the left of fewer, if the model's input has length L."""
        if self.fixed_length is None:
            return context
        missing = max(self.fixed_length - context.shape[1], 0)
        return np.pad(context, ((0, 0), (missing, 0)))[:, -self.fixed_length :]

    def _call(self, ids: np.ndarray) -> Tensor:
        model = self._model()
        assert model is not None
        if keras.backend.backend() == "tensorflow":
            return compiled.run_any_shape(model, ids)
        return compiled.run(model, _call, ids)


class RecomputingStepper(Stepper):
    """Any other Keras model: its state is the text so far, on which each step calls the model."""

    def __init__(self, model: keras.Model, plain: PlainModel) -> None:
        self.model = model
        self.plain = plain
        self.vocab_size = plain.vocab_size
        self.input_size = plain.input_size
        self.max_length = None

    def prefill(self, tokens: np.ndarray, prompts: Prompts) -> tuple[Any, int]:
        shortest = min(len(row) for row in prompts.rows)
        return tokens[:, : shortest - 1], shortest - 1

    def step(self, ids: Tensor, state: Any, position: Tensor) -> tuple[Tensor, Any]:
        context = np.concatenate([np.asarray(state), ops.convert_to_numpy(ids)], axis=1)
        return self.plain.next_logits(context)[:, None, :], context  # (batch, 1, vocab)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(self, *arguments)

    def inner(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return compiled.run(self.model, _without_model(function), *arguments, xla=False)

    def loop(self, cond: Callable, body: Callable, values: tuple) -> tuple:
        while bool(cond(*values)):
            values = body(*values)
        return values


@functools.cache
def _without_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a model as its first argument, which it does not need."""
    return lambda model, *arguments: function(*arguments)


def _call(model: keras.Model, ids: Tensor) -> Tensor:
    return model(ids, training=False)


def _fixed_length(model: keras.Model) -> int | None:
    """The time dimension of the model's input where it is fixed."""
    try:
        shape = model.input_shape
    except (AttributeError, ValueError):
        return None  # not functional: built by calling it
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ArgumentError(
            f"the model {model.name!r} takes inputs of shape {shape}: text can be generated from "
            "a model of ids (batch, time)"
        )
    return shape[1]


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers, those of nested models too."""
    return [part for layer in getattr(model, "layers", []) for part in (layer, *_layers(layer))]


def _is_softmax(output: np.ndarray) -> bool:
    """Whether rows are probabilities: none negative, and each adds up to 1."""
    return bool((output >= 0).all() and np.allclose(output.sum(-1), 1.0, atol=1e-2))


def _describe(output: Any) -> str:
    shape = getattr(output, "shape", None)
    return f"an output of shape {tuple(shape)}" if shape is not None else f"{type(output)}"
