"""The language model: ids to the logits of each next id."""

from collections.abc import Sequence

import keras
from keras import ops

from lmzoo.layers import Head, RecurrentBlock, TokenEmbedding
from lmzoo.models.bases.blocks import run_blocks, run_head, step_blocks
from lmzoo.models.bases.token_model import TokenModel
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class LanguageModel(TokenModel):
    """Ids (batch, time) -> logits (batch, time, vocab_size) of each next id.

    Args:
        embedding: Ids to vectors, with `step(ids, position)`.
        blocks: Layers with `call(x, training)`, `init_state(batch_size, length)` and
            `step(x, state, position)`.
        head: Hidden states to logits.

    Example:
        >>> import numpy as np, lmzoo
        >>> embedding, head = lmzoo.layers.TokenEmbedding(50, 8), lmzoo.layers.LanguageModelHead(50)
        >>> model = lmzoo.LanguageModel(embedding, [lmzoo.layers.GRUBlock(8)], head)
        >>> model.predict(np.array([[1, 2, 3]]), verbose=0).shape
        (1, 3, 50)
    """

    def __init__(
        self,
        embedding: TokenEmbedding,
        blocks: Sequence[keras.layers.Layer],
        head: Head,
        *,
        name: str | None = None,
    ) -> None:
        ids = keras.Input((None,), dtype="int32", name="ids")
        hidden, logits = run_head(head, run_blocks(blocks, embedding(ids)))
        super().__init__(inputs=ids, outputs=logits, name=name)
        self.embedding = embedding
        self.blocks = list(blocks)
        self.head = head
        self.hidden = keras.Model(ids, hidden, name="hidden")

    def input_sizes(self) -> list[int | None]:
        """How many ids the text may hold."""
        return [self.embedding.vocab_size]

    @property
    def random_access_cache(self) -> bool:
        """Whether positions may be computed again, and ahead: a later step overwrites them."""
        return all(getattr(block, "random_access_cache", False) for block in self.blocks)

    def init_state(self, batch_size: int, length: int) -> list:
        """An empty state for sequences of up to `length` ids; every tensor's batch axis first."""
        return [block.init_state(batch_size, length) for block in self.blocks]

    def start(self, ids: Tensor, length: int) -> tuple[Tensor, list, Tensor]:
        """Prefills the first ids, int32 (batch, n), with a state that holds `length` in all.

        Returns logits (batch, n, vocab_size), the state, and the position, int32 (), of the next.
        """
        ids = ops.convert_to_tensor(ids, dtype="int32")
        position = ops.zeros((), "int32")
        logits, state = self.step(ids, self.init_state(ids.shape[0], length), position)
        return logits, state, position + ids.shape[1]

    def step(self, ids: Tensor, state: list, position: Tensor) -> tuple[Tensor, list]:
        """Logits (batch, n, vocab_size) and the new state after n more ids, int32 (batch, n).

        `state` is what the step before, or `init_state`, gave; `position`, int32 (), how many ids
        came before.
        """
        x = self.embedding.step(ids, position)
        x, state = step_blocks(self.blocks, x, state, position)
        return self.head(x), state

    def reset_carried_state(self) -> None:
        """Makes recurrent blocks that carry their state start from zeros again."""
        for block in self.blocks:
            if isinstance(block, RecurrentBlock):
                block.reset_carried_state()
