"""From pairs of texts to batches for models that read one and write the other, in one call."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmzoo.data.batched import BatchedData
from lmzoo.data.language_modeling import choose_tokenizer
from lmzoo.data.pair_batches import EncodedPairs, PairBatches
from lmzoo.data.pairs import Pair, Pairs, PairSource, read_pairs
from lmzoo.data.store import TokenStore
from lmzoo.errors import ArgumentError, DataError

ENCODED_AT_ONCE = 4096
LONGEST = 2048


@dataclass
class Seq2SeqData(BatchedData):
    """Batches of pairs, and everything that was counted on the way to them.

    `train`, `valid` and `test` are Datasets of ((source, target), next ids, weights): int32
    (batch, source_time), int32 (batch, time), int32 and float32 (batch, time). The target begins
    with the begin token, the next ids end in the end token; weight 0 marks padding. Batches hold
    pairs of similar length, as many as `tokens_per_batch` allows.

    Args:
        source_tokenizer: turns sources into ids.
        tokenizer: turns targets into ids and back.
        pairs: the texts.
        report: counts of everything; `describe()` prints them.
        batches: the batches of each part.
    """

    source_tokenizer: Any
    tokenizer: Any
    pairs: Pairs
    report: dict[str, Any]
    batches: dict[str, "PairBatches"] = field(repr=False)

    @property
    def vocab_size(self) -> int:
        """Number of ids of the target's tokenizer."""
        return int(self.tokenizer.vocab_size)

    @property
    def source_vocab_size(self) -> int | None:
        """Number of ids of the source's tokenizer; None if it is that of the target."""
        shared = self.source_tokenizer is self.tokenizer
        return None if shared else int(self.source_tokenizer.vocab_size)

    @property
    def tokenizers(self) -> Any:
        """What `generate` and `beam_search` take as `tokenizer`."""
        shared = self.source_tokenizer is self.tokenizer
        return self.tokenizer if shared else (self.source_tokenizer, self.tokenizer)

    def texts(self, part: str) -> tuple[list[str], list[str]]:
        """The sources and targets of a part that have text on both sides, too long ones too."""
        pairs = [pair for pair in self.pairs.read(part) if all(text.strip() for text in pair)]
        return [source for source, _ in pairs], [target for _, target in pairs]

    def describe(self) -> str:
        """The report as lines of text."""
        lines = [("source", self.report["source"])]
        for name in ("tokenizer", "train", "valid", "test"):
            if name in self.report:
                shown = (f"{k} {_show(v)}" for k, v in self.report[name].items())
                lines.append((name, ", ".join(shown)))
        lines += [("note", note) for note in self.report["notes"]]
        return "\n".join(f"{name:9}  {text}" for name, text in lines)


def prepare_seq2seq(
    source: PairSource,
    *,
    fields: Sequence[str | int] | None = None,
    tokenizer: Any = "unigram",
    source_tokenizer: Any = None,
    vocab_size: int | None = None,
    lowercase: bool = False,
    max_length: int = 256,
    max_source_length: int | None = None,
    tokens_per_batch: int = 2048,
    valid_fraction: float = 0.05,
    grammar_pairs: int = 20_000,
    seed: int = 0,
) -> Seq2SeqData:
    """Reads, tokenizes and batches pairs of texts.

    Args:
        source: files, folders, tables, lists, "tfds:NAME" or "grammar": see `read_pairs`.
        fields: which texts are source and target: see `read_pairs`.
        tokenizer: a kind for `train_tokenizer`, which then sees the training texts of both sides
            (of the targets only, with a `source_tokenizer`); the path of a saved tokenizer; or a
            tokenizer.
        source_tokenizer: the same for the sources; None: both sides share one.
        vocab_size: of the tokenizers to train; None leaves it to their kind.
        lowercase: whether tokenizers that are trained here lower-case all texts.
        max_length: target tokens, the end token counted; a pair with more is dropped and counted.
        max_source_length: source tokens; None means `max_length`.
        tokens_per_batch: positions in a batch, of the longer side; at least the longest pair's.
        valid_fraction: share of the pairs for validation where the source offers none.
        grammar_pairs: see `read_pairs`.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the tokenizers and the counts.

    Raises:
        DataError: pairs that cannot be used: missing, unequal, all dropped.
        ArgumentError: an argument outside its range.
        TokenizerError: a tokenizer that cannot be trained or loaded.

    Example:
        >>> pairs = [("a dog", "ein Hund"), ("a cat", "eine Katze")] * 4
        >>> data = prepare_seq2seq(pairs, tokenizer="word", valid_fraction=0.0)
        >>> (source, target), next_ids, weights = next(iter(data.train))
        >>> source.shape[0] == target.shape[0], int(target[0, 0]) == data.tokenizer.bos_id
        (True, True)
    """
    longest = (max_source_length or max_length, max_length)
    for name, value in (("max_length", max_length), ("max_source_length", longest[0]),
                        ("tokens_per_batch", tokens_per_batch)):  # fmt: skip
        if value < 1:
            raise ArgumentError(f"{name} is {value}; it must be at least 1")
    if max(longest) > LONGEST:
        raise ArgumentError(f"a length of {max(longest)} is more than the {LONGEST} supported")
    pairs = split_pairs(read_pairs(source, fields=fields, grammar_pairs=grammar_pairs, seed=seed),
                        valid_fraction, seed)  # fmt: skip
    tokenizers = _choose(pairs, source_tokenizer, tokenizer, vocab_size, lowercase)
    report: dict[str, Any] = {"source": pairs.name, "notes": list(pairs.notes)}
    report["tokenizer"] = {"kind": tokenizers[1].kind, "vocab_size": tokenizers[1].vocab_size}
    batches = {}
    for part in pairs.openers:
        encoded = encode_pairs(pairs.read(part), tokenizers, longest)
        if not encoded.counts["pairs"] and part == "valid":
            raise DataError(
                f"{pairs.name} has too few different sources to set {valid_fraction:.0%} aside for "
                "validation: give pairs for validation"
            )
        if not encoded.edges.shape[1] - 1:
            raise DataError(
                f"{pairs.name} holds no usable pair for {part}: of {encoded.counts['pairs']:,} "
                f"{encoded.counts['empty']:,} have an empty side and {encoded.counts['too_long']:,}"
                f" are longer than {longest[0]} source or {longest[1]} target tokens"
            )
        shuffled = seed if part == "train" else None
        batches[part] = PairBatches(encoded, tokens_per_batch, shuffled)
        report[part] = {
            **encoded.counts,
            "tokens": encoded.targets.size,
            "batches": batches[part].steps,
        }
    return Seq2SeqData(*tokenizers, pairs, report, batches)


