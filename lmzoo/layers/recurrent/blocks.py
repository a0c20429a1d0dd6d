"""Recurrent blocks: simple RNN, GRU and LSTM, with variational and weight dropout."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.weights import mean_over_keys
from lmzoo.layers.dense import Dense, product
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.layer import Layer
from lmzoo.layers.recurrent.recurrence import gru_step, lstm_step, run_gru, run_lstm, run_rnn
from lmzoo.typing import Tensor


class RecurrentBlock(Layer):
    """Abstract base class of the recurrent blocks: use SimpleRNNBlock, GRUBlock or LSTMBlock.

    Args:
        hidden_dim: Width of the state and of the output.
        dropout: Dropout rate of the input, 0 to 1.
        variational: Drop the same features at every time step (Gal and Ghahramani 2016).
        weight_dropout: Dropout rate of the recurrent weights, the same at every time step.
        regularizer: Keras regularizer of both kernels.
        carry_batch_size: If above 0, the rows of each batch; row i continues the last one's.
        from_memory: Whether the first state is tanh of a projection of a memory's mean, not zero.
    Raises: ArgumentError for both from_memory and carry_batch_size.
    Source: from_memory: Sennrich et al. 2017, https://arxiv.org/abs/1703.04357
    """

    gates = 1
    num_states = 1

    def __init__(
        self,
        hidden_dim: int,
        *,
        dropout: float = 0.0,
        variational: bool = False,
        weight_dropout: float = 0.0,
        regularizer: keras.regularizers.Regularizer | None = None,
        carry_batch_size: int = 0,
        from_memory: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if from_memory and carry_batch_size:
            raise ArgumentError("The first state is carried over or comes from a memory, not both.")
        self.cross_attends = from_memory
        self.hidden_dim = hidden_dim
        noise_shape = (None, 1, None) if variational else None
        self.dropout = Dropout(dropout, noise_shape, dtype=self.dtype_policy)
        self.weight_dropout = Dropout(weight_dropout, dtype=self.dtype_policy)
        self.regularizer = regularizer
        self.carry_batch_size = carry_batch_size

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        self.projection = Dense(
            self.gates * self.hidden_dim,
            kernel_regularizer=self.regularizer,
            bias_initializer=self._first_bias,
            name="projection",
            dtype=self.dtype_policy,
        )
        self.projection.build(x_shape)
        if self.cross_attends:
            self.bridge = Dense(
                self.num_states * self.hidden_dim, "tanh", name="bridge", dtype=self.dtype_policy
            )
            self.bridge.build((None, (memory_shape or x_shape)[-1]))
        self.recurrent_kernel = self.add_weight(
            (self.hidden_dim, self.gates * self.hidden_dim),
            initializer="orthogonal",
            regularizer=self.regularizer,
            name="recurrent_kernel",
        )
        self.carried = [
            self.add_weight(
                (self.carry_batch_size, self.hidden_dim),
                initializer="zeros",
                trainable=False,
                name=f"carried_{i}",
            )
            for i in range(self.num_states if self.carry_batch_size else 0)
        ]

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """(batch, time, dim) -> (batch, time, hidden_dim); a first state may be of a memory."""
        carry = bool(training) and self.carry_batch_size > 0
        x = self.projection(self.dropout(x, training=training))
        if self.cross_attends:
            state = self.prepare_memory(memory, memory_mask)
        else:
            state = self._carried_state(x) if carry else self.init_state(ops.shape(x)[0], 0)
        kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
        kernel = self.weight_dropout(kernel, training=training)
        outputs, state = self._run(x, kernel, state)
        if carry:
            for variable, value in zip(self.carried, state, strict=True):
                variable.assign(ops.stop_gradient(value))
        return outputs

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple | None = None) -> tuple:
        return (*x_shape[:-1], self.hidden_dim)

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """The first states, each (batch, hidden_dim), of a memory (batch, keys, memory_dim)."""
        mean = mean_over_keys(memory, memory_mask)
        return tuple(ops.split(self.bridge(mean), self.num_states, axis=-1))

    def init_state(
        self, batch_size: int, length: int, memory_state: tuple[Tensor, ...] = ()
    ) -> tuple[Tensor, ...]:
        """The states of `prepare_memory`, or zeros, each (batch, hidden_dim)."""
        if memory_state:
            return memory_state
        return (ops.zeros((batch_size, self.hidden_dim), self.compute_dtype),) * self.num_states

    def step(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        position: Tensor,
        memory_state: tuple[Tensor, ...] = (),
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """n more tokens: x (batch, n, dim) -> (batch, n, hidden_dim), and the new state."""
        if x.shape[1] == 1:
            output, state = self._single(self.projection(x[:, 0]), state)
            return output[:, None], state  # (batch, 1, hidden)
        kernel = ops.cast(self.recurrent_kernel, self.compute_dtype)
        return self._run(self.projection(x), kernel, state)

    def reset_carried_state(self) -> None:
        """Sets the carried state to zeros, as for a new epoch."""
        for variable in self.carried:
            variable.assign(ops.zeros(variable.shape, variable.dtype))

    def save_own_variables(self, store: dict) -> None:
        """Saves the recurrent weights, not the carried state."""
        for i, variable in enumerate(self._own_weights()):
            store[str(i)] = variable

    def load_own_variables(self, store: dict) -> None:
        """Loads the recurrent weights; the carried state starts from zeros."""
        for i, variable in enumerate(self._own_weights()):
            variable.assign(store[str(i)])

    def _own_weights(self) -> list:
        return [self.recurrent_kernel]

    def _first_bias(self, shape: tuple, dtype: str | None = None) -> Tensor:
        return ops.zeros(shape, dtype)

    def _carried_state(self, x: Tensor) -> tuple[Tensor, ...]:
        if isinstance(x.shape[0], int) and x.shape[0] != self.carry_batch_size:
            raise ArgumentError(
                f"A batch of {x.shape[0]} rows for carry_batch_size={self.carry_batch_size}: "
                "feed batches of that many rows, or build the model with another size."
            )
        return tuple(ops.cast(v, self.compute_dtype) for v in self.carried)

    def _run(self, x: Tensor, kernel: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        raise AttributeError("RecurrentBlock is an abstract base class.")

    def _single(self, x: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        raise AttributeError("RecurrentBlock is an abstract base class.")

    def _recur(self, h: Tensor) -> Tensor:
        """The state's part of the gates: (batch, gates * hidden)."""
        return product(h, self.recurrent_kernel, self.compute_dtype)


