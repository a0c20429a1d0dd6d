"""Prompts: the kinds of input as rows of ids, and answers of the same kind."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError, PromptError, listed

MOST_NUMBERS = 2**28  # in a buffer of ids or of logits


class Prompts:
    """Prompts as `rows` of ids (or of features), the `sources` of an encoder, and their kind."""

    def __init__(self, prompts: Any, tokenizer: Any = None) -> None:
        pair = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
        self._reader, self.tokenizer = pair
        self.sources: list[np.ndarray] | None = None
        self.is_text = isinstance(prompts, str) or _is_texts(prompts)
        self.is_single = isinstance(prompts, str) or (not self.is_text and _is_row(prompts))
        self._given = [prompts] if self.is_single else list(prompts)
        if not self._given:
            raise PromptError("prompts are empty: pass at least one prompt with one token")
        encode = self._encode if self.is_text else _row
        self.rows: list[np.ndarray] = [encode(given) for given in self._given]

    def _encode(self, text: str) -> np.ndarray:
        if self._reader is None:
            raise PromptError(
                f"the prompt {_short(text)} is text, and no tokenizer was given: pass tokenizer=..."
            )
        ids = text_ids(text, self._reader)
        if not ids and self._start is None:
            raise no_tokens(text)
        return np.array(ids, "int32")

    @property
    def _start(self) -> int | None:
        """What began every text in training."""
        return getattr(self._reader, "start_id", None)

    def begin_texts(self) -> None:
        """Puts what began every text in training in front of prompts that are text."""
        if self.is_text and self._start is not None:
            self.rows = [np.array([self._start, *row], "int32") for row in self.rows]

    def check_ids(self, limit: int | None) -> None:
        """Raises PromptError for an id outside [0, limit); without a limit, for ids."""
        for row in self.rows:
            if (limit is None) != (row.ndim == 2):
                kinds = ("features", "ids") if limit is None else ("ids", "features")
                raise PromptError(f"the model takes {kinds[0]}, and the prompt holds {kinds[1]}")
            if limit is not None:
                check_ids(row, limit, "the prompt")

    def check_targets(self, vocab_size: int) -> None:
        """Raises PromptError for an id that the model cannot predict."""
        for row in self.rows:
            check_ids(row[1:], vocab_size, "the text")

    def check_length(self, new_tokens: int, max_length: int | None) -> None:
        """Raises PromptError if a prompt plus its new tokens is longer than the model can hold."""
        longest = max(len(row) for row in self.rows)
        if max_length is not None and longest + new_tokens > max_length:
            room = max_length - longest
            remedy = f"at most {room} new tokens fit" if room > 0 else "shorten the prompt"
            raise PromptError(
                f"a prompt of {longest} tokens plus {new_tokens} new tokens is "
                f"{longest + new_tokens}, more than the model's max_length {max_length}: {remedy}"
            )

    def become_sources(self, begin: int) -> None:
        """Makes the prompts the encoder's rows, and the id `begin` what every answer continues."""
        for row, given in zip(self.rows, self._given, strict=True):
            if not len(row):
                raise no_tokens(given)
        self.sources = self.rows
        self.rows = [np.array([begin], "int32") for _ in self.sources]

    def context(self, index: int) -> np.ndarray:
        """The ids of the text that an answer continues, without those that begin it."""
        return self.rows[index] if self.sources is None else self.rows[index][:0]

    def answer_ids(self, index: int, ids: np.ndarray) -> Any:
        """The prompt's ids (not a source's) and then `ids`, as an array if the prompt was one."""
        whole = np.concatenate([self.context(index), ids]).astype("int32")
        is_array = hasattr(self._given[index], "__array__")
        return whole if is_array else whole.tolist()

    def given_text(self, index: int) -> str:
        """The text that an answer continues as it was given; "" for ids and of sources."""
        return self._given[index] if self.is_text and self.sources is None else ""

    def collect(self, answers: list[Any]) -> Any:
        """One answer for one prompt, a list for a list."""
        return answers[0] if self.is_single else answers


