"""The registry: a name for every builder, its tiny size for tests, its presets; and transforms."""

import difflib
import fnmatch
import functools
import inspect
import json
import math
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import keras
import numpy as np

from lmzoo.errors import ArgumentError, DataError, LmzooError, UnknownModelError
from lmzoo.files import readable, reading
from lmzoo.typing import plain

Builder = TypeVar("Builder", bound=Callable[..., Any])

# Keys of a recipe that are not arguments of the builder.
EXTRAS = ("builder", "name", "dtype", "transforms", "is_inside")
MOST_LAYERS = 1_000  # building more takes minutes
LARGE = 1 << 20  # a size above which a model is counted before it is built
_NUMPY = {"bfloat16": "float16", "float8_e4m3fn": "int8", "float8_e5m2": "int8", "int4": "int8"}
CONFIG, WEIGHTS = "config.json", "model.weights.h5"  # members of a Keras file


@dataclass(frozen=True)
class Entry:
    """One registered builder."""

    name: str
    builder: Callable[..., Any]
    tiny: Mapping[str, Any]
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


Observer = Callable[[Any], dict[str, Any] | None]
_ENTRIES: dict[str, Entry] = {}
_TRANSFORMS: dict[str, Callable[..., Any]] = {}
_OBSERVERS: dict[str, Observer] = {}


