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
        corpus, batches: the records and their batches by split.
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
        return self.batches["train"].steps

    @property
    def valid_steps(self) -> int:
        """Batches of the validation split."""
        return self.batches["valid"].steps if "valid" in self.batches else 0

    @property
    def test_steps(self) -> int:
        """Batches of the test split."""
        return self.batches["test"].steps if "test" in self.batches else 0

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
        """Lets the first pass over `train` begin at a global step, 0 or more, to resume a training.

        That pass is the rest of epoch `step // steps_per_epoch`, with the noise of an unbroken
        training; later ones are whole, and the cardinality is theirs. The Dataset that `train`
        returned last begins its next pass there too.
        """
        check_at_least(0, {"step": step})
        self._first_step = step
        if self._passes is not None:
            self._passes.start_at(step)

    def transform_train(self, function: Transform) -> None:
        """Applies a function such as `blank_words(0.1)`, after those before it, to whole epochs.

        It keeps the number of batches; if it counts passes, it begins anew in a resumed training.
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
        """Writes what prediction needs to a folder; `lmzoo.data.load_task` reads it."""
        self.saved_task.save(folder)

    def describe(self) -> str:
        """The report as lines of text, its sections in their order and its notes last."""
        lines = []
        for name, section in self.report.items():
            if isinstance(section, str):
                meaning = f" ({DOCUMENTS[section]})" if name == "documents" else ""
                lines.append((name, section + meaning))
            elif name != "notes" and section:
                lines.append((name, _summary(section)))
        lines += [("note", note) for note in self.report["notes"]]
        return "\n".join(f"{name:10} {text}" for name, text in lines)


def _summary(section: Mapping[str, Any]) -> str:
    if len(section) <= SHOWN:
        return ", ".join(f"{name} {_show(value)}" for name, value in section.items())
    ends = (choose(section, key=lambda name: section[name]) for choose in (min, max))
    smallest, largest = (f"{name} ({section[name]:,})" for name in ends)
    return f"{len(section)} labels, the smallest {smallest}, the largest {largest}"


def _show(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
