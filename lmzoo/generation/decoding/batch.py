"""`generate`: continue prompts by sampling or greedily, in one compiled loop per shape."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.generation.continuation import Continuation
from lmzoo.generation.decoding.filters import without
from lmzoo.generation.decoding.rules import Rules, check_filters, make_rules
from lmzoo.generation.decoding.sampling import NO_TOKEN, UNSOUND, choose, draw_uniforms
from lmzoo.generation.prompts import (
    Prompts,
    check_new_tokens,
    check_room,
    diverged,
    pad_rows,
    padded_stops,
    parse_stop,
    require_count,
)
from lmzoo.generation.steppers.selection import prepare
from lmzoo.generation.steppers.state import fold, unfold
from lmzoo.generation.steppers.stepper import Stepper
from lmzoo.typing import Tensor

# Stop strings are searched for after every so many tokens.
TOKENS_PER_STOP_CHECK = 32


def generate(
    model: keras.Model,
    prompts: Any,
    *,
    tokenizer: Any = None,
    max_new_tokens: int = 128,
    min_new_tokens: int = 0,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram: int | None = None,
    filters: Mapping[str, Any] | None = None,
    stop: Any = None,
    seed: int | None = None,
) -> Any:
    """Continue prompts with a language model.

    A model of this package prefills the prompt and then decodes one token at a time, in a loop that
    is compiled once per batch size and power-of-two length. Any other Keras model from ids to
    (batch, time, vocab) or (batch, vocab), logits or softmax, is called on the whole text for each
    token; if its Input has a fixed length L, on the last L tokens, padded with 0 on the left.

    Args:
        model: a language model.
        prompts: a string, a list of strings, one list of ids, or a list of lists of ids (NumPy
            arrays too), each with at least one token, of any lengths. For a Seq2SeqModel, sources:
            of features, float arrays (time, feature_dim).
        tokenizer: needed for text; its `eos_id` then ends a text, and its `start_id`, if it has one
            (`prepare_lm` sets it for documents), begins it.
        max_new_tokens: at most so many tokens are added to each prompt; 1 or more.
        min_new_tokens: no id ends a text before it has so many new tokens.
        temperature: 0 takes the most probable token; above 0 samples from softmax(logits / it).
        top_k: sample among the k most probable tokens; 1 or more.
        top_p: sample among the fewest tokens that together have this probability; in (0, 1].
        min_p: sample among tokens at least so many times as probable as the best; in [0, 1].
        repetition_penalty: above 1 makes tokens that the text already holds less likely.
        no_repeat_ngram: no sequence of so many tokens comes twice in a text, which ends where no
            token is left.
        filters: more rules by name: "banned_tokens", ids or booleans (vocab,); "bad_words", texts
            or lists of ids; "logit_bias", a dict from ids or texts of one token to numbers that are
            added to their logits; "typical_p" and "eta_cutoff", which sample among fewer tokens.
        stop: an id, a string, or a list of them, each of which ends a text.
        seed: same seed, same text (on every backend, but for rounding); None draws anew.

    Returns:
        the same kind as `prompts`: each prompt and its continuation, without what ended it (the end
        token, a stop, tokens that it covers in part) and without an unfinished last character.

    Raises:
        PromptError: for a prompt that is empty, too long, or outside the vocabulary.
        ArgumentError: for an argument outside its range.

    Example:
        >>> import keras, lmzoo
        >>> model = keras.Sequential([keras.layers.Embedding(5, 4), keras.layers.Dense(5)])
        >>> len(lmzoo.generate(model, [3, 1], max_new_tokens=2, temperature=0))
        4
    """
    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    given |= {"repetition_penalty": repetition_penalty, "no_repeat_ngram": no_repeat_ngram}
    values, length = check_filters(filters, given), (min_new_tokens, max_new_tokens)
    batch = DecodedBatch(model, prompts, tokenizer, length, stop, seed, values)
    while not batch.is_done:
        batch.advance(TOKENS_PER_STOP_CHECK if batch.stop_texts else None)
        batch.check_stop_texts()
    return batch.prompts.collect([batch.answer(row) for row in range(batch.size)])


class DecodedBatch:
    """A batch of prompts and their continuations so far; the arguments are those of `generate`."""

    def __init__(
        self,
        model: keras.Model,
        prompts: Any,
        tokenizer: Any,
        new_tokens: tuple[int, int],
        stop: Any,
        seed: int | None,
        filters: Mapping[str, Any],
    ) -> None:
        check_new_tokens(*new_tokens)
        min_new_tokens, max_new_tokens = new_tokens
        if seed is not None:
            require_count("seed", seed, 0)
        self.prompts = Prompts(prompts, tokenizer)
        tokenizer = self.prompts.tokenizer
        self._stepper = prepare(model, self.prompts, max_new_tokens, tokenizer)
        rows = self.prompts.rows
        self.size = len(rows)
        stop_ids, self.stop_texts = parse_stop(stop, tokenizer, self._stepper.vocab_size)
        self._stop_ids = padded_stops(stop_ids)
        self.lengths = np.array([len(row) for row in rows], "int32")
        check_room(self.size, int(self.lengths.max()), max_new_tokens)
        self._limits = self.lengths + np.int32(max_new_tokens)
        self.ends = self._limits.copy()
        self.finished = np.zeros(self.size, bool)
        width = self._stepper.cache_length(int(self._limits.max()))
        self.tokens = pad_rows(rows, width)
        self._uniforms = draw_uniforms(seed, self.size, max_new_tokens, width)
        self._rules = make_rules(filters, tokenizer, self._stepper.vocab_size, min_new_tokens)
        self._state, self.position = self._stepper.prefill(self.tokens, self.prompts)
        self._continuations: dict[int, Continuation] = {}

    @property
    def is_done(self) -> bool:
        """Whether every row has ended."""
        return bool(self.finished.all())

    def advance(self, count: int | None = None) -> None:
        """Decodes up to `count` columns after the longest prompt's last, or all if None."""
        end = int(self._limits.max()) - 1
        if count is not None:
            end = min(max(self.position, int(self.lengths.max()) - 1) + count, end)
        position, tokens, self._state, finished, ends, sound = self._stepper.run(
            decode_columns,
            self.tokens,
            self._state,
            np.int32(self.position),
            np.int32(end),
            (self.lengths, self._limits, self._stop_ids, self._uniforms),
            (self.finished, self.ends),
            self._rules,
        )
        if not bool(sound):
            raise diverged()
        self.position = int(position)
        self.tokens = ops.convert_to_numpy(tokens)
        self.finished = np.array(ops.convert_to_numpy(finished))
        self.ends = np.array(ops.convert_to_numpy(ends))

    def continuation(self, row: int) -> Continuation:
        """The decoder of a row's new ids to text."""
        if row not in self._continuations:
            self._continuations[row] = Continuation(
                self.prompts.context(row),
                self.prompts.tokenizer,
                self.stop_texts,
                self.prompts.given_text(row),
            )
        return self._continuations[row]

    def new_ids(self, row: int) -> np.ndarray:
        """The ids that have been added to a row so far."""
        end = min(int(self.ends[row]), self.position + 1)
        return self.tokens[row, self.lengths[row] : end]

    def check_stop_texts(self) -> None:
        """Ends the rows whose text holds a stop string."""
        for row in range(self.size if self.stop_texts else 0):
            ids = self.new_ids(row).tolist()
            text = self.continuation(row).stable(ids)
            if self.continuation(row).stop_at(text) is not None:
                self.finished[row] = True
                self.ends[row] = self.lengths[row] + len(ids)

    def answer(self, row: int) -> Any:
        """The prompt and its continuation, as text or ids."""
        ids = self.new_ids(row)
        if self.prompts.is_text:
            return self.prompts.given_text(row) + self.continuation(row).finish(ids)
        return self.prompts.answer_ids(row, self.ids_before_stop(ids, row))

    def ids_before_stop(self, ids: Any, row: int = 0) -> Any:
        """The ids before the first stop string."""
        if self.stop_texts:
            decoder = self.continuation(row)
            start = decoder.stop_at(decoder.decode(ids))
            if start is not None:
                return ids[: decoder.whole_ids(ids, start)]
        return ids


