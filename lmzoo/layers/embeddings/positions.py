"""Sinusoidal positions (learned ones: TokenEmbedding; rotary ones: rotary)."""

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
