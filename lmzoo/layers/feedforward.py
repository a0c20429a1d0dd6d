"""The position-wise feed-forward network of a Transformer block."""

from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.dense import Dense
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor

ACTIVATIONS = ("gelu", "relu", "relu2", "swiglu")


class FeedForward(Layer):
    """Two projections with a non-linearity between them, applied to each position alone.

    Args:
        hidden_dim: Width between the projections.
        activation: "gelu" (tanh approximation), "relu", "relu2" (squared) or "swiglu" (gated).
        use_bias: Whether the projections have biases.
        output_initializer: Initializer of the second projection.
    Raises: ArgumentError for another activation.
    Source: SwiGLU: https://arxiv.org/abs/2002.05202; ReLU squared: https://arxiv.org/abs/2109.08668

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.FeedForward(32)(keras.ops.ones((2, 3, 8))).shape)
        (2, 3, 8)
    """

    def __init__(
        self,
        hidden_dim: int,
        *,
        activation: str = "gelu",
        use_bias: bool = True,
        output_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if activation not in ACTIVATIONS:
            raise ArgumentError(f"activation={activation!r}; use one of {', '.join(ACTIVATIONS)}.")
        self.hidden_dim = hidden_dim
        self.activation = activation
        self.use_bias = use_bias
        self.output_initializer = output_initializer

    def build(self, input_shape: tuple) -> None:
        dim = input_shape[-1]
        width = self.hidden_dim * (2 if self.activation == "swiglu" else 1)
        self.expand = Dense(
            width,
            use_bias=self.use_bias,
            kernel_initializer=keras.initializers.RandomNormal(stddev=dim**-0.5),
            name="expand",
            dtype=self.dtype_policy,
        )
        self.contract = Dense(
            dim,
            use_bias=self.use_bias,
            kernel_initializer=self.output_initializer,
            name="contract",
            dtype=self.dtype_policy,
        )
        self.expand.build(input_shape)
        self.contract.build((*input_shape[:-1], self.hidden_dim))

    def call(self, x: Tensor) -> Tensor:
        """(batch, time, dim) -> (batch, time, dim)."""
        x = self.expand(x)
        if self.activation == "swiglu":
            gate, x = ops.split(x, 2, axis=-1)
            x = ops.silu(gate) * x
        elif self.activation == "gelu":
            x = ops.gelu(x, approximate=True)
        else:
            x = ops.relu(x)
            x = x * x if self.activation == "relu2" else x
        return self.contract(x)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape
