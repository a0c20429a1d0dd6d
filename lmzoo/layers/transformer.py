"""The Transformer block: attention, then a feed-forward network, each with a residual."""

from collections.abc import Callable
from typing import Any

import keras

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.multi_head import MultiHeadAttention
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.feedforward import FeedForward
from lmzoo.typing import Tensor

KINDS = ("decoder", "encoder", "cross")


def make_norm(kind: str, epsilon: float, name: str | None = None) -> keras.layers.Layer:
    """A normalization layer.

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
    """Self-attention and feed-forward network with residuals, pre- or post-norm.

    With kind="cross" it also attends to a memory, between the two.

    Args:
        num_heads: Number of attention heads.
        hidden_dim: Width of the feed-forward network.
        num_kv_heads: Number of key and value heads; None means num_heads.
        activation: Of the feed-forward network: "gelu", "relu", "relu2" or "swiglu".
        norm: "layer" or "rms".
        norm_first: Pre-norm (GPT-2, Llama) if True, post-norm (Vaswani et al. 2017) if False.
        norm_epsilon: Added to the variance.
        rotary_base: Base of the rotary embedding, or None.
        qk_norm: Whether queries and keys are normalized.
        dropout: Share dropped of the residual branches and of the attention weights, or a pair: of
            the former, of the latter.
        use_bias: Whether projections have biases.
        kind: "decoder": a position sees itself and earlier ones; "encoder": it sees all; "cross": a
            decoder that attends to a memory too.
        output_scale: Factor on the initial weights that feed the residual stream (GPT-2 takes
            1 / sqrt(2 * num_layers)).

    Raises:
        ArgumentError: If the kind is another.

    Source: https://arxiv.org/abs/1706.03762; pre-norm: Xiong et al. 2020,
    https://arxiv.org/abs/2002.04745

    Example:
        >>> import keras, lmzoo
        >>> block = lmzoo.layers.TransformerBlock(num_heads=2, hidden_dim=32)
        >>> tuple(block(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    # Keys and values have their places: reading a position again writes what stood there.
    random_access_cache = True

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
        dropout: float | tuple[float, float] = 0.0,
        use_bias: bool = True,
        kind: str = "decoder",
        output_scale: float = 1.0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.supports_masking = True
        self.norm_first = norm_first
        if kind not in KINDS:
            raise ArgumentError(f"kind={kind!r}; use one of {', '.join(KINDS)}.")
        self.cross_attends = kind == "cross"
        branches, weights = dropout if isinstance(dropout, tuple) else (dropout, dropout)
        initializer = keras.initializers.VarianceScaling(output_scale**2, "fan_in", "normal")
        shared: dict[str, Any] = {
            "num_kv_heads": num_kv_heads,
            "qk_norm": qk_norm,
            "dropout": weights,
            "use_bias": use_bias,
        }
        self.attention = MultiHeadAttention(
            num_heads,
            causal=kind != "encoder",
            rotary_base=rotary_base,
            output_initializer=initializer,
            name="attention",
            **shared,
        )
        self.cross_attention: Any = None
        self.cross_norm: Any = None
        if self.cross_attends:
            self.cross_attention = MultiHeadAttention(
                num_heads,
                cross=True,
                output_initializer=initializer.clone(),
                name="cross_attention",
                **shared,
            )
            self.cross_norm = make_norm(norm, norm_epsilon, "cross_norm")
        self.feedforward = FeedForward(
            hidden_dim,
            activation=activation,
            use_bias=use_bias,
            output_initializer=initializer.clone(),
            name="feedforward",
        )
        self.attention_norm = make_norm(norm, norm_epsilon, "attention_norm")
        self.feedforward_norm = make_norm(norm, norm_epsilon, "feedforward_norm")
        self.dropout = Dropout(branches)

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        """Builds the parts."""
        parts = (self.attention_norm, self.attention, self.feedforward_norm, self.feedforward)
        for part in parts:
            part.build(x_shape)
        if self.cross_attention is not None:
            self.cross_norm.build(x_shape)
            self.cross_attention.build(x_shape, memory_shape)
        self.built = True

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """(batch, time, dim) -> (batch, time, dim).

        Args:
            x: (batch, time, dim).
            memory: (batch, keys, memory_dim), with kind="cross".
            memory_mask: bool (batch, keys), True where the memory is real.
            mask: bool (batch, time), True where x is real.
            training: Whether dropout is on.

        Returns:
            (batch, time, dim).
        """

        def attend(y: Tensor) -> Tensor:
            return self.attention(y, mask=mask, training=training)

        def look(y: Tensor) -> Tensor:
            return self.cross_attention(y, memory, memory_mask=memory_mask, training=training)

        x = self._residual(self.attention_norm, attend, x, training)
        if self.cross_attention is not None:
            x = self._residual(self.cross_norm, look, x, training)
        return self._residual(self.feedforward_norm, self.feedforward, x, training)

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of the memory, and its mask, for `step`."""
        return (*self.cross_attention.prepare_memory(memory), memory_mask)

    def init_state(
        self, batch_size: int, length: int, memory_state: tuple[Tensor, ...] = ()
    ) -> tuple[Tensor, Tensor]:
        """An empty KV cache; see `MultiHeadAttention.init_state`."""
        return self.attention.init_state(batch_size, length)

    def step(
        self,
        x: Tensor,
        state: tuple[Tensor, Tensor],
        position: Tensor,
        memory_state: tuple[Tensor, ...] = (),
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """n more tokens: x (batch, n, dim), the cache, their position, and the prepared memory.

        With `attention_weights`, those of the memory (batch, n, keys) are appended to it.
        """
        after = []

        def attend(y: Tensor) -> Tensor:
            y, new = self.attention.step(y, state, position)
            after.append(new)
            return y

        def look(y: Tensor) -> Tensor:
            *memory, mask = memory_state
            return self.cross_attention.step_memory(y, memory, mask, attention_weights)

        x = self._residual(self.attention_norm, attend, x)
        if self.cross_attention is not None:
            x = self._residual(self.cross_norm, look, x)
        return self._residual(self.feedforward_norm, self.feedforward, x), after[0]

    def _residual(
        self, norm: keras.layers.Layer, inner: Callable, x: Tensor, training: bool = False
    ) -> Tensor:
        """x + inner(x), normalized before or after."""
        if self.norm_first:
            return x + self.dropout(inner(norm(x)), training=training)
        return norm(x + self.dropout(inner(x), training=training))