def text_ids(text: str, tokenizer: Any) -> list[int]:
    """Encodes text, raising PromptError where a char tokenizer lacks a character."""
    if getattr(tokenizer, "kind", None) == "char" and hasattr(tokenizer, "unknown"):
        unknown = tokenizer.unknown(text)
        if unknown:
            names = ", ".join(repr(c) for c in unknown)
            raise PromptError(
                f"the tokenizer does not know the characters {names} of the prompt "
                f"{_short(text)}: leave them out, or train the tokenizer on text that has them"
            )
    return [int(token) for token in tokenizer.encode(text)]


def check_ids(ids: Iterable[int], limit: int, name: str) -> None:
    """Raises PromptError for the first id outside [0, limit)."""
    for token in ids:
        if not 0 <= token < limit:
            raise PromptError(
                f"{name} holds the id {token}, outside the model's vocabulary of {limit} tokens "
                f"(0 to {limit - 1}): encode it with the tokenizer that the model was trained with"
            )


def check_tokenizer(tokenizer: Any, vocab_size: int) -> None:
    """Raises ArgumentError if tokenizer and model disagree about the vocabulary's size."""
    size = getattr(tokenizer, "vocab_size", vocab_size)
    if tokenizer is not None and size != vocab_size:
        raise ArgumentError(
            f"the tokenizer has {size} tokens and the model {vocab_size}: pass the tokenizer that "
            "the model was trained with"
        )


def parse_stop(stop: Any, tokenizer: Any, vocab_size: int) -> tuple[list[int], list[str]]:
    """Splits `stop` into ids and strings; the tokenizer's end token always stops."""
    stop = stop.tolist() if hasattr(stop, "__array__") and not isinstance(stop, str) else stop
    items = list(stop) if isinstance(stop, list | tuple | set | frozenset) else [stop]
    texts = [item for item in items if isinstance(item, str)]
    ids = [item for item in items if item is not None and not isinstance(item, str)]
    for item in ids:
        if isinstance(item, bool) or not isinstance(item, int | np.integer):
            raise ArgumentError(f"stop holds {item!r}: give ids (whole numbers) or strings")
        if not 0 <= item < vocab_size:
            raise ArgumentError(
                f"stop holds the id {item}, outside the model's vocabulary of {vocab_size} tokens "
                f"(0 to {vocab_size - 1})"
            )
    if "" in texts:
        raise ArgumentError("stop holds an empty string, which every text contains: leave it out")
    if texts and tokenizer is None:
        raise ArgumentError(f"stop holds the text {texts[0]!r}: pass the tokenizer as well")
    end = getattr(tokenizer, "eos_id", None)
    unique = {int(item) for item in ids} | ({int(end)} if end is not None else set())
    return sorted(unique), texts


def padded_stops(ids: list[int]) -> np.ndarray:
    """Stop ids filled up with -1 to a power of two, so that their number is rarely new."""
    return np.array(ids + [-1] * (bucket(len(ids), 4, None) - len(ids)), "int32")


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Rows of ids, -1 left of and below them, with sizes of powers of two: (rows, longest)."""
    longest = max((len(row) for row in rows), default=1)
    table = np.full((bucket(len(rows), 4, None), bucket(longest, 2, None)), -1, "int32")
    for number, row in enumerate(rows):
        table[number, -len(row) :] = row
    return table


def row_of_ids(ids: Any, name: str) -> np.ndarray:
    """An argument's whole numbers (n,), whatever holds them; ArgumentError for anything else."""
    values = np.asarray(ids if hasattr(ids, "__array__") else listed(ids, name))
    if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
        raise ArgumentError(f"{name} is {_short(ids)}: give a list of ids (whole numbers)")
    return values.astype("int64")


def pad_rows(rows: Sequence[np.ndarray], width: int) -> np.ndarray:
    """Rows of ids (time,), or of features, as one array (batch, width), 0 to the right of each."""
    tokens = np.zeros((len(rows), width, *rows[0].shape[1:]), rows[0].dtype)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
    return tokens