def decode_columns(
    stepper: Stepper,
    tokens: Tensor,
    state: Any,
    position: Tensor,
    end: Tensor,
    fixed: tuple[Tensor, Tensor, Tensor, Tensor],
    status: tuple[Tensor, Tensor],
    rules: Rules,
) -> tuple[Tensor, ...]:
    """Fills the columns after `position` up to `end`, in each row once its prompt is used up."""
    lengths, limits, stops, uniforms = fixed
    columns = ops.arange(tokens.shape[1], dtype="int32")[None, :]
    like = state

    def cond(position: Tensor, *carry: Any) -> Tensor:
        return ops.logical_and(position < end, ops.logical_not(ops.all(carry[2])))

    def body(
        position: Tensor, tokens: Tensor, state: Any, finished: Tensor, ends: Tensor, sound: Tensor
    ) -> tuple[Tensor, ...]:
        ids = ops.take(tokens, position, axis=1)[:, None]  # (batch, 1)
        logits, state = stepper.step(ids, unfold(state, like), position)
        logits, state = logits[:, -1], fold(state)  # (batch, vocab)
        after = position + 1
        if "min_new_tokens" in rules:
            logits = without(logits, stops, after - lengths < rules["min_new_tokens"])
        drawn = ops.maximum(after - lengths, 0)[:, None]
        uniform = ops.take_along_axis(uniforms, drawn, axis=1)[:, 0]  # (batch,)
        chosen = stepper.inner(choose, logits, tokens, after, rules, uniform)
        free = ops.logical_and(after >= lengths, ops.logical_not(finished))
        sound = ops.logical_and(sound, ops.all(chosen != UNSOUND))
        ended = ops.any(chosen[:, None] == stops[None, :], axis=-1)
        stopped = ops.logical_and(free, ops.logical_or(ended, chosen == NO_TOKEN))
        writes = ops.logical_and(free[:, None], columns == after)
        tokens = ops.where(writes, ops.maximum(chosen, 0)[:, None], tokens)
        ends = ops.where(stopped, after, ends)
        finished = ops.logical_or(ops.logical_or(finished, stopped), after + 1 >= limits)
        return after, tokens, state, finished, ends, sound

    sound = ops.convert_to_tensor(True)
    values = stepper.loop(cond, body, (position, tokens, fold(state), *status, sound))
    return *values[:2], unfold(values[2], like), *values[3:]