def split_pairs(pairs: Pairs, fraction: float, seed: int) -> Pairs:
    """Gives pairs a validation part where they have none: those whose source has a small hash.

    Equal sources stand on one side.

    Args:
        pairs: the pairs.
        fraction: share for validation, from 0 to below 1.
        seed: of the hashes.

    Returns:
        Pairs with a part "valid", unless the fraction is 0.

    Raises:
        ArgumentError: the fraction is outside its range.

    Example:
        >>> pairs = read_pairs([(str(i), str(i)) for i in range(1000)])
        >>> 50 < len(list(split_pairs(pairs, 0.1, 0).read("valid"))) < 150
        True
    """
    from lmzoo.data.deduplicate import digest

    if not 0 <= fraction < 1:
        raise ArgumentError(f"valid_fraction is {fraction}; it must be from 0 to below 1")
    if "valid" in pairs.openers or not fraction:
        return pairs
    border = int(fraction * 2**64)

    def side(is_valid: bool) -> Callable[[], Iterator[Pair]]:
        def read() -> Iterator[Pair]:
            for pair in pairs.read("train"):
                if (digest(pair[0], seed=seed) < border) == is_valid:
                    yield pair

        return read

    openers = {**pairs.openers, "train": side(False), "valid": side(True)}
    return Pairs(pairs.name, openers, pairs.fields, pairs.notes)


def _choose(
    pairs: Pairs, source_tokenizer: Any, tokenizer: Any, vocab_size: int | None, lowercase: bool
) -> tuple[Any, Any]:
    """The tokenizers of sources and targets, the same one if there is but one."""

    def choose(wanted: Any, texts: Iterable[str]) -> Any:
        return choose_tokenizer(wanted, vocab_size, texts, lowercase=lowercase)

    if source_tokenizer is None:
        shared = choose(tokenizer, (text for pair in pairs.read("train") for text in pair))
        return shared, shared
    sources = choose(source_tokenizer, (source for source, _ in pairs.read("train")))
    return sources, choose(tokenizer, (target for _, target in pairs.read("train")))


def encode_pairs(
    pairs: Iterable[Pair], tokenizers: tuple[Any, Any], longest: tuple[int, int]
) -> EncodedPairs:
    """Tokenizes pairs; drops and counts those that are empty on a side or too long.

    Args:
        pairs: the texts.
        tokenizers: of sources and of targets.
        longest: most tokens of a source, and of a target with its end token.

    Returns:
        The tokens.
    """
    stores = TokenStore(tokenizers[0].vocab_size), TokenStore(tokenizers[1].vocab_size)
    edges: list[list[int]] = [[0], [0]]
    counts: Counter[str] = Counter(pairs=0, empty=0, too_long=0)
    counts.update(source_tokens=0, target_tokens=0, unknown_tokens=0)
    end = np.array([tokenizers[1].eos_id], np.int32)
    for batch in _group(pairs):
        sources, targets = (
            tokenizer.encode_batch([pair[side] for pair in batch])
            for side, tokenizer in enumerate(tokenizers)
        )
        counts["pairs"] += len(batch)
        kept = []
        for source, target in zip(sources, targets, strict=True):
            if not len(source) or not len(target):
                counts["empty"] += 1
            elif len(source) > longest[0] or len(target) + 1 > longest[1]:
                counts["too_long"] += 1
            else:
                kept.append((source, np.concatenate([target, end])))
        for side, store in enumerate(stores):
            for ids in (pair[side] for pair in kept):
                store.append(ids)
                edges[side].append(store.size)
                counts["unknown_tokens"] += int(np.count_nonzero(ids == 1))
    for store in stores:
        store.close()
    counts["source_tokens"], counts["target_tokens"] = (store.size for store in stores)
    return EncodedPairs(*stores, np.array(edges), counts)


def _group(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    batch: list[Pair] = []
    for pair in pairs:
        batch.append(pair)
        if len(batch) == ENCODED_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
