"""What the data of every task offer: Datasets by split, a report, resuming, saving."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tensorflow as tf

from lmzoo.data.batching.batches import Batches, Transform
from lmzoo.data.batching.checks import check_at_least
from lmzoo.data.batching.passes import Passes
from lmzoo.data.corpus import Corpus
from lmzoo.data.saved_task import SavedTask

SHOWN = 20  # entries of a report's section that a description shows one by one
DOCUMENTS = {
    "stream": "one text without document borders",
    "document": "each text is a document",
    "line": "each line is a document",
    "paragraph": "blank lines separate documents",
}


@dataclass
class PreparedData:
    """Batches by split, and everything that was counted on the way to them.

    Args:
        report: counts of everything, JSON values; `describe()` prints them.
        corpus: the records by split.
        batches: the batches of "train" and, where there are such, "valid" and "test".
        saved_task: what prediction needs.
        settings: seed and sizes that decide the training batches.
    """

    report: dict[str, Any]
    corpus: Corpus = field(repr=False)
    batches: dict[str, Batches] = field(repr=False)
    saved_task: SavedTask = field(repr=False)
    settings: dict[str, Any] = field(repr=False)
    _first_step: int = field(default=0, init=False, repr=False)
    _passes: Passes | None = field(default=None, init=False, repr=False)
    _transforms: list[Transform] = field(default_factory=list, init=False, repr=False)

    @property
    def tokenizer(self) -> Any:
        """From text to ids and back."""
        return self.saved_task.tokenizer

    @property
    def vocab_size(self) -> int:
        """Number of ids of the tokenizer."""
        return int(self.tokenizer.vocab_size)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in a pass over the training split."""
        return self._steps("train")

    @property
    def valid_steps(self) -> int:
        """Batches of the validation split."""
        return self._steps("valid")

    @property
    def test_steps(self) -> int:
        """Batches of the test split."""
        return self._steps("test")

    def _steps(self, split: str) -> int:
        return self.batches[split].steps if split in self.batches else 0

    @property
    def train(self) -> tf.data.Dataset:
        """The training split; each complete pass is followed by the next epoch's order."""
        self._passes = Passes(self._first_step, self.steps_per_epoch)
        return self.batches["train"].dataset(transforms=self._transforms, passes=self._passes)

    @property
    def valid(self) -> tf.data.Dataset | None:
        """The validation split; None if there is none."""
        return self.batches["valid"].dataset() if "valid" in self.batches else None

    @property
    def test(self) -> tf.data.Dataset | None:
        """The test split; None if there is none."""
        return self.batches["test"].dataset() if "test" in self.batches else None

    def start_at(self, step: int) -> None:
        """Lets the first pass over `train` begin at a global step, to resume a training.

        From then on `train` begins in epoch `step // steps_per_epoch`, after the batches that the
        interrupted training has had of it, with the noise that they would have had; later passes
        are whole. The Dataset that `train` returned last goes on there too, in its next pass. The
        cardinality stays `steps_per_epoch`, by which `fit` goes in later epochs.

        Args:
            step: batches to leave out, at least 0.

        Raises:
            ArgumentError: `step` below 0.
        """
        check_at_least(0, {"step": step})
        self._first_step = step
        if self._passes is not None:
            self._passes.start_at(step)

    def transform_train(self, function: Transform) -> None:
        """Applies a function to the training batches, after those registered before.

        It is applied to whole epochs, so that it composes with `start_at`. Functions of
        `lmzoo.data` draw their noise by (seed, epoch, step); one of your own that counts passes by
        itself, such as a reshuffling, begins anew in a resumed training.

        Args:
            function: Dataset -> Dataset, such as `blank_words(0.1, seed=0)`; it keeps the number
                of batches.
        """
        self._transforms.append(function)

    def fingerprint(self) -> dict[str, Any]:
        """JSON values that a resumed training must find equal: source, counts, seed, sizes."""
        tokenizers = (self.saved_task.source_tokenizer, self.tokenizer)
        return {
            "source": self.report["source"],
            "train": dict(self.report["train"]),
            "tokenizers": [each.fingerprint for each in tokenizers if each is not None],
            **self.settings,
            "steps_per_epoch": self.steps_per_epoch,
        }

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes what prediction needs beside the model; `lmzoo.data.load_task` reads it.

        Args:
            folder: made where it is missing; gets task.json and the tokenizers or the vocabulary.
        """
        self.saved_task.save(folder)

    def describe(self) -> str:
        """The report as lines of text."""
        return describe_report(self.report)


def describe_report(report: Mapping[str, Any]) -> str:
    """Prints a report as lines of text, its sections in their order and its notes last.

    Example:
        >>> print(describe_report({"source": "a.txt", "documents": "stream", "notes": ["as is"],
        ...                        "cleaning": {"bom": 1, "nul": 0}, "reading": {},
        ...                        "tokenizer": {"kind": "char", "vocab_size": 9000}}))
        source     a.txt
        documents  stream (one text without document borders)
        cleaning   bom 1, nul 0
        tokenizer  kind char, vocab_size 9,000
        note       as is
    """
    lines = []
    for name, section in report.items():
        if isinstance(section, str):
            meaning = f" ({DOCUMENTS[section]})" if name == "documents" else ""
            lines.append((name, section + meaning))
        elif name != "notes" and section:
            lines.append((name, _summary(section) if len(section) > SHOWN else _join(section)))
    lines += [("note", note) for note in report["notes"]]
    return "\n".join(f"{name:10} {text}" for name, text in lines)


def _join(section: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_show(value)}" for name, value in section.items())


def _summary(counts: Mapping[str, int]) -> str:
    ends = (min(counts, key=lambda name: counts[name]), max(counts, key=lambda name: counts[name]))
    smallest, largest = (f"{name} ({counts[name]:,})" for name in ends)
    return f"{len(counts)} labels, the smallest {smallest}, the largest {largest}"


def _show(value: Any) -> str:
    """Formats a value for reading."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
