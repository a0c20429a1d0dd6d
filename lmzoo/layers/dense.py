"""Dense layers whose weights can be laid out for products of few rows."""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lmzoo.typing import Tensor

# Smaller matrices stay in a cache, where nothing is gained.
_SMALLEST = 2**16
_PARTS: contextvars.ContextVar[dict[int, list[Tensor]] | None] = contextvars.ContextVar(
    "parts", default=None
)


@keras.saving.register_keras_serializable(package="lmzoo")
class Dense(keras.layers.Dense):
    """Keras's Dense; inside `few_rows`, products of few rows use all of the memory's speed.

    Arguments, weights and numbers are those of `keras.layers.Dense`.

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.Dense(4)(keras.ops.ones((2, 3))).shape)
        (2, 4)
    """

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """(..., dim) -> (..., units)."""
        if not is_in_parts(getattr(self, "_kernel", None)):
            return super().call(inputs, training=training)
        x = product(inputs, self._kernel, self.compute_dtype)
        x = x if self.bias is None else x + ops.cast(self.bias, self.compute_dtype)
        return x if self.activation is None else self.activation(x)

    def quantize(self, mode: Any = None, type_check: bool = True, config: Any = None) -> None:
        """Keras's `quantize`, which refuses classes derived from its own unless told otherwise."""
        super().quantize(mode, type_check=type_check and type(self) is not Dense, config=config)


def product(x: Tensor, weight: keras.Variable, dtype: str) -> Tensor:
    """x weight, in parts where `few_rows` has made such.

    Args:
        x: (..., dim).
        weight: (dim, units).
        dtype: in which the product is computed.

    Returns:
        (..., units).

    Example:
        >>> import keras, lmzoo
        >>> weight = keras.Variable(keras.ops.ones((3, 4)))
        >>> tuple(lmzoo.layers.product(keras.ops.ones((2, 3)), weight, "float32").shape)
        (2, 4)
    """
    if not is_in_parts(weight):
        return ops.matmul(x, ops.cast(weight, dtype))
    parts = (_PARTS.get() or {})[id(weight)]
    return ops.concatenate([ops.matmul(x, part) for part in parts], axis=-1)


def is_in_parts(weight: keras.Variable | None) -> bool:
    """Whether `few_rows` is on and has laid out this weight."""
    return id(weight) in (_PARTS.get() or {})


def product_with_rows(x: Tensor, table: keras.Variable, dtype: str) -> Tensor:
    """x table^T, in parts where `few_rows` has made such.

    Args:
        x: (..., dim).
        table: (rows, dim), such as an embedding.
        dtype: in which the product is computed.

    Returns:
        (..., rows).
    """
    parts = (_PARTS.get() or {}).get(id(table)) or [ops.cast(table, dtype)]
    found = [ops.matmul(x, ops.transpose(part)) for part in parts]
    return found[0] if len(found) == 1 else ops.concatenate(found, axis=-1)


@contextlib.contextmanager
def few_rows(model: keras.Model) -> Iterator[None]:
    """Lays out a model's weights for products of few rows, for what is traced inside.

    XLA computes a product of one row on one core. Two halves of the matrix, each lying in one
    piece, are computed at the same time, and read from memory twice as fast. They are copied once,
    before the loop that is traced inside, and stand twice in memory while it runs; on a GPU nothing
    is done.

    Args:
        model: a model with layers of this package.

    Yields:
        Nothing.

    Example:
        >>> import lmzoo
        >>> model = lmzoo.build_lstm_lm(20, embed_dim=4, hidden_dim=4)
        >>> with lmzoo.layers.few_rows(model):
        ...     logits, state, position = model.start([[1]], 2)
    """
    parts: dict[int, list[Tensor]] = {}
    if not _is_on_gpu():
        for layer in model._flatten_layers(include_self=False):
            for weight in _matrices(layer):
                value = ops.cast(weight, layer.compute_dtype)
                middle = value.shape[1] // 2
                parts[id(weight)] = [value[:, :middle], value[:, middle:]]
            table = getattr(layer, "output_table", None)
            if table is not None and _is_large(table):
                value, middle = ops.cast(table, layer.compute_dtype), table.shape[0] // 2
                parts[id(table)] = [value[:middle], value[middle:]]
    token = _PARTS.set(parts)
    try:
        yield
    finally:
        _PARTS.reset(token)


def _matrices(layer: keras.layers.Layer) -> list[keras.Variable]:
    """The weights of a layer that `product` multiplies with."""
    found = [getattr(layer, "recurrent_kernel", None)]
    plain = not getattr(layer, "lora_enabled", False) and layer.quantization_mode is None
    if isinstance(layer, Dense) and plain:
        found.append(getattr(layer, "_kernel", None))
    return [weight for weight in found if weight is not None and _is_large(weight)]


def _is_large(weight: keras.Variable) -> bool:
    return weight.shape[0] * weight.shape[1] >= _SMALLEST


def _is_on_gpu() -> bool:
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    if backend == "jax":
        import jax

        return jax.default_backend() != "cpu"
    return True
