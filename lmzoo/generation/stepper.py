"""One interface to both sorts of model: those that offer start/step, and any other by recomputing.

A `Stepper` holds nothing but the model. Its `step` takes the ids of the next columns of the batch
and a state; for a model of our own the state is its memory, for any other the ids so far.
"""

import functools
import weakref
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.generation import compiled
from lmzoo.generation.prompts import Prompts, bucket, check_tokenizer, pad_rows
from lmzoo.typing import Tensor

# A source is at least this long, so that short ones share one compiled loop.
SHORTEST_SOURCE = 32
# The id that begins a text, the same in every tokenizer of this package.
BOS = 2


class Stepper:
    """A model that offers `init_state` and `step`: its loops are compiled.

    Args:
        model: a keras.Model with `vocab_size`, `init_state(batch_size, length)` and
            `step(ids, state, position) -> (logits, state)`.

    Attributes:
        shortest_memory: a memory is at least this long, so that short texts share one loop.
    """

    shortest_memory = 128

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.vocab_size: int = model.vocab_size
        self.input_size: int = model.vocab_size
        self.max_length: int | None = getattr(model, "max_length", None)
        self.random_access_cache: bool = getattr(model, "random_access_cache", False)

    def check(self, prompts: Prompts, new_tokens: int) -> None:
        """Raise PromptError for prompts that the model cannot read or not go on with so far."""
        prompts.check_ids(self.input_size)
        prompts.check_length(new_tokens, self.max_length)

    def begin(self, tokens: np.ndarray, prompts: Prompts) -> tuple[Any, int]:
        """Read the columns that every prompt has, in whole chunks, up to the last but one.

        Args:
            tokens: (batch, length) int32, the prompts' rows; `length` is the memory's size.
            prompts: the prompts.

        Returns:
            the state and the position: how many columns it has read.
        """
        batch, length = tokens.shape
        shortest = min(len(row) for row in prompts.rows)
        state = self.model.init_state(batch, length)
        if shortest - 1 < (2 if self.random_access_cache else min(chunk_sizes(length))):
            return state, 0
        position, state = self.run(prefill, tokens, state, np.int32(shortest - 1))
        return state, int(position)

    def begin_search(self, tokens: np.ndarray, prompts: Prompts, *, coverage: bool) -> Any:
        """`begin`; with `coverage` the state counts what of the source was looked at.

        Raises:
            ArgumentError: `coverage` for a model that has no source.
        """
        if coverage:
            raise ArgumentError(
                "coverage_penalty is above 0, and this model has no attention over a source that "
                "could be covered: leave it at 0"
            )
        return self.begin(tokens, prompts)

    def step(self, ids: Tensor, state: Any, position: Tensor) -> tuple[Tensor, Any]:
        """Logits (batch, n, vocab) after each of ids (batch, n), and the state after them."""
        return self.model.step(ids, state, position)

    def reorder(self, state: Any, parents: Tensor) -> Any:
        """The state with its rows (batch,) taken from the rows `parents`."""
        return keras.tree.map_structure(lambda part: ops.take(part, parents, axis=0), state)

    def uncovered(self, state: Any) -> Tensor:
        """What a coverage penalty is multiplied with, (batch,), at most 0."""
        raise AttributeError("only a model of two texts counts what it looked at")

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run `function(stepper, *arguments)`, compiled."""
        return compiled.run(self.model, _on_stepper(function), *arguments)

    def inner(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`function(*arguments)`, inside a compiled loop."""
        return function(*arguments)

    def loop(self, cond: Callable, body: Callable, values: tuple) -> tuple:
        """`while cond(*values): values = body(*values)`."""
        return ops.while_loop(cond, body, values)


class Seq2SeqStepper(Stepper):
    """A model that reads a source first: the prompts are sources, the answers begin anew.

    Args:
        model: a keras.Model with `vocab_size`, `init_state(source, length)` and `step`.
    """

    shortest_memory = 64

    def __init__(self, model: keras.Model) -> None:
        super().__init__(model)
        self.input_size = model.input_sizes()[0]

    def begin_search(self, tokens: np.ndarray, prompts: Prompts, *, coverage: bool) -> Any:
        return self._read(_read_with_coverage if coverage else _read_source, tokens, prompts)

    def check(self, prompts: Prompts, new_tokens: int) -> None:
        prompts.check_ids(self.input_size)
        prompts.check_length(0, getattr(self.model.source_embedding, "max_length", None))
        prompts.become_sources(BOS)
        prompts.check_length(new_tokens, self.max_length)

    def begin(self, tokens: np.ndarray, prompts: Prompts) -> tuple[Any, int]:
        return self._read(_read_source, tokens, prompts)

    def _read(
        self, function: Callable[..., Any], tokens: np.ndarray, prompts: Prompts
    ) -> tuple[Any, int]:
        sources = prompts.sources or []
        width = bucket(max(len(row) for row in sources), SHORTEST_SOURCE, None)
        return self.run(function, pad_rows(sources, width), tokens), 0

    def reorder(self, state: Any, parents: Tensor) -> Any:
        """As of any model; hypotheses of one source have the same memory of it."""
        own = {name: part for name, part in state.items() if name not in ("memory", "head")}
        return {**state, **super().reorder(own, parents)}

    def uncovered(self, state: Any) -> Tensor:
        """Log of how much of the source was looked at, at most all of each token: (batch,)."""
        looked_at = ops.clip(state["coverage"], 1e-9, 1.0)
        return ops.sum(ops.log(looked_at), axis=-1)


