"""The two shapes of a decoder: a language model, and one that reads another text first."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.layers import CopyHead, Head, RecurrentBlock, TokenEmbedding
from lmzoo.models.token_model import TokenModel
from lmzoo.typing import Tensor

# Ids of padding and of the begin of a text, the same in every tokenizer.
PAD, BOS = 0, 2


@keras.saving.register_keras_serializable(package="lmzoo")
class LanguageModel(TokenModel):
    """A decoder: ids (batch, time) -> logits (batch, time, vocab_size) of each next id.

    Args:
        embedding: Ids to vectors, with `step(ids, position)`.
        blocks: Layers with `call(x, training)`, `init_state(batch_size, length)` and
            `step(x, state, position)`.
        head: Hidden states to logits.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> embedding = lmzoo.layers.TokenEmbedding(50, 8)
        >>> head = lmzoo.layers.LanguageModelHead(50)
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
        x = embedding(ids)
        for block in blocks:
            x = block(x)
        super().__init__(inputs=ids, outputs=head(x), name=name)
        self.embedding = embedding
        self.blocks = list(blocks)
        self.head = head

    def hidden(self, inputs: Any, training: bool = False) -> Tensor:
        """What the output weights are multiplied with, (batch, time, dim)."""
        x = self.embedding(keras.tree.flatten(inputs)[0], training=training)
        for block in self.blocks:
            x = block(x, training=training)
        return self.head.prepare(x, training=training)

    @property
    def max_length(self) -> int | None:
        """The longest sequence, or None if there is no limit."""
        return self.embedding.max_length

    @property
    def random_access_cache(self) -> bool:
        """Whether positions may be read twice, and ahead: a later step overwrites what was read."""
        return all(getattr(block, "random_access_cache", False) for block in self.blocks)

    def init_state(self, batch_size: int, length: int) -> list:
        """An empty memory for sequences of up to `length` ids; every tensor's batch axis first."""
        return [block.init_state(batch_size, length) for block in self.blocks]

    def start(self, ids: Tensor, length: int) -> tuple[Tensor, list, Tensor]:
        """Reads the first ids.

        Args:
            ids: int32 (batch, n), n >= 1.
            length: How many ids the memory must hold, these and all that follow.

        Returns:
            Logits (batch, n, vocab_size), the state, and the position int32 () of the next id.
        """
        ids = ops.convert_to_tensor(ids, dtype="int32")
        position = ops.zeros((), "int32")
        logits, state = self.step(ids, self.init_state(ids.shape[0], length), position)
        return logits, state, position + ids.shape[1]

    def step(self, ids: Tensor, state: list, position: Tensor) -> tuple[Tensor, list]:
        """Reads n more ids.

        Args:
            ids: int32 (batch, n), n >= 1.
            state: What the step before, or `init_state`, gave.
            position: int32 (), how many ids were read before.

        Returns:
            Logits (batch, n, vocab_size) and the new state.
        """
        x = self.embedding.step(ids, position)
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, new = block.step(x, before, position)
            after.append(new)
        return self.head(x), after

    def reset_carried_state(self) -> None:
        """Lets recurrent blocks that carry their state start from zeros again."""
        for block in self.blocks:
            if isinstance(block, RecurrentBlock):
                block.reset_carried_state()


