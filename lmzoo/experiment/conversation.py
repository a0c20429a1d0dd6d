"""A conversation with a model that has learned replies."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras

from lmzoo.data.dialogue import BOT, FACT, USER, Dialogue
from lmzoo.errors import LmzooError, PromptError
from lmzoo.generation import answer_text, stream


class Conversation:
    """What was said so far, as `lmzoo.data.read_dialogues` writes it, and the model's next reply.

    Args:
        model: a Seq2SeqModel that was trained on such pairs.
        tokenizer: its tokenizer, or a pair of them; see `Seq2SeqData.tokenizers`.
        facts: what both know from the start, such as a line about the model's persona.
        user: who speaks to the model.
        bot: who the model is.
        window: how many turns before a reply are read; None: all.
        max_new_tokens: most tokens of a reply.
        sampling: further arguments of `lmzoo.stream`, such as temperature=0.7; greedy by default.

    Attributes:
        dialogue: the turns so far.

    Example:
        >>> import lmzoo
        >>> tokenizer = lmzoo.data.train_tokenizer(["<|user|> hi", "hello"], kind="whitespace")
        >>> model = lmzoo.build_gru_seq2seq(tokenizer.vocab_size, embed_dim=8, hidden_dim=8)
        >>> talk = Conversation(model, tokenizer, max_new_tokens=3)
        >>> reply = "".join(talk.reply("hi"))
        >>> talk.dialogue.turns[0]
        ('user', 'hi')
    """

    def __init__(
        self,
        model: keras.Model,
        tokenizer: Any,
        *,
        facts: Sequence[str] = (),
        user: str = USER,
        bot: str = BOT,
        window: int | None = None,
        max_new_tokens: int = 64,
        **sampling: Any,
    ) -> None:
        pair = tokenizer if isinstance(tokenizer, tuple) else (tokenizer, tokenizer)
        self.model = model
        self._reader, self._writer = pair
        self.user, self.bot, self.window = user, bot, window
        self.dialogue = Dialogue([(FACT, text) for text in facts if text])
        self._sampling = {"temperature": 0.0, **sampling, "max_new_tokens": max_new_tokens}

    def reply(self, text: str) -> Iterator[str]:
        """Says something to the model; the reply belongs to the dialogue once it has ended.

        Args:
            text: what the user says.

        Yields:
            The pieces of the reply.

        Raises:
            PromptError: what was said has no token.
        """
        self.dialogue.turns.append((self.user, text))
        # As ids: words that the tokenizer has never seen are read as unknown ones.
        said = self.dialogue.context(self.window)
        ids = [int(token) for token in self._reader.encode(said)]
        if not ids:
            self.dialogue.turns.pop()
            raise PromptError(f"{text!r} has no token: say something else")
        written: list[int] = []
        shown = ""
        for token in stream(self.model, ids, tokenizer=self._writer, **self._sampling):
            written.append(token)
            whole = answer_text(self.model, (self._reader, self._writer), said, written)
            if whole.startswith(shown) and not whole.endswith("\N{REPLACEMENT CHARACTER}"):
                yield whole[len(shown) :]
                shown = whole
        self.dialogue.turns.append((self.bot, shown))


def converse(reply: Callable[[str], Iterable[str]]) -> None:
    """Asks for texts and prints what comes of each, until the input ends.

    Args:
        reply: gives the pieces of what comes of a text; they are printed as they come.
    """
    print("\na text, then Enter; an empty line ends")
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            return
        if not text:
            return
        try:
            print("  ", end="")
            for piece in reply(text):
                print(piece, end="", flush=True)
            print()
        except LmzooError as error:
            print(error)
