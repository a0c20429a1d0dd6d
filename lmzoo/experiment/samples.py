"""Text that a trained model writes: on the terminal, and as a sample that the grammar judges."""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from lmzoo.data.encode import count_words
from lmzoo.errors import PromptError
from lmzoo.generation import generate, score, stream
from lmzoo.generation.continuation import Continuation
from lmzoo.generation.prompts import text_ids

LONGEST_DOCUMENT = 127  # tokens; with the end token in front they fill a power of two


class Writer:
    """Continues prompts as text, piece by piece, beyond a model's longest sequence too.

    Args:
        model: a language model.
        tokenizer: its tokenizer.
        is_stream: whether the model learned from one long text rather than from documents, each
            of which begins after an end token.
        settings: arguments of `lmzoo.stream` by name, such as {"temperature": 0.8}.
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Any,
        *,
        is_stream: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.tokenizer, self.is_stream = model, tokenizer, is_stream
        self.settings = {"max_new_tokens": 100, **(settings or {})}

    @property
    def _longest(self) -> float:
        """The longest sequence that the model takes."""
        return getattr(self.model, "max_length", None) or math.inf

    def prompt_ids(self, prompt: str) -> list[int]:
        """The ids that the model reads before it writes.

        Args:
            prompt: text to continue; an empty one lets the model begin.

        Returns:
            At least one id.

        Raises:
            PromptError: the prompt is too long for the model, or has characters that a char
                tokenizer has never seen.
        """
        ids = text_ids(prompt, self.tokenizer) if prompt else []
        if not self.is_stream:
            ids = [self.tokenizer.eos_id, *ids]
        ids = ids or self.tokenizer.encode("\n") or [self.tokenizer.eos_id]
        if len(ids) >= self._longest:
            raise PromptError(
                f"the prompt has {len(ids)} tokens, and the model reads fewer than "
                f"{self._longest}: shorten it"
            )
        return ids

    def pieces(self, prompt: str) -> Iterator[str]:
        """Gives the continuation of a prompt, piece by piece.

        Args:
            prompt: text to continue; an empty one lets the model begin.

        Yields:
            Text; a piece never holds a part of a character.

        Raises:
            PromptError: the prompt is too long for the model, or has characters that a char
                tokenizer has never seen.
        """
        given = self.prompt_ids(prompt)
        decoder, new, shown = Continuation(given, self.tokenizer), [], ""
        for token in self._tokens(given):
            new.append(token)
            text = decoder.decode(new)
            # A tokenizer may still change the spacing at the end: wait for the next token.
            if len(text) > len(shown) and text.startswith(shown):
                yield text[len(shown) :]
                shown = text
        yield decoder.finish(new)[len(shown) :]

    def _tokens(self, ids: Sequence[int]) -> Iterator[int]:
        """New ids; when the model's memory is full it goes on from the latter half of the text."""
        settings, context = dict(self.settings), list(ids)
        left = settings.pop("max_new_tokens")
        while left:
            count = int(min(left, self._longest - len(context)))
            new = []
            for token in stream(
                self.model, context, tokenizer=self.tokenizer, max_new_tokens=count, **settings
            ):
                new.append(token)
                yield token
            left -= count
            if len(new) < count:  # the end of the text
                return
            if left:
                context = (context + new)[-int(self._longest) // 2 :]
            if settings.get("seed") is not None:
                settings["seed"] += 1

    def show(self, prompt: str, *, indent: str = "  ") -> None:
        """Prints a prompt and its continuation as it comes."""
        print(indent + prompt.replace("\n", "\n" + indent), end="", flush=True)
        before = prompt
        for piece in self.pieces(prompt):
            if not before:
                piece = piece.lstrip()
            before += piece
            print(piece.replace("\n", "\n" + indent), end="", flush=True)
        print()

    def interact(self) -> None:
        """Asks for prompts and continues them until the input ends."""
        print("\nType a beginning and press Enter; Ctrl-D ends.")
        while True:
            try:
                prompt = input("> ") if sys.stdin.isatty() else sys.stdin.readline()
            except EOFError:
                break
            if not prompt and not sys.stdin.isatty():
                break
            try:
                self.show(prompt.strip("\r\n"))
            except PromptError as error:
                print(f"  {error}")


def sample_documents(
    model: keras.Model, tokenizer: Any, count: int, *, seed: int, batch_size: int = 250
) -> list[str]:
    """Lets a model write documents from their beginning to their end, at temperature 1.

    Args:
        model: a language model of documents.
        tokenizer: its tokenizer.
        count: how many.
        seed: same seed, same documents.
        batch_size: how many at once.

    Returns:
        The texts, without end tokens; one that found no end is cut at the model's longest.
    """
    longest = min(LONGEST_DOCUMENT, (getattr(model, "max_length", None) or 1 << 30) - 1)
    texts: list[str] = []
    while len(texts) < count:
        prompts = [[tokenizer.eos_id]] * min(batch_size, count)
        rows = generate(
            model, prompts, tokenizer=tokenizer, max_new_tokens=longest, seed=seed + len(texts)
        )
        texts += [tokenizer.decode(row[1:]) for row in rows]
    return texts[:count]


def against_grammar(
    model: keras.Model, data: Any, count: int, *, language: str, seed: int
) -> dict[str, Any]:
    """Compares a model with the grammar that its data came from.

    Args:
        model: a language model.
        data: an LMData of the grammar.
        count: how many documents are sampled from the model.
        language: "en" or "zh".
        seed: of the sample.

    Returns:
        `parsed`: the share of sampled documents that the grammar can make; `sampled`: how many
        there were; `excess_per_word_error`: the standard error of `excess_per_word`.
    """
    from lmzoo import grammar

    texts = sample_documents(model, data.tokenizer, count, seed=seed)
    parsed = sum(grammar.parses(text, language=language) for text in texts) / len(texts)
    error = excess_error(model, data)
    return {"parsed": parsed, "sampled": len(texts), "excess_per_word_error": error}


def excess_error(model: keras.Model, data: Any) -> float | None:
    """The standard error of the nats per word by which a model misses the grammar's floor.

    The model's nats and the grammar's are compared document by document, so that what makes a
    document hard for both does not count.

    Args:
        model: a language model.
        data: an LMData of the grammar.

    Returns:
        The standard error for the whole validation set, or None where a document is longer than
        the model's longest sequence, or there are fewer than two.
    """
    eos, ids = data.tokenizer.eos_id, data.ids("valid")
    ends = np.flatnonzero(ids == eos)  # `eos document eos ... eos`
    rows = [ids[start : end + 1] for start, end in itertools.pairwise(ends)]
    longest = getattr(model, "max_length", None) or math.inf
    if len(rows) < 2 or max(map(len, rows)) > longest:
        return None
    nats = [-float(np.sum(values, dtype=np.float64)) for values in score(model, rows)]
    excess = np.array(nats) - data.floor_per_document
    words = np.array([count_words(data.tokenizer.decode(row)) for row in rows])
    ratio = excess.sum() / words.sum()
    return float(np.std(excess - ratio * words, ddof=1) / words.mean() / math.sqrt(len(rows)))
