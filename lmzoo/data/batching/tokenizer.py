"""The tokenizer of a task: trained, loaded or given."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lmzoo import tokenizers
from lmzoo.errors import ArgumentError
from lmzoo.tokenizers.texts import check_tokenizer


def choose_tokenizer(
    tokenizer: Any, vocab_size: int | None, texts: Iterable[str], *, lowercase: bool = False,
    normalize: bool = True,
) -> Any:  # fmt: skip
    """Trains a kind of tokenizer on texts, loads one from a path, or passes one on."""
    is_text = isinstance(tokenizer, str)
    # A path has a suffix or a folder; a kind has neither.
    if isinstance(tokenizer, os.PathLike) or (
        is_text and (Path(tokenizer).suffix or len(Path(tokenizer).parts) > 1)
    ):
        tokenizer = tokenizers.load_tokenizer(tokenizer)
    elif is_text:
        return tokenizers.train_tokenizer(
            texts, kind=tokenizer, vocab_size=vocab_size, lowercase=lowercase, normalize=normalize
        )
    check_tokenizer(tokenizer)
    if vocab_size is not None and vocab_size != tokenizer.vocab_size:
        raise ArgumentError(
            f"vocab_size={vocab_size}, but the given tokenizer has {tokenizer.vocab_size} ids; "
            "leave vocab_size out"
        )
    return tokenizer


def remember(tokenizer: Any, name: str, value: Any) -> Any:
    """The tokenizer with a note in its report, if it is one of lmzoo's; another one as it is."""
    is_own = isinstance(tokenizer, tokenizers.Tokenizer)
    return tokenizer.remember(name, value) if is_own else tokenizer


def tokenizer_report(tokenizer: Any) -> dict[str, Any]:
    """The counts of a tokenizer for a report."""
    return {"kind": tokenizer.kind, "vocab_size": int(tokenizer.vocab_size)}
