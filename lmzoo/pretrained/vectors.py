"""Loading of word vectors into the embedding of a model."""

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmzoo.errors import ArgumentError, DataError
from lmzoo.pretrained.coverage import Coverage, cover
from lmzoo.pretrained.vector_files import VectorFile, stream_rows
from lmzoo.special_ids import PAD_ID

# The tokens of the other kinds are bytes or pieces, which files of word vectors do not have.
WORD_KINDS = ("word", "whitespace", "char")


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors, in the order of the file.

    Args:
        words, vectors, file: each word once, float32 (words, dim), and the counts of the file.
    """

    words: list[str]
    vectors: np.ndarray
    file: VectorFile


def read_vectors(
    path: str | os.PathLike[str], words: Iterable[str] | None = None, *, limit: int | None = None
) -> WordVectors:
    """Read word vectors from a file of GloVe, word2vec or fastText.

    The format is detected from the content: text without header (GloVe), text with a header
    (word2vec, fastText's .vec), or word2vec's binary. Memory holds the selected vectors only; of a
    repeated word the first vector is used.

    Args:
        path: the file, plain or gzip, a zip archive of this file only, or `archive.zip::member`.
        words: the words to select, spelled as in the file; None for all.
        limit: number of rows to read, usually those of the most frequent words; None for all.

    Returns:
        The selected words that the file has, and their vectors.

    Raises:
        DataError: the file is missing or damaged (with the line, or the number of the word).
        ArgumentError: `limit` below 1, an archive with several members and no name.

    Source: https://nlp.stanford.edu/projects/glove/ (GloVe), https://arxiv.org/abs/1301.3781
    (word2vec), https://fasttext.cc/docs/en/english-vectors.html (fastText).

    Example:
        >>> import lmzoo, pathlib
        >>> _ = pathlib.Path("tiny.txt").write_text("the 0.5 0.25\\nboat 1 2\\nat sea -1 0.5\\n")
        >>> kept = lmzoo.pretrained.read_vectors("tiny.txt", ["boat", "at sea", "zebra"])
        >>> kept.words, kept.vectors.tolist()
        (['boat', 'at sea'], [[1.0, 2.0], [-1.0, 0.5]])
    """
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}; use 1 or more rows, or None for all")
    if isinstance(words, str):
        raise ArgumentError("words is one string; give a list of words")
    return _read(path, None if words is None else set(words), limit, None)


def load_vectors(
    model: Any,
    path: str | os.PathLike[str],
    tokenizer: Any,
    *,
    counts: Mapping[str, int] | None = None,
    trainable: bool | None = None,
    seed: int = 0,
) -> Coverage:
    """Load word vectors into the embedding of a model, and count the words that have one.

    A word that is not in the file gets the vector of its lower-case form, or one that is drawn from
    N(0, sigma), where sigma is the standard deviation of the found vectors' numbers. Padding is
    zeros. Memory holds the vocabulary's vectors only.

    Load before `compile` if you set `trainable`: a compiled training step would not change.

    Args:
        model: one with an attribute `embedding`, or an embedding layer, lmzoo's or Keras's. Set are
            both channels of a TwoChannelEmbedding, the words of an NgramEmbedding, all `tables`.
        path: as for `read_vectors`.
        tokenizer: of kind "word", "whitespace" or "char", or the list of its words, one for each
            id; id 0 is padding.
        counts: how often each word occurs in the text, for `token_fraction`.
        trainable: False freezes the embedding, True trains it, None does not change it.
        seed: of the drawn numbers.

    Returns:
        The coverage; print `coverage.describe()`.

    Raises:
        DataError: as for `read_vectors`; or no word of the vocabulary has a vector.
        ArgumentError: sizes differ, the tokenizer has no words, or the model no embedding.

    Source: https://arxiv.org/abs/1408.5882 (Kim 2014: unknown words with the same variance).

    Example:
        >>> import lmzoo, pathlib
        >>> tokenizer = lmzoo.data.train_tokenizer(["the boat", "The zebra"], kind="word")
        >>> model = lmzoo.build_lstm_lm(tokenizer.vocab_size, embed_dim=2, hidden_dim=4)
        >>> _ = pathlib.Path("tiny.txt").write_text("the 0.5 0.25\\nboat 1 2\\n")
        >>> coverage = lmzoo.pretrained.load_vectors(model, "tiny.txt", tokenizer, trainable=False)
        >>> coverage.fraction, model.embedding.trainable
        (0.75, False)
    """
    words = _vocabulary(tokenizer)
    layer = _embedding(model)
    tables = _tables(layer, words)
    if trainable not in (None, layer.trainable) and getattr(model, "compiled", False):
        raise ArgumentError(
            f"trainable={trainable} on a compiled model, whose training step would not change: "
            "load the vectors before compile()"
        )
    wanted = {form for word in words[PAD_ID + 1 :] for form in (word, word.lower())}
    vectors = _read(path, wanted, None, tables[0].shape[1])
    index = {word: row for row, word in enumerate(vectors.words)}
    exact = np.array([index.get(word, -1) for word in words], np.int64)
    lowered = np.array([index.get(word.lower(), -1) for word in words], np.int64)
    exact[PAD_ID] = lowered[PAD_ID] = -1
    rows = np.where(exact >= 0, exact, lowered)
    if not (rows >= 0).any():
        raise DataError(
            f"{vectors.file.describe()}, but none of the {len(words):,} words of the vocabulary is "
            "among them: is it the same language, and are the tokens words?"
        )
    kept = vectors.vectors[rows[rows >= 0]]
    sigma = float(np.std(kept, dtype=np.float64))
    table = np.random.default_rng(seed).standard_normal((len(words), kept.shape[1]), np.float32)
    table *= sigma
    table[rows >= 0] = kept
    table[PAD_ID] = 0
    for variable in tables:
        variable.assign(table)
    if trainable is not None:
        layer.trainable = trainable
    return cover(words, exact, lowered, counts, sigma, vectors.file)


def _read(
    path: str | os.PathLike[str], wanted: Container[str] | None, limit: int | None, dim: int | None
) -> WordVectors:
    """The wanted rows, in one buffer that grows in place."""
    file, data = VectorFile(os.fspath(path)), bytearray()
    words: dict[str, None] = {}
    for word, vector in stream_rows(path, file, wanted=wanted, limit=limit, width=dim):
        if word in words:
            file.duplicates += 1
        else:
            words[word] = None
            data += vector.tobytes()
    vectors = np.frombuffer(data, np.float32).reshape(len(words), file.dim)
    return WordVectors(list(words), vectors, file)


def _vocabulary(tokenizer: Any) -> list[str]:
    """The word of each id."""
    if isinstance(tokenizer, Sequence) and not isinstance(tokenizer, str | bytes):
        if wrong := [word for word in tokenizer if not isinstance(word, str)]:
            raise ArgumentError(f"a list of words with {wrong[0]!r} in it; give strings only")
        return list(tokenizer)
    kind = getattr(tokenizer, "kind", type(tokenizer).__name__)
    if kind not in WORD_KINDS:
        raise ArgumentError(
            f"word vectors do not fit a tokenizer of kind {kind!r}: train one of kind "
            f"{' or '.join(map(repr, WORD_KINDS))}, or give the list of its words, one for each id"
        )
    return [tokenizer.id_to_token(index) for index in range(tokenizer.vocab_size)]


def _embedding(model: Any) -> Any:
    """The layer that has the embeddings of the words, built."""
    layer = getattr(model, "embedding", model)
    sized = hasattr(layer, "vocab_size") or hasattr(layer, "input_dim")
    if sized and not getattr(layer, "built", True):
        layer.build((None, None))
    # The words of a bag of n-grams are in an inner layer.
    return layer if hasattr(layer, "embeddings") else getattr(layer, "words", layer)


def _tables(layer: Any, words: list[str]) -> list[Any]:
    """The variables with the vectors of the ids, as large as the vocabulary."""
    # The second name is that of a frozen channel.
    names = [name for name in ("embeddings", "frozen_embeddings") if hasattr(layer, name)]
    tables = list(getattr(layer, "tables", None) or [getattr(layer, name) for name in names])
    for table in tables or [None]:
        if not hasattr(table, "assign") or "float" not in str(table.dtype):
            raise ArgumentError(
                f"{type(layer).__name__} has no table of float vectors to set: give a model with "
                "an attribute `embedding`, or its embedding layer, neither quantized nor adapted"
            )
        if table.shape[0] != len(words):
            raise ArgumentError(
                f"the vocabulary has {len(words):,} ids, but the embedding {table.shape[0]:,}: "
                "use the tokenizer that the model was built for"
            )
    return tables
