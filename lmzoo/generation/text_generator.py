"""Text from a language model, piece by piece, beyond its longest sequence too."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from lmzoo.errors import PromptError
from lmzoo.generation.continuation import Continuation
from lmzoo.generation.prompts import text_ids
from lmzoo.generation.streaming import stream


class TextGenerator:
    """Continues prompts as text, where prompts of documents begin after an end token.

    Args:
        model: a language model.
        tokenizer: its tokenizer.
        documents: whether the model learned from documents, each after an end token.
        max_new_tokens: most tokens of a continuation, which may outgrow the model's sequences.
        **settings: temperature, top_k, ...: as `generate`.

    Example:
        >>> import lmzoo
        >>> chars = lmzoo.data.train_tokenizer(["a dog"], kind="char")
        >>> model = lmzoo.build_gru_lm(chars.vocab_size, embed_dim=8, hidden_dim=8)
        >>> text = list(lmzoo.generation.TextGenerator(model, chars, max_new_tokens=3).stream("a"))
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Any,
        *,
        documents: bool = True,
        max_new_tokens: int = 100,
        **settings: Any,
    ) -> None:
        self.model, self.tokenizer, self.documents = model, tokenizer, documents
        self.max_new_tokens, self.settings = max_new_tokens, settings

    @property
    def _max_length(self) -> float:
        return getattr(self.model, "max_length", None) or math.inf

    def prompt_ids(self, prompt: str = "") -> list[int]:
        """The ids, at least one, that are prefilled for a prompt, which may be empty."""
        ids = text_ids(prompt, self.tokenizer) if prompt else []
        if self.documents:
            ids = [self.tokenizer.eos_id, *ids]
        ids = ids or self.tokenizer.encode("\n") or [self.tokenizer.eos_id]
        if len(ids) >= self._max_length:
            raise PromptError(
                f"the prompt has {len(ids)} tokens, and the model takes fewer than "
                f"{self._max_length}: shorten it"
            )
        return ids

    def stream(self, prompt: str = "") -> Iterator[str]:
        """Generates a prompt's continuation, in pieces of whole characters."""
        context = self.prompt_ids(prompt)
        decoder, ids, shown = Continuation(context, self.tokenizer, given=prompt), [], ""
        for token in self._tokens(context):
            ids.append(token)
            text = decoder.stable(ids)
            if len(text) > len(shown):
                yield text[len(shown) :]
                shown = text
        yield decoder.finish(ids)[len(shown) :]

    def show(self, prompt: str = "", *, indent: str = "  ") -> None:
        """Prints a prompt and its continuation as it is generated, each line after `indent`."""
        print(indent + prompt.replace("\n", "\n" + indent), end="", flush=True)
        is_begun = bool(prompt)
        for piece in self.stream(prompt):
            piece = piece if is_begun else piece.lstrip()
            is_begun = is_begun or bool(piece)
            print(piece.replace("\n", "\n" + indent), end="", flush=True)
        print()

    def _tokens(self, context: Sequence[int]) -> Iterator[int]:
        """New ids; when the longest sequence is reached, its latter half is the next context."""
        settings, left = dict(self.settings), self.max_new_tokens
        while left:
            count = int(min(left, self._max_length - len(context)))
            ids = []
            for token in stream(
                self.model, context, tokenizer=self.tokenizer, max_new_tokens=count, **settings
            ):
                ids.append(token)
                yield token
            left -= count
            if len(ids) < count:  # the end of the text
                return
            if left:
                context = [*context, *ids][-int(self._max_length) // 2 :]
            if settings.get("seed") is not None:
                settings["seed"] += 1
