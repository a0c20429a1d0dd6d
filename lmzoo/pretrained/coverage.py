"""The words of a vocabulary, and the tokens of a text, that have a pretrained vector."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lmzoo.pretrained.vector_files import VectorFile
from lmzoo.special_ids import PAD_ID
from lmzoo.tokenizers.base import SPECIAL_TOKENS

MISSING_SHOWN = 10


@dataclass(frozen=True)
class Coverage:
    """Which words of a vocabulary, special tokens and newline aside, have a pretrained vector.

    Args:
        words, found, lowered: number of words, of those in the file, and of others in lower case.
        missing: the first of the remaining ones, at most ten.
        tokens, tokens_found: number of tokens, and of those with a vector; None without counts.
        sigma: standard deviation of the found vectors' numbers, and of the drawn ones.
        file: format and counts of the file.
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
    def fraction(self) -> float:
        """The fraction of the words that have a vector, 0 to 1."""
        return (self.found + self.lowered) / max(self.words, 1)

    @property
    def token_fraction(self) -> float | None:
        """The fraction of the tokens that have a vector, 0 to 1; None without counts."""
        if self.tokens is None or self.tokens_found is None:
            return None
        return self.tokens_found / self.tokens

    def describe(self) -> str:
        """The counts in some lines of text."""
        have = self.found + self.lowered
        lines = [
            self.file.describe(),
            f"{have:,} of {self.words:,} words have a vector ({self.fraction:.1%}), "
            f"{self.lowered:,} of them only in lower case",
        ]
        if self.token_fraction is not None:
            lines.append(f"{self.token_fraction:.1%} of {self.tokens:,} tokens have a vector")
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
    """Count words, and tokens by `counts`; row -1 of a word or its lower-case form is missing."""
    ids = [i for i, word in enumerate(words) if i != PAD_ID and _is_word(word)]
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
