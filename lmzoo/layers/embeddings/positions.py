"""Positions: sinusoidal vectors and rotary embedding (learned ones: TokenEmbedding)."""

import math

from keras import ops

from lmzoo.typing import Tensor


def sinusoidal_positions(positions: Tensor, embed_dim: int) -> Tensor:
    """Sines and cosines of the positions, each feature pair at its own frequency.

    Args:
        positions: float32 (time,), counted from 0.
        embed_dim: Width of a vector, even.

    Returns: float32 (time, embed_dim), the sines in the first half, the cosines in the second.
    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.sinusoidal_positions(keras.ops.arange(3.0), 8).shape)
        (3, 8)
    """
    half = embed_dim // 2
    frequencies = ops.exp(ops.arange(half, dtype="float32") * (-math.log(10000.0) / half))
    angles = positions[:, None] * frequencies[None, :]
    return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)  # (time, embed_dim)


def apply_rotary(x: Tensor, positions: Tensor, *, base: float = 10000.0) -> Tensor:
    """Rotates each feature pair (i, i + half) of a query or key by an angle of its position.

    Args:
        x: (batch, heads, time, head_dim), head_dim even.
        positions: int32 (time,), counted from 0.
        base: The slowest rotation has a wave length of about 2 pi * base positions.

    Returns: The rotated x, of the same shape and dtype.
    Source: Su et al. 2021, https://arxiv.org/abs/2104.09864

    Example:
        >>> import keras, lmzoo
        >>> x = keras.ops.ones((1, 1, 3, 4))
        >>> tuple(lmzoo.layers.apply_rotary(x, keras.ops.arange(3)).shape)
        (1, 1, 3, 4)
    """
    half = x.shape[-1] // 2
    frequencies = ops.exp(ops.arange(half, dtype="float32") * (-math.log(base) / half))
    angles = ops.cast(positions, "float32")[:, None] * frequencies[None, :]
    cos = ops.cast(ops.cos(angles), x.dtype)
    sin = ops.cast(ops.sin(angles), x.dtype)
    first, second = x[..., :half], x[..., half:]
    rotated = [first * cos - second * sin, second * cos + first * sin]
    return ops.concatenate(rotated, axis=-1)  # (batch, heads, time, head_dim)
