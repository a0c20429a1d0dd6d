"""From labeled texts to batches for models that sort texts into classes, in one call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lmzoo.data.batched import BatchedData
from lmzoo.data.cross_validation import stratified_split
from lmzoo.data.labeled import Example, Labeled, LabelSource, read_labeled
from lmzoo.data.language_modeling import choose_tokenizer
from lmzoo.data.sources import PARTS
from lmzoo.data.text_batches import TextBatches, encode_examples
from lmzoo.errors import ArgumentError, DataError

SHOWN = 20  # classes that a description counts one by one


@dataclass
class ClassificationData(BatchedData):
    """Batches of labeled texts, and everything that was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (ids, labels, weights): int32 (batch, time), int32
    (batch,), float32 (batch,). A label is its place in `labels`; weight 0 marks a row that is
    there only to fill the batch. Batches hold texts of similar length, so their order is not that
    of `texts`.

    Args:
        tokenizer: turns texts into ids.
        labels: names of the classes, sorted: whole numbers by their value, others as strings.
        report: counts of everything; `describe()` prints them.
        examples: (text, label) by part, without those that have no token.
        batches: the batches of each part.
    """

    tokenizer: Any
    labels: list[str]
    report: dict[str, Any]
    examples: dict[str, list[Example]] = field(repr=False)
    batches: dict[str, TextBatches] = field(repr=False)

    @property
    def vocab_size(self) -> int:
        """Number of ids of the tokenizer."""
        return int(self.tokenizer.vocab_size)

    @property
    def num_classes(self) -> int:
        """Number of different labels."""
        return len(self.labels)

    @property
    def class_counts(self) -> dict[str, int]:
        """Training texts of each label, in the order of `labels`."""
        found = Counter(label for _, label in self.examples["train"])
        return {label: found[label] for label in self.labels}

    def texts(self, part: str) -> tuple[list[str], list[str]]:
        """The texts of a part and their labels, in the order of the source."""
        examples = self.examples[part]
        return [text for text, _ in examples], [label for _, label in examples]

    def describe(self) -> str:
        """The report as lines of text."""
        lines = [("source", self.report["source"])]
        for name in ("tokenizer", "classes", *PARTS):
            if name == "classes" and self.num_classes > SHOWN:
                lines.append((name, self._describe_classes()))
            elif name in self.report:
                shown = (f"{key} {_show(value)}" for key, value in self.report[name].items())
                lines.append((name, ", ".join(shown)))
        lines += [("note", note) for note in self.report["notes"]]
        return "\n".join(f"{name:9}  {text}" for name, text in lines)

    def _describe_classes(self) -> str:
        counts = self.class_counts
        ends = (min(counts, key=lambda x: counts[x]), max(counts, key=lambda x: counts[x]))
        smallest, largest = (f"{label} ({counts[label]:,})" for label in ends)
        return f"{len(counts)} labels, the smallest {smallest}, the largest {largest}"


def prepare_classification(
    source: LabelSource,
    *,
    fields: Sequence[str | int] | None = None,
    form: str | None = None,
    tokenizer: Any = "word",
    vocab_size: int | None = None,
    lowercase: bool = False,
    max_length: int = 256,
    batch_size: int = 32,
    valid_fraction: float = 0.1,
    grammar_documents: int = 20_000,
    seed: int = 0,
) -> ClassificationData:
    """Reads, tokenizes and batches labeled texts.

    Args:
        source: files, folders, tables, lists, "tfds:NAME", "grammar" or "grammar:topic": see
            `read_labeled`.
        fields: which columns, keys or features are text and label: see `read_labeled`.
        form: what files hold, where their names do not tell: see `read_labeled`.
        tokenizer: a kind for `train_tokenizer`, which then sees the training texts; the path of a
            saved tokenizer; or a tokenizer.
        vocab_size: of the tokenizer to train; None leaves it to its kind.
        lowercase: whether a tokenizer that is trained here lower-cases all texts.
        max_length: tokens of a text; of a longer one only the first so many are read, which the
            report counts as `cut`.
        batch_size: texts in a batch.
        valid_fraction: share of each label's texts for validation where the source offers none;
            equal texts stand on one side.
        grammar_documents: see `read_labeled`.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the tokenizer, the labels and the counts.

    Raises:
        DataError: texts that cannot be used: missing, without label, all of one label, with a
            label that training does not hold.
        ArgumentError: an argument outside its range.
        TokenizerError: a tokenizer that cannot be trained or loaded.

    Example:
        >>> import lmzoo
        >>> texts = [("a fine film", "good"), ("a dull film", "bad")] * 4
        >>> data = lmzoo.data.prepare_classification(texts, valid_fraction=0.0)
        >>> ids, labels, weights = next(iter(data.train))
        >>> ids.shape[0] == labels.shape[0] == weights.shape[0], data.labels
        (True, ['bad', 'good'])
    """
    found = read_labeled(
        source, fields=fields, form=form, grammar_documents=grammar_documents, seed=seed
    )
    return from_labeled(
        found,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        lowercase=lowercase,
        max_length=max_length,
        batch_size=batch_size,
        valid_fraction=valid_fraction,
        seed=seed,
    )


def from_labeled(
    labeled: Labeled,
    *,
    tokenizer: Any = "word",
    vocab_size: int | None = None,
    lowercase: bool = False,
    max_length: int = 256,
    batch_size: int = 32,
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> ClassificationData:
    """Tokenizes and batches labeled texts that have been found: see `prepare_classification`.

    Args:
        labeled: the answer of `read_labeled`.
        tokenizer: a kind, a path, or a tokenizer.
        vocab_size: of the tokenizer to train.
        lowercase: whether a tokenizer that is trained here lower-cases all texts.
        max_length: tokens of a text.
        batch_size: texts in a batch.
        valid_fraction: share of each label's texts for validation where there are none.
        seed: of split and order.

    Returns:
        The batches, the tokenizer, the labels and the counts.

    Raises:
        DataError: texts that cannot be used.
        ArgumentError: an argument outside its range.
        TokenizerError: a tokenizer that cannot be trained or loaded.
    """
    for name, value in (("max_length", max_length), ("batch_size", batch_size)):
        if value < 1:
            raise ArgumentError(f"{name} is {value}; it must be at least 1")
    if not 0 <= valid_fraction < 1:
        raise ArgumentError(f"valid_fraction is {valid_fraction}; it must be from 0 to below 1")
    examples = {part: list(labeled.read(part)) for part in labeled.openers}
    labels = _labels(labeled, examples)
    if "valid" not in examples and valid_fraction:
        examples = _set_aside(labeled, examples, valid_fraction, seed)
    texts = (text for text, _ in examples["train"])
    tokenizer = choose_tokenizer(tokenizer, vocab_size, texts, lowercase=lowercase)
    report: dict[str, Any] = {"source": labeled.name, "notes": list(labeled.notes)}
    report["tokenizer"] = {"kind": tokenizer.kind, "vocab_size": int(tokenizer.vocab_size)}
    batches = {}
    for part in PARTS:
        if part in examples:
            encoded = encode_examples(examples[part], tokenizer, labels, max_length)
            if not encoded.kept:
                raise DataError(
                    f"{labeled.name} holds no usable text for {part}: of {len(examples[part]):,} "
                    "none has a token"
                )
            examples[part] = [examples[part][place] for place in encoded.kept]
            batches[part] = TextBatches(encoded, batch_size, seed if part == "train" else None)
            report[part] = {**encoded.counts, "batches": batches[part].steps}
            report["notes"] += _cut_note(part, encoded.counts, max_length)
    data = ClassificationData(tokenizer, labels, report, examples, batches)
    report["classes"] = data.class_counts
    return data


def _labels(labeled: Labeled, examples: Mapping[str, Sequence[Example]]) -> list[str]:
    """The names of the classes; checks that the other parts hold no others."""
    labels = sort_labels({label for _, label in examples["train"]})
    if len(labels) < 2:
        only = f"only the label {labels[0]!r}" if labels else "no text"
        raise DataError(f"{labeled.name} holds {only} for training; sorting needs two labels")
    known = set(labels)
    for part, found in examples.items():
        for number, (text, label) in enumerate(found, 1):
            if label not in known:
                raise DataError(
                    f"{labeled.name}: {labeled.place(part, number)} has the label {label!r}, "
                    f"which no training text has ({text[:40]!r}); the {len(labels)} known ones "
                    f"are {_some(labels)}"
                )
    return labels


def sort_labels(labels: Any) -> list[str]:
    """The order of the classes: whole numbers by their value, others as strings.

    Args:
        labels: different strings.

    Returns:
        The same, sorted.

    Example:
        >>> sort_labels(["10", "9"]), sort_labels(["10", "9", "a"])
        (['9', '10'], ['10', '9', 'a'])
    """
    found = list(labels)
    if all(label.isdecimal() for label in found):
        return sorted(found, key=lambda label: (int(label), label))
    return sorted(found)


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels[:12]) + (", ..." if len(labels) > 12 else "")


def _set_aside(
    labeled: Labeled, examples: dict[str, list[Example]], fraction: float, seed: int
) -> dict[str, list[Example]]:
    """Takes validation texts out of training."""
    train = examples["train"]
    held = stratified_split(
        [label for _, label in train], fraction, seed, texts=[text for text, _ in train]
    )
    if not held.any():
        raise DataError(
            f"{labeled.name} has too few different texts to set {fraction:.0%} aside for "
            "validation: give texts for validation, or valid_fraction=0"
        )
    kept = [example for example, is_held in zip(train, held, strict=True) if not is_held]
    valid = [example for example, is_held in zip(train, held, strict=True) if is_held]
    return {**examples, "train": kept, "valid": valid}


def _cut_note(part: str, counts: Mapping[str, int], max_length: int) -> list[str]:
    if not counts["cut"]:
        return []
    return [
        f"{counts['cut']:,} of {counts['texts']:,} texts of {part} are longer than {max_length} "
        "tokens: what comes behind is not read"
    ]


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