@keras.saving.register_keras_serializable(package="lmzoo")
class Seq2SeqModel(TokenModel):
    """Reads one text and writes another: ids of both -> logits of each next target id.

    Inputs are the source (batch, source_time), padded with id 0 on its right, and the target
    (batch, time), which begins with id 2. The encoder turns the source into a memory
    (batch, source_time, dim). Decoder blocks are those of a language model, or such that look at
    the memory: these have `cross_attends = True` and
    `call(x, memory, memory_mask, training)`, `prepare_memory(memory, memory_mask)` for all that is
    known before the first step, `init_state(batch_size, length, memory_state)` and
    `step(x, state, position, memory_state, attention_weights)`, the latter None or a list to which
    the attention weights are appended, (batch, n, source_time).

    Args:
        source_embedding: Source ids to vectors.
        encoder: Layers with `call(x, mask, training)`, (batch, source_time, dim) both ways.
        embedding: Target ids to vectors, with `step(ids, position)`.
        blocks: The decoder's layers.
        head: Hidden states to logits, or one that looks at the memory too, such as CopyHead.
        encoder_norm: A normalization layer behind the encoder, or None.

    Example:
        >>> import numpy as np
        >>> import lmzoo
        >>> model = lmzoo.build_transformer_seq2seq(50, embed_dim=8, hidden_dim=16, num_heads=2)
        >>> source, target = np.array([[5, 6, 7, 0]]), np.array([[2, 8]])
        >>> model.predict([source, target], verbose=0).shape
        (1, 2, 50)
    """

    def __init__(
        self,
        source_embedding: TokenEmbedding,
        encoder: Sequence[keras.layers.Layer],
        embedding: TokenEmbedding,
        blocks: Sequence[keras.layers.Layer],
        head: Head | CopyHead,
        *,
        encoder_norm: keras.layers.Layer | None = None,
        name: str | None = None,
    ) -> None:
        source = keras.Input((None,), dtype="int32", name="source")
        target = keras.Input((None,), dtype="int32", name="target")
        mask = ops.not_equal(source, PAD)
        memory = source_embedding(source)
        for block in encoder:
            memory = block(memory, mask=mask)
        if encoder_norm is not None:
            memory = encoder_norm(memory)
        x = embedding(target)
        for block in blocks:
            x = block(x, memory, memory_mask=mask) if _looks(block) else block(x)
        if _looks(head):
            real = ops.not_equal(target, PAD)
            outputs = head(x, memory, memory_mask=mask, source=source, target_mask=real)
        else:
            outputs = head(x)
        super().__init__(inputs=[source, target], outputs=outputs, name=name)
        self.source_embedding = source_embedding
        self.encoder = list(encoder)
        self.encoder_norm = encoder_norm
        self.embedding = embedding
        self.blocks = list(blocks)
        self.head = head

    def hidden(self, inputs: Any, training: bool = False) -> Tensor:
        """What the output weights are multiplied with, (batch, time, dim)."""
        source, target = keras.tree.flatten(inputs)
        memory, mask = self.encode(source, training=training)
        x = self.embedding(target, training=training)
        for block in self.blocks:
            if _looks(block):
                x = block(x, memory, memory_mask=mask, training=training)
            else:
                x = block(x, training=training)
        return self.head.prepare(x, training=training)

    def encode(self, source: Tensor, training: bool = False) -> tuple[Tensor, Tensor]:
        """The memory (batch, source_time, dim) of source ids, and where it is real, bool."""
        source = ops.cast(source, "int32")
        mask = ops.not_equal(source, PAD)
        x = self.source_embedding(source, training=training)
        for block in self.encoder:
            x = block(x, mask=mask, training=training)
        return x if self.encoder_norm is None else self.encoder_norm(x), mask

    def input_sizes(self) -> list[int | None]:
        """How many ids the source and the target may hold."""
        return [self.source_embedding.vocab_size, self.embedding.vocab_size]

    @property
    def max_length(self) -> int | None:
        """The longest target, or None if there is no limit."""
        return self.embedding.max_length

    def init_state(self, source: Tensor, length: int, coverage: bool = False) -> dict[str, Any]:
        """Reads the source ids (batch, source_time), for targets of up to `length` ids.

        Args:
            source: int32 (batch, source_time).
            length: How many target ids the memory must hold.
            coverage: Whether to add up how much of each source token was looked at.

        Returns:
            "memory": what each block has read; "head": what the head has read; "blocks": each
            block's memory of the target; with `coverage` also "coverage", float32
            (batch, source_time), 1 for padding. Every tensor's batch axis comes first.
        """
        memory, mask = self.encode(source)
        read = [b.prepare_memory(memory, mask) if _looks(b) else () for b in self.blocks]
        batch = memory.shape[0]
        blocks = [
            b.init_state(batch, length, r) if _looks(b) else b.init_state(batch, length)
            for b, r in zip(self.blocks, read, strict=True)
        ]
        of_head = self.head.prepare_memory(memory, mask, source) if _looks(self.head) else ()
        state = {"memory": read, "head": of_head, "blocks": blocks}
        if coverage or getattr(self.head, "coverage", 0.0) > 0:
            state["coverage"] = ops.cast(ops.logical_not(mask), "float32")
        return state

    def start(
        self, source: Tensor, length: int, ids: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Any], Tensor]:
        """Reads the source and the first target ids.

        Args:
            source: int32 (batch, source_time).
            length: How many target ids the memory must hold, these and all that follow.
            ids: int32 (batch, n), the first target ids; None for the one that begins a text.

        Returns:
            Logits (batch, n, vocab_size), the state, and the position int32 () of the next id.
        """
        source = ops.convert_to_tensor(source, dtype="int32")
        ids = ops.full((source.shape[0], 1), BOS, "int32") if ids is None else ids
        ids = ops.convert_to_tensor(ids, dtype="int32")
        position = ops.zeros((), "int32")
        logits, state = self.step(ids, self.init_state(source, length), position)
        return logits, state, position + ids.shape[1]

    def step(
        self, ids: Tensor, state: dict[str, Any], position: Tensor
    ) -> tuple[Tensor, dict[str, Any]]:
        """Reads n more target ids; as `LanguageModel.step`.

        Coverage is that of the last layer that looks at the source.
        """
        attention_weights: list[Tensor] | None = [] if "coverage" in state else None
        logits, state = self._read(ids, state, position, attention_weights)
        if attention_weights:
            state["coverage"] = state["coverage"] + ops.sum(attention_weights[-1], axis=1)
        return logits, state

    def attention(self, source: Tensor, target: Tensor) -> Tensor:
        """How much each target position looks at each source token, in the last layer that looks.

        Position t is the one from which target t + 1 is predicted.

        Args:
            source: int32 (batch, source_time).
            target: int32 (batch, time), beginning with id 2.

        Returns:
            float32 (batch, time, source_time), each row adding up to 1.
        """
        target = ops.convert_to_tensor(target, dtype="int32")
        source = ops.convert_to_tensor(source, dtype="int32")
        state = self.init_state(source, target.shape[1], coverage=True)
        attention_weights: list[Tensor] = []
        self._read(target, state, ops.zeros((), "int32"), attention_weights)
        return attention_weights[-1]

    @property
    def copies(self) -> bool:
        """Whether tokens may be copied from the source."""
        return _looks(self.head)

    def _read(
        self,
        ids: Tensor,
        state: dict[str, Any],
        position: Tensor,
        attention_weights: list[Tensor] | None,
    ) -> tuple[Tensor, dict[str, Any]]:
        """`step` without counting coverage; the looks are appended to `attention_weights`."""
        x = self.embedding.step(ids, position)
        after = []
        for block, before, read in zip(self.blocks, state["blocks"], state["memory"], strict=True):
            more = (read, attention_weights) if _looks(block) else ()
            x, new = block.step(x, before, position, *more)
            after.append(new)
        if _looks(self.head):
            logits = self.head.step(x, state["head"], attention_weights, state.get("coverage"))
        else:
            logits = self.head(x)
        return logits, {**state, "blocks": after}


def _looks(layer: keras.layers.Layer) -> bool:
    """Whether a block or a head looks at the memory of the source."""
    return bool(getattr(layer, "cross_attends", False))


def check_copy(
    copy: bool, source_vocab_size: int | None, tied: bool, coverage: float = 0.0
) -> None:
    """Refuses copying between two vocabularies, and with an output that shares its weights.

    Args:
        copy: Whether a model is to copy.
        source_vocab_size: None where both sides share one vocabulary.
        tied: Whether the output is to share the target's table.
        coverage: Weight of the coverage loss.

    Raises:
        ArgumentError: If copying cannot be.
    """
    if copy and source_vocab_size is not None:
        raise ArgumentError(
            f"copy=True with source_vocab_size={source_vocab_size}: copied ids must mean the same "
            "on both sides; train one tokenizer for both."
        )
    if copy and tied:
        raise ArgumentError("copy=True has output weights of its own: leave tie_embeddings off.")
    if coverage < 0 or (coverage and not copy):
        raise ArgumentError(
            f"coverage={coverage} with copy={copy}: it is 0 or above, and above 0 only with "
            "copy=True."
        )
