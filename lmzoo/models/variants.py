"""Builders that differ by one argument: one function, documented once, for all of them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Model = TypeVar("Model")


def variant(
    function: Callable[..., Model],
    name: str,
    words: Mapping[str, str],
    defaults: Mapping[str, Any] | None = None,
) -> Callable[..., Model]:
    """A builder `name` that calls `function` with its first argument taken from `words`.

    `{words}` in its docstring are replaced, `{prompt}` by that of an example; defaults may differ.
    """
    signature = inspect.signature(function)
    first, *parameters = signature.parameters.values()
    other = defaults or {}
    parameters = [p.replace(default=other.get(p.name, p.default)) for p in parameters]
    signature = signature.replace(parameters=parameters)

    def build(*args: Any, **kwargs: Any) -> Model:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return function(words[first.name], *bound.args, **bound.kwargs)

    build.__name__ = build.__qualname__ = name
    build.__module__ = function.__module__
    build.__doc__ = (inspect.getdoc(function) or "").format(prompt=">>>", **words)
    vars(build)["__signature__"] = signature
    return build
