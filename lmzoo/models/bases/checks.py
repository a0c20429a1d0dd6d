"""What models check of their arguments and of their data before they train."""

import inspect
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from lmzoo.errors import ArgumentError, PromptError


def check_ids(x: Any, sizes: Sequence[int | None]) -> None:
    """Raises a PromptError for the first id that is not below its size, or is no integer.

    Of a tf.data.Dataset only the types are checked (an unknown id of it gives NaN).
    """
    spec = getattr(x, "element_spec", None)
    if spec is not None:
        x = spec[0] if isinstance(spec, tuple) else spec
    parts = list(x) if len(sizes) > 1 and isinstance(x, list | tuple) else [x]
    for part, size in zip(parts, sizes, strict=False):
        if size is None or part is None:
            continue
        if isinstance(part, np.ndarray | list | tuple):
            _check_range(np.asarray(part), size)
        elif "float" in str(getattr(part, "dtype", "")):
            _refuse_floats(part.dtype)


def _check_range(ids: np.ndarray, size: int) -> None:
    """Raises for an id in an array that is not among `size` ids."""
    if ids.dtype.kind == "f" and (ids != np.floor(ids)).any():
        _refuse_floats(ids.dtype)
    if ids.dtype.kind not in "fiu" or not ids.size:
        return
    outside = ids[(ids < 0) | (ids >= size)]
    if outside.size:
        raise PromptError(
            f"id {outside.flat[0]} is outside the vocabulary of {size} ids "
            f"(0 to {size - 1}): use the tokenizer that the model was built for."
        )


def _refuse_floats(dtype: Any) -> None:
    raise PromptError(f"the ids are {dtype}: give integers, such as a tokenizer's.")


def refuse_probabilities(loss: Any, default: Any) -> None:
    """Raises an ArgumentError, which names the default loss, for one that expects probabilities."""
    for one in keras.tree.flatten(loss):
        function = keras.losses.get(one) if isinstance(one, str) else one
        if inspect.isfunction(function):
            parameter = inspect.signature(function).parameters.get("from_logits")
            expects = parameter is not None and parameter.default is False
        else:
            expects = getattr(function, "from_logits", None) is False
        if expects:
            name = getattr(function, "__name__", type(function).__name__)
            own = [type(x).__name__ for x in keras.tree.flatten(default) if x is not None]
            hint = f"leave loss out for {' and '.join(own)}" if own else "use a loss of logits"
            raise ArgumentError(
                f"The loss {name!r} expects probabilities, and this model gives logits: {hint}, or "
                "give the loss from_logits=True."
            )


def refuse_metrics_of_probabilities(metrics: Any, is_binary: bool) -> None:
    """Raises an ArgumentError for a metric that expects probabilities, since outputs are logits.

    If `is_binary`, the model gives one logit, which Keras's accuracy would compare with 0.5.
    """
    for metric in keras.tree.flatten(metrics):
        if is_binary and (
            metric in ("acc", "accuracy", "binary_accuracy")
            or getattr(metric, "threshold", None) == 0.5
        ):
            name = metric if isinstance(metric, str) else metric.name
            raise ArgumentError(
                f"The metric {name!r} compares with 0.5, and this model gives logits: leave it out "
                "for ClassAccuracy, or use keras.metrics.BinaryAccuracy(threshold=0.0)."
            )
        if getattr(metric, "from_logits", None) is False:
            raise ArgumentError(
                f"The metric {metric.name!r} expects probabilities, and this model gives logits: "
                "give it from_logits=True."
            )
