"""WordPiece: words split into the longest pieces of the vocabulary."""

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lmzoo.errors import TokenizerError
from lmzoo.special_ids import UNK_ID
from lmzoo.tokenizers import splitting
from lmzoo.tokenizers.base import FIRST, UNKNOWN, Learned
from lmzoo.tokenizers.texts import check_vocab_size, import_package, too_large
from lmzoo.tokenizers.word import WordVocabulary, count_words
from lmzoo.typing import Tensor

SUFFIX = "##"
DEFAULT_SIZE = 8000
LONGEST_WORD = 100  # bytes; a longer word is unknown
MOST_WORDS = 5_000_000  # that the trainer gets; counts are scaled down to it


class WordPieceTokenizer(WordVocabulary):
    """Pieces of words; all but a word's first begin with "##".

    Pretokenization is that of `WordTokenizer`. Each word is split into the longest known pieces
    from left to right; a word with an unknown character, or of more than 100 bytes, is one unknown
    id.

    Source: Schuster and Nakajima 2012; Wu et al. 2016, https://arxiv.org/abs/1609.08144; in graphs
    the algorithm of Song et al. 2021, https://arxiv.org/abs/2012.15524.
    """

    kind = "wordpiece"

    @functools.cached_property
    def _cut(self) -> Callable[[str], tuple[int, ...]]:
        return functools.lru_cache(maxsize=100_000)(self._cut_word)

    @classmethod
    def _learn(cls, texts: Iterator[str], vocab_size: int | None) -> Learned:
        """Merge the most frequent pairs of pieces until `vocab_size` (default 8000) is reached."""
        check_vocab_size(vocab_size, kind=cls.kind, smallest=1)
        counts = count_words(texts, splitting.word_pattern(), kind=cls.kind)
        # The trainer's separator, and a character that TensorFlow Text refuses in a vocabulary.
        for word in (splitting.NEWLINE, "\0"):
            counts.pop(word, None)
        if not counts:
            raise TokenizerError("nothing to train on: the texts have no word")
        inner = {character for word in counts for character in word[1:]}
        smallest = FIRST + 1 + len(set("".join(counts))) + len(inner)
        check_vocab_size(vocab_size, kind=cls.kind, smallest=smallest)
        wanted = vocab_size or max(DEFAULT_SIZE, smallest)
        pieces = _train_pieces(counts, wanted - FIRST - 1)
        size = FIRST + 1 + len(pieces)
        if vocab_size is not None and size < vocab_size:
            raise too_large(vocab_size, kind=cls.kind, largest=size)
        return pieces, {"words": len(counts)}

    def _cut_word(self, word: str) -> tuple[int, ...]:
        """The ids of one word: the longest known piece, again and again."""
        index = self._content.index
        if len(word.encode()) > LONGEST_WORD:
            return (UNK_ID,)
        ids, start, prefix = [], 0, ""
        while start < len(word):
            stop = len(word)
            while stop > start and prefix + word[start:stop] not in index:
                stop -= 1
            if stop == start:
                return (UNK_ID,)
            ids.append(index[prefix + word[start:stop]])
            start, prefix = stop, SUFFIX
        return tuple(ids)

    def _encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        pattern, cut = splitting.word_pattern(), self._cut
        rows = (splitting.tokens(text, pattern) for text in texts)
        return [np.fromiter((i for word in row for i in cut(word)), np.int32) for row in rows]

    def _unknown(self, text: str) -> list[str]:
        words = dict.fromkeys(splitting.split(text, splitting.word_pattern()))
        return [word for word in words if self._cut(word) == (UNK_ID,)]

    def _graph_ids(self, texts: Tensor) -> tf.RaggedTensor:
        words = splitting.graph_split(texts, splitting.word_pattern())
        pieces = self._constant("pieces", self._graph_pieces).tokenize(words.flat_values)
        splits = tf.gather(pieces.row_splits, words.row_splits)
        return tf.RaggedTensor.from_row_splits(pieces.flat_values, splits, validate=False)

    def _graph_pieces(self) -> Any:
        """TensorFlow Text's tokenizer over the same vocabulary."""
        tensorflow_text = import_package("tensorflow-text", "wordpiece inside a graph")
        return tensorflow_text.FastWordpieceTokenizer(
            vocab=self._content.tokens,
            suffix_indicator=SUFFIX,
            max_bytes_per_word=LONGEST_WORD,
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
            no_pretokenization=True,
        )

    def _join(self, pieces: list[bytes], *, settled: bool = False) -> str:
        text = " ".join(piece.decode() for piece in pieces).replace(f" {SUFFIX}", "")
        return splitting.join([text.removeprefix(SUFFIX)], prose=True, settled=settled)

    def _graph_join(self, pieces: Tensor) -> Tensor:
        text = tf.strings.reduce_join(pieces, axis=-1, separator=" ")
        text = tf.strings.regex_replace(text, f" {SUFFIX}", "")
        text = tf.strings.regex_replace(text, f"^{SUFFIX}", "")
        return splitting.graph_join(text[..., tf.newaxis], prose=True)


def _train_pieces(counts: Counter[str], size: int) -> list[str]:
    """At most `size` pieces, learned from the words and how often each occurs."""
    tokenizers = import_package("tokenizers", "training kind 'wordpiece'")
    trained = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token=UNKNOWN))
    trained.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=size,
        show_progress=False,
        continuing_subword_prefix=SUFFIX,
        # Inner characters that are named here get their ids in this order, not in a random one.
        special_tokens=sorted({SUFFIX + character for word in counts for character in word[1:]}),
    )
    trained.train_from_iterator(_repeated(counts), trainer)
    vocabulary: dict[str, int] = trained.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def _repeated(counts: Counter[str]) -> Iterator[str]:
    """Each word as often as it occurs, or in proportion where that is too often."""
    scale = min(1.0, MOST_WORDS / counts.total())
    for word, count in sorted(counts.items()):
        left = max(1, round(count * scale))
        for start in range(0, left, 1000):
            yield f"{word} " * min(1000, left - start)
