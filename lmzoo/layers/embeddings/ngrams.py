"""A text as the bag of its words and of its word n-grams."""

from typing import Any

from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.embeddings.tokens import TokenEmbedding
from lmzoo.layers.layer import Layer
from lmzoo.special_ids import PAD_ID
from lmzoo.typing import Tensor

# An odd number near 2**32 divided by the golden ratio, and one of a 32-bit mixing function with
# low bias (https://github.com/skeeto/hash-prospector).
_SPREAD, _MIX = 0x9E3779B1, 0x7FEB352D


class NgramEmbedding(Layer):
    """The mean of the vectors of a text's words and hashed word n-grams; id 0 is padding.

    n-grams share `buckets` vectors by a hash of their ids, the same on every backend. An id
    outside the vocabulary gives NaN; a text without words gives zeros.

    Args:
        vocab_size: Number of ids.
        embed_dim: Width of a vector.
        ngrams: Longest n-gram in words; 1 for words only.
        buckets: Number of vectors that n-grams share.
        initializer_range: Standard deviation of the initial weights.
    Raises: ArgumentError if ngrams or buckets is below 1.
    Source: Joulin et al. 2017 (fastText), https://arxiv.org/abs/1607.01759

    Example:
        >>> import keras, lmzoo
        >>> tuple(lmzoo.layers.NgramEmbedding(50, 8)(keras.ops.ones((1, 4), "int32")).shape)
        (1, 8)
    """

    def __init__(
        self,
        vocab_size: int,
        embed_dim: int,
        *,
        ngrams: int = 2,
        buckets: int = 50_000,
        initializer_range: float = 0.02,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        for what, value in (("ngrams", ngrams), ("buckets", buckets)):
            if value < 1:
                raise ArgumentError(f"{what}={value} must be at least 1.")
        self.vocab_size = vocab_size
        self.embed_dim = embed_dim
        self.ngrams = ngrams
        self.buckets = buckets
        settings: dict[str, Any] = {
            "initializer_range": initializer_range,
            "dtype": self.dtype_policy,
        }
        self.words = TokenEmbedding(vocab_size, embed_dim, name="words", **settings)
        self.grams: TokenEmbedding | None = None
        if ngrams > 1:
            self.grams = TokenEmbedding(buckets, embed_dim, name="grams", **settings)

    def build(self, ids_shape: tuple) -> None:
        self.words.build(ids_shape)
        if self.grams is not None:
            self.grams.build(ids_shape)

    def call(self, ids: Tensor) -> Tensor:
        """Ids (batch, time) -> (batch, embed_dim)."""
        ids = ops.cast(ids, "int32")
        total, count = _sum(self.words(ids), ids != PAD_ID)
        if self.grams is not None:
            for size in range(2, self.ngrams + 1):
                buckets, real = self.hashed(ids, size)
                vectors, number = _sum(self.grams(buckets), real)
                total, count = total + vectors, count + number
        return ops.cast(total / ops.maximum(count, 1.0), self.compute_dtype)

    def compute_output_shape(self, ids_shape: tuple) -> tuple:
        return (ids_shape[0], self.embed_dim)

    def hashed(self, ids: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Bucket of the n-gram at each position (batch, time), and whether its words are real."""
        time = ops.shape(ids)[1]
        wide = ops.pad(ids, ((0, 0), (0, size - 1)))  # (batch, time + size - 1)
        key = ops.full_like(ids, size, dtype="uint32")
        real = ids != PAD_ID
        for i in range(size):
            word = wide[:, i : i + time]
            real = ops.logical_and(real, word != PAD_ID)
            key = ops.bitwise_xor(key, ops.cast(word, "uint32")) * _uint32(_SPREAD)
            key = ops.bitwise_xor(key, ops.bitwise_right_shift(key, _uint32(15)))
        key = key * _uint32(_MIX)
        # The topmost bit is dropped: the remainder is that of signed numbers.
        bits = ops.cast(ops.bitwise_right_shift(key, _uint32(1)), "int32")
        return ops.mod(bits, self.buckets), real


def _sum(vectors: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of the real vectors, float32 (batch, dim), and their number (batch, 1)."""
    kept = ops.where(real[..., None], ops.cast(vectors, "float32"), 0.0)
    return ops.sum(kept, axis=1), ops.sum(ops.cast(real, "float32"), axis=1, keepdims=True)


def _uint32(value: int) -> Tensor:
    return ops.convert_to_tensor(value, dtype="uint32")
