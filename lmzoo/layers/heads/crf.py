"""The conditional random field over tags, as a layer."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers.layer import Layer
from lmzoo.losses.crf import crf_log_likelihood, crf_marginals
from lmzoo.losses.k_best import crf_k_best
from lmzoo.losses.viterbi import crf_decode
from lmzoo.typing import Tensor

# What a forbidden transition scores: exp of it is 0, and sums of it stay finite.
FORBIDDEN = -1e4


class CRF(Layer):
    """Linear-chain CRF over tags: the identity on emissions, and owner of the transitions.

    Train with `lmzoo.losses.CRFLoss(crf)`, measure with `lmzoo.metrics.TagAccuracy(crf)`. It
    computes in float32 whatever the dtype policy. Transitions, start and end begin at 0.

    Args:
        num_tags: Number of tags, at least 1.
        forbidden: Pairs [from, to] of tags that never follow each other (-1: start, num_tags: end).
    Raises: ArgumentError if num_tags is below 1, a pair is none of tags, or emissions do not fit.
    Source: Lafferty et al. 2001, https://repository.upenn.edu/cis_papers/159

    Example:
        >>> import keras, lmzoo
        >>> crf = lmzoo.layers.CRF(3, forbidden=[[-1, 2], [0, 2]])  # 2 follows only 1 and 2
        >>> tuple(crf(keras.ops.ones((2, 5, 3))).shape)
        (2, 5, 3)
    """

    def __init__(
        self, num_tags: int, *, forbidden: Sequence[Sequence[int]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        if num_tags < 1:
            raise ArgumentError(f"num_tags={num_tags}: give the number of tags, at least 1.")
        self.num_tags = num_tags
        self.forbidden = tuple(_pair(pair, num_tags) for pair in forbidden or ())
        # Row -1 is the start, column num_tags the end.
        allowed = np.ones((num_tags + 1, num_tags + 1), bool)
        for before, after in self.forbidden:
            allowed[before, after] = False
        self._allowed = allowed
        self.supports_masking = True

    def build(self, emissions_shape: tuple) -> None:
        if emissions_shape[-1] != self.num_tags:
            raise ArgumentError(
                f"The last layer gives {emissions_shape[-1]} scores a word, the CRF has "
                f"num_tags={self.num_tags}: make them equal."
            )
        tags = self.num_tags
        self.transitions = self.add_weight((tags, tags), initializer="zeros", name="transitions")
        self.start = self.add_weight((tags,), initializer="zeros", name="start")
        self.end = self.add_weight((tags,), initializer="zeros", name="end")

    def call(self, emissions: Tensor) -> Tensor:
        """The emissions (batch, time, num_tags), the score of each tag at each word, in float32."""
        return ops.cast(emissions, "float32")

    def compute_output_spec(self, emissions: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor(emissions.shape, "float32")

    def scores(self) -> tuple[Tensor, Tensor, Tensor]:
        """Transitions (num_tags, num_tags) [from, to], start and end (num_tags,); -1e4 forbids."""
        tags, allowed = self.num_tags, self._allowed
        weights = (ops.cast(w, "float32") for w in (self.transitions, self.start, self.end))
        transitions, start, end = weights
        return (
            ops.where(allowed[:tags, :tags], transitions, FORBIDDEN),
            ops.where(allowed[-1, :tags], start, FORBIDDEN),
            ops.where(allowed[:tags, -1], end, FORBIDDEN),
        )

    def log_likelihood(self, emissions: Tensor, tags: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log-probability, float32 (batch,), in nats, of the tags (batch, time), given emissions
        (batch, time, num_tags); the mask is not 0 where a word is real, the first of each row."""
        return crf_log_likelihood(emissions, *self.scores(), tags, mask)

    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """The best tag sequence of each row, int32 (batch, time), 0 where no word is real."""
        return crf_decode(emissions, *self.scores(), mask)

    def k_best(
        self, emissions: Tensor, k: int, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The k best tag sequences of each row, int32 (batch, k, time), and their scores."""
        return crf_k_best(emissions, *self.scores(), k, mask)

    def marginals(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """Probability of each tag at each word, float32 (batch, time, num_tags)."""
        return crf_marginals(emissions, *self.scores(), mask)


def _pair(pair: Sequence[int], num_tags: int) -> tuple[int, int]:
    """A forbidden pair, checked."""
    values = [int(tag) for tag in pair]
    if len(values) == 2:
        before, after = values
        if -1 <= before < num_tags and 0 <= after <= num_tags and (before, after) != (-1, num_tags):
            return before, after
    raise ArgumentError(
        f"forbidden pair {list(pair)} of {num_tags} tags: give [from, to], from a tag or -1 (the "
        f"start), to a tag or {num_tags} (the end)."
    )
