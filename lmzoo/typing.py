"""Type aliases shared by the whole package."""

from typing import Any, TypeAlias

# A backend tensor, a symbolic Keras tensor or a NumPy array: Keras 3 accepts each of them.
Tensor: TypeAlias = Any
