"""Sequence to sequence: from pairs of texts to batches of ((source, target), next ids, weights)."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmzoo.data.batching.batches import Batches
from lmzoo.data.batching.checks import check_sizes
from lmzoo.data.batching.encoding import in_chunks
from lmzoo.data.batching.orders import width_groups
from lmzoo.data.batching.token_store import Sequences
from lmzoo.data.batching.tokenizer import choose_tokenizer, remember, tokenizer_report
from lmzoo.data.batching.widths import padded_widths, round_up
from lmzoo.data.corpus import Record
from lmzoo.data.prepared import PreparedData
from lmzoo.data.saved_task import SavedTask
from lmzoo.data.sources import read_pairs
from lmzoo.data.splits import SPLITS, split_by_hash
from lmzoo.errors import ArgumentError, DataError
from lmzoo.special_ids import BOS_ID, EOS_ID, UNK_ID

MAX_LENGTH = 2048


@dataclass
class Seq2SeqData(PreparedData):
    """Batches of pairs of similar length, and what was counted on the way to them.

    `train`, `valid` and `test` are Datasets of ((source, target), next ids, weights): int32
    (batch, source_time), int32 (batch, time), int32 and float32 (batch, time). The target begins
    with the begin token, the next ids end in the end token; weight 0 marks padding.

    Args:
        report, batches, saved_task, settings: see `PreparedData`.
        corpus: {"source", "target"} by split.
    """

    @property
    def source_tokenizer(self) -> Any:
        """From sources to ids."""
        return self.saved_task.source_tokenizer or self.tokenizer

    @property
    def source_vocab_size(self) -> int | None:
        """Number of ids of the sources' tokenizer; None if both sides share one."""
        own = self.saved_task.source_tokenizer
        return None if own is None else int(own.vocab_size)

    @property
    def tokenizers(self) -> Any:
        """What `generate` and `beam_search` take as `tokenizer`."""
        return self.saved_task.tokenizers

    def texts(self, split: str) -> tuple[list[str], list[str]]:
        """Sources and targets of a split, without empty ones, but with those that are too long."""
        pairs = [(record["source"], record["target"]) for record in self.corpus.read(split)]
        kept = [pair for pair in pairs if all(map(str.strip, pair))]
        return [source for source, _ in kept], [target for _, target in kept]


