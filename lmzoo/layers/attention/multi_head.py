"""Multi-head attention: causal, over a whole sequence or to a memory; grouped queries, KV cache."""

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.attention.weights import dot_product_weights, repeat_heads, softmax
from lmzoo.layers.dense import Dense
from lmzoo.layers.dropout import Dropout
from lmzoo.layers.embeddings.positions import apply_rotary
from lmzoo.typing import Tensor

# A causal attention over fewer positions is computed whole: its parts would be too small.
SHORTEST_IN_PARTS = 128


@keras.saving.register_keras_serializable(package="lmzoo")
class MultiHeadAttention(keras.layers.Layer):
    """Attention with several heads over the sequence itself (causal) or over a memory.

    Args:
        num_heads: Number of query heads; must divide the width.
        num_kv_heads: Number of key and value heads, a divisor of num_heads (grouped-query
            attention); None means num_heads.
        cross: Whether keys and values come from a memory instead of the sequence itself.
        causal: Whether a position sees only itself and earlier ones (not for a memory).
        rotary_base: Base of the rotary embedding, or None for none.
        qk_norm: Whether queries and keys are RMS-normalized per head (Henry et al. 2020).
        dropout: Share of the attention weights dropped in training.
        use_bias: Whether the projections have biases.
        output_initializer: Initializer of the output projection.

    Source: https://arxiv.org/abs/1706.03762, https://arxiv.org/abs/2305.13245 (grouped queries),
    https://arxiv.org/abs/2010.04245 (QK-norm).

    Example:
        >>> import keras, lmzoo
        >>> layer = lmzoo.layers.MultiHeadAttention(num_heads=4, num_kv_heads=2)
        >>> tuple(layer(keras.ops.ones((2, 5, 16))).shape)
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
        qk_norm: bool = False,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.num_heads = num_heads
        self.num_kv_heads = num_kv_heads or num_heads
        if num_heads % self.num_kv_heads:
            raise ArgumentError(
                f"num_heads={num_heads} is no multiple of num_kv_heads={num_kv_heads}."
            )
        self.cross = cross
        self.causal = causal
        self.rotary_base = rotary_base
        self.use_bias = use_bias
        self.output_initializer = output_initializer
        self.dropout = Dropout(dropout)
        self.supports_masking = True
        self.query_norm = keras.layers.RMSNormalization(epsilon=1e-6) if qk_norm else None
        self.key_norm = keras.layers.RMSNormalization(epsilon=1e-6) if qk_norm else None

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
        first = dim if self.cross else dim + 2 * self.key_dim
        self.query_projection = self._dense(first, x_shape, "query" if self.cross else "qkv")
        if self.cross:
            source = memory_shape or x_shape
            self.memory_projection = self._dense(2 * self.key_dim, source, "key_value")
        self.output_projection = Dense(
            dim, use_bias=self.use_bias, kernel_initializer=self.output_initializer, name="output"
        )
        self.output_projection.build(x_shape)
        for norm in (self.query_norm, self.key_norm):
            if norm is not None:
                norm.build((None, None, None, self.head_dim))
        self.built = True

    def _dense(self, units: int, shape: tuple, name: str) -> keras.layers.Layer:
        initializer = keras.initializers.RandomNormal(stddev=shape[-1] ** -0.5)
        dense = Dense(units, use_bias=self.use_bias, kernel_initializer=initializer, name=name)
        dense.build(shape)
        return dense

    def call(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        mask: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """Attends over the whole sequence.

        Args:
            x: (batch, time, dim).
            memory: (batch, keys, dim), for cross attention.
            memory_mask: bool (batch, keys), True where the memory is real.
            mask: bool (batch, time), True where x is real; not for cross attention.
            training: Whether dropout is on.

        Returns:
            (batch, time, dim).
        """
        mask = memory_mask if self.cross else mask
        mask = None if mask is None else mask[:, None, None, :]
        if self.cross:
            query = self._heads(self.query_projection(x), self.num_heads)
            key, value = self.prepare_memory(memory)
        else:
            query, key, value = self._project(x, 0)
        if self.query_norm is not None and self.cross:
            query = self.query_norm(query)
        if self.causal and not self.cross:
            return self._merge(self._attend_causally(query, key, value, mask, training))
        return self._merge(self._attend(query, key, value, mask, training))

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, training: bool
    ) -> Tensor:
        weights = self.dropout(dot_product_weights(query, key, mask), training=training)
        return ops.matmul(weights, repeat_heads(value, query))

    def _attend_causally(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, training: bool
    ) -> Tensor:
        """Each position sees itself and earlier ones; most of what comes later is left out."""
        time, found = query.shape[2], []
        for start, stop in _parts(time):
            places = ops.arange(ops.shape(query)[2])
            visible = places[start:stop, None] >= places[None, :stop]
            if mask is not None:
                visible = visible & mask[..., :stop]
            part = (query[:, :, start:stop], key[:, :, :stop], value[:, :, :stop])
            found.append(self._attend(*part, visible, training))
        return found[0] if len(found) == 1 else ops.concatenate(found, axis=2)

    def prepare_memory(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (batch, kv_heads, keys, head_dim) of a memory (batch, keys, dim)."""
        key, value = ops.split(self.memory_projection(memory), 2, axis=-1)
        key = self._heads(key, self.num_kv_heads)
        if self.key_norm is not None:
            key = self.key_norm(key)
        return key, self._heads(value, self.num_kv_heads)

    def init_state(self, batch_size: int, length: int) -> tuple[Tensor, Tensor]:
        """An empty cache.

        Returns:
            Keys (batch, kv_heads, head_dim, length), as a product with one query wants them, and
            values (batch, kv_heads, length, head_dim).
        """
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
        scores = ops.cast(ops.matmul(query, keys), "float32")
        scores = ops.reshape(scores, (-1, groups, time, length))  # (.., groups, n, length)
        now = position + ops.arange(time)
        visible = now[:, None] >= ops.arange(length)[None, :]
        weights = ops.cast(softmax(ops.where(visible, scores, -1e9)), query.dtype)
        weights = ops.reshape(weights, (-1, groups * time, length))  # (.., queries, length)
        mixed = ops.matmul(weights, values)
        return ops.reshape(mixed, (-1, heads, time, dim))  # (batch, heads, n, head_dim)

    def step_memory(
        self,
        x: Tensor,
        memory: tuple[Tensor, Tensor],
        mask: Tensor | None,
        attention_weights: list[Tensor] | None = None,
    ) -> Tensor:
        """Attends from n tokens to the keys and values that `prepare_memory` made.

        The weights (batch, n, keys), the mean of all heads, are appended to `attention_weights`.
        """
        query = self._heads(self.query_projection(x), self.num_heads)
        if self.query_norm is not None:
            query = self.query_norm(query)
        mask = None if mask is None else mask[:, None, None, :]
        weights = dot_product_weights(query, memory[0], mask)
        if attention_weights is not None:
            attention_weights.append(ops.mean(ops.cast(weights, "float32"), axis=1))
        return self._merge(ops.matmul(weights, repeat_heads(memory[1], query)))

    def _project(self, x: Tensor, position: Tensor | int) -> tuple[Tensor, Tensor, Tensor]:
        dim = self.num_heads * self.head_dim
        parts = ops.split(self.query_projection(x), [dim, dim + self.key_dim], axis=-1)
        query = self._heads(parts[0], self.num_heads)
        key = self._heads(parts[1], self.num_kv_heads)
        value = self._heads(parts[2], self.num_kv_heads)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query), self.key_norm(key)
        if self.rotary_base is not None:
            where = position + ops.arange(ops.shape(x)[1])
            query = apply_rotary(query, where, base=self.rotary_base)
            key = apply_rotary(key, where, base=self.rotary_base)
        return query, key, value

    def _heads(self, x: Tensor, heads: int) -> Tensor:
        time = ops.shape(x)[1]
        x = ops.reshape(x, (-1, time, heads, self.head_dim))  # (batch, time, heads, head_dim)
        return ops.transpose(x, (0, 2, 1, 3))  # (batch, heads, time, head_dim)

    def _merge(self, x: Tensor) -> Tensor:
        time = ops.shape(x)[2]
        x = ops.transpose(x, (0, 2, 1, 3))  # (batch, time, heads, head_dim)
        x = ops.reshape(x, (-1, time, self.num_heads * self.head_dim))  # (batch, time, dim)
        return self.output_projection(x)


def _parts(time: int | None) -> list[tuple[int | None, int | None]]:
    """Where the parts of a causal attention start and stop: of a known, long time, a quarter."""
    if not isinstance(time, int) or time % 4 or time < SHORTEST_IN_PARTS:
        return [(None, None)]
    return [(start, start + time // 4) for start in range(0, time, time // 4)]
