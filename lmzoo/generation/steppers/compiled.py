"""Compiled functions of a model: traced once per shape, always with the model's current weights.

A model whose variables were exchanged (`quantize`, LoRA) is compiled anew: a function traced before
would go on giving the old answers. TensorFlow does without XLA where it cannot compile a model.
"""

import weakref
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from lmzoo.typing import Tensor

_traces = 0


class _Compiled:
    """The compiled functions of one model, valid for these very variables."""

    def __init__(self, variables: list[keras.Variable]) -> None:
        self.variables = variables
        self.functions: dict[Any, Callable[..., Any]] = {}


_MODELS: weakref.WeakKeyDictionary[keras.Model, _Compiled] = weakref.WeakKeyDictionary()


def compilation_count() -> int:
    """How many functions have been traced and compiled since the process started."""
    return _traces


def run(model: keras.Model, function: Callable[..., Any], *arguments: Any, xla: bool = True) -> Any:
    """Runs `function(model, *arguments)`, one without side effects of a module, compiled."""
    arguments = keras.tree.map_structure(ops.convert_to_tensor, arguments)
    functions = _functions(model)
    if function not in functions:
        functions[function] = _compile(weakref.ref(model), function, xla)
    return functions[function](*arguments)


def run_any_shape(model: keras.Model, ids: Any) -> Tensor:
    """Calls a model on ids of any shape in inference mode, eagerly if it must; TensorFlow only."""
    import tensorflow as tf

    functions = _functions(model)
    reference: Callable[[], Any] = weakref.ref(model)
    if run_any_shape not in functions:
        functions[run_any_shape] = tf.function(
            lambda ids: reference()(ids, training=False), reduce_retracing=True, autograph=False
        )
    ids = tf.convert_to_tensor(ids, "int32")
    try:
        return functions[run_any_shape](ids)
    except (TypeError, ValueError):  # the model asks for more than a trace of it knows
        functions[run_any_shape] = lambda ids: reference()(ids, training=False)
        return functions[run_any_shape](ids)


def _functions(model: keras.Model) -> dict[Any, Callable[..., Any]]:
    """The model's compiled functions, empty if its variables are not those they were made for."""
    variables = list(model.variables)
    entry = _MODELS.get(model)
    if entry is None or not _same(entry.variables, variables):
        entry = _MODELS[model] = _Compiled(variables)
    return entry.functions


def _same(before: list[keras.Variable], now: list[keras.Variable]) -> bool:
    return len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True))


def _traced(reference: Callable[[], Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of tensors only, counting how often it is traced."""

    def body(*arguments: Tensor) -> Any:
        global _traces
        _traces += 1
        return function(reference(), *arguments)

    return body


def _compile(
    reference: Callable[[], Any], function: Callable[..., Any], xla: bool
) -> Callable[..., Any]:
    """The function compiled as the backend does it."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _with_tensorflow(_traced(reference, function), xla)
    if backend == "jax":
        return _with_jax(reference, _traced(reference, function))
    return lambda *arguments: function(reference(), *arguments)


def _with_tensorflow(body: Callable[..., Any], xla: bool) -> Callable[..., Any]:
    import tensorflow as tf

    fast = tf.function(body, jit_compile=True, autograph=False)
    plain = tf.function(body, autograph=False)
    traces: dict[Any, Callable[..., Any]] = {}
    works = xla

    def call(*arguments: Tensor) -> Any:
        nonlocal works
        if works:
            try:
                return traced(fast, arguments)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError):
                works = False  # an operation without an XLA kernel
        return traced(plain, arguments)

    def traced(function: Any, arguments: tuple) -> Any:
        # Its own traces, one for each shape: calls of the function would warn of their number.
        kinds = keras.tree.map_structure(lambda x: (tuple(x.shape), x.dtype.name), arguments)
        key = (function is fast, str(kinds))
        if key not in traces:
            traces[key] = function.get_concrete_function(*arguments)
        return traces[key](*arguments)

    return call


def _with_jax(reference: Callable[[], Any], body: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    def pure(values: list[Tensor], *arguments: Tensor) -> Any:
        variables = reference().variables
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return body(*arguments)

    jitted = jax.jit(pure)
    return lambda *arguments: jitted([v.value for v in reference().variables], *arguments)
