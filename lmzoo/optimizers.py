"""Optimizers that Keras does not have."""

import re
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class LazyAdam(keras.optimizers.Adam):
    """Adam that updates only the rows of an embedding whose tokens are in the batch.

    Adam moves every vector by momentum; here a word's is unchanged until its next occurrence. That
    changes what is learned (see the results in the documentation). An embedding that is tied to the
    output has a gradient in every row, and is updated as by Adam.

    Args:
        learning_rate: a number or a schedule.
        beta_1, beta_2: decay of the first and of the second moment, 0 to 1.
        epsilon: added to the root of the second moment.
        lazy: regular expressions; variables of rank 2 whose path matches one are updated lazily.
        **kwargs: Keras's (amsgrad, weight_decay, clipnorm, clipvalue, use_ema,
            gradient_accumulation_steps, ...). The decay applies to all rows. Accumulated gradients
            are averaged batch by batch, whatever number of tokens each batch holds.

    Raises:
        ArgumentError: `lazy` is empty or one string.

    Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980; the lazy variant is that of
    TensorFlow Addons, https://www.tensorflow.org/addons/api_docs/python/tfa/optimizers/LazyAdam

    Example:
        >>> import lmzoo
        >>> model = lmzoo.build_lstm_lm(20, embed_dim=4, hidden_dim=4)
        >>> model.compile(lmzoo.optimizers.LazyAdam(1e-3))
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *,
        lazy: Sequence[str] = ("embeddings",),
        name: str = "lazy_adam",
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, name=name, **kwargs)
        if isinstance(lazy, str) or not lazy:
            raise ArgumentError(
                f"lazy={lazy!r}: give a list of regular expressions for the paths of variables, "
                'such as ["embeddings"], or use keras.optimizers.Adam'
            )
        self.lazy = list(lazy)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Keras's `apply`, of sparse gradients too, each row's parts summed up."""
        super().apply([_dense(gradient) for gradient in grads], trainable_variables)

    def update_step(self, gradient: Tensor, variable: keras.Variable, learning_rate: Any) -> None:
        """Adam's step, on the rows that have a gradient where the variable is lazy."""
        index = self._get_variable_index(variable)
        path = self._trainable_variables[index].path  # TensorFlow's own variable has no path
        if len(variable.shape) != 2 or not any(re.search(part, path) for part in self.lazy):
            super().update_step(gradient, variable, learning_rate)
            return
        gradient = ops.cast(gradient, variable.dtype)
        moments = self._momentums[index], self._velocities[index]
        first, second = (ops.convert_to_tensor(moment) for moment in moments)
        seen = ops.any(gradient != 0, axis=-1, keepdims=True)  # (rows, 1)
        m = first + (gradient - first) * (1 - self.beta_1)
        v = second + (ops.square(gradient) - second) * (1 - self.beta_2)
        step = ops.cast(self.iterations + 1, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype)
        rate = rate * ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        largest = v
        if self.amsgrad:
            hat = self._velocity_hats[index]
            largest = ops.maximum(ops.convert_to_tensor(hat), v)
            self.assign(hat, ops.where(seen, largest, ops.convert_to_tensor(hat)))
        change = rate * m / (ops.sqrt(largest) + self.epsilon)
        self.assign(moments[0], ops.where(seen, m, first))
        self.assign(moments[1], ops.where(seen, v, second))
        self.assign_sub(variable, ops.where(seen, change, 0.0))

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this optimizer again."""
        return {**super().get_config(), "lazy": self.lazy}


def _dense(gradient: Any) -> Any:
    """A gradient as a tensor; TensorFlow has that of an embedding as rows, with repetitions."""
    if not hasattr(gradient, "indices") or keras.backend.backend() != "tensorflow":
        return gradient
    import tensorflow as tf

    return tf.convert_to_tensor(gradient)
