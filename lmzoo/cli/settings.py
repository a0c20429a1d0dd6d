"""`--set KEY=VALUE`: arguments of the functions that a training calls, from their signatures."""

import ast
import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lmzoo.errors import ArgumentError

Settings = dict[str, dict[str, Any]]


def parse_settings(items: Sequence[str], known: Mapping[str, Sequence[str]]) -> Settings:
    """Sorts settings to the functions that take them.

    Args:
        items: "key=value", or "group.key=value" where several functions have the key. A value is
            a Python literal (3, 0.5, True, None, [3, 4]) or else a string.
        known: the arguments of each group; see `settable`.

    Returns:
        The arguments of each group.

    Raises:
        ArgumentError: no "=", an unknown key (close matches are named), or an ambiguous one.

    Example:
        >>> def build(vocab_size, *, hidden_dim=8): ...
        >>> def prepare(source, *, batch_size=32): ...
        >>> known = {"model": settable(build), "data": settable(prepare)}
        >>> parse_settings(["hidden_dim=16", "data.batch_size=4"], known)
        {'model': {'hidden_dim': 16}, 'data': {'batch_size': 4}}
    """
    found: Settings = {group: {} for group in known}
    for item in items:
        key, equals, text = item.partition("=")
        if not equals:
            raise ArgumentError(f"--set {item}: write KEY=VALUE, such as hidden_dim=512")
        group, name = _find(key, known)
        found[group][name] = _value(text)
    return found


def settable(function: Callable[..., Any]) -> list[str]:
    """The names of a function's arguments that may be set: those with a default."""
    signature = inspect.signature(function)
    return [p.name for p in signature.parameters.values() if p.default is not p.empty]


def _find(key: str, known: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The group and the name of a key."""
    group, dot, name = key.partition(".")
    if dot and group in known:
        if name in known[group]:
            return group, name
    elif not dot:
        groups = [group for group, names in known.items() if key in names]
        if len(groups) == 1:
            return groups[0], key
        if groups:
            choices = " or ".join(f"{group}.{key}" for group in groups)
            raise ArgumentError(f"--set {key}: several functions take it; write {choices}")
    every = [f"{group}.{name}" for group, names in known.items() for name in names]
    close = difflib.get_close_matches(key, [*every, *(x.split(".")[1] for x in every)], n=3)
    hint = f"; did you mean {' or '.join(dict.fromkeys(close))}?" if close else ""
    raise ArgumentError(
        f"--set {key}: there is no such argument{hint} The arguments are {', '.join(every)}"
    )


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
