"""The decoder: a language model that attends to a memory."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.layers import CopyHead, Head, TokenEmbedding
from lmzoo.models.bases.blocks import cross_attends, run_blocks, run_head, step_blocks
from lmzoo.models.bases.token_model import TokenModel
from lmzoo.special_ids import PAD_ID
from lmzoo.typing import Tensor


@keras.saving.register_keras_serializable(package="lmzoo")
class Decoder(TokenModel):
    """Target ids and a memory -> logits (batch, time, vocab_size) of each next target id.

    Inputs are int32 ids (batch, time), which begin with id 2, a memory (batch, keys, memory_dim)
    and its mask, bool (batch, keys); for a head that copies also the memory's ids (batch, keys).
    Blocks are those of a LanguageModel, or such with `cross_attends = True` and
    `call(x, memory, memory_mask, training)`, `prepare_memory(memory, memory_mask)`,
    `init_state(batch_size, length, memory_state)` and `step(x, state, position, memory_state,
    attention_weights)`, the last a list to append to, (batch, n, keys), or None.

    Args:
        embedding: Target ids to vectors, with `step(ids, position)`.
        blocks: The layers; at least one of them, or the head, attends to the memory.
        head: Hidden states to logits, or one that attends to the memory, such as CopyHead.
        memory_dim: Width of the memory.

    Example:
        >>> import numpy as np, lmzoo
        >>> decoder = lmzoo.build_gru_decoder(50, memory_dim=6, embed_dim=8, hidden_dim=8)
        >>> inputs = [np.array([[2, 8]]), np.ones((1, 4, 6)), np.ones((1, 4), bool)]
        >>> decoder.predict(inputs, verbose=0).shape
        (1, 2, 50)
    """

    def __init__(
        self,
        embedding: TokenEmbedding,
        blocks: Sequence[keras.layers.Layer],
        head: Head | CopyHead,
        *,
        memory_dim: int,
        name: str | None = None,
    ) -> None:
        target = keras.Input((None,), dtype="int32", name="target")
        memory = keras.Input((None, memory_dim), name="memory")
        mask = keras.Input((None,), dtype="bool", name="memory_mask")
        inputs = [target, memory, mask]
        if cross_attends(head):
            inputs.append(keras.Input((None,), dtype="int32", name="memory_ids"))

        def graph(
            target: Tensor, memory: Tensor, mask: Tensor, source: Tensor | None = None
        ) -> tuple[Tensor | None, Tensor]:
            x = run_blocks(blocks, embedding(target), memory, mask)
            if not cross_attends(head):
                return run_head(head, x)
            real = ops.not_equal(target, PAD_ID)
            return None, head(x, memory, memory_mask=mask, source=source, target_mask=real)

        hidden, logits = graph(*inputs)
        super().__init__(inputs=inputs, outputs=logits, name=name)
        self.embedding = embedding
        self.blocks = list(blocks)
        self.head = head
        self.memory_dim = memory_dim
        self.graph = graph  # of other symbolic inputs: `hidden` (or None), logits
        if hidden is not None:
            self.hidden = keras.Model(inputs, hidden, name="hidden")

    def input_sizes(self) -> list[int | None]:
        """How many ids the target, and what is copied, may hold."""
        return [self.embedding.vocab_size, None, None, self.vocab_size][: len(self.inputs)]

    def start_state(
        self,
        memory: Tensor,
        memory_mask: Tensor,
        length: int,
        source: Tensor | None = None,
        coverage: bool = False,
    ) -> dict[str, Any]:
        """The state before the first target id, for up to `length` ids; batch axes come first.

        Args:
            memory, memory_mask: (batch, keys, memory_dim) and bool (batch, keys).
            length: How many target ids the state must hold.
            source: The memory's ids, for a head that copies.
            coverage: Whether to add up the attention that fell on each key: "coverage" in the
                state, float32 (batch, keys), 1 for padding.
        """
        prepared = [
            b.prepare_memory(memory, memory_mask) if cross_attends(b) else () for b in self.blocks
        ]
        blocks = [
            block.init_state(memory.shape[0], length, *((of_memory,) if of_memory else ()))
            for block, of_memory in zip(self.blocks, prepared, strict=True)
        ]
        of_head = self.head.prepare_memory(memory, memory_mask, source) if self.copies else ()
        state = {"memory": prepared, "head": of_head, "blocks": blocks}
        if coverage or getattr(self.head, "coverage", 0.0) > 0:
            state["coverage"] = ops.cast(ops.logical_not(memory_mask), "float32")
        return state

    def step(
        self,
        ids: Tensor,
        state: dict[str, Any],
        position: Tensor,
        attention_weights: list[Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Any]]:
        """As `LanguageModel.step`; attending layers append to a list `attention_weights`."""
        if attention_weights is None and "coverage" in state:
            attention_weights = []
        x = self.embedding.step(ids, position)
        x, blocks = step_blocks(
            self.blocks, x, state["blocks"], position, state["memory"], attention_weights
        )
        state = {**state, "blocks": blocks}
        if self.copies:
            logits = self.head.step(x, state["head"], attention_weights, state.get("coverage"))
        else:
            logits = self.head(x)
        if "coverage" in state and attention_weights:  # that of the last layer
            state["coverage"] = state["coverage"] + ops.sum(attention_weights[-1], axis=1)
        return logits, state
