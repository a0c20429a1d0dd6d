"""From texts to batches for language modeling, in one call."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lmzoo.data.batch import Batches
from lmzoo.data.batched import BatchedData
from lmzoo.data.borders import check_kind
from lmzoo.data.text.cleaning import Rule, choose_rules
from lmzoo.data.lm_corpus import Corpus
from lmzoo.data.encode import Encoded, predicted_counts
from lmzoo.data.layout import Layout
from lmzoo.data.report import describe_report, make_report
from lmzoo.data.sources import Source, read_texts
from lmzoo.errors import ArgumentError


@dataclass
class LMData(BatchedData):
    """Batches for language modeling, and everything that was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (ids, next ids, weights): int32, int32 and float32
    of shape (batch_size, sequence_length), always whole; positions of weight 0 are padding. The
    weights mark what counts in loss and perplexity.

    Args:
        tokenizer: turns text into these ids and back.
        sequence_length: positions in a row.
        batch_size: rows in a batch.
        report: counts of everything; `describe()` prints them.
        parts: the tokens of "train" and, where there are such, "valid" and "test".
        batches: the rows laid over them.
        valid_counts, test_counts: tokens, words, characters and bytes that those sets predict:
            end tokens count as tokens only; words are what white space parts (in Chinese, each
            character). None where there is no such set.
        floor_nats: nats that a perfect model needs for the validation set, in all; None where
            that is not known.
        floor_per_document: the same for each document in the order of the set, shape (documents,).

    Attributes:
        vocab_size: number of ids of the tokenizer.
        train, valid, test: the batches.
        steps_per_epoch, valid_steps, test_steps: how many there are in a pass.
    """

    tokenizer: Any
    sequence_length: int
    batch_size: int
    report: dict[str, Any]
    parts: dict[str, Encoded] = field(repr=False)
    batches: dict[str, Batches] = field(repr=False)
    valid_counts: dict[str, int] | None = None
    test_counts: dict[str, int] | None = None
    floor_nats: float | None = None
    floor_per_document: np.ndarray | None = field(default=None, repr=False)

    @property
    def vocab_size(self) -> int:
        """Number of ids of the tokenizer."""
        return int(self.tokenizer.vocab_size)

    def ids(self, part: str = "train") -> np.ndarray:
        """The ids of one part in a row, shape (n,); documents as `eos document eos ... eos`."""
        return self.parts[part].store.ids

    def describe(self) -> str:
        """The report as lines of text."""
        return describe_report(self.report)


def prepare_lm(
    source: Source,
    *,
    tokenizer: Any = "unigram",
    vocab_size: int | None = None,
    sequence_length: int = 64,
    batch_size: int = 32,
    documents: str | None = None,
    valid_fraction: float = 0.1,
    clean: bool | str | Iterable[str | Rule] = True,
    deduplicate: bool = True,
    seed: int = 0,
    contiguous: bool = False,
    pack: bool = True,
    valid_overlap: int = 0,
    cache_dir: str | Path | None = None,
) -> LMData:
    """Reads, cleans, parts, tokenizes and batches texts for language modeling.

    A text without document borders is a stream: training rows are windows of it whose grid moves
    by a seeded shift in each epoch; validation is its last part. Documents (`ids + [eos]`) fill
    rows whole; a row begins with `eos` as the input that predicts the first token. Texts are read
    several times, never held in memory; tokens beyond 128 MB go to a temporary file.

    Args:
        source: a file, several, a folder, an iterable of documents, "tfds:NAME", "grammar" or
            "grammar:zh": see `read_texts`, whose answer may be given too (with its options
            `errors` and `grammar_documents`).
        tokenizer: a kind for `train_tokenizer`, which then sees the training texts only; the path
            of a saved tokenizer; or a tokenizer.
        vocab_size: of the tokenizer to train; None leaves it to its kind.
        sequence_length: positions in a row, at least 1.
        batch_size: rows in a batch, at least 1.
        documents: "stream", "line" (each line is a document) or "paragraph" (blank lines part
            them). None: files are streams, items of other sources documents.
        valid_fraction: share of the texts for validation, from 0 to below 1, where the source
            offers no validation texts: the last characters of a stream; of documents, those with
            the smallest hashes.
        clean: True for the harmless rules, False for none, or rules by name: see `choose_rules`.
        deduplicate: whether to drop documents that came before (never from a stream or the
            grammar, nor from validation texts that the source offers).
        seed: of split, order, shifts, and the grammar's sample.
        contiguous: True makes row i of a batch go on in row i of the next batch, for models that
            carry their state; rows are then not shuffled. Validation likewise.
        pack: False gives each document rows of its own, padded. Documents of similar length
            then make a batch of `train`, which is as wide as they need, at most
            `sequence_length`. Recurrent models learn faster so: no document begins with the
            state that another one left.
        valid_overlap: tokens that each validation row of a stream reads again, with weight 0, as
            context for the rest; 0 to `sequence_length - 1`.
        cache_dir: where the temporary file goes, if one is needed; None is the system's place.

    Returns:
        The batches, the tokenizer and the counts.

    Raises:
        DataError: texts that cannot be used: missing, empty, binary, broken, or shorter than a row.
        ArgumentError: an argument outside its range.
        TokenizerError: a tokenizer that cannot be trained or loaded.

    Example:
        >>> texts = ["to be or not to be " * 5, "that is the question " * 5]
        >>> data = prepare_lm(texts, tokenizer="char", sequence_length=16, batch_size=2)
        >>> ids, next_ids, weights = next(iter(data.train))
        >>> ids.shape, ids.dtype.name, weights.dtype.name
        (TensorShape([2, 16]), 'int32', 'float32')
    """
    _check_sizes(sequence_length, batch_size)
    texts = read_texts(source, seed=seed)
    kind = check_kind(documents, texts.are_documents)
    if valid_overlap and (kind != "stream" or contiguous):
        raise ArgumentError(
            f"valid_overlap={valid_overlap} is for streams that are not contiguous, where a row "
            "begins anywhere; use 0 here"
        )
    corpus = Corpus(texts, kind, choose_rules(clean))
    corpus.split(valid_fraction, deduplicate=deduplicate, seed=seed)
    trained = choose_tokenizer(tokenizer, vocab_size, corpus.read("train"))
    layout = Layout(sequence_length, batch_size, kind, contiguous, pack, valid_overlap, seed)
    parts, batches = {}, {}
    for part in corpus.parts:
        parts[part] = layout.encode(corpus, part, trained, cache_dir)
        batches[part] = layout.batches(parts[part], part, trained.pad_id)
    report = make_report(corpus, trained, parts, batches)
    counts = {part: predicted_counts(parts[part]) for part in parts if part != "train"}
    data = LMData(trained, sequence_length, batch_size, report, parts, batches)
    data.valid_counts, data.test_counts = counts.get("valid"), counts.get("test")
    if texts.grammar is not None and "valid" in parts:
        _find_floor(data, texts.grammar, corpus, contiguous)
    return data


def _check_sizes(sequence_length: int, batch_size: int) -> None:
    """Raises for rows or batches without a place."""
    for name, value in (("sequence_length", sequence_length), ("batch_size", batch_size)):
        if value < 1:
            raise ArgumentError(f"{name} is {value}; it must be at least 1")


def _find_floor(data: LMData, language: str, corpus: Corpus, contiguous: bool) -> None:
    """Computes what a perfect model of the grammar would need, where that can be said."""
    from lmzoo import grammar

    encoded = data.parts["valid"]
    cut = encoded.counts["cut_documents"]
    if encoded.changed is not None:
        data.report["notes"].append("no floor: the tokenizer does not give back every document")
    elif cut and not contiguous:
        data.report["notes"].append(
            f"no floor: {cut} validation documents are longer than sequence_length="
            f"{data.sequence_length}, and a cut document is harder to predict"
        )
    else:
        logs = [grammar.log_probability(text, language=language) for text in corpus.read("valid")]
        floors = -np.array(logs)
        if np.isfinite(floors).all():
            data.floor_per_document, data.floor_nats = floors, float(floors.sum())
        else:
            data.report["notes"].append("no floor: cleaning changed documents of the grammar")


def choose_tokenizer(
    tokenizer: Any, vocab_size: int | None, texts: Iterable[str], *, lowercase: bool = False
) -> Any:
    """Trains, loads or passes on a tokenizer.

    Args:
        tokenizer: a kind, the path of a saved tokenizer, or a tokenizer.
        vocab_size: of the tokenizer to train.
        texts: what it is trained on.
        lowercase: whether a tokenizer that is trained lower-cases all texts.

    Returns:
        The tokenizer.

    Raises:
        TokenizerError: it cannot be trained or loaded.
        ArgumentError: `vocab_size` for a tokenizer that is not trained here.
    """
    from lmzoo import tokenizers

    if isinstance(tokenizer, os.PathLike) or _looks_like_path(tokenizer):
        tokenizer = tokenizers.load_tokenizer(tokenizer)
    elif isinstance(tokenizer, str):
        return tokenizers.train_tokenizer(
            texts, kind=tokenizer, vocab_size=vocab_size, lowercase=lowercase
        )
    if vocab_size is not None and vocab_size != tokenizer.vocab_size:
        raise ArgumentError(
            f"vocab_size={vocab_size}, but the given tokenizer has {tokenizer.vocab_size} ids; "
            "leave vocab_size out"
        )
    return tokenizer


def _looks_like_path(tokenizer: Any) -> bool:
    """Tells the path of a tokenizer from a kind of tokenizer."""
    if not isinstance(tokenizer, str):
        return False
    return bool(Path(tokenizer).suffix) or len(Path(tokenizer).parts) > 1
