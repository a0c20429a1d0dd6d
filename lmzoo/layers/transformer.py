"""The Transformer block: attention, then a feed-forward network, each with a residual."""

import functools
from collections.abc import Callable
from typing import Any

import keras

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.multi_head import MultiHeadAttention
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.feedforward import FeedForward
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor

KINDS = ("decoder", "encoder", "cross")


def make_norm(
    kind: str, epsilon: float, name: str | None = None, dtype: Any = None
) -> keras.layers.Layer:
    """A normalization layer.

    Args:
        kind: "layer" (LayerNorm, Ba et al. 2016) or "rms" (RMSNorm, Zhang and Sennrich 2019).
        epsilon: Added to the variance or mean square.
        name: The layer's name.
        dtype: Its dtype policy; None for Keras's default.

    Returns: A Keras layer.
    Raises: ArgumentError for another kind.
    Source: https://arxiv.org/abs/1607.06450, https://arxiv.org/abs/1910.07467

    Example:
        >>> import lmzoo
        >>> type(lmzoo.layers.make_norm("rms", 1e-5)).__name__
        'RMSNormalization'
    """
    if kind == "layer":
        return keras.layers.LayerNormalization(epsilon=epsilon, name=name, dtype=dtype)
    if kind == "rms":
        return keras.layers.RMSNormalization(epsilon=epsilon, name=name, dtype=dtype)
    raise ArgumentError(f"norm={kind!r}; use 'layer' or 'rms'.")


class TransformerBlock(Layer):
    """Self-attention and feed-forward network with residuals, with "cross" a memory between them.

    Args:
        num_heads: Number of attention heads.
        hidden_dim: Width of the feed-forward network.
        num_kv_heads: Number of key and value heads; None means num_heads.
        activation: Of the feed-forward network: "gelu", "relu", "relu2" or "swiglu".
        norm: "layer" or "rms".
        norm_first: Pre-norm (GPT-2, Llama) if True, post-norm (Vaswani et al. 2017) if False.
        norm_epsilon: Added to the variance.
        rotary_base: Base of the rotary embedding, or None.
        rotary_scaling: As `MultiHeadAttention`.
        qk_norm: Whether queries and keys are normalized.
        dropout: Dropout rate of the residual branches and of the attention, or one of each.
        use_bias: Whether projections have biases.
        kind: "decoder" (causal), "encoder" (to all positions) or "cross" (decoder with a memory).
        output_scale: Factor on the initial weights into the residual (GPT-2: 1 / sqrt(2 layers)).
    Raises: ArgumentError for another kind.
    Source: https://arxiv.org/abs/1706.03762; pre-norm: https://arxiv.org/abs/2002.04745

    Example:
        >>> import keras; from lmzoo.layers import TransformerBlock
        >>> tuple(TransformerBlock(num_heads=2, hidden_dim=32)(keras.ops.ones((2, 5, 8))).shape)
        (2, 5, 8)
    """

    # The cache is written by position: a position that is computed again overwrites itself.
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
        rotary_scaling: dict[str, Any] | None = None,
        qk_norm: bool = False,
        dropout: float | tuple[float, float] = 0.0,
        use_bias: bool = True,
        kind: str = "decoder",
        output_scale: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if kind not in KINDS:
            raise ArgumentError(f"kind={kind!r}; use one of {', '.join(KINDS)}.")
        self.supports_masking = True
        self.norm_first = norm_first
        self.cross_attends = kind == "cross"
        rates = (dropout, dropout) if isinstance(dropout, int | float) else dropout
        initializer = keras.initializers.VarianceScaling(output_scale**2, "fan_in", "normal")
        dtype = self.dtype_policy
        attention = functools.partial(
            MultiHeadAttention, num_heads, num_kv_heads=num_kv_heads, qk_norm=qk_norm,
            dropout=rates[1], use_bias=use_bias, dtype=dtype,
        )  # fmt: skip
        normalization = functools.partial(make_norm, norm, norm_epsilon, dtype=dtype)
        self.attention = attention(
            causal=kind != "encoder",
            rotary_base=rotary_base,
            rotary_scaling=rotary_scaling,
            output_initializer=initializer,
            name="attention",
        )
        if self.cross_attends:
            self.cross_attention = attention(
                cross=True, output_initializer=initializer.clone(), name="cross_attention"
            )
            self.cross_norm = normalization(name="cross_norm")
        self.feedforward = FeedForward(
            hidden_dim,
            activation=activation,
            use_bias=use_bias,
            output_initializer=initializer.clone(),
            name="feedforward",
            dtype=dtype,
        )
        self.attention_norm = normalization(name="attention_norm")
        self.feedforward_norm = normalization(name="feedforward_norm")
        self.dropout = Dropout(rates[0], dtype=dtype)

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        parts = (self.attention_norm, self.attention, self.feedforward_norm, self.feedforward)
        for part in parts:
            part.build(x_shape)
        if self.cross_attends:
            self.cross_norm.build(x_shape)
            self.cross_attention.build(x_shape, memory_shape)

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """(batch, time, dim) -> (batch, time, dim); bool `mask` (batch, time) is True where real.
        kind="cross": also a memory (batch, keys, memory_dim), `memory_mask` (batch, keys)."""

        def attend(y: Tensor) -> Tensor:
            return self.attention(y, mask=mask, training=training)

        def cross_attend(y: Tensor) -> Tensor:
            return self.cross_attention(y, memory, memory_mask=memory_mask, training=training)

        return self._sublayers(x, attend, cross_attend, training)

    def compute_output_shape(self, x_shape: tuple, memory_shape: tuple | None = None) -> tuple:
        return x_shape

    def prepare_memory(self, memory: Tensor, memory_mask: Tensor) -> tuple[Tensor, ...]:
        """Keys and values of the memory, and its mask, for `step`."""
        return (*self.cross_attention.prepare_memory(memory), memory_mask)

    def init_state(
        self, batch_size: int, length: int, memory_state: tuple[Tensor, ...] = ()
    ) -> tuple[Tensor, Tensor]:
        return self.attention.init_state(batch_size, length)

    def step(
        self,
        x: Tensor,
        state: tuple[Tensor, Tensor],
        position: Tensor,
        memory_state: tuple[Tensor, ...] = (),
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """n more tokens x (batch, n, dim); memory weights are appended to `attention_weights`."""
        after = []

        def attend(y: Tensor) -> Tensor:
            y, new = self.attention.step(y, state, position)
            after.append(new)
            return y

        def cross_attend(y: Tensor) -> Tensor:
            return self.cross_attention.attend(y, memory_state, attention_weights)

        return self._sublayers(x, attend, cross_attend, False), after[0]

    def _sublayers(
        self, x: Tensor, attend: Callable, cross_attend: Callable, training: bool
    ) -> Tensor:
        """Attention, cross-attention and feed-forward network, each with norm and residual."""
        sublayers: list[tuple[Any, Callable]] = [(self.attention_norm, attend)]
        if self.cross_attends:
            sublayers.append((self.cross_norm, cross_attend))
        sublayers.append((self.feedforward_norm, self.feedforward))
        for norm, sublayer in sublayers:
            if self.norm_first:
                x = x + self.dropout(sublayer(norm(x)), training=training)
            else:
                x = norm(x + self.dropout(sublayer(x), training=training))
        return x
