"""Types that the whole package shares, and NumPy's numbers as Python's own."""

from typing import Any, TypeAlias

import numpy as np

# A backend tensor, a symbolic Keras tensor or a NumPy array: Keras 3 accepts each of them.
Tensor: TypeAlias = Any


def plain(value: Any) -> Any:
    """The value with Python's numbers in the place of NumPy's, in lists and tuples too."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value
