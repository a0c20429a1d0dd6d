"""Counts which words of a vocabulary, and which tokens of a text, have a pretrained vector."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lmzoo.pretrained.vector_files import VectorFile

PAD = 0
# The names of ids 0 to 3 in every tokenizer: no words of the text, though a file may have them.
SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
MISSING_SHOWN = 10


@dataclass(frozen=True)
class Coverage:
    """Which words of a vocabulary have a pretrained vector.

    Padding, the special tokens and the newline are not counted.

    Args:
        words: how many words the vocabulary has.
        found: how many of them the file has, as they are written.
        lowered: how many more it has in lower case.
        missing: the first of the others, at most ten.
        tokens: how many tokens the text has; None where no counts were given.
        tokens_found: how many of these have a vector.
        sigma: standard deviation of the found vectors' numbers, and of the drawn ones.
        file: what reading found.
    """

    words: int
    found: int
    lowered: int
    missing: tuple[str, ...]
    tokens: int | None
    tokens_found: int | None
    sigma: float
    file: VectorFile

    @property
    def share(self) -> float:
        """The share of the words that have a vector, 0 to 1."""
        return (self.found + self.lowered) / max(self.words, 1)

    @property
    def token_share(self) -> float | None:
        """The share of the tokens that have a vector, 0 to 1; None where no counts were given."""
        if self.tokens is None or self.tokens_found is None:
            return None
        return self.tokens_found / self.tokens

    def describe(self) -> str:
        """Some lines for a reader.

        Returns:
            A string without a newline at its end.
        """
        have = self.found + self.lowered
        lines = [self.file.describe(), f"{have:,} of {self.words:,} words have a vector"]
        lines[-1] += f" ({self.share:.1%}), {self.lowered:,} of them only in lower case"
        if self.token_share is not None:
            lines.append(f"{self.token_share:.1%} of {self.tokens:,} tokens have a vector")
        if left := self.words - have:
            shown = ", ".join(map(repr, self.missing)) + (", ..." * (left > len(self.missing)))
            lines.append(f"{left:,} are drawn, with standard deviation {self.sigma:.3g}: {shown}")
        return "\n".join(lines)


def cover(
    words: list[str],
    exact: np.ndarray,
    lowered: np.ndarray,
    counts: Mapping[str, int] | None,
    sigma: float,
    file: VectorFile,
) -> Coverage:
    """Counts words, and tokens where it is known how many there are.

    Args:
        words: the word of each id.
        exact: int64 (ids,), the row of the word as it is written; -1 where there is none.
        lowered: int64 (ids,), the row of its lower-case form; -1 where there is none.
        counts: how often each word occurs in the text.
        sigma: standard deviation of the found vectors' numbers.
        file: what reading found.

    Returns:
        The coverage.
    """
    ids = [i for i, word in enumerate(words) if i != PAD and _is_word(word)]
    have = {words[i] for i in ids if max(exact[i], lowered[i]) >= 0}
    missing = [words[i] for i in ids if words[i] not in have]
    of_text = {word: n for word, n in (counts or {}).items() if _is_word(word)}
    return Coverage(
        words=len(ids),
        found=sum(bool(exact[i] >= 0) for i in ids),
        lowered=sum(bool(exact[i] < 0 <= lowered[i]) for i in ids),
        missing=tuple(missing[:MISSING_SHOWN]),
        tokens=sum(of_text.values()) or None,
        tokens_found=sum(n for word, n in of_text.items() if word in have) if of_text else None,
        sigma=sigma,
        file=file,
    )


def _is_word(token: str) -> bool:
    """Whether a token counts: a newline is in no file, and special tokens in no text."""
    return token not in SPECIAL_TOKENS and "\n" not in token
