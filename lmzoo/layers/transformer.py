"""The Transformer block: causal attention, then a feed-forward network, each with a residual."""

import keras

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention import MultiHeadAttention
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.feedforward import FeedForward
from lmzoo.typing import Tensor


def make_norm(kind: str, epsilon: float, name: str | None = None) -> keras.layers.Layer:
    """A normalisation layer.

    Args:
        kind: "layer" (LayerNorm, Ba et al. 2016) or "rms" (RMSNorm, Zhang and Sennrich 2019).
        epsilon: Added to the variance or mean square.
        name: The layer's name.

    Returns:
        A Keras layer.

    Raises:
        ArgumentError: If the kind is another.

    Source: https://arxiv.org/abs/1607.06450, https://arxiv.org/abs/1910.07467

    Example:
        >>> import lmzoo
        >>> type(lmzoo.layers.make_norm("rms", 1e-5)).__name__
        'RMSNormalization'
    """
    if kind == "layer":
        return keras.layers.LayerNormalization(epsilon=epsilon, name=name)
    if kind == "rms":
        return keras.layers.RMSNormalization(epsilon=epsilon, name=name)
    raise ArgumentError(f"norm={kind!r}; use 'layer' or 'rms'.")


@keras.saving.register_keras_serializable(package="lmzoo")
class TransformerBlock(keras.layers.Layer):
    """Causal self-attention and feed-forward network with residuals, pre- or post-norm.

    Args:
        num_heads: Number of attention heads.
        hidden_dim: Width of the feed-forward network.
        num_kv_heads: Number of key and value heads; None means num_heads.
        activation: Of the feed-forward network: "gelu", "relu", "relu2" or "swiglu".
        norm: "layer" or "rms".
        norm_first: Pre-norm (GPT-2, Llama) if True, post-norm (Vaswani et al. 2017) if False.
        norm_epsilon: Added to the variance.
        rotary_base: Base of the rotary embedding, or None.
        qk_norm: Whether queries and keys are normalised.
        dropout: Share dropped of the attention weights and of both residual branches.
        use_bias: Whether projections have biases.
        output_scale: Factor on the initial weights that feed the residual stream (GPT-2 takes
            1 / sqrt(2 * num_layers)).

    Source: https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.TransformerBlock(num_heads=2, hidden_dim=32)
        >>> tuple(block(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    # Keys and values have their places: reading a position again writes what stood there.
    rereads = True

    def __init__(
        self,
        *,
        num_heads: int,
        hidden_dim: int,
        num_kv_heads: int | None = None,
        activation: str = "gelu",
        norm: str = "layer",
        norm_first: bool = True,
        norm_epsilon: float = 1e-5,
        rotary_base: float | None = None,
        qk_norm: bool = False,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_scale: float = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.norm_first = norm_first
        initializer = keras.initializers.VarianceScaling(output_scale**2, "fan_in", "normal")
        self.attention = MultiHeadAttention(
            num_heads,
            num_kv_heads=num_kv_heads,
            rotary_base=rotary_base,
            qk_norm=qk_norm,
            dropout=dropout,
            use_bias=use_bias,
            output_initializer=initializer,
            name="attention",
        )
        self.feedforward = FeedForward(
            hidden_dim,
            activation=activation,
            use_bias=use_bias,
            output_initializer=initializer.clone(),
            name="feedforward",
        )
        self.attention_norm = make_norm(norm, norm_epsilon, "attention_norm")
        self.feedforward_norm = make_norm(norm, norm_epsilon, "feedforward_norm")
        self.dropout = Dropout(dropout)

    def build(self, input_shape: tuple) -> None:
        """Builds the parts."""
        parts = (self.attention_norm, self.attention, self.feedforward_norm, self.feedforward)
        for part in parts:
            part.build(input_shape)
        self.built = True

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """(batch, time, dim) -> (batch, time, dim)."""
        inner = self.attention(self._before(self.attention_norm, x), training=training)
        x = self._after(self.attention_norm, x + self.dropout(inner, training=training))
        inner = self.feedforward(self._before(self.feedforward_norm, x))
        return self._after(self.feedforward_norm, x + self.dropout(inner, training=training))

    def init_state(self, batch_size: int, length: int) -> tuple[Tensor, Tensor]:
        """An empty KV cache; see `MultiHeadAttention.init_state`."""
        return self.attention.init_state(batch_size, length)

    def step(
        self, x: Tensor, state: tuple[Tensor, Tensor], position: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """n more tokens: x (batch, n, dim), the cache, and where they stand."""
        inner, state = self.attention.step(self._before(self.attention_norm, x), state, position)
        x = self._after(self.attention_norm, x + inner)
        inner = self.feedforward(self._before(self.feedforward_norm, x))
        return self._after(self.feedforward_norm, x + inner), state

    def _before(self, norm: keras.layers.Layer, x: Tensor) -> Tensor:
        return norm(x) if self.norm_first else x

    def _after(self, norm: keras.layers.Layer, x: Tensor) -> Tensor:
        return x if self.norm_first else norm(x)
