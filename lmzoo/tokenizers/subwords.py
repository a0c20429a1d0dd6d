"""Segmentations of a text drawn at random: subword regularization and BPE dropout."""

import re
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np

from lmzoo.errors import TokenizerError
from lmzoo.tokenizers.cleaning import lower

if TYPE_CHECKING:
    from lmzoo.tokenizers.sentencepiece import SentencePieceTokenizer

# No piece reaches from a word into the spaces behind it, so that words are drawn one by one.
WORD = re.compile(" *[^ ]+| +")
UNKNOWN_PENALTY = 10.0  # what sentencepiece takes off the lowest score for a character in bytes
MAX_CACHED = 1 << 16
# For each end in a word: where the last piece begins, its ids, and cumulated probabilities.
Lattice = list[tuple[list[int], list[tuple[int, ...]], list[float]]]


class SubwordSampler:
    """Draws segmentations of texts into the pieces of a `bpe` or `unigram` tokenizer.

    Args:
        tokenizer: Of one of these kinds; another raises TokenizerError.
        alpha: For unigram: segmentations are drawn in proportion to their probability to this
            power, above 0: 0.1 draws nearly all, 1 by the model, much more the most probable.
        dropout: For bpe: the rate at which a merge is left out, 0 to 1.

    Raises: TokenizerError for another kind of tokenizer, alpha or dropout.
    Source: Kudo 2018, https://arxiv.org/abs/1804.10959; Provilkov et al. 2020,
    https://arxiv.org/abs/1910.13267

    Example:
        >>> from lmzoo.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low lower lowest"] * 9, kind="bpe")
        >>> ids = SubwordSampler(tokenizer, dropout=0.5).sample("lower", np.random.default_rng(0))
        >>> tokenizer.decode(ids)
        'lower'
    """

    def __init__(
        self, tokenizer: "SentencePieceTokenizer", *, alpha: float = 0.2, dropout: float = 0.1
    ) -> None:
        if getattr(tokenizer, "kind", None) not in ("bpe", "unigram"):
            raise TokenizerError(
                f"the tokenizer is of kind {getattr(tokenizer, 'kind', type(tokenizer))!r}; only "
                "'bpe' and 'unigram' have other segmentations to draw from"
            )
        if not alpha > 0 or not 0 <= dropout <= 1:
            raise TokenizerError(
                f"alpha is {alpha} and dropout {dropout}; alpha must be above 0, dropout 0 to 1"
            )
        self.tokenizer, self.alpha, self.dropout = tokenizer, alpha, dropout
        self._pieces = tokenizer.scored_pieces()
        self._longest = max(map(len, self._pieces), default=1)
        self._unknown = min(score for _, score in self._pieces.values()) - UNKNOWN_PENALTY
        self._lattices: dict[str, Lattice] = {}

    def sample(self, text: str, rng: np.random.Generator) -> list[int]:
        """Ids of one segmentation of a text, which decode to what `encode` would."""
        text = lower(text) if self.tokenizer.lowercase else text
        draw = self._sample_merges if self.tokenizer.kind == "bpe" else self._sample_path
        return [index for word in WORD.findall(text) for index in draw(word, rng)]

    def _ids(self, piece: str) -> tuple[int, ...]:
        """The id of a piece, or of each byte of a character that is none."""
        found = self._pieces.get(piece)
        return (found[0],) if found else self.tokenizer.byte_ids(piece)

    def _sample_merges(self, word: str, rng: np.random.Generator) -> list[int]:
        """Merges the best pair that is not left out this time, until none is left."""
        symbols = list(word)
        while len(symbols) > 1:
            kept = rng.random(len(symbols) - 1) >= self.dropout
            pairs = (
                (-self._pieces[pair][1], place)
                for place in np.flatnonzero(kept)
                if (pair := symbols[place] + symbols[place + 1]) in self._pieces
            )
            _, place = min(pairs, default=(0.0, None))
            if place is None:
                break
            symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
        return [index for symbol in symbols for index in self._ids(symbol)]

    def _sample_path(self, word: str, rng: np.random.Generator) -> list[int]:
        """Draws the last piece, then the one before it, and so on."""
        lattice = self._lattices.get(word)
        if lattice is None:
            if len(self._lattices) == MAX_CACHED:
                self._lattices.clear()
            lattice = self._lattices[word] = self._lattice(word)
        drawn: list[tuple[int, ...]] = []
        end = len(word)
        while end:
            starts, ids, cumulated = lattice[end - 1]
            choice = bisect(cumulated, rng.random() * cumulated[-1], hi=len(starts) - 1)
            drawn.append(ids[choice])
            end = starts[choice]
        return [index for piece in reversed(drawn) for index in piece]

    def _lattice(self, word: str) -> Lattice:
        """All pieces by their ends, with the probability of each given what stands behind it."""
        before = [0.0]  # log of the sum over all segmentations up to a place
        lattice: Lattice = []
        for end in range(1, len(word) + 1):
            starts, ids, logs = [], [], []
            for start in range(max(0, end - self._longest), end):
                piece = word[start:end]
                if piece in self._pieces or end - start == 1:
                    _, score = self._pieces.get(piece, (None, self._unknown))
                    starts.append(start)
                    ids.append(self._ids(piece))
                    logs.append(before[start] + self.alpha * score)
            before.append(float(np.logaddexp.reduce(logs)))
            weights = np.exp(np.array(logs) - before[-1]).tolist()
            lattice.append((starts, ids, list(accumulate(weights))))
        return lattice


def sample_rows(
    rows: np.ndarray, sampler: SubwordSampler, width: int, rng: np.random.Generator
) -> list[Sequence[int]]:
    """Each row's tokens, padding and specials left out, segmented anew; too long: as it was."""
    drawn: list[Sequence[int]] = []
    for row in rows:
        ids: Any = row[row > sampler.tokenizer.eos_id]
        new = sampler.sample(sampler.tokenizer.decode(ids), rng)
        drawn.append(new if len(new) <= width else ids)
    return drawn