class SimpleRNNBlock(RecurrentBlock):
    """Elman's recurrent network: h_t = tanh(W x_t + U h_{t-1} + b). Arguments: RecurrentBlock's.
    Source: Elman 1990, https://doi.org/10.1207/s15516709cog1402_1

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.SimpleRNNBlock(4)(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 4)
    """

    def _run(self, x: Tensor, kernel: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        outputs, last = run_rnn(x, kernel, state[0])
        return outputs, (last,)

    def _single(self, x: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        h = ops.tanh(x + self._recur(state[0]))
        return h, (h,)


class GRUBlock(RecurrentBlock):
    """Gated recurrent unit, reset gate after the product. Arguments: RecurrentBlock's.
    Source: Cho et al. 2014, https://arxiv.org/abs/1406.1078

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.GRUBlock(4)(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 4)
    """

    gates = 3

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        self.recurrent_bias = self.add_weight(
            (3 * self.hidden_dim,), initializer="zeros", name="recurrent_bias"
        )
        super().build(x_shape, memory_shape)

    def _own_weights(self) -> list:
        return [self.recurrent_kernel, self.recurrent_bias]

    def _run(self, x: Tensor, kernel: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        bias = ops.cast(self.recurrent_bias, self.compute_dtype)
        outputs, last = run_gru(x, kernel, bias, state[0])
        return outputs, (last,)

    def _single(self, x: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        bias = ops.cast(self.recurrent_bias, self.compute_dtype)
        h = gru_step(x, self._recur(state[0]) + bias, state[0])
        return h, (h,)


class LSTMBlock(RecurrentBlock):
    """Long short-term memory, the forget gate's bias starting at 1. Arguments: RecurrentBlock's.
    Source: Hochreiter and Schmidhuber 1997, https://doi.org/10.1162/neco.1997.9.8.1735

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.LSTMBlock(4)(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 4)
    """

    gates = 4
    num_states = 2

    def _first_bias(self, shape: tuple, dtype: str | None = None) -> Tensor:
        part = (self.hidden_dim,)
        others = ops.zeros((2 * self.hidden_dim,), dtype)
        return ops.concatenate([ops.zeros(part, dtype), ops.ones(part, dtype), others], axis=0)

    def _run(self, x: Tensor, kernel: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        outputs, h, c = run_lstm(x, kernel, *state)
        return outputs, (h, c)

    def _single(self, x: Tensor, state: tuple) -> tuple[Tensor, tuple]:
        h, c = lstm_step(x + self._recur(state[0]), state[1])
        return h, (h, c)