def _read_source(stepper: Stepper, source: Tensor, tokens: Tensor) -> Any:
    """The state of a model that has read the source, for answers as long as tokens."""
    return stepper.model.init_state(source, tokens.shape[1])


def _read_with_coverage(stepper: Stepper, source: Tensor, tokens: Tensor) -> Any:
    return stepper.model.init_state(source, tokens.shape[1], coverage=True)


class RecomputingStepper(Stepper):
    """Any other Keras model from ids to (batch, time, vocab) or (batch, vocab).

    Every step computes the model anew on the whole text so far, without padding: nothing is
    assumed about the model. If its Input has a fixed length L, it sees the last L tokens, and
    a shorter text is padded with 0 on its left.
    """

    def __init__(self, model: keras.Model, plain: "PlainModel") -> None:
        self.model = model
        self.plain = plain
        self.vocab_size = plain.vocab_size
        self.input_size = plain.input_size
        self.max_length = None

    def begin(self, tokens: np.ndarray, prompts: Prompts) -> tuple[Any, int]:
        shortest = min(len(row) for row in prompts.rows)
        return tokens[:, : shortest - 1], shortest - 1

    def step(self, ids: Tensor, state: Any, position: Tensor) -> tuple[Tensor, Any]:
        context = np.concatenate([np.asarray(state), ops.convert_to_numpy(ids)], axis=1)
        return self.plain.next_logits(context)[:, None, :], context  # (batch, 1, vocab)

    def run(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(self, *arguments)

    def inner(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return compiled.run(self.model, _without_model(function), *arguments, xla=False)

    def loop(self, cond: Callable, body: Callable, values: tuple) -> tuple:
        while bool(cond(*values)):
            values = body(*values)
        return values


class PlainModel:
    """What is known about a Keras model without `step`: its sizes and what its output means."""

    def __init__(self, model: keras.Model, length: int) -> None:
        self._model = weakref.ref(model)
        self.fixed_length = _fixed_length(model)
        ids = np.zeros((1, self.fixed_length or length), "int32")
        # A model without an Input makes its variables in its first call, which must not be traced.
        output = self._call(ids) if model.built else model(ids, training=False)
        shape = getattr(output, "shape", None)
        if shape is None or len(shape) not in (2, 3):
            raise ArgumentError(
                f"the model {model.name!r} gives {_describe(output)}: text can be generated from "
                "a model whose output is (batch, time, vocab) or (batch, vocab)"
            )
        self.per_token = len(shape) == 3
        self.vocab_size = int(shape[-1])
        tables = [layer for layer in _layers(model) if isinstance(layer, keras.layers.Embedding)]
        self.input_size = int(tables[0].input_dim) if tables else self.vocab_size
        self.is_softmax = _is_softmax(ops.convert_to_numpy(ops.cast(output, "float32")))

    def next_logits(self, context: np.ndarray) -> Tensor:
        """Logits (batch, vocab) after the contexts (batch, time)."""
        output = self.logits(self.fit(context))
        return output[:, -1] if self.per_token else output

    def logits(self, ids: np.ndarray) -> Tensor:
        """Logits of the model on exactly these ids, (batch, time, vocab) or (batch, vocab)."""
        output = ops.cast(self._call(ids), "float32")
        if self.is_softmax:
            return ops.log(ops.maximum(output, 1e-37))
        return output

    def fit(self, context: np.ndarray) -> np.ndarray:
        """The last L tokens, or 0 on the left of fewer, if the model's input has length L."""
        if self.fixed_length is None:
            return context
        missing = max(self.fixed_length - context.shape[1], 0)
        return np.pad(context, ((0, 0), (missing, 0)))[:, -self.fixed_length :]

    def _call(self, ids: np.ndarray) -> Tensor:
        model = self._model()
        assert model is not None
        if keras.backend.backend() == "tensorflow":
            return compiled.run_any_shape(model, ids)
        return compiled.run(model, _call, ids)


_PLAIN: weakref.WeakKeyDictionary[keras.Model, PlainModel] = weakref.WeakKeyDictionary()


def stepper_for(model: keras.Model, length: int) -> Stepper:
    """The stepper of a model; `length` is that of a prompt which the model will see."""
    if hasattr(model, "step") and hasattr(model, "init_state"):
        return _own_stepper(model)
    if not isinstance(model, keras.Model):
        raise ArgumentError(f"the model is a {type(model).__name__}: pass a keras.Model")
    if model not in _PLAIN:
        _PLAIN[model] = PlainModel(model, length)
    return RecomputingStepper(model, _PLAIN[model])


def prepare(model: keras.Model, prompts: Prompts, new_tokens: int, tokenizer: Any) -> Stepper:
    """The model's stepper, once the prompts have been checked against it."""
    stepper = stepper_for(model, min(len(row) for row in prompts.rows))
    check_tokenizer(tokenizer, stepper.vocab_size)
    stepper.check(prompts, new_tokens)
    return stepper


def _own_stepper(model: keras.Model) -> Stepper:
    """The stepper of a model of this package."""
    return Seq2SeqStepper(model) if hasattr(model, "encode") else Stepper(model)


def chunk_sizes(length: int) -> tuple[int, int]:
    """How many tokens of a prompt are read at once, for a memory of this length."""
    large = min(max(length // 8, 16), 128, length)
    return large, max(1, large // 4)


def prefill(stepper: Stepper, tokens: Tensor, state: Any, end: Tensor) -> tuple[Tensor, Any]:
    """Read chunks of tokens (batch, length) that lie before column `end`.

    A model that may read columns twice, and beyond `end`, reads all of them; another one leaves
    what fills no chunk.

    Returns:
        How many columns were read, and the state after them.
    """
    position, folded = ops.convert_to_tensor(0, dtype="int32"), fold(state)
    sizes = chunk_sizes(tokens.shape[1])
    for size in sizes[:1] if stepper.random_access_cache else sizes:
        position, folded = stepper.loop(
            functools.partial(_fits, 1 if stepper.random_access_cache else size, end),
            functools.partial(_read, stepper, size, end, tokens, state),
            (position, folded),
        )
    return position, unfold(folded, state)


def _fits(size: int, end: Tensor, position: Tensor, folded: Any) -> Tensor:
    return position + size <= end


def _read(
    stepper: Stepper,
    size: int,
    end: Tensor,
    tokens: Tensor,
    like: Any,
    position: Tensor,
    folded: Any,
) -> tuple[Tensor, Any]:
    """`size` columns with the next one, as many as lie before `end` or, read ahead, more."""
    start = ops.minimum(position, tokens.shape[1] - size)
    ids = ops.take(tokens, start + ops.arange(size, dtype="int32"), axis=1)  # (batch, size)
    folded = fold(stepper.step(ids, unfold(folded, like), start)[1])
    return ops.minimum(start + size, end), folded


def fold(state: Any) -> Any:
    """A state with batch and heads as one axis, as a compiled loop should carry it.

    XLA writes into a cache in its place only if no reshaping stands between the loop and the
    write, which `MultiHeadAttention.step` does on this shape.
    """
    return keras.tree.map_structure(_fold, state)


def _fold(part: Tensor) -> Tensor:
    shape: tuple[int, ...] = tuple(getattr(part, "shape", ()))
    if len(shape) < 3:
        return part
    return ops.reshape(part, (shape[0] * shape[1], *shape[2:]))  # (batch * heads, ...)


def unfold(folded: Any, like: Any) -> Any:
    """What `fold` has folded, with the shapes of `like`."""
    return keras.tree.map_structure(_unfold, folded, like)


def _unfold(part: Tensor, like: Tensor) -> Tensor:
    return part if len(getattr(like, "shape", ())) < 3 else ops.reshape(part, like.shape)


@functools.cache
def _on_stepper(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a model in place of its stepper, always the same one for a function."""
    return lambda model, *arguments: function(_own_stepper(model), *arguments)


@functools.cache
def _without_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a model as its first argument, which it does not need."""
    return lambda model, *arguments: function(*arguments)


def _call(model: keras.Model, ids: Tensor) -> Tensor:
    return model(ids, training=False)


def _fixed_length(model: keras.Model) -> int | None:
    """The time dimension of the model's input where it is fixed."""
    try:
        shape = model.input_shape
    except (AttributeError, ValueError):
        return None  # not functional: built by calling it
    if not isinstance(shape, tuple) or len(shape) != 2:
        raise ArgumentError(
            f"the model {model.name!r} takes inputs of shape {shape}: text can be generated from "
            "a model of ids (batch, time)"
        )
    return shape[1]


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    """All layers, those of nested models too."""
    found = []
    for layer in getattr(model, "layers", []):
        found += [layer, *_layers(layer)]
    return found


def _is_softmax(output: np.ndarray) -> bool:
    """Whether rows are probabilities: none negative, and each adds up to 1."""
    return bool((output >= 0).all() and np.allclose(output.sum(-1), 1.0, atol=1e-2))


def _describe(output: Any) -> str:
    shape = getattr(output, "shape", None)
    return f"an output of shape {tuple(shape)}" if shape is not None else f"{type(output)}"
