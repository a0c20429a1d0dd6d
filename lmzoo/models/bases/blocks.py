"""Running blocks one behind the other, over whole sequences and step by step."""

from collections.abc import Sequence
from typing import Any

import keras

from lmzoo.layers import Head
from lmzoo.typing import Tensor


def cross_attends(layer: keras.layers.Layer) -> bool:
    """Whether a block or a head attends to a memory."""
    return bool(getattr(layer, "cross_attends", False))


def run_blocks(
    blocks: Sequence[keras.layers.Layer],
    x: Tensor,
    memory: Tensor | None = None,
    memory_mask: Tensor | None = None,
) -> Tensor:
    """The output of the last block, (batch, time, dim) both ways."""
    for block in blocks:
        x = block(x, memory, memory_mask=memory_mask) if cross_attends(block) else block(x)
    return x


def run_head(head: Head, x: Tensor) -> tuple[Tensor, Tensor]:
    """What the output weights are multiplied with, (batch, time, dim), and the logits."""
    if not head.built:
        head.build(x.shape)
    hidden = head.prepare(x)
    return hidden, head.project(hidden)


def step_blocks(
    blocks: Sequence[keras.layers.Layer],
    x: Tensor,
    states: Sequence[Any],
    position: Tensor,
    memory_states: Sequence[Any] | None = None,
    attention_weights: list[Tensor] | None = None,
) -> tuple[Tensor, list[Any]]:
    """`run_blocks` for n more tokens, x (batch, n, dim): the output, and the new states.

    Blocks append their attention weights, (batch, n, keys), to a list `attention_weights`.
    """
    after = []
    for i, (block, state) in enumerate(zip(blocks, states, strict=True)):
        if cross_attends(block) and memory_states is not None:
            x, new = block.step(x, state, position, memory_states[i], attention_weights)
        else:
            x, new = block.step(x, state, position)
        after.append(new)
    return x, after
