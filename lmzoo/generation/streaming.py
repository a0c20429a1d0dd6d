"""`stream`: a continuation piece by piece."""

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from lmzoo.errors import PromptError
from lmzoo.generation.decoding.batch import DecodedBatch
from lmzoo.generation.decoding.rules import check_filters

# After the first token, the compiled loop returns after every so many.
TOKENS_PER_CALL = 4


def stream(
    model: keras.Model,
    prompt: Any,
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
) -> Iterator[Any]:
    """Continues one prompt, giving each piece of the continuation as soon as it is known.

    The pieces joined are what `generate` adds to the prompt for the same arguments. A piece never
    holds a part of a character, and what may turn out to begin a stop string is held back.
    The iterator can be closed at any time.

    Args:
        model: a language model, see `generate`.
        prompt: a string, or a list of ids.
        tokenizer, max_new_tokens, min_new_tokens, temperature, top_k, top_p, min_p,
            repetition_penalty, no_repeat_ngram, filters, stop, seed: as `generate`.

    Returns:
        an iterator of strings for a string, else of ids (int); without the prompt.

    Raises:
        PromptError, ArgumentError: as `generate`, when called, before the first piece.

    Example:
        >>> import keras, lmzoo
        >>> model = keras.Sequential([keras.layers.Embedding(5, 4), keras.layers.Dense(5)])
        >>> len(list(lmzoo.stream(model, [3, 1], max_new_tokens=2, temperature=0)))
        2
    """
    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    given |= {"repetition_penalty": repetition_penalty, "no_repeat_ngram": no_repeat_ngram}
    values, length = check_filters(filters, given), (min_new_tokens, max_new_tokens)
    batch = DecodedBatch(model, prompt, tokenizer, length, stop, seed, values)
    if not batch.prompts.is_single:
        raise PromptError(
            f"stream takes one prompt, not a list of {batch.size}: use generate for several"
        )
    return _texts(batch) if batch.prompts.is_text else _ids(batch)


def _prefixes(batch: DecodedBatch) -> Iterator[list[int]]:
    """All new ids so far, once for each new one."""
    count = 0
    while not batch.is_done:
        batch.advance(TOKENS_PER_CALL if count else 1)
        batch.check_stop_texts()
        ids = [int(token) for token in batch.new_ids(0)]
        for end in range(count + 1, len(ids) + 1):
            yield ids[:end]
        count = len(ids)


def _texts(batch: DecodedBatch) -> Iterator[str]:
    decoder = batch.continuation(0)
    shown, ids = "", []
    for ids in _prefixes(batch):
        text = decoder.stable(ids)
        if decoder.stop_at(text) is not None:
            break
        text = text[: decoder.settled(text)]
        if len(text) > len(shown):
            yield text[len(shown) :]
            shown = text
    rest = decoder.finish(ids)[len(shown) :]
    if rest:
        yield rest


def _ids(batch: DecodedBatch) -> Iterator[int]:
    shown = 0
    ids: list[int] = []
    for ids in _prefixes(batch):
        ready = len(ids)
        if batch.stop_texts:
            decoder = batch.continuation(0)
            text = decoder.stable(ids)
            if decoder.stop_at(text) is not None:
                break
            ready = decoder.whole_ids(ids, decoder.settled(text))
        yield from ids[shown:ready]
        shown = max(shown, ready)
    yield from batch.ids_before_stop(ids)[shown:]
