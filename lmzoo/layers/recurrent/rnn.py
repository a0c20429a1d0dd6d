"""LSTM, GRU and SimpleRNN with Keras's interface and numbers, computed by `recurrence`.

Settings outside the common case are left to Keras's own loop, a GPU under TensorFlow to cuDNN.
"""

from typing import Any

import keras
from keras import ops

from lmzoo.layers.recurrent.recurrence import run_gru, run_lstm, run_rnn
from lmzoo.typing import Tensor


class _Recurrence(keras.layers.RNN):
    """The common part of the three layers; mixed into Keras's layer of the same name."""

    cell: Any
    return_sequences: bool
    go_backwards: bool
    zero_output_for_mask: bool
    unroll: bool
    dropout: float
    recurrent_dropout: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not _cudnn_is_there():
            self.supports_jit = True  # Keras switches XLA off for cuDNN's sake

    def inner_loop(
        self, sequences: Tensor, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Keras's `inner_loop`: last output, outputs (batch, time, units) and last states."""
        if not self._applies(training):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        # As Keras's cells do, for who calls `call` or `stateless_call` himself.
        sequences = ops.cast(sequences, self.cell.compute_dtype)
        if training and self.dropout:
            noise = self.cell.get_dropout_mask(sequences[:, 0, :])
            sequences = sequences * noise[:, None, :]
        if mask is not None:
            mask = keras.tree.flatten(mask)[0]
            mask = mask if len(mask.shape) == 3 else mask[..., None]  # (batch, time, 1)
            mask = ops.cast(ops.cast(mask, "bool"), sequences.dtype)
        if self.go_backwards:
            sequences = ops.flip(sequences, 1)
            mask = None if mask is None else ops.flip(mask, 1)
        projected = self._project(sequences)
        outputs, states = self._recur(projected, keras.tree.flatten(initial_state), mask)
        if mask is not None:
            outputs = outputs * self._shown(mask)
        return outputs[:, -1], outputs, list(states)

    def _applies(self, training: bool) -> bool:
        """Whether the recurrence computes what the arguments ask for."""
        return (
            self.cell.activation is keras.activations.tanh
            and not (training and self.recurrent_dropout)
            and getattr(self.cell, "implementation", 2) == 2
            and getattr(self, "use_cudnn", "auto") is not True
            and not _cudnn_is_there()
        )

    def _project(self, x: Tensor) -> Tensor:
        """The inputs' part of all gates, with the bias: (batch, time, gates * units)."""
        projected = ops.matmul(x, self._weight(self.cell.kernel))
        bias = self._input_bias()
        return projected if bias is None else projected + bias

    def _input_bias(self) -> Tensor | None:
        return None if self.cell.bias is None else self._weight(self.cell.bias)

    def _weight(self, variable: Any) -> Tensor:
        return ops.cast(variable, self.cell.compute_dtype)

    def _shown(self, mask: Tensor) -> Tensor:
        """1 where shown: before the first real step are zeros, on JAX the first state."""
        if self.zero_output_for_mask:
            return mask
        if keras.backend.backend() == "jax" and not self.unroll:
            return ops.ones_like(mask)
        return ops.cast(ops.cumsum(mask, axis=1) > 0, mask.dtype)

    def _recur(
        self, x: Tensor, states: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        raise AttributeError("_Recurrence is mixed into SimpleRNN, GRU and LSTM.")


@keras.saving.register_keras_serializable(package="lmzoo")
class SimpleRNN(_Recurrence, keras.layers.SimpleRNN):
    """`keras.layers.SimpleRNN` with its arguments, weights, masks and numbers, but faster.
    Source: Elman 1990, https://doi.org/10.1207/s15516709cog1402_1

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.SimpleRNN(4)(keras.ops.ones((2, 5, 8))).shape)
        (2, 4)
    """

    def _recur(self, x: Tensor, states: list[Tensor], mask: Tensor | None) -> tuple:
        kernel = self._weight(self.cell.recurrent_kernel)
        outputs, last = run_rnn(x, kernel, states[0], mask)
        return outputs, (last,)


@keras.saving.register_keras_serializable(package="lmzoo")
class GRU(_Recurrence, keras.layers.GRU):
    """`keras.layers.GRU` with its arguments, weights, masks and numbers, but faster.
    Source: Cho et al. 2014, https://arxiv.org/abs/1406.1078

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.GRU(8, return_sequences=True)(keras.ops.ones((2, 5, 4))).shape)
        (2, 5, 8)
    """

    def _applies(self, training: bool) -> bool:
        is_usual = self.cell.recurrent_activation is keras.activations.sigmoid
        return is_usual and self.cell.reset_after and super()._applies(training)

    def _input_bias(self) -> Tensor | None:
        return None if self.cell.bias is None else self._weight(self.cell.bias)[0]

    def _recur(self, x: Tensor, states: list[Tensor], mask: Tensor | None) -> tuple:
        kernel = self._weight(self.cell.recurrent_kernel)
        if self.cell.bias is None:
            bias = ops.zeros((kernel.shape[-1],), kernel.dtype)
        else:
            bias = self._weight(self.cell.bias)[1]
        outputs, last = run_gru(x, kernel, bias, states[0], mask)
        return outputs, (last,)


@keras.saving.register_keras_serializable(package="lmzoo")
class LSTM(_Recurrence, keras.layers.LSTM):
    """`keras.layers.LSTM` with its arguments, weights, masks and numbers, but faster.
    Source: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735

    Example:
        >>> import keras, lmzoo
        >>> tuple(keras.layers.Bidirectional(lmzoo.layers.LSTM(4))(keras.ops.ones((2, 5, 8))).shape)
        (2, 8)
    """

    def _applies(self, training: bool) -> bool:
        is_usual = self.cell.recurrent_activation is keras.activations.sigmoid
        return is_usual and super()._applies(training)

    def _recur(self, x: Tensor, states: list[Tensor], mask: Tensor | None) -> tuple:
        kernel = self._weight(self.cell.recurrent_kernel)
        outputs, h, c = run_lstm(x, kernel, states[0], states[1], mask)
        return outputs, (h, c)


def _cudnn_is_there() -> bool:
    """Whether Keras would use cuDNN: TensorFlow with a GPU."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))
