"""Encoders: ids or features to hidden states, for any head."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.models.bases.zoo_model import ZooModel
from lmzoo.special_ids import PAD_ID
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class Encoder(ZooModel):
    """Ids or features (batch, time, ...) -> [hidden states (batch, time, dim), mask (batch, time)].

    Ids are int32 (batch, time), with `characters` a pair of them and int32 character ids (batch,
    time, characters); with `feature_dim` they are float features (batch, time, feature_dim). The
    mask is bool, True where the input is real: an id other than 0, a feature vector with any value
    other than 0. Padding changes nothing.

    A model with a head is one flat functional graph on the encoder's symbolic `input` and
    `outputs`: `keras.Model(encoder.input, head(*encoder.outputs))`; its sub-model from vectors is
    `keras.Model([encoder.vectors, encoder.mask], outputs)`.

    Args:
        embedding: Ids, or features, to vectors (batch, time, dim).
        blocks: Layers with `call(x, mask, training)`, (batch, time, dim) both ways.
        characters: Character ids to vectors of words, joined to the embedding's; or None.
        projection: A layer behind the joined vectors, or None.
        norm: A normalization layer behind the blocks, or None.
        feature_dim: Width of the features; None for ids.

    Attributes:
        embed: functional sub-model, inputs -> [vectors, mask].
        encode: functional sub-model, [vectors, mask] -> [hidden states, mask].
        vectors, mask: symbolic outputs of `embed`, (batch, time, dim) and bool (batch, time).

    Example:
        >>> import numpy as np, lmzoo
        >>> layers = lmzoo.layers
        >>> encoder = lmzoo.Encoder(layers.TokenEmbedding(50, 8), [layers.RecurrentEncoderBlock(6)])
        >>> [tuple(x.shape) for x in encoder(np.array([[5, 6, 0]]))]
        [(1, 3, 6), (1, 3)]
    """

    def __init__(
        self,
        embedding: keras.layers.Layer,
        blocks: Sequence[keras.layers.Layer] = (),
        *,
        characters: keras.layers.Layer | None = None,
        projection: keras.layers.Layer | None = None,
        norm: keras.layers.Layer | None = None,
        feature_dim: int | None = None,
        name: str | None = None,
    ) -> None:
        if feature_dim is None:
            inputs = [keras.Input((None,), dtype="int32", name="ids")]
            mask = ops.not_equal(inputs[0], PAD_ID)
        else:
            inputs = [keras.Input((None, feature_dim), name="features")]
            mask = ops.any(ops.not_equal(inputs[0], 0), axis=-1)
        vectors = embedding(inputs[0])
        if characters is not None:
            inputs.append(keras.Input((None, None), dtype="int32", name="characters"))
            vectors = ops.concatenate([vectors, characters(inputs[1])], axis=-1)
        if projection is not None:
            vectors = projection(vectors)

        def encode(x: Tensor, mask: Tensor) -> list[Tensor]:
            for block in blocks:
                x = block(x, mask=mask)
            return [x if norm is None else norm(x), mask]

        own = inputs if len(inputs) > 1 else inputs[0]
        super().__init__(inputs=own, outputs=encode(vectors, mask), name=name)
        self.embedding = embedding
        self.blocks = list(blocks)
        self.characters: Any = characters
        self.norm = norm
        self.vectors, self.mask = vectors, mask
        self.embed = keras.Model(self.input, [vectors, mask], name="embed")
        start = [
            keras.Input(vectors.shape[1:], dtype=vectors.dtype, name="vectors"),
            keras.Input((None,), dtype="bool", name="mask"),
        ]
        self.encode = keras.Model(start, encode(*start), name="encode")

    @property
    def dim(self) -> int:
        """Width of the hidden states."""
        return self.outputs[0].shape[-1]

    @property
    def max_length(self) -> int | None:
        """The longest input, or None if there is no limit."""
        return getattr(self.embedding, "max_length", None)

    def input_sizes(self) -> list[int | None]:
        """How many ids the words and the characters may hold; None for features."""
        sizes = [getattr(self.embedding, "vocab_size", None)]
        return sizes if self.characters is None else [*sizes, self.characters.num_characters]
