"""Labels as they are given: ids of classes, or distributions over them; whatever else is refused.

Values that are known (arrays, eager tensors) are checked. Compiled code cannot raise: there -1 or
NaN stands for what is no label; the models' `fit` and `evaluate` check batches before they compute.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

# By how much the sum of a distribution may differ from 1: float16 rounds each of many parts.
_TOLERANCE = 0.05


def host_array(x: Any) -> np.ndarray | None:
    """The values as a NumPy array, or None where they are known only when a program runs."""
    if x is None:
        return None
    try:
        array = np.asarray(x)
    except (RuntimeError, TypeError, ValueError):  # tensors that are being traced
        return None
    # The dtypes of bfloat16 and float8 are not NumPy's own.
    return array.astype("float32") if array.dtype.kind == "V" else array


def as_ids(labels: Any, num_classes: int, what: str = "label", weight: Any = None) -> Tensor:
    """Ids of classes, int32 of the labels' shape, -1 for what compiled code knows is none.

    Args:
        labels: integers, or floats that are whole numbers.
        num_classes: ids are 0 to num_classes - 1.
        what: the name of a label in errors.
        weight: of the labels' shape; where it is 0 anything may stand.

    Raises:
        ArgumentError: a value is known, counts, and is not an id.

    Example:
        >>> as_ids([1.0, 0.0], 2).numpy().tolist()
        [1, 0]
        >>> as_ids([0.9], 2)
        Traceback (most recent call last):
        lmzoo.errors.ArgumentError: label 0.9 is not the id of a class: give 0 to 1, no fractions.
    """
    array = host_array(labels)
    if array is not None:
        refuse_unknown(array, num_classes, what, weight)
    labels = ops.convert_to_tensor(labels)
    dtype = keras.backend.standardize_dtype(labels.dtype)
    is_float = "float" in dtype
    if dtype not in ("int32", "int64", "float32", "float64"):
        labels = ops.cast(labels, "float32" if is_float else "int64" if "32" in dtype else "int32")
    known = ops.logical_and(labels >= 0, labels < num_classes)
    if is_float:
        known = ops.logical_and(known, labels == ops.floor(labels))
    return ops.where(known, ops.cast(labels, "int32"), -1)


def refuse_unknown(
    labels: np.ndarray,
    num_classes: int,
    what: str = "label",
    weight: Any = None,
    soft: bool = False,
) -> None:
    """Raises an ArgumentError for the first label that counts and is not an id.

    If `soft`, it may be a fraction, the probability of class 1 of two.
    """
    last = num_classes - 1
    if labels.dtype.kind not in "biuf":
        raise ArgumentError(f"{what}s are {labels.dtype}: give numbers, 0 to {last}.")
    counted = _counted(labels, weight)
    if counted is None:
        return
    if labels.dtype.kind == "f" and not soft:
        broken = counted[counted != np.floor(counted)]
        if broken.size:
            raise ArgumentError(
                f"{what} {_shown(broken[0])} is not the id of a class: give 0 to {last}, no "
                "fractions."
            )
    outside = counted[~((counted >= 0) & (counted <= last))]
    if outside.size:
        raise ArgumentError(
            f"{what} {_shown(outside[0])} is outside 0 to {last}: ids of {num_classes} classes "
            "begin with 0."
        )


def refuse_no_distribution(rows: np.ndarray, what: str = "label", weight: Any = None) -> None:
    """Raises an ArgumentError for the first row (..., classes) that counts and is none."""
    if rows.dtype.kind not in "biuf":
        raise ArgumentError(f"{what}s are {rows.dtype}: give numbers.")
    counted = _counted(rows, None if weight is None else np.expand_dims(np.asarray(weight), -1))
    if counted is None:
        return
    counted = counted.reshape(-1, rows.shape[-1]).astype("float32")
    wrong = ~((counted >= 0).all(axis=-1) & (np.abs(counted.sum(axis=-1) - 1) < _TOLERANCE))
    if wrong.any():
        row = str(counted[wrong][0])[:60]
        raise ArgumentError(
            f"{what} {row} is not a distribution over {rows.shape[-1]} classes: give one-hot rows, "
            "or numbers of 0 or more that add up to 1."
        )


def _shown(number: Any) -> str:
    return f"{number:g}" if isinstance(number, np.floating) else str(int(number))


def _counted(labels: np.ndarray, weight: Any) -> np.ndarray | None:
    """The labels whose weight is not 0, in one axis; None if the weights are not known."""
    if weight is None:
        return labels.reshape(-1)
    weights = host_array(weight)
    if weights is None:
        return None
    weights = weights.reshape(weights.shape + (1,) * (labels.ndim - weights.ndim))
    try:
        return labels[np.broadcast_to(weights != 0, labels.shape)]
    except ValueError:
        raise ArgumentError(
            f"weights of shape {weights.shape} do not fit labels of shape {labels.shape}: give "
            "one for each label, or one for each row"
        ) from None
