"""Builders that differ by one argument: one function, documented once, for all of them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Model = TypeVar("Model")


def variant(
    function: Callable[..., Model],
    value: Any,
    name: str,
    text: Mapping[str, str],
    defaults: Mapping[str, Any] | None = None,
) -> Callable[..., Model]:
    """A builder that calls a function with its first argument filled in.

    Args:
        function: Documented; `{words}` in its docstring are replaced, its first argument's name by
            the value, and `{prompt}` by the prompt of an example.
        value: Its first argument.
        name: The builder's name.
        text: Further words -> what replaces them.
        defaults: Defaults of the builder where they differ from the function's.

    Returns:
        A function with the signature of `function` but for the first argument.

    Example:
        >>> def build(kind: str, vocab_size: int, *, layers: int = 2) -> str:
        ...     "A {kind}."
        ...     return f"{kind} of {layers} layers"
        >>> build_small = variant(build, "gru", "build_small", {}, {"layers": 1})
        >>> build_small(50), build_small.__doc__, str(inspect.signature(build_small))
        ('gru of 1 layers', 'A gru.', '(vocab_size: int, *, layers: int = 1) -> str')
    """
    signature = inspect.signature(function)
    first, *parameters = signature.parameters.values()
    other = defaults or {}
    parameters = [p.replace(default=other.get(p.name, p.default)) for p in parameters]
    signature = signature.replace(parameters=parameters)

    def build(*args: Any, **kwargs: Any) -> Model:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return function(value, *bound.args, **bound.kwargs)

    build.__name__ = build.__qualname__ = name
    build.__module__ = function.__module__
    words = {first.name: value, "prompt": ">>>", **text}
    build.__doc__ = (inspect.getdoc(function) or "").format(**words)
    vars(build)["__signature__"] = signature
    return build