def register(
    *, tiny: Mapping[str, Any], presets: Mapping[str, Mapping[str, Any]] | None = None
) -> Callable[[Builder], Builder]:
    """Registers a builder `build_<name>`, so that its models save, load, and are tested.

    Args:
        tiny: Arguments of a model small enough for tests; mandatory. A model among them is given as
            its recipe, such as {"builder": "gru_encoder", "vocab_size": 50}.
        presets: Named sizes: name -> arguments.

    Returns:
        A decorator. The builder must return a ZooModel and take JSON values or ZooModels.

    Raises:
        ArgumentError: If the name is registered already or does not begin with `build_`.

    Example:
        >>> import lmzoo
        >>> @lmzoo.register(tiny=dict(vocab_size=10))
        ... def build_my_lm(vocab_size: int, *, hidden_dim: int = 8):
        ...     return lmzoo.build_gru_lm(vocab_size, embed_dim=hidden_dim, hidden_dim=hidden_dim)
        >>> build_my_lm(10).recipe["hidden_dim"]
        8
        >>> lmzoo.unregister("my_lm")
    """

    def decorate(builder: Builder) -> Builder:
        name = builder.__name__.removeprefix("build_")
        if name == builder.__name__:
            raise ArgumentError(f"A builder is named build_<name>, not {builder.__name__!r}.")
        if name in _ENTRIES:
            raise ArgumentError(
                f"{name!r} is registered already: choose another name, or call "
                f"lmzoo.unregister({name!r}) first."
            )
        signature = inspect.signature(builder)

        @functools.wraps(builder)
        def build(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            bound.arguments.update({k: plain(v) for k, v in bound.arguments.items()})
            _check_layers(bound.arguments)
            try:
                model = builder(*bound.args, **bound.kwargs)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                if isinstance(error, LmzooError):
                    raise
                lines = str(error).splitlines() or [type(error).__name__]
                raise ArgumentError(
                    f"{builder.__name__} cannot build a model of these arguments: {lines[0]}"
                ) from error
            policy = keras.config.dtype_policy().name
            model.record_recipe({"builder": name, **bound.arguments, "dtype": policy})
            return model

        _ENTRIES[name] = Entry(name, build, dict(tiny), dict(presets or {}))
        return cast(Builder, build)

    return decorate


def unregister(name: str) -> None:
    """Removes a model from the registry (for notebooks, where a cell is run twice).

    Args:
        name: The registered name; an UnknownModelError is raised if there is none.

    Example:
        >>> import lmzoo
        >>> lmzoo.unregister("zeppelin")
        Traceback (most recent call last):
        lmzoo.errors.UnknownModelError: No model 'zeppelin'. lmzoo.list_models() lists them all.
    """
    del _ENTRIES[_find(name).name]


def register_transform(*, observe: Observer | None = None) -> Callable[[Builder], Builder]:
    """Registers a function (ZooModel, JSON values) -> ZooModel, which recipes repeat in order.

    For a state that users change in place, `observe` gives the arguments of the transform that
    gives a rebuilt model this state, or None if it needs none. Such a transform is not recorded
    when it is called, but observed for each recipe, and applied last.
    """

    def decorate(function: Builder) -> Builder:
        name, signature = function.__name__, inspect.signature(function)
        if name in _TRANSFORMS:
            raise ArgumentError(f"The transform {name!r} is registered already: rename it.")

        @functools.wraps(function)
        def apply(model: Any, *args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(model, *args, **kwargs)
            bound.apply_defaults()
            history = model.transforms
            model = function(*bound.args, **bound.kwargs)
            if observe is None:
                arguments = dict(list(bound.arguments.items())[1:])
                history = (*history, {"name": name, **arguments})
            model.transforms = history
            return model

        _TRANSFORMS[name] = apply
        if observe is not None:
            _OBSERVERS[name] = observe
        return cast(Builder, apply)

    return decorate


def observed_transforms(model: Any) -> list[dict[str, Any]]:
    """The transforms that give a rebuilt model the state that users changed in place."""
    observed = {name: observe(model) for name, observe in _OBSERVERS.items()}
    return [{"name": name, **found} for name, found in observed.items() if found is not None]


def list_models(pattern: str = "*") -> list[str]:
    """Names of the registered models and of their presets.

    Args:
        pattern: A shell pattern such as "*_lm"; with a slash, "gpt2_lm/*", it matches presets.

    Returns:
        The matching names, sorted.

    Example:
        >>> list_models("gpt2_lm/*")
        ['gpt2_lm/large', 'gpt2_lm/medium', 'gpt2_lm/small', 'gpt2_lm/xl']
    """
    presets = [f"{e.name}/{preset}" for e in _ENTRIES.values() for preset in e.presets]
    return sorted(fnmatch.filter(presets if "/" in pattern else _ENTRIES, pattern))


def build_model(name: str, **arguments: Any) -> Any:
    """Builds a registered model by its name, or one of its presets.

    Args:
        name: Such as "lstm_lm" or "gpt2_lm/small".
        **arguments: The builder's arguments; they override the preset's.

    Returns:
        The model.

    Raises:
        UnknownModelError: If there is no such model or preset; close matches are named.

    Example:
        >>> build_model("lstm_lm", vocab_size=50, embed_dim=8, hidden_dim=8).output_shape
        (None, None, 50)
    """
    base, _, preset = name.partition("/")
    entry = _find(base)
    if preset and preset not in entry.presets:
        known = ", ".join(sorted(entry.presets)) or "none"
        raise UnknownModelError(f"{base!r} has no preset {preset!r}. Its presets: {known}.")
    return entry.builder(**{**entry.presets.get(preset, {}), **arguments})


def describe_model(name: str) -> str:
    """What a model is, the arguments that it takes, and its presets.

    Args:
        name: A registered name, with or without a preset.

    Returns:
        Several lines of text to print.

    Example:
        >>> print(describe_model("lstm_lm").splitlines()[0])
        lstm_lm: LSTM language model.
    """
    entry = _find(name.partition("/")[0])
    summary = (inspect.getdoc(entry.builder) or "").split("\n")[0]
    lines = [f"{entry.name}: {summary}", "  arguments:"]
    for parameter in inspect.signature(entry.builder).parameters.values():
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        lines.append(f"    {str(parameter).partition(':')[0]}{default}")
    if entry.presets:
        lines.append("  presets:")
        for preset, values in entry.presets.items():
            sizes = ", ".join(f"{k}={v}" for k, v in values.items())
            lines.append(f"    {entry.name}/{preset}: {sizes}")
    return "\n".join(lines)


def builder_of(name: str) -> Callable[..., Any]:
    """The builder of a registered model, with or without a preset in its name."""
    return _find(name.partition("/")[0]).builder


def tiny_arguments(name: str) -> dict[str, Any]:
    """The arguments of a model's tiny size, which the tests build; models inside it are built."""
    return {name: _rebuilt(value) for name, value in _find(name).tiny.items()}


def preset_arguments(name: str) -> dict[str, dict[str, Any]]:
    """The presets of a model: preset -> arguments."""
    return {preset: dict(values) for preset, values in _find(name).presets.items()}


def rebuild(recipe: Mapping[str, Any]) -> Any:
    """Builds a model anew: the builder's call, with models inside it rebuilt, then transforms.

    Raises:
        DataError: the recipe is none of lmzoo's, or damaged.
        ArgumentError: the model is larger than this machine's memory.
    """
    try:
        if _largest(recipe) > LARGE and (need := _bytes_of(recipe)) > (has := _memory()):
            raise ArgumentError(
                f"the model {recipe['builder']!r} needs {need:,} bytes for its weights, and this "
                f"machine has {has:,}: give smaller sizes than {_sizes(recipe)}"
            )
        return _build(recipe)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, LmzooError):
            raise
        raise DataError(
            f"a model cannot be built from its recipe ({type(error).__name__}: {error}): save the "
            "model again, or train it again"
        ) from error


def load_model(path: str | os.PathLike[str]) -> Any:
    """Loads a model that `model.save` wrote; `keras.saving.load_model`, with errors of lmzoo's own.

    Args:
        path: the .keras file.

    Returns:
        The model.

    Raises:
        DataError: there is no such file, it is damaged, or its sizes are not those of its weights,
            which is found out before any memory is taken.

    Example:
        >>> import lmzoo
        >>> lmzoo.build_gru_lm(20, embed_dim=4, hidden_dim=4).save("model.keras")
        >>> load_model("model.keras").vocab_size
        20
    """
    with reading(path), open(path, "rb"):
        pass
    remedy = "the file is damaged: copy or train it again"
    with readable(path, remedy), zipfile.ZipFile(path) as archive:
        config, stored = archive.getinfo(CONFIG), archive.getinfo(WEIGHTS).file_size
        if config.file_size > 64 * LARGE:
            raise DataError(f"{path} has a {CONFIG} of {config.file_size:,} bytes: {remedy}")
        recipe = json.loads(archive.read(config))["config"]
        # Quantization, which is left out of the count, makes weights up to 8 times smaller.
        most = stored * (8 if '"quantize"' in json.dumps(recipe) else 1) + LARGE
        if "builder" in recipe and (need := _bytes_of(recipe)) > most:
            raise DataError(
                f"{path} holds {stored:,} bytes of weights, but its sizes ask for {need:,} "
                f"({_sizes(recipe)}): {remedy}"
            )
    with readable(path, remedy):
        return keras.saving.load_model(path)


def _build(recipe: Mapping[str, Any]) -> Any:
    arguments = {k: _rebuilt(v) for k, v in recipe.items() if k not in EXTRAS}
    entry = _find(recipe["builder"])
    before = keras.config.dtype_policy()
    try:
        keras.config.set_dtype_policy(recipe.get("dtype", before.name))
        model = entry.builder(**arguments)
    finally:
        keras.config.set_dtype_policy(before)
    model.name = recipe.get("name") or model.name
    for transform in recipe.get("transforms") or ():
        name, arguments = transform["name"], {k: v for k, v in transform.items() if k != "name"}
        if name not in _TRANSFORMS:
            raise UnknownModelError(
                f"No transform {name!r}: import the module that registers it before the model is "
                "loaded."
            )
        model = _TRANSFORMS[name](model, **arguments)
    return model


def _rebuilt(value: Any) -> Any:
    """An argument of a recipe, in which a nested recipe stands for its model."""
    return _build(value) if isinstance(value, Mapping) and "builder" in value else value


def _check_layers(arguments: Mapping[str, Any]) -> None:
    """Refuses a number of layers that nobody can wait for."""
    for name, value in arguments.items():
        if name.endswith("num_layers") and isinstance(value, int) and value > MOST_LAYERS:
            raise ArgumentError(f"{name} is {value}; at most {MOST_LAYERS:,} layers are built")


def _bytes_of(recipe: Mapping[str, Any]) -> int:
    """The size of a model's weights without transforms, for which no memory is taken."""
    from keras.src.backend.common import global_state  # no public name

    waiting = "uninitialized_variables"
    before = list(global_state.get_global_attribute(waiting) or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            weights = _build(_untransformed(recipe)).weights
    finally:
        # Keras would make these variables at the end of the next scope, in another place.
        global_state.set_global_attribute(waiting, before)
    return sum(
        math.prod(w.shape) * np.dtype(_NUMPY.get(w.dtype, w.dtype)).itemsize for w in weights
    )


def _untransformed(value: Any) -> Any:
    """A recipe without transforms, also in the recipes inside it."""
    if isinstance(value, Mapping):
        return {k: _untransformed(v) for k, v in value.items() if k != "transforms"}
    return value


def _largest(value: Any) -> int:
    """The largest whole number in a recipe."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return max(map(_largest, value), default=0)
    return value if isinstance(value, int) else 0


def _sizes(recipe: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key}={value}" for key, value in recipe.items() if type(value) is int and value > 1
    )


def _memory() -> float:
    """This machine's memory in bytes; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return math.inf


def _find(name: str) -> Entry:
    if name in _ENTRIES:
        return _ENTRIES[name]
    close = difflib.get_close_matches(name.removeprefix("build_"), _ENTRIES, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    raise UnknownModelError(f"No model {name!r}.{hint} lmzoo.list_models() lists them all.")
