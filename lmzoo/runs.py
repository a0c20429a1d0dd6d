"""The folder of a training, read back: its model and what prediction needs beside it."""

import os
from pathlib import Path
from typing import Any

import keras

from lmzoo.data.saved_task import TASK, load_task
from lmzoo.errors import ArgumentError
from lmzoo.files import reading
from lmzoo.registry import load_model

MODEL = "model.keras"


def load_run(folder: str | os.PathLike[str]) -> tuple[keras.Model, Any]:
    """Loads what a training left in its folder, whatever its task.

    Args:
        folder: what was `--out` of an example or of `lmzoo train`, or the folder of a `Checkpoint`.

    Returns:
        The best model, compiled as it was trained, and the SavedTask: settings, tokenizers or the
        vocabulary (see `lmzoo.data.load_task`).

    Raises:
        ArgumentError: there is no trained model in the folder.
        DataError: a file is damaged; the message names it.

    Example:
        >>> import lmzoo
        >>> data = lmzoo.data.prepare_lm(["a b c", "b c a"] * 20, tokenizer="word",
        ...                              deduplicate=False, sequence_length=8, batch_size=2)
        >>> data.save("run")
        >>> lmzoo.build_gru_lm(data.vocab_size, embed_dim=4, hidden_dim=4).save("run/model.keras")
        >>> model, saved = load_run("run")
        >>> model.vocab_size == saved.tokenizer.vocab_size
        True
    """
    place = Path(folder)
    with reading(place):
        is_trained, is_begun = (place / MODEL).exists(), (place / TASK).exists()
    if not is_trained:
        begun = "its training has not got so far" if is_begun else "name the folder of a training"
        raise ArgumentError(f"{place} holds no {MODEL}: {begun}")
    saved = load_task(place)
    return load_model(place / MODEL), saved
