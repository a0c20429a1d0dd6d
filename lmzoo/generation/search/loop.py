"""The compiled loop of `beam_search`."""

from typing import Any, NamedTuple

import keras
from keras import ops

from lmzoo.generation.decoding.filters import allow_tokens, without
from lmzoo.generation.decoding.rules import Rules
from lmzoo.generation.decoding.sampling import adjusted, are_sound, removed, sampled
from lmzoo.generation.steppers.stepper import Stepper
from lmzoo.typing import Tensor

IMPOSSIBLE = float("-inf")


class Settings(NamedTuple):
    """The arguments of a search as tensors."""

    lengths: Tensor  # (batch,) of the prompts
    prefix: Tensor  # scalar, length of the prefix
    limit: Tensor  # scalar, most new tokens
    stops: Tensor  # (stops,) ids, -1 for none
    allowed: Tensor  # (vocab,) booleans
    penalty: Tensor  # scalar
    coverage: Tensor  # scalar
    rules: Rules  # those of `choose`


class Finished(NamedTuple):
    """The best finished hypotheses of each prompt, best first."""

    tokens: Tensor  # (batch, num_return, length) prompt and continuation
    ends: Tensor  # (batch, num_return) column after the last token
    counts: Tensor  # (batch, num_return) new tokens, the stop id included
    scores: Tensor  # (batch, num_return) -inf where there is none


