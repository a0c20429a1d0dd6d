"""Text classification: from labeled texts to batches of (ids, labels, weights)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lmzoo.data.batching.batches import Batches
from lmzoo.data.batching.checks import check_at_least, check_sizes
from lmzoo.data.batching.encoding import in_chunks
from lmzoo.data.batching.orders import width_groups
from lmzoo.data.batching.token_store import Sequences
from lmzoo.data.batching.tokenizer import choose_tokenizer, tokenizer_report
from lmzoo.data.batching.widths import padded_widths, round_up
from lmzoo.data.corpus import Corpus, Record, place_of
from lmzoo.data.prepared import PreparedData
from lmzoo.data.saved_task import SavedTask
from lmzoo.data.sources import read_labeled
from lmzoo.data.splits import SPLITS, check_fraction, stratified_split
from lmzoo.data.transforms.class_balance import sort_labels
from lmzoo.errors import ArgumentError, DataError
from lmzoo.special_ids import EOS_ID, UNK_ID
from lmzoo.tokenizers.texts import check_tokenizer

MAX_WIDTHS = 4
MAX_LENGTH = 256  # tokens of a text, in training and in use


@dataclass
class ClassificationData(PreparedData):
    """Batches of labeled texts of similar length, and what was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (ids, labels, weights): int32 (batch, time), int32
    (batch,), float32 (batch,). Weight 0 marks a row that only fills the batch.

    Args:
        report, batches, saved_task, settings: see `PreparedData`.
        corpus: {"text", "label"} by split, without texts that have no token.
        labels: names of the classes in the order of their ids: sorted, numbers by their value.
    """

    labels: list[str] = field(default_factory=list)

    @property
    def num_classes(self) -> int:
        """Number of different labels."""
        return len(self.labels)

    @property
    def class_counts(self) -> dict[str, int]:
        """Training texts of each label, in the order of `labels`."""
        counts = Counter(record["label"] for record in self.corpus.read())
        return {label: counts[label] for label in self.labels}

    def texts(self, split: str) -> tuple[list[str], list[str]]:
        """The texts of a split and their labels, in the order of the source."""
        records = list(self.corpus.read(split))
        return [record["text"] for record in records], [record["label"] for record in records]


def prepare_classification(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    format: str | None = None,
    tokenizer: Any = "word",
    vocab_size: int | None = None,
    labels: Sequence[str] | None = None,
    lowercase: bool = False,
    max_length: int = MAX_LENGTH,
    batch_size: int = 32,
    valid_fraction: float = 0.1,
    skip_unusable: bool = False,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> ClassificationData:
    """Reads, tokenizes and batches labeled texts.

    Args:
        source, columns, format, skip_unusable, grammar_size: see `read_labeled`.
        tokenizer, vocab_size: see `prepare_lm`.
        labels: names of the classes, in the order of their ids; None: those of training, sorted.
        lowercase: whether a tokenizer that is trained here lower-cases all texts.
        max_length: tokens of a text; a longer one is cut and counted.
        batch_size: texts in a batch.
        valid_fraction: of each label's different texts, where the source offers no validation.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the tokenizer, the labels and the counts.

    Raises:
        DataError: texts that are missing or have no label, one label only, or an unknown one.

    Example:
        >>> texts = [("a fine film", "good"), ("a dull film", "bad")] * 4
        >>> data = prepare_classification(texts, valid_fraction=0.0)
        >>> ids, labels, weights = next(iter(data.train))
        >>> labels.shape == weights.shape == ids.shape[:1], data.labels
        (True, ['bad', 'good'])
    """
    check_sizes({"max_length": max_length, "batch_size": batch_size})
    check_fraction(valid_fraction)
    corpus = read_labeled(
        source, columns=columns, format=format, skip_unusable=skip_unusable,
        grammar_size=grammar_size, seed=seed,
    )  # fmt: skip
    examples = {split: list(corpus.read(split)) for split in corpus.splits}
    labels = _labels(corpus.name, examples, labels)
    if "valid" not in examples and valid_fraction:
        examples |= _hold_out(corpus.name, examples["train"], valid_fraction, seed)
    training = (record["text"] for record in examples["train"])
    tokenizer = choose_tokenizer(tokenizer, vocab_size, training, lowercase=lowercase)
    report: dict[str, Any] = {"source": corpus.name, "notes": list(corpus.notes)}
    report |= {"tokenizer": tokenizer_report(tokenizer), "classes": {}}
    batches = {}
    for split in (name for name in SPLITS if name in examples):
        encoded = encode_examples(examples[split], tokenizer, labels, max_length)
        if not len(encoded.ids):
            raise DataError(
                f"{corpus.name} holds no usable text for {split}: of {len(examples[split]):,} "
                "none has a token"
            )
        examples[split] = [examples[split][place] for place in encoded.kept]
        batches[split] = encoded.batches(batch_size, seed if split == "train" else None)
        report[split] = {**encoded.counts, "batches": batches[split].steps}
        if cut := encoded.counts["cut"]:
            report["notes"].append(
                f"{cut:,} of {encoded.counts['texts']:,} texts of {split} are longer than "
                f"{max_length} tokens and were cut"
            )
    splits = {split: partial(iter, examples[split]) for split in batches}
    kept = Corpus(corpus.name, splits, corpus.notes, corpus.grammar)
    task = {"labels": labels, "max_length": max_length, "lowercase": tokenizer.lowercase}
    saved = SavedTask("classifier", task, tokenizer)
    settings = {"seed": seed, "batch_size": batch_size, "max_length": max_length}
    data = ClassificationData(report, kept, batches, saved, settings, labels)
    report["classes"] |= data.class_counts
    return data


def _hold_out(
    name: str, train: list[Record], fraction: float, seed: int
) -> dict[str, list[Record]]:
    """Training and validation records: the latter are this fraction of each label's texts."""
    texts, classes = ([record[key] for record in train] for key in ("text", "label"))
    held = stratified_split(classes, fraction, seed, texts=texts)
    if not held.any():
        raise DataError(
            f"{name} has too few different texts to set {fraction:.0%} aside for validation: give "
            "texts for validation, or valid_fraction=0"
        )
    return {
        split: [train[place] for place in np.flatnonzero(part)]
        for split, part in (("train", ~held), ("valid", held))
    }