def bucket(length: int, least: int, most: int | None) -> int:
    """The power of two at or above `length`, at least `least`, and at most `most`."""
    size = max(least, 1 << max(length - 1, 0).bit_length())
    return size if most is None else min(size, max(most, length))


def require(name: str, value: Any, holds: Callable[[Any], bool], wanted: str) -> None:
    """Raises ArgumentError unless `value` is a number (no bool) for which `holds` is true."""
    is_number = isinstance(value, int | float | np.integer | np.floating)
    if isinstance(value, bool) or not is_number or not holds(value):
        raise ArgumentError(f"{name} is {value!r}: it must be {wanted}")


def require_count(name: str, value: Any, least: int) -> None:
    """Raises ArgumentError unless `value` is a whole number of at least `least`."""
    if not isinstance(value, int | np.integer):
        raise ArgumentError(f"{name} is {value!r}: it must be a whole number, {least} or more")
    require(name, value, lambda v: v >= least, f"a whole number, {least} or more")


def check_new_tokens(least: Any, most: Any) -> None:
    """Raises ArgumentError for numbers of new tokens that make no sense."""
    require_count("max_new_tokens", most, 1)
    require_count("min_new_tokens", least, 0)
    if least > most:
        raise ArgumentError(
            f"min_new_tokens is {least} and max_new_tokens {most}: it must be at most that"
        )


def check_room(texts: int, longest: int, new_tokens: int, width: int = 0) -> None:
    """Raises ArgumentError for texts that no memory holds, and numbers that no int32 does."""
    size = texts * max(longest + new_tokens, width)
    if size > MOST_NUMBERS:
        raise ArgumentError(
            f"{texts:,} texts at once of up to {longest:,} tokens and {new_tokens:,} new ones need "
            f"buffers of {size:,} numbers, more than {MOST_NUMBERS:,}: lower max_new_tokens, "
            "num_beams or the number of prompts"
        )


def diverged() -> ArgumentError:
    """The error for logits that are no numbers."""
    return ArgumentError(
        "the model's logits are NaN or infinite: its training diverged; use an earlier checkpoint"
    )


def no_tokens(given: Any) -> PromptError:
    """The error for a prompt that cannot be continued."""
    empty = isinstance(given, str) and not given
    shown = "is an empty string and" if empty else _short(given)
    return PromptError(f"the prompt {shown} has no tokens: pass at least one")


def _is_texts(prompts: Any) -> bool:
    if not isinstance(prompts, list | tuple) or not prompts:
        return False
    texts = sum(isinstance(item, str) for item in prompts)
    if 0 < texts < len(prompts):
        raise PromptError("prompts mix strings and ids: pass either strings or rows of ids")
    return texts > 0


def _is_row(prompts: Any) -> bool:
    """Whether this is one row of ids rather than a list of rows."""
    if hasattr(prompts, "shape"):
        return len(prompts.shape) <= (2 if np.asarray(prompts).dtype.kind == "f" else 1)
    if not isinstance(prompts, list | tuple):
        raise PromptError(
            f"the prompt is {_short(prompts)} of type {type(prompts).__name__}: pass a string, a "
            "list of strings, a list of ids, or a list of lists of ids"
        )
    return bool(prompts) and not (hasattr(prompts[0], "__len__") and np.ndim(prompts[0]) > 0)


def _row(row: Any) -> np.ndarray:
    values = np.asarray(row if hasattr(row, "__array__") else list(row))
    if hasattr(row, "__array__") and values.dtype.kind == "f" and values.ndim == 2 and len(values):
        return values.astype("float32")
    return _not_empty(values, row)


def _not_empty(ids: Any, given: Any) -> np.ndarray:
    """Ids as an int32 array (time,) with at least one of them."""
    values = np.asarray(ids)
    if values.size == 0:
        raise no_tokens(given)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise PromptError(f"the prompt {_short(given)} is not a row of ids (whole numbers)")
    if values.max() > np.iinfo("int32").max or values.min() < 0:
        worst = values.min() if values.min() < 0 else values.max()
        raise PromptError(f"the prompt holds the id {worst}, which no vocabulary has")
    return values.astype("int32")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
