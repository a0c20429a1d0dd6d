"""Multi-head attention: causal, over a whole sequence or to a memory; grouped queries, KV cache."""

import functools
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.weights import (
    Weights,
    dot_product_weights,
    masked,
    repeat_heads,
    softmax,
)
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.rotary import apply_rotary
from lmzoo.layers.layer import Layer
from lmzoo.typing import Tensor

# A causal attention over fewer positions is computed whole: its parts would be too small.
SHORTEST_IN_PARTS = 128


class MultiHeadAttention(Layer):
    """Attention with several heads over the sequence itself (causal) or to a memory.

    Args:
        num_heads: Number of query heads; must divide the width.
        num_kv_heads: Number of key and value heads, a divisor of num_heads; None means num_heads.
        cross: Whether keys and values come from a memory instead of the sequence itself.
        causal: Whether a position attends only to itself and earlier ones (not for a memory).
        rotary_base: Base of the rotary embedding, or None for none.
        rotary_scaling: How rotations are stretched for longer texts, as `rotary_frequencies`.
        qk_norm: Whether queries and keys are RMS-normalized per head (Henry et al. 2020).
        dropout: Dropout rate of the attention weights, 0 to 1.
        use_bias: Whether the projections have biases.
        output_initializer: Initializer of the output projection.
    Raises: ArgumentError if num_kv_heads does not divide num_heads, or num_heads the width.
    Source: https://arxiv.org/abs/1706.03762, grouped queries: https://arxiv.org/abs/2305.13245

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.MultiHeadAttention(4)(keras.ops.ones((2, 5, 16))).shape)
        (2, 5, 16)
    """

    def __init__(
        self,
        num_heads: int,
        *,
        num_kv_heads: int | None = None,
        cross: bool = False,
        causal: bool = True,
        rotary_base: float | None = None,
        rotary_scaling: dict[str, Any] | None = None,
        qk_norm: bool = False,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads or num_heads
        if num_heads % self.num_kv_heads:
            raise ArgumentError(
                f"num_heads={num_heads} is no multiple of num_kv_heads={num_kv_heads}."
            )
        self.cross = cross
        self.causal = causal
        self.rotary_base = rotary_base
        self.rotary_scaling = rotary_scaling
        self.use_bias = use_bias
        self.output_initializer = output_initializer
        self.dropout = Dropout(dropout, dtype=self.dtype_policy)
        self.query_norm = self.key_norm = None
        if qk_norm:
            normalization = functools.partial(keras.layers.RMSNormalization, epsilon=1e-6)
            self.query_norm = normalization(dtype=self.dtype_policy)
            self.key_norm = normalization(dtype=self.dtype_policy)

    def build(self, x_shape: tuple, memory_shape: tuple | None = None) -> None:
        """Makes the projections: one product for queries, keys and values together."""
        dim = x_shape[-1]
        if dim % self.num_heads:
            raise ArgumentError(
                f"The width {dim} is no multiple of num_heads={self.num_heads}: "
                "choose embed_dim as a multiple of num_heads."
            )
        self.head_dim = dim // self.num_heads
        if self.rotary_base is not None and self.head_dim % 2:
            raise ArgumentError(
                f"The width {dim} gives each of num_heads={self.num_heads} heads {self.head_dim} "
                "features, and rotary positions turn them in pairs: choose embed_dim as a multiple "
                f"of {2 * self.num_heads}."
            )
        self.key_dim = self.num_kv_heads * self.head_dim
        if self.cross:
            self.query_projection = self._dense(dim, x_shape, "query")
            self.memory_projection = self._dense(
                2 * self.key_dim, memory_shape or x_shape, "key_value"
            )
        else:
            self.query_projection = self._dense(dim + 2 * self.key_dim, x_shape, "qkv")
        self.output_projection = self._dense(dim, x_shape, "output", self.output_initializer)
        for norm in (self.query_norm, self.key_norm):
            if norm is not None:
                norm.build((None, None, None, self.head_dim))

    def _dense(self, units: int, shape: tuple, name: str, initializer: Any = None) -> Dense:
        initializer = initializer or keras.initializers.RandomNormal(stddev=shape[-1] ** -0.5)
        dense = Dense(
            units,
            use_bias=self.use_bias,
            kernel_initializer=initializer,
            name=name,
            dtype=self.dtype_policy,
        )
        dense.build(shape)
        return dense

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
        return_attention_scores: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """(batch, time, dim) -> (batch, time, dim); bool `mask` (batch, time) is True where real.
        With cross a memory (batch, keys, memory_dim), and `memory_mask` (batch, keys).
        With return_attention_scores also the attention weights (batch, heads, time, keys)."""
        if self.cross:
            query = self._heads(self.query_projection(x), self.num_heads, self.query_norm)
            key, value = self.prepare_memory(memory)
            mask = memory_mask
        else:
            query, key, value = self._project(x, 0)
        mask = None if mask is None else mask[:, None, None, :]
        if self.causal and not self.cross and not return_attention_scores:
            return self._merge(self._attend_causally(query, key, value, mask, training))
        if self.causal and not self.cross:
            mask = _causal_mask(ops.shape(x)[1], slice(None), mask)
        mixed, scores = self._attend(query, key, value, mask, training)
        return (self._merge(mixed), scores) if return_attention_scores else self._merge(mixed)

    def compute_output_spec(
        self, x: Any, memory: Any = None, return_attention_scores: bool = False, **others: Any
    ) -> Any:
        """Shapes and dtypes of what `call` returns, without running it."""
        output = keras.KerasTensor(x.shape, dtype=self.compute_dtype)
        if not return_attention_scores:
            return output
        keys = (memory if self.cross else x).shape[1]
        shape = (x.shape[0], self.num_heads, x.shape[1], keys)
        return output, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def attend(
        self, x: Tensor, memory_state: tuple, weights: Weights = None, training: bool = False
    ) -> Tensor:
        """Attends from x (batch, n, dim) to a memory; appends the heads' mean to `weights`."""
        key, value, mask = memory_state
        query = self._heads(self.query_projection(x), self.num_heads, self.query_norm)
        mask = None if mask is None else mask[:, None, None, :]
        mixed, own = self._attend(query, key, value, mask, training)
        if weights is not None:
            weights.append(ops.mean(ops.cast(own, "float32"), axis=1))
        return self._merge(mixed)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, training: bool
    ) -> tuple[Tensor, Tensor]:
        """(batch, heads, time, head_dim), and the weights (batch, heads, time, keys)."""
        weights = dot_product_weights(query, key, mask)
        mixed = ops.matmul(self.dropout(weights, training=training), repeat_heads(value, query))
        return mixed, weights

    def _attend_causally(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, training: bool
    ) -> Tensor:
        """Each position attends to itself and earlier ones; most later keys are never computed."""
        time, outputs = query.shape[2], []
        for start, stop in _parts(time):
            visible = _causal_mask(ops.shape(query)[2], slice(start, stop), mask)
            part = (query[:, :, start:stop], key[:, :, :stop], value[:, :, :stop])
            outputs.append(self._attend(*part, visible, training)[0])
        return outputs[0] if len(outputs) == 1 else ops.concatenate(outputs, axis=2)

    def prepare_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (batch, kv_heads, keys, head_dim) of a memory (batch, keys, dim)."""
        key, value = ops.split(self.memory_projection(memory), 2, axis=-1)
        key = self._heads(key, self.num_kv_heads, self.key_norm)
        return key, self._heads(value, self.num_kv_heads)

    def init_state(self, batch_size: int, length: int) -> tuple[Tensor, Tensor]:
        """An empty cache: keys (batch, kv_heads, head_dim, length), as one query's product wants,
        and values (batch, kv_heads, length, head_dim)."""
        first = (batch_size, self.num_kv_heads)
        keys = ops.zeros((*first, self.head_dim, length), self.compute_dtype)
        return keys, ops.zeros((*first, length, self.head_dim), self.compute_dtype)

    def step(
        self, x: Tensor, state: tuple[Tensor, Tensor], position: Tensor
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Attends from n more tokens (batch, n, dim) to themselves and all before them."""
        query, key, value = self._project(x, position)
        time, dim, length = ops.shape(x)[1], self.head_dim, state[1].shape[2]
        # Batch and heads as one axis: with an axis of size 1, XLA would copy the cache each step.
        keys = ops.reshape(state[0], (-1, dim, length))  # (batch * kv_heads, head_dim, length)
        new = ops.transpose(key, (0, 1, 3, 2))  # (batch, kv_heads, head_dim, n)
        new = ops.reshape(new, (-1, dim, time))  # (batch * kv_heads, head_dim, n)
        keys = ops.slice_update(keys, (0, 0, position), new)
        values = ops.reshape(state[1], (-1, length, dim))  # (batch * kv_heads, length, head_dim)
        new = ops.reshape(value, (-1, time, dim))  # (batch * kv_heads, n, head_dim)
        values = ops.slice_update(values, (0, position, 0), new)
        mixed = self._attend_to_cache(query, keys, values, position)
        heads = self.num_kv_heads
        keys = ops.reshape(keys, (-1, heads, dim, length))  # (batch, kv_heads, head_dim, length)
        values = ops.reshape(values, (-1, heads, length, dim))  # (batch, kv_heads, length, ..)
        return self._merge(mixed), (keys, values)

    def _attend_to_cache(
        self, query: Tensor, keys: Tensor, values: Tensor, position: Tensor
    ) -> Tensor:
        """(batch, heads, n, head_dim): the queries of a group share one product."""
        _, heads, time, dim = query.shape
        groups, length = heads // self.num_kv_heads, keys.shape[2]
        query = query * dim**-0.5
        query = ops.reshape(query, (-1, groups * time, dim))  # (batch * kv_heads, queries, dim)
        scores = ops.matmul(query, keys)
        scores = ops.reshape(scores, (-1, groups, time, length))  # (.., groups, n, length)
        positions = position + ops.arange(time)
        visible = positions[:, None] >= ops.arange(length)[None, :]
        weights = ops.cast(softmax(masked(scores, visible)), query.dtype)
        weights = ops.reshape(weights, (-1, groups * time, length))  # (.., queries, length)
        mixed = ops.matmul(weights, values)
        return ops.reshape(mixed, (-1, heads, time, dim))  # (batch, heads, n, head_dim)

    def _project(self, x: Tensor, position: Tensor | int) -> tuple[Tensor, Tensor, Tensor]:
        dim = self.num_heads * self.head_dim
        parts = ops.split(self.query_projection(x), [dim, dim + self.key_dim], axis=-1)
        query = self._heads(parts[0], self.num_heads, self.query_norm)
        key = self._heads(parts[1], self.num_kv_heads, self.key_norm)
        value = self._heads(parts[2], self.num_kv_heads)
        if self.rotary_base is not None:
            positions = position + ops.arange(ops.shape(x)[1])
            base, scaling = self.rotary_base, self.rotary_scaling
            query = apply_rotary(query, positions, base=base, scaling=scaling)
            key = apply_rotary(key, positions, base=base, scaling=scaling)
        return query, key, value

    def _heads(self, x: Tensor, heads: int, norm: keras.layers.Layer | None = None) -> Tensor:
        x = ops.reshape(x, (-1, ops.shape(x)[1], heads, self.head_dim))  # (batch, time, heads, ..)
        x = ops.transpose(x, (0, 2, 1, 3))  # (batch, heads, time, head_dim)
        return x if norm is None else norm(x)

    def _merge(self, x: Tensor) -> Tensor:
        time = ops.shape(x)[2]
        x = ops.transpose(x, (0, 2, 1, 3))  # (batch, time, heads, head_dim)
        x = ops.reshape(x, (-1, time, self.num_heads * self.head_dim))  # (batch, time, dim)
        return self.output_projection(x)


def _causal_mask(time: Tensor | int, part: slice, mask: Tensor | None) -> Tensor:
    """Which keys up to the part's end its queries see, (queries, keys) or with the mask's axes."""
    positions = ops.arange(time)
    visible = positions[part, None] >= positions[None, : part.stop]
    return visible if mask is None else visible & mask[..., : part.stop]


def _parts(time: int | None) -> list[tuple[int | None, int | None]]:
    """Where the parts of a causal attention start and stop: of a known, long time, a quarter."""
    if not isinstance(time, int) or time % 4 or time < SHORTEST_IN_PARTS:
        return [(None, None)]
    return [(start, start + time // 4) for start in range(0, time, time // 4)]
