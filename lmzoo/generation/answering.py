"""`answer`: the most probable targets of many sources."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from lmzoo.errors import PromptError, listed
from lmzoo.generation.copying import answer_text
from lmzoo.generation.decoding.batch import generate
from lmzoo.generation.prompts import bucket, require_count
from lmzoo.generation.search.beam import beam_search


def answer(
    model: keras.Model,
    sources: Sequence[str],
    *,
    tokenizer: Any,
    num_beams: int = 4,
    length_penalty: float = 1.0,
    max_new_tokens: int | None = None,
    batch_size: int = 64,
    progress: Callable[[int], object] | None = None,
) -> list[str]:
    """The most probable target of each source: a translation, a summary, a reply.

    A source may hold what the tokenizer does not know; where a copying model generates an unknown
    word, that of the source takes its place.

    Args:
        model: a Seq2SeqModel.
        sources: any number of texts; those of similar length are searched together.
        tokenizer: that of both sides, or a pair: that of the sources and that of the targets.
        num_beams, length_penalty: as `beam_search`.
        max_new_tokens: most tokens of a target; None: 10 more than twice a batch's longest source.
        batch_size: sources that are searched together.
        progress: called with the number of sources that are done.

    Returns:
        A text for each source, in their order.

    Raises:
        PromptError, ArgumentError: for a source without a token; an argument outside its range.

    Example:
        >>> import lmzoo
        >>> words = lmzoo.data.train_tokenizer(["a dog", "a cat"], kind="word")
        >>> model = lmzoo.build_gru_seq2seq(words.vocab_size, embed_dim=8, hidden_dim=8)
        >>> texts = lmzoo.answer(model, ["a dog", "a cat"], tokenizer=words, num_beams=2)
    """
    sources = listed(sources, "sources")
    require_count("batch_size", batch_size, 1)
    if max_new_tokens is not None:
        require_count("max_new_tokens", max_new_tokens, 1)
    reader, writer = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
    rows = [ids.tolist() for ids in reader.encode_batch(sources)]
    empty = [number for number, row in enumerate(rows) if not row]
    if empty:
        raise PromptError(f"source {empty[0]} is {sources[empty[0]]!r}, which has no token")
    limit = getattr(model, "max_length", None)
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    answers = [""] * len(rows)
    for first in range(0, len(order), batch_size):
        group = order[first : first + batch_size]
        # A power of two of rows, so that the search is compiled rarely and computes little in vain.
        size = bucket(len(group), 1, batch_size)
        batch = [rows[number] for number in group + group[-1:] * (size - len(group))]
        count = max_new_tokens or 2 * len(batch[-1]) + 10
        count = count if limit is None else min(count, limit - 1)
        settings: dict[str, Any] = {"tokenizer": writer, "max_new_tokens": count}
        if num_beams == 1:
            targets = generate(model, batch, temperature=0, **settings)
        else:
            settings |= {"num_beams": num_beams, "length_penalty": length_penalty}
            targets = beam_search(model, batch, **settings)
        for number, ids in zip(group, targets, strict=False):
            answers[number] = answer_text(model, tokenizer, sources[number], ids)
        if progress is not None:
            progress(min(first + batch_size, len(order)))
    return answers