def prepare_seq2seq(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    tokenizer: Any = "unigram",
    source_tokenizer: Any = None,
    vocab_size: int | None = None,
    lowercase: bool = False,
    max_length: int = 256,
    max_source_length: int | None = None,
    tokens_per_batch: int = 2048,
    valid_fraction: float = 0.05,
    skip_unusable: bool = False,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> Seq2SeqData:
    """Reads, tokenizes and batches pairs of texts.

    Args:
        source, columns, skip_unusable, grammar_size: see `read_pairs`, and for dialogues
            `dialogue_pairs`.
        tokenizer, vocab_size: see `prepare_lm`; trained on both sides, or on the targets only.
        source_tokenizer: the same for the sources; None: both sides share one.
        lowercase: whether tokenizers that are trained here lower-case all texts.
        max_length: target tokens with the end token; a pair with more is dropped and counted.
        max_source_length: source tokens; None: `max_length`.
        tokens_per_batch: positions in a batch, of the longer side; at least the longest pair's.
        valid_fraction: of the pairs, by sources, for validation where the source offers none.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the tokenizers and the counts.

    Raises:
        DataError: pairs that cannot be used: missing, unequal, all dropped.

    Example:
        >>> pairs = [("a dog", "ein Hund"), ("a cat", "eine Katze")] * 4
        >>> data = prepare_seq2seq(pairs, tokenizer="word", valid_fraction=0.0)
        >>> (source, target), next_ids, weights = next(iter(data.train))
        >>> source.shape[0] == target.shape[0], int(target[0, 0]) == data.tokenizer.bos_id
        (True, True)
    """
    longest = (max_length if max_source_length is None else max_source_length, max_length)
    sizes = {"max_length": max_length, "max_source_length": longest[0]}
    check_sizes({**sizes, "tokens_per_batch": tokens_per_batch})
    if max(longest) > MAX_LENGTH:
        raise ArgumentError(f"a length of {max(longest)} is more than the {MAX_LENGTH} supported")
    corpus = read_pairs(
        source, columns=columns, skip_unusable=skip_unusable, grammar_size=grammar_size, seed=seed
    )
    corpus = split_by_hash(corpus, valid_fraction, key=lambda pair: pair["source"], seed=seed)

    def choose(wanted: Any, *keys: str) -> Any:
        texts = (record[key] for record in corpus.read() for key in keys)
        return choose_tokenizer(wanted, vocab_size, texts, lowercase=lowercase)

    if source_tokenizer is None:
        tokenizers = (choose(tokenizer, "source", "target"),) * 2
    else:
        tokenizers = choose(source_tokenizer, "source"), choose(tokenizer, "target")
    if getattr(source, "speakers", None):  # who asks, and who replies, in a conversation
        reader = remember(tokenizers[0], "speakers", list(source.speakers))
        tokenizers = (reader, reader if source_tokenizer is None else tokenizers[1])
    report: dict[str, Any] = {"source": corpus.name, "notes": list(corpus.notes)}
    report["tokenizer"] = tokenizer_report(tokenizers[1])
    batches = {}
    for split in (name for name in SPLITS if name in corpus.splits):
        pairs = encode_pairs(corpus.read(split), tokenizers, longest)
        counts = pairs.counts
        if not counts["pairs"] and split == "valid":
            raise DataError(
                f"{corpus.name} has too few different sources to set {valid_fraction:.0%} aside "
                "for validation: give pairs for validation"
            )
        if not len(pairs.sources):
            raise DataError(
                f"{corpus.name} holds no usable pair for {split}: of {counts['pairs']:,} "
                f"{counts['empty']:,} have an empty side and {counts['too_long']:,}"
                f" are longer than {longest[0]} source or {longest[1]} target tokens"
            )
        batches[split] = pairs.batches(tokens_per_batch, seed if split == "train" else None)
        tokens = {"tokens": pairs.targets.store.size, "batches": batches[split].steps}
        report[split] = {**counts, **tokens}
    own = None if tokenizers[0] is tokenizers[1] else tokenizers[0]
    task = {**sizes, "lowercase": tokenizers[1].lowercase}
    saved = SavedTask("seq2seq", task, tokenizers[1], own)
    settings = {"seed": seed, "tokens_per_batch": tokens_per_batch, **sizes}
    return Seq2SeqData(report, corpus, batches, saved, settings)


@dataclass
class EncodedPairs:
    """Pairs of one split as tokens, and counts of what was read and dropped."""

    sources: Sequences
    targets: Sequences
    counts: Counter[str]

    def batches(self, tokens: int, seed: int | None) -> Batches:
        """Batches of pairs of similar length, with so many positions of the longer side."""
        widths = _widths(self.sources.lengths, self.targets.lengths)
        order = width_groups(widths, lambda widths: max(1, tokens // max(widths)), seed)
        return Batches(order, self.collate)

    def collate(self, rows: np.ndarray, widths: tuple[int, ...], epoch: int) -> Any:
        """Pads pairs; a missing one has the end token as its source, and weight 0."""
        source, _ = self.sources.gather(rows, widths[0])
        next_ids, real = self.targets.gather(rows, widths[1])
        begin = np.full((len(rows), 1), BOS_ID, np.int32)
        target = np.concatenate([begin, next_ids[:, :-1]], axis=1)
        source[rows < 0, 0] = EOS_ID  # softmax over an empty source would be NaN
        return (source, target), next_ids, real.astype(np.float32)


def _widths(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The padded lengths of each pair, (2, pairs): the same, but one for much shorter targets."""
    if 2 * targets.max() <= sources.max():
        widths = padded_widths(sources)
        return np.stack([widths, np.full_like(widths, round_up(int(targets.max())))])
    return np.stack([padded_widths(np.maximum(sources, targets))] * 2)


def encode_pairs(
    pairs: Iterable[Record], tokenizers: tuple[Any, Any], longest: tuple[int, int]
) -> EncodedPairs:
    """Tokenizes pairs; drops and counts those that are empty on a side or too long."""
    names = ("pairs", "empty", "too_long", "source_tokens", "target_tokens", "unknown_tokens")
    counts: Counter[str] = Counter(dict.fromkeys(names, 0))
    sides = Sequences(tokenizers[0].vocab_size), Sequences(tokenizers[1].vocab_size)
    end = np.array([EOS_ID], np.int32)
    for chunk in in_chunks(pairs):
        sources, targets = (
            tokenizer.encode_batch([record[key] for record in chunk])
            for key, tokenizer in zip(("source", "target"), tokenizers, strict=True)
        )
        counts["pairs"] += len(chunk)
        for source, target in zip(sources, targets, strict=True):
            if not len(source) or not len(target):
                counts["empty"] += 1
            elif len(source) > longest[0] or len(target) + 1 > longest[1]:
                counts["too_long"] += 1
            else:
                for side, ids in zip(sides, (source, np.concatenate([target, end])), strict=True):
                    side.append(ids)
                    counts["unknown_tokens"] += int(np.count_nonzero(ids == UNK_ID))
    counts["source_tokens"], counts["target_tokens"] = (side.store.size for side in sides)
    return EncodedPairs(*sides, counts)
