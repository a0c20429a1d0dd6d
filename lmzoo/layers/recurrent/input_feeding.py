"""A recurrent decoder block whose attention feeds its own next step."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.cross import GlobalAttentionBlock
from lmzoo.layers.attention.weights import mean_over_keys
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.layer import Layer
from lmzoo.loops import scan
from lmzoo.typing import Tensor

CELLS = {"gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}


class InputFeedingBlock(Layer):
    """A recurrent layer whose attention output is part of its next input.

    Training is several times slower than with a GlobalAttentionBlock after a recurrent block.

    Args:
        hidden_dim: Width of the state and of the output.
        cell: "lstm" or "gru".
        score: "dot" or "additive"; see GlobalAttentionBlock.
        dropout: Dropout rate of the input, 0 to 1.
    Raises: ArgumentError for another cell or score.
    Source: Luong et al. 2015, section 3.3, https://arxiv.org/abs/1508.04025

    Example:
        >>> import keras, lmzoo
        >>> x, mask = keras.ops.ones((2, 5, 4)), keras.ops.ones((2, 5), "bool")
        >>> tuple(lmzoo.layers.InputFeedingBlock(6)(x, x, memory_mask=mask).shape)
        (2, 5, 6)
    """

    cross_attends = True

    def __init__(
        self,
        hidden_dim: int,
        *,
        cell: str = "lstm",
        score: str = "dot",
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise ArgumentError(f"cell={cell!r}; use one of {', '.join(CELLS)}.")
        dtype = self.dtype_policy
        self.hidden_dim = hidden_dim
        self.dropout = Dropout(dropout, dtype=dtype)
        self.cell = CELLS[cell](hidden_dim, dtype=dtype)
        self.num_states = 2 if cell == "lstm" else 1
        self.attention = GlobalAttentionBlock(hidden_dim, score=score, dtype=dtype)
        self.bridge = keras.layers.Dense(
            self.num_states * hidden_dim, "tanh", name="bridge", dtype=dtype
        )

    def build(self, x_shape: tuple, memory_shape: tuple) -> None:
        self.cell.build((None, x_shape[-1] + self.hidden_dim))
        self.attention.build((None, None, self.hidden_dim), memory_shape)
        self.bridge.build((None, memory_shape[-1]))

    def call(
        self, x: Tensor, memory: Tensor, memory_mask: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """(batch, time, dim), memory (batch, keys, memory_dim), its mask -> (batch, time, ...)."""
        x = self.dropout(x, training=training)
        memory_state = self.prepare_memory(memory, memory_mask)

        def step(state: tuple, now: tuple) -> tuple[tuple, tuple]:
            state = self._step(now[0], state, memory_state, None)
            return state, state[:1]

        state = self.init_state(ops.shape(x)[0], 0, memory_state)
        empty = ops.zeros((*ops.shape(x)[:2], self.hidden_dim), state[0].dtype)
        return scan(step, state, (x,), (empty,))[1][0]

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple) -> tuple:
        return (*x_shape[:-1], self.hidden_dim)

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor | None) -> tuple[Tensor, ...]:
        """The memory prepared for the attention, and the first states, each (batch, hidden_dim)."""
        states = self.bridge(mean_over_keys(memory, memory_mask))
        states = ops.split(states, self.num_states, axis=-1)
        return (*self.attention.prepare_memory(memory, memory_mask), *states)

    def init_state(
        self, batch_size: int, length: int, memory_state: tuple[Tensor, ...] = ()
    ) -> tuple[Tensor, ...]:
        """The last attention output, zeros at first, and the cell's states."""
        return (ops.zeros((batch_size, self.hidden_dim), self.compute_dtype), *memory_state[3:])

    def step(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        position: Tensor,
        memory_state: tuple[Tensor, ...],
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """x (batch, n, dim) -> (batch, n, hidden_dim), state; appends to `attention_weights`."""
        outputs: list[Tensor] = []
        weights: list[Tensor] = []
        for column in range(x.shape[1]):
            state = self._step(x[:, column], state, memory_state, weights)
            outputs.append(state[0])
        if attention_weights is not None:
            attention_weights.append(ops.concatenate(weights, axis=1))
        return ops.stack(outputs, axis=1), state

    def _step(
        self,
        x: Tensor,
        state: tuple[Tensor, ...],
        memory_state: tuple[Tensor, ...],
        attention_weights: list[Tensor] | None,
    ) -> tuple[Tensor, ...]:
        """The state after one token (batch, dim): attention output and the cell's states."""
        output, states = self.cell(ops.concatenate([x, state[0]], axis=-1), list(state[1:]))
        output = self.attention.attend(output[:, None], memory_state[:3], attention_weights)
        states = states if isinstance(states, list | tuple) else [states]
        return (output[:, 0], *states)
