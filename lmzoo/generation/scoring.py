"""`score`: the log-probability of texts, token by token."""

from typing import Any

import keras
import numpy as np
from keras import ops

from lmzoo.generation.prompts import Prompts, bucket, diverged, pad_rows
from lmzoo.generation.steppers import compiled
from lmzoo.generation.steppers.recomputing import PlainModel, RecomputingStepper
from lmzoo.generation.steppers.selection import prepare
from lmzoo.generation.steppers.stepper import Stepper
from lmzoo.typing import Tensor

# Logits computed at once: rows * time * vocabulary; 2^26 float32 numbers are 256 MB.
_LOGITS_AT_ONCE = 2**26
_SHORTEST = 32


def score(model: keras.Model, texts_or_ids: Any, *, tokenizer: Any = None) -> Any:
    """The log-probability, in nats, of each token given those before it.

    The first of the ids has no score: n ids give n - 1 values. A text begins with the tokenizer's
    `start_id`, if it has one (`prepare_lm` sets it for documents): then each of its tokens has a
    score. A model of another package whose output is (batch, time, vocab) is taken to be causal.

    Args:
        model: a language model, see `generate`.
        texts_or_ids: a string, a list of strings, one list of ids, or a list of lists of ids.
        tokenizer: needed for text.

    Returns:
        one float32 array (n - 1,) for one text; a list of them for a list.

    Raises:
        PromptError, ArgumentError: as `generate`; for a tokenizer of another vocabulary size; for
            a model whose training diverged.

    Example:
        >>> import keras, lmzoo
        >>> model = keras.Sequential([keras.layers.Embedding(5, 4), keras.layers.Dense(5)])
        >>> lmzoo.score(model, [[3, 1, 2], [4]])[0].shape
        (2,)
    """
    prompts = Prompts(texts_or_ids, tokenizer)
    stepper = prepare(model, prompts, 0, prompts.tokenizer)
    prompts.check_targets(stepper.vocab_size)
    if isinstance(stepper, RecomputingStepper):
        answers = [_score_plain(stepper.plain, row) for row in prompts.rows]
    else:
        answers = _score_batches(stepper, prompts.rows)
    if any(np.isnan(answer).any() for answer in answers):
        raise diverged()
    return prompts.collect(answers)


def _score_batches(stepper: Stepper, rows: list[np.ndarray]) -> list[np.ndarray]:
    """Scores rows of similar length together, padded on the right."""
    answers: list[Any] = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    start = 0
    while start < len(order):
        # The widest row of a group is not known before its size: take the next power of two.
        width = bucket(len(rows[order[start]]), _SHORTEST, stepper.max_length)
        fits = max(1, _LOGITS_AT_ONCE // (width * stepper.vocab_size))
        group = [i for i in order[start : start + fits] if len(rows[i]) <= width]
        tokens = pad_rows([rows[i] for i in group], width)
        missing = bucket(len(group), 1, fits) - len(group)
        tokens = np.pad(tokens, ((0, missing), (0, 0)))
        values = ops.convert_to_numpy(compiled.run(stepper.model, _target_scores, tokens))
        for row, i in enumerate(group):
            answers[i] = values[row, : len(rows[i]) - 1].copy()
        start += len(group)
    return answers


def _target_scores(model: keras.Model, tokens: Tensor) -> Tensor:
    """Log-probabilities (batch, time - 1) of tokens (batch, time) from their second on."""
    return _log_probabilities(model(tokens, training=False)[:, :-1], tokens[:, 1:])


def _log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    """Log-softmax of logits (..., vocab) at targets (...)."""
    logits = ops.cast(logits, "float32")
    targets = ops.cast(targets, "int32")
    chosen = ops.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return chosen - ops.logsumexp(logits, axis=-1)


def _score_plain(plain: PlainModel, row: np.ndarray) -> np.ndarray:
    """Scores one row (time,) with a model that offers no `step`."""
    if len(row) == 1:
        return np.zeros(0, "float32")
    if plain.fixed_length is not None:
        # Every token's own window: (time - 1, fixed_length).
        windows = [plain.fit(row[None, :end])[0] for end in range(1, len(row))]
        logits = plain.next_logits(np.stack(windows))
    elif plain.per_token:
        logits = plain.logits(row[None, :-1])[0]
    else:
        contexts = [plain.next_logits(row[None, :end]) for end in range(1, len(row))]
        logits = ops.concatenate(contexts, axis=0)  # (time - 1, vocab)
    return ops.convert_to_numpy(_log_probabilities(logits, row[1:]))