def search_rows(
    stepper: Stepper,
    tokens: Tensor,
    state: Any,
    position: Tensor,
    scores: Tensor,
    fixed: tuple[Tensor, ...],
    finished: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """The whole search from `position` on; takes and returns the fields of `Finished`.

    The last value returned is whether all logits had a distribution.
    """
    settings = Settings(*fixed)
    beams = scores.shape[1]
    last = ops.max(settings.lengths) + settings.limit - 1
    state = keras.tree.map_structure(lambda part: ops.repeat(part, beams, axis=0), state)

    def cond(position: Tensor, *carry: Any) -> Tensor:
        scores, sound, finished = carry[2], carry[3], carry[4:]
        best = ops.max(scores, axis=-1) / _divisor(settings.limit, settings.penalty)
        overtakes = best > ops.min(finished[3], axis=-1)
        return ops.logical_and(ops.logical_and(position < last, sound), ops.any(overtakes))

    def body(
        position: Tensor, tokens: Tensor, state: Any, scores: Tensor, *carry: Tensor
    ) -> tuple[Any, ...]:
        sound, *finished = carry
        logits, state = stepper.step(ops.take(tokens, position, axis=1)[:, None], state, position)
        logits = logits[:, -1]  # (batch * beams, vocab)
        sound = ops.logical_and(sound, ops.all(are_sound(logits)))
        coverage = _coverage(stepper, state, scores)
        parents, tokens, scores, better = stepper.inner(
            grow, logits, tokens, position + 1, scores, fixed, tuple(finished), coverage
        )
        return position + 1, tokens, stepper.reorder(state, parents), scores, sound, *better

    sound = ops.convert_to_tensor(True)
    values = stepper.loop(cond, body, (position, tokens, state, scores, sound, *finished))
    return *values[5:], values[4]


def grow(
    logits: Tensor,
    tokens: Tensor,
    column: Tensor,
    scores: Tensor,
    fixed: tuple[Tensor, ...],
    finished: tuple[Tensor, ...],
    coverage: Tensor,
) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
    """Extends every hypothesis by a token, at `column`: parents, tokens, scores and finished."""
    settings = Settings(*fixed)
    batch, beams = scores.shape
    vocab, length = logits.shape[-1], tokens.shape[-1]
    log_p = ops.log_softmax(adjusted(logits, tokens, column, settings.rules), axis=-1)
    kept = ops.reshape(_kept(log_p, tokens, column, settings), (batch, beams, vocab))
    log_p = ops.reshape(log_p, (batch, beams, vocab))
    old = ops.reshape(tokens, (batch, beams, length))
    forced = (column < settings.lengths + settings.prefix)[:, None]  # (batch, 1)
    counts = ops.maximum(column - settings.lengths + 1, 1)[:, None]  # new tokens, this one included

    total = scores[:, :, None] + kept
    # Each beam has one extension by a stop id: among so many there are enough by other ids.
    top, top_parents, top_tokens = _best(total, min(beams * 2, beams * vocab))  # (batch, count)
    is_stop = ops.any(top_tokens[:, :, None] == settings.stops, axis=-1)
    ended_parents = top_parents[:, :beams]
    ended = ops.where(ops.logical_and(is_stop, ops.logical_not(forced)), top, IMPOSSIBLE)[:, :beams]

    live, index = ops.top_k(ops.where(is_stop, IMPOSSIBLE, top), beams)
    parents = ops.take_along_axis(top_parents, index, axis=1)  # (batch, beams)
    chosen = ops.take_along_axis(top_tokens, index, axis=1)  # (batch, beams)

    given = ops.take(old, column, axis=2)  # (batch, beams)
    gain = ops.take_along_axis(log_p, given[:, :, None], axis=2)[:, :, 0]
    gain = ops.where((column < settings.lengths)[:, None], 0.0, gain)
    live = ops.where(forced, scores + gain, live)
    parents = ops.where(forced, ops.arange(beams, dtype="int32")[None, :], parents)
    chosen = ops.where(forced, given, chosen)

    here = ops.arange(length, dtype="int32") == column
    new = ops.where(here, chosen[:, :, None], _pick(old, parents))  # (batch, beams, length)
    is_last = column + 1 >= (settings.lengths + settings.limit)[:, None]
    complete = ops.where(is_last, live, IMPOSSIBLE)
    divisor = _divisor(counts, settings.penalty)
    coverage = settings.coverage * coverage
    ended = ended / divisor + ops.take_along_axis(coverage, ended_parents, axis=1)
    complete = complete / divisor + ops.take_along_axis(coverage, parents, axis=1)
    best = _merge(Finished(*finished), _pick(old, ended_parents), column, counts, ended)
    best = _merge(best, new, column + 1, counts, complete)
    if settings.rules:  # they may leave a hypothesis no token: it ends as it is
        stuck = ops.logical_and(ops.max(total, axis=-1) == IMPOSSIBLE, ops.logical_not(forced))
        stuck = ops.where(stuck, scores, IMPOSSIBLE) / _divisor(counts - 1, settings.penalty)
        best = _merge(best, old, column, counts - 1, stuck + coverage)
    live = ops.where(is_last, IMPOSSIBLE, live)
    rows = ops.arange(batch, dtype="int32")[:, None] * beams + parents
    return ops.reshape(rows, (-1,)), ops.reshape(new, (-1, length)), live, tuple(best)


def _kept(log_p: Tensor, tokens: Tensor, column: Tensor, settings: Settings) -> Tensor:
    """Log-probabilities (batch * beams, vocab), -inf for what must not come next.

    Of the stop ids only the best is kept: by each of them the same hypothesis would end.
    """
    rules, stops = settings.rules, settings.stops
    if "min_new_tokens" in rules:
        beams = log_p.shape[0] // settings.lengths.shape[0]
        early = column - ops.repeat(settings.lengths, beams) < rules["min_new_tokens"]
        log_p = without(log_p, stops, early)
    log_p = allow_tokens(log_p, settings.allowed)
    log_p = sampled(removed(log_p, tokens, column, rules), rules)
    of_stops = ops.take(log_p, ops.maximum(stops, 0), axis=-1)  # (batch * beams, stops)
    best = ops.argmax(ops.where(stops >= 0, of_stops, IMPOSSIBLE), axis=-1)
    ids = ops.arange(log_p.shape[-1], dtype="int32")
    is_stop = ops.any(ids[:, None] == stops, axis=-1)  # (vocab,)
    is_best = ids == ops.take(stops, best)[:, None]  # (batch * beams, vocab)
    return ops.where(ops.logical_and(is_stop, ops.logical_not(is_best)), IMPOSSIBLE, log_p)


def _coverage(stepper: Stepper, state: Any, scores: Tensor) -> Tensor:
    """Log coverage of the source of each hypothesis, (batch, beams); 0 without a source."""
    if not (isinstance(state, dict) and "coverage" in state):
        return ops.zeros_like(scores)
    return ops.reshape(stepper.log_coverage(state), scores.shape)  # (batch, beams)


def _best(total: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best of total (batch, beams, vocab): scores, parents and tokens (batch, count)."""
    batch, beams, vocab = total.shape
    best, index = ops.top_k(ops.reshape(total, (batch, beams * vocab)), count)
    index = ops.cast(index, "int32")
    return best, index // vocab, index % vocab


def _pick(rows: Tensor, index: Tensor) -> Tensor:
    """Rows (batch, n, length) reordered by index (batch, m): (batch, m, length)."""
    return ops.take_along_axis(rows, index[:, :, None], axis=1)


def _merge(
    finished: Finished, tokens: Tensor, end: Tensor, counts: Tensor, scores: Tensor
) -> Finished:
    """The best of those finished and the new hypotheses (batch, beams); older ones win ties."""
    kept = finished.scores.shape[1]
    both, index = ops.top_k(ops.concatenate([finished.scores, scores], axis=1), kept)
    index = ops.cast(index, "int32")
    ends = ops.concatenate([finished.ends, ops.zeros_like(scores, "int32") + end], axis=1)
    sizes = ops.concatenate([finished.counts, ops.zeros_like(scores, "int32") + counts], axis=1)
    return Finished(
        tokens=_pick(ops.concatenate([finished.tokens, tokens], axis=1), index),
        ends=ops.take_along_axis(ends, index, axis=1),
        counts=ops.take_along_axis(sizes, index, axis=1),
        scores=both,
    )


def _divisor(count: Tensor, penalty: Tensor) -> Tensor:
    """What a log-probability is divided by: ((5 + count) / 6) ** penalty."""
    return ops.power((5.0 + ops.cast(count, "float32")) / 6.0, penalty)
