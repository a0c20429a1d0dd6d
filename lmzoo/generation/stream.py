"""`stream`: text or ids as they come."""

from collections.abc import Iterator
from typing import Any

import keras

from lmzoo.errors import PromptError
from lmzoo.generation.decode import Generation

# After the first token, so many are computed between two looks at the loop.
TOKENS_PER_TURN = 4


def stream(
    model: keras.Model,
    prompt: Any,
    *,
    tokenizer: Any = None,
    max_new_tokens: int = 128,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    no_repeat_ngram: int | None = None,
    stop: Any = None,
    seed: int | None = None,
) -> Iterator[Any]:
    """Continue one prompt, giving each piece of the continuation as soon as it is known.

    The pieces joined are what `generate` adds to the prompt for the same arguments. A piece never
    holds a part of a character, and what may turn out to begin a stop string is held back.
    The iterator can be closed at any time.

    Args:
        model: a language model, see `generate`.
        prompt: a string, or a list of ids.
        tokenizer, max_new_tokens, temperature, top_k, top_p, min_p, repetition_penalty,
            no_repeat_ngram, stop, seed: see `generate`.

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
    sampling = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram": no_repeat_ngram,
    }
    generation = Generation(model, prompt, tokenizer, max_new_tokens, stop, seed, sampling)
    if not generation.prompts.is_single:
        raise PromptError(
            f"stream takes one prompt, not a list of {generation.batch}: use generate for several"
        )
    return _texts(generation) if generation.prompts.is_text else _ids(generation)


def _turns(generation: Generation) -> Iterator[list[int]]:
    """All new ids so far, once for each new one."""
    count = 0
    while not generation.is_done:
        generation.advance(TOKENS_PER_TURN if count else 1)
        generation.look_for_stop_texts()
        ids = [int(token) for token in generation.new_ids(0)]
        for end in range(count + 1, len(ids) + 1):
            yield ids[:end]
        count = len(ids)


def _texts(generation: Generation) -> Iterator[str]:
    decoder = generation.continuation(0)
    shown, ids = "", []
    for ids in _turns(generation):
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


def _ids(generation: Generation) -> Iterator[int]:
    shown = 0
    ids: list[int] = []
    for ids in _turns(generation):
        ready = len(ids)
        if generation.stop_texts:
            decoder = generation.continuation(0)
            text = decoder.stable(ids)
            if decoder.stop_at(text) is not None:
                break
            ready = decoder.whole_ids(ids, decoder.settled(text))
        yield from ids[shown:ready]
        shown = max(shown, ready)
    yield from generation.kept_ids(ids)[shown:]
