"""Attention weights: the softmax over keys, scaled dot products, and means over keys."""

from keras import ops

from lmzoo.typing import Tensor

# A list to which attention weights (batch, time, keys) are appended, or None.
Weights = list[Tensor] | None


def softmax(scores: Tensor) -> Tensor:
    """Softmax over the last axis, without Keras's warning for a single key."""
    powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    return powers / ops.sum(powers, axis=-1, keepdims=True)


def masked(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Scores in float32, very low where bool `mask`, broadcast to their shape, is False."""
    scores = ops.cast(scores, "float32")
    return scores if mask is None else ops.where(mask, scores, -1e9)


def dot_product_weights(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    """Weights (batch, heads, time, keys) in float32; mask True where visible."""
    keys = ops.transpose(repeat_heads(key, query), (0, 1, 3, 2))  # (batch, heads, head_dim, keys)
    scores = ops.matmul(query * query.shape[-1] ** -0.5, keys)  # (batch, heads, time, keys)
    return ops.cast(softmax(masked(scores, mask)), query.dtype)


def repeat_heads(x: Tensor, query: Tensor) -> Tensor:
    """Keys or values, repeated so that each query head has its own."""
    groups = query.shape[1] // x.shape[1]
    return x if groups == 1 else ops.repeat(x, groups, axis=1)


def mean_over_keys(memory: Tensor, memory_mask: Tensor | None) -> Tensor:
    """The mean (batch, dim) of a memory (batch, keys, dim) where bool `memory_mask` is True."""
    if memory_mask is None:
        return ops.mean(memory, axis=1)
    real = ops.cast(memory_mask, memory.dtype)[..., None]  # (batch, keys, 1)
    return ops.sum(memory * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)
