"""Steppers: one interface to models with a cache, whose loops are compiled."""

import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.generation.prompts import Prompts, bucket, pad_rows
from lmzoo.generation.steppers import compiled
from lmzoo.generation.steppers.prefill import chunk_sizes, prefill_chunks
from lmzoo.special_ids import BOS_ID
from lmzoo.typing import Tensor

# Sources are padded to at least this length, so that short ones share one compiled loop.
MIN_SOURCE_LENGTH = 32


class Stepper:
    """A model that offers `vocab_size`, `init_state` and `step(ids, state, position)`."""

    min_cache_length = 128

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.vocab_size: int = model.vocab_size
        self.input_size: int | None = model.vocab_size
        self.max_length: int | None = getattr(model, "max_length", None)
        self.random_access_cache: bool = getattr(model, "random_access_cache", False)

    def check(self, prompts: Prompts, new_tokens: int) -> None:
        """Raises PromptError for prompts outside the vocabulary or too long for the model.

        Texts get what begins them.
        """
        prompts.begin_texts()
        prompts.check_ids(self.input_size)
        prompts.check_length(new_tokens, self.max_length)

    def cache_length(self, longest: int) -> int:
        """The length of a cache for rows of up to `longest` tokens."""
        return bucket(longest, self.min_cache_length, self.max_length)

    def prefill(self, tokens: np.ndarray, prompts: Prompts) -> tuple[Any, int]:
        """Prefills whole chunks of columns that every prompt has; returns state and position."""
        batch, length = tokens.shape
        shortest = min(len(row) for row in prompts.rows)
        state = self.model.init_state(batch, length)
        if shortest - 1 < (2 if self.random_access_cache else min(chunk_sizes(length))):
            return state, 0
        position, state = self.run(prefill_chunks, tokens, state, np.int32(shortest - 1))
        return state, int(position)

    def prefill_search(self, tokens: np.ndarray, prompts: Prompts, *, coverage: bool) -> Any:
        """`prefill`; with `coverage` the state adds up the attention to each source token."""
        if coverage:
            raise ArgumentError(
                "coverage_penalty is above 0, and this model has no attention over a source that "
                "could be covered: leave it at 0"
            )
        return self.prefill(tokens, prompts)

    def step(self, ids: Tensor, state: Any, position: Tensor) -> tuple[Tensor, Any]:
        """Logits (batch, n, vocab) after each of ids (batch, n), and the state after them."""
        return self.model.step(ids, state, position)

    def reorder(self, state: Any, parents: Tensor) -> Any:
        """The state with its rows (batch,) taken from the rows `parents`."""
        return keras.tree.map_structure(lambda part: ops.take(part, parents, axis=0), state)

    def log_coverage(self, state: Any) -> Tensor:
        """What a coverage penalty is multiplied with, (batch,), at most 0."""
        raise AttributeError("only a model with a source has coverage")

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Runs `function(stepper, *arguments)`, compiled."""
        return compiled.run(self.model, _on_stepper(function), *arguments)

    def inner(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(*arguments)`, inside a compiled loop."""
        return function(*arguments)

    def loop(self, cond: Callable, body: Callable, values: tuple) -> tuple:
        """`while cond(*values): values = body(*values)`."""
        return ops.while_loop(cond, body, values)


class Seq2SeqStepper(Stepper):
    """A model with an encoder: the prompts are sources, and the answers begin anew."""

    min_cache_length = 64

    def __init__(self, model: keras.Model) -> None:
        super().__init__(model)
        self.input_size = model.input_sizes()[0]

    def check(self, prompts: Prompts, new_tokens: int) -> None:
        prompts.check_ids(self.input_size)
        prompts.check_length(0, getattr(self.model.encoder, "max_length", None))
        prompts.become_sources(BOS_ID)
        prompts.check_length(new_tokens, self.max_length)

    def prefill(self, tokens: np.ndarray, prompts: Prompts) -> tuple[Any, int]:
        return self.prefill_search(tokens, prompts, coverage=False)

    def prefill_search(self, tokens: np.ndarray, prompts: Prompts, *, coverage: bool) -> Any:
        sources = prompts.sources or []
        width = bucket(max(len(row) for row in sources), MIN_SOURCE_LENGTH, None)
        encode = _encode_with_coverage if coverage else _encode
        return self.run(encode, pad_rows(sources, width), tokens), 0

    def reorder(self, state: Any, parents: Tensor) -> Any:
        """As of any model; hypotheses of one source share what was prepared of it."""
        own = {name: part for name, part in state.items() if name not in ("memory", "head")}
        return {**state, **super().reorder(own, parents)}

    def log_coverage(self, state: Any) -> Tensor:
        """The sum over the source of log min(1, the attention it got), (batch,)."""
        covered = ops.clip(state["coverage"], 1e-9, 1.0)
        return ops.sum(ops.log(covered), axis=-1)


def stepper_of(model: keras.Model) -> Stepper:
    """The stepper of a model that offers `init_state` and `step`."""
    return Seq2SeqStepper(model) if hasattr(model, "encoder") else Stepper(model)


@functools.cache
def _on_stepper(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a stepper as one of its model, always the same one for a function."""
    return lambda model, *arguments: function(stepper_of(model), *arguments)


def _encode(stepper: Stepper, source: Tensor, tokens: Tensor, **options: Any) -> Any:
    """The state before the first target token, for targets as long as tokens."""
    return stepper.model.init_state(source, tokens.shape[1], **options)


def _encode_with_coverage(stepper: Stepper, source: Tensor, tokens: Tensor) -> Any:
    return _encode(stepper, source, tokens, coverage=True)
