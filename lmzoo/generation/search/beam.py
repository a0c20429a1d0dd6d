"""`beam_search`: the most probable continuations that a beam of hypotheses finds."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.generation.continuation import Continuation
from lmzoo.generation.decoding.rules import check_filters, make_rules, token_mask
from lmzoo.generation.prompts import (
    Prompts,
    check_ids,
    check_new_tokens,
    check_room,
    diverged,
    pad_rows,
    padded_stops,
    parse_stop,
    require,
    require_count,
    row_of_ids,
    text_ids,
)
from lmzoo.generation.search.loop import IMPOSSIBLE, Finished, Settings, search_rows
from lmzoo.generation.steppers.selection import prepare
from lmzoo.generation.steppers.stepper import Stepper


def beam_search(
    model: keras.Model,
    prompts: Any,
    *,
    tokenizer: Any = None,
    num_beams: int = 4,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
    prefix: Any = None,
    allowed_tokens: Any = None,
    num_return: int = 1,
    max_new_tokens: int = 128,
    min_new_tokens: int = 0,
    filters: Mapping[str, Any] | None = None,
    stop: Any = None,
    return_scores: bool = False,
) -> Any:
    """Search the most probable continuations with a beam.

    At each step the `num_beams` best hypotheses that have not ended are extended by every token.
    Among the `num_beams` best extensions, those by a stop id are finished (if there are several
    stop ids, by the most probable one). A hypothesis scores
    log P / ((5 + len) / 6) ** length_penalty, where len counts its new tokens and the stop id, plus
    coverage_penalty times the sum over the source's tokens of log(min(1, the attention it got in
    all)). The search ends when no live hypothesis can overtake those to be returned any more. With
    one beam it is greedy search: the first stop id ends it.

    Args:
        model, prompts, tokenizer, max_new_tokens, min_new_tokens: as `generate`.
        num_beams: hypotheses kept at each step; 1 or more.
        length_penalty: 0 compares plain log-probabilities; above 0 favors longer texts.
        coverage_penalty: above 0 favors texts that attend to all of the source, if the model does.
        prefix: text or ids with which every continuation begins; part of max_new_tokens and score.
        allowed_tokens: ids, or booleans (vocab,), to which the continuation after the prefix is
            restricted, besides the stop ids. Probabilities are not renormalized.
        num_return: how many of the best hypotheses are returned; at most num_beams.
        filters: as of `generate`, and its top_k, top_p, min_p, repetition_penalty and
            no_repeat_ngram, by name. Only penalty and bias change probabilities.
        stop: an id or a list of ids that end a hypothesis; they are not part of the answer.
        return_scores: whether to return the scores as well.

    Returns:
        the same kind as `prompts`; with num_return above 1 a list, best first (shorter where fewer
        exist), for each answer. With return_scores, a pair of that and the scores, nested alike.

    Raises:
        PromptError, ArgumentError: as `generate`.

    Source: Wu et al. 2016 (the penalties), https://arxiv.org/abs/1609.08144

    Example:
        >>> import keras, lmzoo
        >>> model = keras.Sequential([keras.layers.Embedding(5, 4), keras.layers.Dense(5)])
        >>> len(lmzoo.beam_search(model, [3, 1], num_beams=3, max_new_tokens=2))
        4
    """
    check_new_tokens(min_new_tokens, max_new_tokens)
    _check(num_beams, length_penalty, coverage_penalty, num_return, max_new_tokens)
    values = check_filters(filters, {})
    if "temperature" in values:
        raise ArgumentError("beam_search does not sample: leave temperature out of the filters")
    given = Prompts(prompts, tokenizer)
    tokenizer = given.tokenizer
    stepper = prepare(model, given, max_new_tokens, tokenizer)
    longest = max(len(row) for row in given.rows)
    stops, texts = parse_stop(stop, tokenizer, stepper.vocab_size)
    if texts:
        raise ArgumentError(f"stop holds the text {texts[0]!r}: beam_search stops at ids only")
    check_room(num_beams * len(given.rows), longest, max_new_tokens, stepper.vocab_size)
    settings = Settings(
        lengths=np.array([len(row) for row in given.rows], "int32"),
        prefix=np.int32(len(forced := _prefix_ids(prefix, tokenizer, stepper, max_new_tokens))),
        limit=np.int32(max_new_tokens),
        stops=padded_stops(stops),
        allowed=_allowed(allowed_tokens, stops, stepper.vocab_size),
        # One beam compares nothing, so nothing may overtake the hypothesis that has ended.
        penalty=np.float32(length_penalty if num_beams > 1 else 0.0),
        coverage=np.float32(coverage_penalty),
        rules=make_rules(values, tokenizer, stepper.vocab_size, min_new_tokens),
    )
    finished = _search(stepper, given, forced, num_beams, num_return, settings)
    return _answers(given, finished, num_beams, num_return, length_penalty, return_scores)


def _search(
    stepper: Stepper,
    given: Prompts,
    forced: list[int],
    num_beams: int,
    num_return: int,
    settings: Settings,
) -> Finished:
    """Runs the search and brings its results to NumPy."""
    rows, batch = given.rows, len(given.rows)
    width = stepper.cache_length(max(len(row) for row in rows) + int(settings.limit))
    coverage = float(settings.coverage) > 0
    state, position = stepper.prefill_search(pad_rows(rows, width), given, coverage=coverage)
    whole = [np.concatenate([row, forced]).astype("int32") for row in rows]
    tokens = np.repeat(pad_rows(whole, width), num_beams, axis=0)  # (batch * beams, length)
    scores = np.full((batch, num_beams), IMPOSSIBLE, "float32")
    scores[:, 0] = 0.0  # all beams are equal at first: one of them counts
    finished = Finished(
        tokens=np.zeros((batch, num_return, width), "int32"),
        ends=np.zeros((batch, num_return), "int32"),
        counts=np.ones((batch, num_return), "int32"),
        scores=np.full((batch, num_return), IMPOSSIBLE, "float32"),
    )
    *found, sound = stepper.run(
        search_rows, tokens, state, np.int32(position), scores, tuple(settings), tuple(finished)
    )
    if not bool(sound):
        raise diverged()
    return Finished(*(ops.convert_to_numpy(part) for part in found))


def _check(
    num_beams: int, length_penalty: float, coverage: float, num_return: int, new_tokens: int
) -> None:
    require_count("num_beams", num_beams, 1)
    require_count("num_return", num_return, 1)
    # Float32 holds the longest hypothesis's divisor, and what is left of a score.
    most = 60 / math.log((5 + max(int(new_tokens), 2)) / 6)
    in_range = f"0 or more, and with max_new_tokens={new_tokens} at most {most:.4g}"
    require("length_penalty", length_penalty, lambda v: 0 <= v <= most, in_range)
    require("coverage_penalty", coverage, lambda v: 0 <= v <= 1e6, "between 0 and 1e6")
    if num_return > num_beams:
        raise ArgumentError(
            f"num_return is {num_return} and num_beams {num_beams}: raise num_beams to at least "
            f"{num_return}"
        )


def _prefix_ids(prefix: Any, tokenizer: Any, stepper: Stepper, limit: int) -> list[int]:
    """The ids of the prefix, checked."""
    if prefix is None or (isinstance(prefix, str) and not prefix):
        return []
    if isinstance(prefix, str) and tokenizer is None:
        raise ArgumentError(f"prefix is the text {prefix!r}: pass the tokenizer as well")
    is_text = isinstance(prefix, str)
    ids = text_ids(prefix, tokenizer) if is_text else row_of_ids(prefix, "the prefix").tolist()
    check_ids(ids, stepper.vocab_size, "the prefix")
    if len(ids) > limit:
        raise ArgumentError(
            f"the prefix has {len(ids)} tokens and max_new_tokens is {limit}: raise the latter"
        )
    return ids


def _allowed(tokens: Any, stops: list[int], vocab_size: int) -> np.ndarray:
    """Booleans (vocab,): the allowed tokens and the stop ids."""
    if tokens is None:
        return np.ones(vocab_size, bool)
    allowed = token_mask(tokens, vocab_size, "allowed_tokens")
    if not allowed.any():
        raise ArgumentError("allowed_tokens is empty: give at least one id, or None for all")
    ends = np.zeros(vocab_size, bool)
    ends[stops] = True
    return allowed | ends


def _answers(
    given: Prompts,
    finished: Finished,
    beams: int,
    num_return: int,
    penalty: float,
    with_scores: bool,
) -> Any:
    """The hypotheses as answers of the prompts' kind."""
    answers, scores = [], []
    for row, ids in enumerate(given.rows):
        exists = np.isfinite(finished.scores[row])
        ends = finished.ends[row][exists]
        new = [finished.tokens[row, i, len(ids) : end] for i, end in enumerate(ends)]
        texts = [_answer(given, row, continuation) for continuation in new]
        values = finished.scores[row][exists]
        if beams == 1:
            values = values / ((5.0 + finished.counts[row][exists]) / 6.0) ** penalty
        answers.append(texts if num_return > 1 else texts[0])
        scores.append(values.tolist() if num_return > 1 else float(values[0]))
    if with_scores:
        return given.collect(answers), given.collect(scores)
    return given.collect(answers)


def _answer(given: Prompts, row: int, ids: np.ndarray) -> Any:
    if not given.is_text:
        return given.answer_ids(row, ids)
    decoder = Continuation(given.context(row), given.tokenizer, given=given.given_text(row))
    return given.given_text(row) + decoder.finish(ids)
