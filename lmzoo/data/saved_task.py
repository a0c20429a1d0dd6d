"""What prediction needs beside a model: the task's settings, its tokenizers or its vocabulary."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmzoo.data.tags.vocabulary import TaggingVocabulary, load_tagging_vocabulary
from lmzoo.errors import DataError
from lmzoo.files import read_json, reading, write_json
from lmzoo.tokenizers import load_tokenizer

TASK, VOCABULARY = "task.json", "vocabulary.json"
TOKENIZER, SOURCE_TOKENIZER = "tokenizer.json", "source_tokenizer.json"
TASKS = ("lm", "seq2seq", "classifier", "tagger")


@dataclass
class SavedTask:
    """A task's settings, tokenizers and vocabulary, as a training folder holds them.

    Args:
        task: "lm", "seq2seq", "classifier" or "tagger".
        settings: JSON values such as `documents`, `labels`, `max_length`, `lowercase`.
        tokenizer, source_tokenizer: the latter of a seq2seq task's sources; None: `tokenizer`.
        vocabulary: of a tagger; None for other tasks.
    """

    task: str
    settings: dict[str, Any]
    tokenizer: Any
    source_tokenizer: Any = None
    vocabulary: TaggingVocabulary | None = field(default=None, repr=False)

    @property
    def tokenizers(self) -> Any:
        """What `generate` and `beam_search` take as `tokenizer`."""
        pair = (self.source_tokenizer, self.tokenizer)
        return self.tokenizer if self.source_tokenizer is None else pair

    @property
    def has_documents(self) -> bool:
        """Whether a language model learned from documents, each of which begins after an end."""
        return self.settings.get("documents") != "stream"

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Writes task.json and the tokenizers or the vocabulary to a folder."""
        place = Path(folder)
        write_json(place / TASK, {"task": self.task, **self.settings})
        if self.vocabulary is not None:
            self.vocabulary.save(place / VOCABULARY)
            return
        self.tokenizer.save(place / TOKENIZER)
        if self.source_tokenizer is not None:
            self.source_tokenizer.save(place / SOURCE_TOKENIZER)


def load_task(folder: str | os.PathLike[str]) -> SavedTask:
    """Loads what the `save` of prepared data wrote.

    Args:
        folder: of a training; one without such files raises DataError or TokenizerError.

    Returns:
        The task's settings, tokenizers and vocabulary.

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_lm(["a b " * 40], tokenizer="char", valid_fraction=0.0)
        >>> data.save("training")
        >>> load_task("training").tokenizer == data.tokenizer
        True
    """
    place = Path(folder)
    try:
        with reading(place / TASK):
            settings = read_json(place / TASK)
        task = settings.pop("task")
    except DataError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            wrong = f"{place} holds no {TASK}: name the folder of a training"
            raise DataError(wrong) from error
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{place / TASK} is not a task of lmzoo ({error!r})") from error
    if task not in TASKS:
        raise DataError(f"{place / TASK} has the task {task!r}; lmzoo knows {', '.join(TASKS)}")
    if task == "tagger":
        vocabulary = load_tagging_vocabulary(place / VOCABULARY)
        return SavedTask(task, settings, vocabulary.tokenizer, vocabulary=vocabulary)
    source = place / SOURCE_TOKENIZER
    of_source = load_tokenizer(source) if source.exists() else None
    saved = SavedTask(task, settings, load_tokenizer(place / TOKENIZER), of_source)
    if task == "lm" and "start_id" not in saved.tokenizer.report:  # of an older training
        saved.tokenizer.start_id = saved.tokenizer.eos_id if saved.has_documents else None
    return saved
