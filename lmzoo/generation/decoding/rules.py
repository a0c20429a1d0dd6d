"""The rules of choosing a token: their values checked, in the precision in which they are used."""

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError, PromptError, listed
from lmzoo.generation.prompts import check_ids, padded, require, require_count, row_of_ids, text_ids
from lmzoo.typing import Tensor

Rules = dict[str, Tensor]
Check = tuple[Callable[[Any], bool], str]

_FRACTION: Check = (lambda v: 0 < v <= 1, "above 0 and at most 1; 1 or None keeps every token")
_FLOOR: Check = (lambda v: 0 <= v <= 1, "between 0 and 1; 0 or None keeps every token")
# Numbers that have a range; `repetition_penalty` so that no logit overflows.
_RANGES: dict[str, Check] = {
    "temperature": (lambda v: 0 <= v < np.inf, "0 or a finite number > 0"),
    "top_p": _FRACTION,
    "typical_p": _FRACTION,
    "min_p": _FLOOR,
    "eta_cutoff": _FLOOR,
    "repetition_penalty": (lambda v: 1e-6 <= v <= 1e6, "between 1e-6 and 1e6; 1 for none"),
}
_COUNTS = ("top_k", "no_repeat_ngram")
_TOKENS = ("logit_bias", "banned_tokens", "bad_words")
NAMES = (*_RANGES, *_COUNTS, *_TOKENS)
# The values that change nothing.
_NEUTRAL = {"temperature": 0, "repetition_penalty": 1, "top_p": 1, "typical_p": 1, "min_p": 0}
_NEUTRAL |= {"eta_cutoff": 0}
_FLOAT32 = np.finfo(np.float32)
_INT32 = np.iinfo(np.int32).max


def check_filters(filters: Mapping[str, Any] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The filters, and what is given as arguments, by name; ArgumentError outside their ranges."""
    if not isinstance(filters or {}, Mapping):
        raise ArgumentError(f"filters is {filters!r}: pass a dict, such as {{'typical_p': 0.9}}")
    values = {name: value for name, value in given.items() if value is not None}
    for name, value in (filters or {}).items():
        if name not in NAMES:
            raise ArgumentError(f"no filter is called {name!r}: choose from {', '.join(NAMES)}")
        if name in values:
            raise ArgumentError(f"{name} is given as an argument and in filters: leave one out")
        if value is not None:
            values[name] = value
    for name, value in values.items():
        if name in _RANGES:
            require(name, value, *_RANGES[name])
        elif name in _COUNTS:
            require_count(name, value, 1)
    return values


def make_rules(
    values: Mapping[str, Any], tokenizer: Any, vocab_size: int, min_new_tokens: int
) -> Rules:
    """The rules of `choose` for checked values, without those that change nothing."""
    rules: Rules = {}
    is_greedy = not values.get("temperature", 1)
    sampling = ("temperature", "top_k", "top_p", "min_p", "typical_p", "eta_cutoff")
    for name in (name for name in (*_RANGES, *_COUNTS) if name in values):
        value = values[name]
        if (is_greedy and name in sampling) or value == _NEUTRAL.get(name):
            continue
        if name in _COUNTS:
            rules[name] = np.int32(min(value, _INT32))
        elif name in _RANGES:
            # Float32 would round the smallest numbers to 0, and the largest to infinity.
            rules[name] = np.float32(np.clip(value, _FLOAT32.tiny, _FLOAT32.max))
    if "logit_bias" in values:
        rules["logit_bias"] = _bias(values["logit_bias"], tokenizer, vocab_size)
    if "banned_tokens" in values:
        rules["allowed"] = ~token_mask(values["banned_tokens"], vocab_size, "banned_tokens")
    if "bad_words" in values:
        rules["bad_words"] = _bad_words(values["bad_words"], tokenizer, vocab_size)
    if min_new_tokens:
        rules["min_new_tokens"] = np.int32(min_new_tokens)
    return rules


def token_mask(tokens: Any, vocab_size: int, name: str) -> np.ndarray:
    """Booleans (vocab,) of ids, or such booleans as they are."""
    values = np.asarray(tokens if hasattr(tokens, "__array__") else listed(tokens, name))
    if values.dtype == bool:
        if values.shape != (vocab_size,):
            raise ArgumentError(
                f"{name} is booleans of shape {values.shape}: give one for each of the "
                f"{vocab_size} tokens, or ids"
            )
        return values
    ids = row_of_ids(values, name)
    check_ids(ids, vocab_size, name)
    mask = np.zeros(vocab_size, bool)
    mask[ids] = True
    return mask


def _bias(bias: Any, tokenizer: Any, vocab_size: int) -> np.ndarray:
    """Float32 (vocab,), what is added to each logit."""
    if not isinstance(bias, Mapping):
        raise ArgumentError(f"logit_bias is {bias!r}: give a dict from tokens to numbers")
    values = np.zeros(vocab_size, np.float32)
    for token, number in bias.items():
        ids = _word_ids(token, tokenizer, vocab_size, "logit_bias")
        if len(ids) != 1:
            raise ArgumentError(f"logit_bias names {token!r}, which is {len(ids)} tokens: name one")
        finite = "a number between -1e30 and 1e30; banned_tokens removes tokens"
        require(f"logit_bias of {token!r}", number, lambda v: -1e30 <= v <= 1e30, finite)
        values[ids] = number
    return values


def _bad_words(words: Any, tokenizer: Any, vocab_size: int) -> np.ndarray:
    """The ids of the words, int32 (words, longest), -1 to the left of each."""
    rows = []
    for word in listed(words, "bad_words"):
        rows.append(_word_ids(word, tokenizer, vocab_size, "bad_words"))
        if isinstance(word, str):  # its pieces differ behind a space, if the tokenizer has one
            with contextlib.suppress(PromptError):
                rows.append(_word_ids(f" {word}", tokenizer, vocab_size, "bad_words"))
    return padded(rows)


def _word_ids(word: Any, tokenizer: Any, vocab_size: int, name: str) -> list[int]:
    """The ids of a text, of an id, or of a list of ids."""
    if isinstance(word, str) and tokenizer is None:
        raise ArgumentError(f"{name} holds the text {word!r}: pass the tokenizer as well")
    if isinstance(word, str):
        ids = text_ids(word, tokenizer)
    else:
        given = [word] if isinstance(word, int | np.integer) else word
        ids = row_of_ids(given, name).tolist()
    if not ids:
        raise ArgumentError(f"{name} holds {word!r}, which has no token: leave it out")
    check_ids(ids, vocab_size, name)
    return ids
