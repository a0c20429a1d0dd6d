"""The conditional random field over tags, as a layer."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.typing import Tensor

# What a forbidden transition scores: exp of it is 0, and sums of it stay finite.
FORBIDDEN = -1e4


@keras.saving.register_keras_serializable(package="lmzoo")
class CRF(keras.layers.Layer):
    """Joins the scores of tags at words with those of tags after tags (linear-chain CRF).

    The output holds both, so that loss, metrics and decoding need nothing but it: train with
    `lmzoo.losses.CRFLoss`, decode with `lmzoo.losses.crf_decode`. It computes in float32 whatever
    the dtype policy. The transitions start at 0.

    Args:
        num_tags: Number of tags, at least 1.
        forbidden: Pairs [from, to] of tags that never follow each other; from = -1 is the start of
            the sentence, to = num_tags its end (as `lmzoo.data.forbidden_transitions` gives them).

    Raises:
        ArgumentError: If num_tags is below 1, a forbidden pair is no pair of tags, or the emissions
            are of another number of tags.

    Source: Lafferty et al. 2001, https://repository.upenn.edu/cis_papers/159; Lample et al. 2016,
    https://arxiv.org/abs/1603.01360

    Example:
        >>> import keras, lmzoo
        >>> crf = lmzoo.layers.CRF(3, forbidden=[[-1, 2], [0, 2]])  # 2 follows only 1 and 2
        >>> tuple(crf(keras.ops.ones((2, 5, 3))).shape)
        (2, 10, 3)
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
        """Makes the transitions, and the rows of start and end."""
        if emissions_shape[-1] != self.num_tags:
            raise ArgumentError(
                f"The last layer gives {emissions_shape[-1]} scores a word, the CRF has "
                f"num_tags={self.num_tags}: make them equal."
            )
        tags = self.num_tags
        self.transitions = self.add_weight((tags, tags), initializer="zeros", name="transitions")
        self.start = self.add_weight((tags,), initializer="zeros", name="start")
        self.end = self.add_weight((tags,), initializer="zeros", name="end")
        self.built = True

    def call(self, emissions: Tensor, mask: Tensor | None = None) -> Tensor:
        """CRF scores (batch, time + num_tags + 2, num_tags).

        Args:
            emissions: Score of each tag at each word, (batch, time, num_tags).
            mask: bool (batch, time), where words are real; emissions of others become 0.

        Returns:
            Float32: the emissions, the transitions [from, to], start and end.
        """
        emissions = ops.cast(emissions, "float32")
        if mask is not None:
            emissions = ops.where(mask[..., None], emissions, 0.0)
        tags, allowed = self.num_tags, self._allowed
        rows = [
            ops.where(allowed[:tags, :tags], ops.cast(self.transitions, "float32"), FORBIDDEN),
            ops.where(allowed[-1:, :tags], ops.cast(self.start, "float32")[None], FORBIDDEN),
            ops.where(allowed[:tags, -1], ops.cast(self.end, "float32"), FORBIDDEN)[None],
        ]
        shared = ops.concatenate(rows, axis=0)[None]  # (1, tags + 2, tags)
        shared = ops.repeat(shared, ops.shape(emissions)[0], axis=0)
        return ops.concatenate([emissions, shared], axis=1)

    def compute_output_shape(self, emissions_shape: tuple) -> tuple:
        """(batch, time + num_tags + 2, num_tags)."""
        batch, time, tags = emissions_shape
        return (batch, None if time is None else time + tags + 2, tags)

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor | None = None) -> None:
        """None: the output is no sequence of words any more."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that build this layer again."""
        forbidden = [list(pair) for pair in self.forbidden]
        return {**super().get_config(), "num_tags": self.num_tags, "forbidden": forbidden}


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
