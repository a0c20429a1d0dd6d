"""Numbers of NumPy as Python's own, which Keras's layers and JSON ask for."""

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The value with Python's numbers in the place of NumPy's, in lists and tuples too."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value
