"""`beam_search`: the most probable continuations that a beam of hypotheses finds."""

from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.errors import ArgumentError
from lmzoo.generation.continuation import Continuation
from lmzoo.generation.prompts import (
    Prompts,
    check_ids,
    pad_rows,
    padded_stops,
    parse_stop,
    require,
    require_count,
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
    stop: Any = None,
    return_scores: bool = False,
) -> Any:
    """Search the most probable continuations with a beam.

    At each step the `num_beams` best hypotheses that have not ended are extended by every token.
    Among the `num_beams` best extensions, those by a stop id are finished. A hypothesis scores
    log P / ((5 + len) / 6) ** length_penalty, where len counts its new tokens and the stop id, plus
    coverage_penalty times the sum over the source's tokens of log(min(1, the attention it got in
    all)). The search ends when no live hypothesis can overtake those to be returned any more. With
    one beam it is greedy search: the first stop id ends it.

    Args:
        model, prompts, tokenizer, max_new_tokens: as `generate`.
        num_beams: hypotheses kept at each step; 1 or more.
        length_penalty: 0 compares plain log-probabilities; above 0 favors longer texts.
        coverage_penalty: above 0 favors texts that attend to all of the source, if the model does.
        prefix: text or ids with which every continuation begins; part of max_new_tokens and score.
        allowed_tokens: ids to which the continuation after the prefix is restricted, besides the
            stop ids. Probabilities are not renormalized.
        num_return: how many of the best hypotheses are returned; at most num_beams.
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
    _check(num_beams, length_penalty, coverage_penalty, num_return, max_new_tokens)
    given = Prompts(prompts, tokenizer)
    tokenizer = given.tokenizer
    stepper = prepare(model, given, max_new_tokens, tokenizer)
    stops, texts = parse_stop(stop, tokenizer, stepper.vocab_size)
    if texts:
        raise ArgumentError(f"stop holds the text {texts[0]!r}: beam_search stops at ids only")
    settings = Settings(
        lengths=np.array([len(row) for row in given.rows], "int32"),
        prefix=np.int32(len(forced := _prefix_ids(prefix, tokenizer, stepper, max_new_tokens))),
        limit=np.int32(max_new_tokens),
        stops=padded_stops(stops),
        allowed=_allowed(allowed_tokens, stops, stepper.vocab_size),
        # One beam compares nothing, so nothing may overtake the hypothesis that has ended.
        penalty=np.float32(length_penalty if num_beams > 1 else 0.0),
        coverage=np.float32(coverage_penalty),
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
    finished = stepper.run(
        search_rows, tokens, state, np.int32(position), scores, tuple(settings), tuple(finished)
    )
    return Finished(*(ops.convert_to_numpy(part) for part in finished))


def _check(
    num_beams: int, length_penalty: float, coverage: float, num_return: int, new_tokens: int
) -> None:
    require_count("num_beams", num_beams, 1)
    require_count("num_return", num_return, 1)
    require_count("max_new_tokens", new_tokens, 1)
    require("length_penalty", length_penalty, lambda v: 0 <= v < np.inf, "0 or a finite number > 0")
    require("coverage_penalty", coverage, lambda v: 0 <= v < np.inf, "0 or a finite number > 0")
    if num_return > num_beams:
        raise ArgumentError(
            f"num_return is {num_return} and num_beams {num_beams}: raise num_beams to at least "
            f"{num_return}"
        )


def _prefix_ids(prefix: Any, tokenizer: Any, stepper: Stepper, limit: int) -> list[int]:
    """The ids of the prefix, checked."""
    if prefix is None or len(prefix) == 0:
        return []
    if isinstance(prefix, str) and tokenizer is None:
        raise ArgumentError(f"prefix is the text {prefix!r}: pass the tokenizer as well")
    is_text = isinstance(prefix, str)
    ids = text_ids(prefix, tokenizer) if is_text else [int(token) for token in prefix]
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
    ids = [int(token) for token in tokens]
    if not ids:
        raise ArgumentError("allowed_tokens is empty: give at least one id, or None for all")
    check_ids(ids, vocab_size, "allowed_tokens")
    allowed = np.zeros(vocab_size, bool)
    allowed[ids + stops] = True
    return allowed


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