def _labels(
    name: str, examples: Mapping[str, Sequence[Record]], given: Sequence[str] | None
) -> list[str]:
    """The names of the classes; checks that the splits hold no others."""
    labels = list(given or sort_labels({record["label"] for record in examples["train"]}))
    if len(labels) < 2:
        only = f"only the label {labels[0]!r}" if labels else "no text"
        raise DataError(f"{name} holds {only} for training; classification needs two labels")
    known, more = set(labels), ", ..." if len(labels) > 12 else ""
    for split, records in examples.items():
        for number, record in enumerate(records, 1):
            if record["label"] not in known:
                place = place_of(record, default=f"{split}, example {number:,}")
                raise DataError(
                    f"{name}: {place} has the label {record['label']!r}, which no training text "
                    f"has ({record['text'][:40]!r}); the {len(labels)} known ones are "
                    f"{', '.join(labels[:12])}{more}"
                )
    return labels


@dataclass
class EncodedTexts:
    """Labeled texts of one split: ids, classes int32 (texts,), their indices among the examples."""

    ids: Sequences
    labels: np.ndarray
    kept: list[int]
    counts: dict[str, int]

    def batches(self, size: int, seed: int | None) -> Batches:
        """Batches of so many texts of similar length."""
        widths = padded_widths(self.ids.lengths, MAX_WIDTHS)[None]  # (1, texts)
        return Batches(width_groups(widths, lambda widths: size, seed), self.collate)

    def collate(self, rows: np.ndarray, widths: tuple[int, ...], epoch: int) -> Any:
        """Pads texts; a missing one has the end token and weight 0."""
        ids, _ = self.ids.gather(rows, widths[0])
        missing = rows < 0
        ids[missing, 0] = EOS_ID  # the mean of no word would be NaN
        labels = np.where(missing, 0, self.labels[rows])
        return ids, labels, (~missing).astype(np.float32)


def encode_examples(
    examples: Iterable[Record], tokenizer: Any, labels: Sequence[str], max_length: int
) -> EncodedTexts:
    """Tokenizes labeled texts; those without a token are dropped, long ones are cut."""
    ids, kept, classes = Sequences(tokenizer.vocab_size), [], []
    counts = dict.fromkeys(("texts", "empty", "cut", "tokens", "unknown_tokens"), 0)
    of = {label: number for number, label in enumerate(labels)}
    for chunk in in_chunks(examples):
        encoded = tokenizer.encode_batch([record["text"] for record in chunk])
        for record, tokens in zip(chunk, encoded, strict=True):
            counts["texts"] += 1
            if not len(tokens):
                counts["empty"] += 1
                continue
            counts["cut"] += len(tokens) > max_length
            counts["unknown_tokens"] += int(np.count_nonzero(tokens[:max_length] == UNK_ID))
            ids.append(tokens[:max_length])
            kept.append(counts["texts"] - 1)
            classes.append(of[record["label"]])
    counts["tokens"] = ids.store.size
    return EncodedTexts(ids, np.array(classes, np.int32), kept, counts)


def encode_texts(tokenizer: Any, texts: Sequence[str], max_length: int = MAX_LENGTH) -> np.ndarray:
    """Encodes texts as padded ids, for `predict`.

    Args:
        tokenizer, max_length: those of the training (see `load_task`); longer texts are cut.
        texts: at least one, each with a token; else DataError.

    Returns:
        int32 (texts, time), padded with 0.

    Example:
        >>> from lmzoo.data import train_tokenizer
        >>> tokenizer = train_tokenizer(["a b c"], kind="word")
        >>> encode_texts(tokenizer, ["a", "c b a"]).tolist()
        [[5, 0, 0, 0], [7, 6, 5, 0]]
    """
    check_at_least(1, {"max_length": max_length})
    if isinstance(texts, str):
        raise ArgumentError(f"texts is the string {texts[:40]!r}; give a list of strings")
    if not len(texts):
        raise DataError("there are no texts to encode; give at least one")
    check_tokenizer(tokenizer)
    ids = Sequences(tokenizer.vocab_size)
    for number, tokens in enumerate(tokenizer.encode_batch(list(texts))):
        if not len(tokens):
            raise DataError(
                f"text {number} is {str(texts[number])[:40]!r}: it has no token; leave it out"
            )
        ids.append(tokens[:max_length])
    return ids.gather(np.arange(len(ids)), round_up(int(ids.lengths.max())))[0]
