"""A conversation with a model that has learned replies."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from lmzoo.dialogue_format import BOT, FACT, USER, dialogue_context
from lmzoo.errors import PromptError, listed
from lmzoo.generation.copying import answer_text
from lmzoo.generation.streaming import stream


class Conversation:
    """A dialogue with a model, which generates the next reply from `turns`: (speaker, text) so far.

    Args:
        model: a Seq2SeqModel that was trained on dialogues.
        tokenizer: its tokenizer, or a pair: that of the context and that of the replies.
        facts: what both know from the start, such as a line about the model's persona.
        user, bot: the names of the user's and of the model's turns; None: those of the dialogues
            that the model was trained on, which the tokenizer remembers.
        window: how many of the last turns are the context of a reply; None: all.
        max_new_tokens: most tokens of a reply.
        **sampling: further arguments of `lmzoo.stream`, such as temperature=0.7; greedy by default.

    Example:
        >>> import lmzoo
        >>> words = lmzoo.data.train_tokenizer(["<|user|> hi", "hello"], kind="whitespace")
        >>> model = lmzoo.build_gru_seq2seq(words.vocab_size, embed_dim=8, hidden_dim=8)
        >>> reply = list(lmzoo.generation.Conversation(model, words, max_new_tokens=3).reply("hi"))
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Any,
        *,
        facts: Sequence[str] = (),
        user: str | None = None,
        bot: str | None = None,
        window: int | None = None,
        max_new_tokens: int = 64,
        **sampling: Any,
    ) -> None:
        pair = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
        self.model = model
        self._reader, self._writer = pair
        names = getattr(self._reader, "report", {}).get("speakers") or (USER, BOT)
        self.user, self.bot, self.window = user or names[0], bot or names[1], window
        self.turns = [(FACT, text) for text in listed(facts, "facts") if text]
        self._sampling = {"temperature": 0.0, **sampling, "max_new_tokens": max_new_tokens}

    def reply(self, text: str) -> Iterator[str]:
        """Generates the pieces of the reply to a text; at its end, both become turns.

        The turns before are forgotten, the oldest first, where the encoder cannot hold all of them.
        """
        turns = [*self.turns, (self.user, text)]
        context, source = self._read(turns)
        sides = (self._reader, self._writer)
        ids: list[int] = []
        shown = ""
        for token in stream(self.model, source, tokenizer=self._writer, **self._sampling):
            ids.append(token)
            settled = answer_text(self.model, sides, context, ids, settled=True)
            if len(settled) > len(shown):
                yield settled[len(shown) :]
                shown = settled
        reply = answer_text(self.model, sides, context, ids)
        if len(reply) > len(shown):
            yield reply[len(shown) :]
        self.turns = [*turns, (self.bot, reply)]

    def _read(self, turns: Sequence[tuple[str, str]]) -> tuple[str, list[int]]:
        """The context of a reply, and its ids: words that the tokenizer lacks are unknown ones."""
        if not self._reader.encode(turns[-1][1]):
            raise PromptError(f"{turns[-1][1]!r} has no token: say something else")
        longest = getattr(getattr(self.model, "encoder", None), "max_length", None) or math.inf
        spoken = sum(speaker != FACT for speaker, _ in turns)
        for window in range(min(self.window or spoken, spoken), 0, -1):
            context = dialogue_context(turns, window)
            source = [int(token) for token in self._reader.encode(context)]
            if len(source) <= longest:
                break
        return context, source
