"""The text of a continuation: decoded after its prompt, cut at stop strings, shown when stable."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

# What a decoder gives for bytes that are no character (yet).
_BROKEN = "\N{REPLACEMENT CHARACTER}"
# Tokenizers whose text only grows with each token; others may change the last word's spacing.
_APPEND_ONLY = ("byte", "char", "bpe", "unigram")


class Continuation:
    """Turns the ids that continue a prompt into text, decoding the prompt's before them."""

    def __init__(
        self, prompt: Iterable[int], tokenizer: Any, stops: Sequence[str] = (), given: str = ""
    ) -> None:
        self._prompt = [int(token) for token in prompt]
        self._before = tokenizer.decode(self._prompt)
        self._tokenizer = tokenizer
        self._stops = stops
        # Many tokenizers drop a space at the prompt's end: the next word brings it again.
        self._has_space = given.endswith(" ") and not self._before.endswith(" ")

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, stop strings included, an unfinished character at the end left out."""
        ids = [int(token) for token in ids]
        text = self._after_prompt(self._tokenizer.decode(self._prompt + ids))
        return self._continue(self._tokenizer.decode(ids) if text is None else text)

    def _after_prompt(self, whole: str) -> str | None:
        """What follows the prompt in the whole text; None where that does not begin with it."""
        if whole.startswith(self._before):
            return whole[len(self._before) :]
        # New words may change the prompt's spaces (by closing a quotation), nothing else of it.
        start = 0
        for letter in "".join(self._before.split()):
            while whole[start : start + 1].isspace():
                start += 1
            if whole[start : start + 1] not in ("", letter):
                return None
            start += 1
        return whole[start:]

    def _continue(self, text: str) -> str:
        return (text.removeprefix(" ") if self._has_space else text).rstrip(_BROKEN)

    def stable(self, ids: Sequence[int]) -> str:
        """The part of the text of ids that further ids will not change."""
        if hasattr(self._tokenizer, "settled"):
            text = self._after_prompt(self._tokenizer.settled([*self._prompt, *ids]))
            return self.decode(ids) if text is None else self._continue(text)
        text = self.decode(ids)
        if getattr(self._tokenizer, "kind", None) in _APPEND_ONLY:
            return text
        pairs = zip(text, self.decode(ids[:-1]), strict=False)
        return "".join(a for a, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

    def stop_at(self, text: str) -> int | None:
        """Where the stop string that is complete first begins, or None; however text was split."""
        starts = [(text.find(stop), stop) for stop in self._stops]
        matches = [(start + len(stop), start) for start, stop in starts if start >= 0]
        return min(matches)[1] if matches else None

    def finish(self, ids: Iterable[int]) -> str:
        """The text of the whole continuation, cut at the first stop string."""
        text = self.decode(ids)
        return text[: self.stop_at(text)].rstrip(_BROKEN)

    def settled(self, text: str) -> int:
        """How many characters can be shown already: what follows may begin a stop string."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for start in range(max(len(text) - longest, 0), len(text)):
            if any(stop.startswith(text[start:]) for stop in self._stops):
                return start
        return len(text)

    def whole_ids(self, ids: Sequence[int], characters: int) -> int:
        """How many of the ids spell no more than this many characters."""
        count = len(ids)
        while count and len(self.decode(ids[:count])) > characters:
            count -= 1
        return count
