"""The tokenizer of a task: trained, loaded or given."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lmzoo import tokenizers
from lmzoo.errors import ArgumentError


def choose_tokenizer(
    tokenizer: Any, vocab_size: int | None, texts: Iterable[str], *, lowercase: bool = False
) -> Any:
    """Trains a kind of tokenizer on texts, loads one from a path, or passes one on.

    Raises:
        TokenizerError: it cannot be trained or loaded.
        ArgumentError: `vocab_size` for a tokenizer that is not trained here.
    """
    if isinstance(tokenizer, os.PathLike) or _is_path(tokenizer):
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


def _is_path(tokenizer: Any) -> bool:
    """Whether a string is the path of a tokenizer, not a kind: it has a suffix or a folder."""
    if not isinstance(tokenizer, str):
        return False
    return bool(Path(tokenizer).suffix) or len(Path(tokenizer).parts) > 1


def tokenizer_report(tokenizer: Any) -> dict[str, Any]:
    """The counts of a tokenizer for a report."""
    return {"kind": tokenizer.kind, "vocab_size": int(tokenizer.vocab_size)}
