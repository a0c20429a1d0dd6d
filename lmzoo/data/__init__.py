"""From texts to batches: sources, cleaning, tokenizers, the embedded grammar, tf.data pipelines.

Names are imported when they are first used: `import lmzoo.data` loads no large library.
"""

import importlib
from typing import Any

_HOMES = {
    "LMData": "language_modeling",
    "Texts": "sources",
    "Tokenizer": "tokenizers",
    "choose_rules": "clean",
    "clean_text": "clean",
    "drop_duplicates": "deduplicate",
    "load_tokenizer": "tokenizers",
    "next_word_windows": "batch",
    "prepare_lm": "language_modeling",
    "read_texts": "sources",
    "train_tokenizer": "tokenizers",
}
_MODULES = ("grammar", "tokenizers")

__all__ = [
    "LMData",
    "Texts",
    "Tokenizer",
    "choose_rules",
    "clean_text",
    "drop_duplicates",
    "grammar",
    "load_tokenizer",
    "next_word_windows",
    "prepare_lm",
    "read_texts",
    "tokenizers",
    "train_tokenizer",
]


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use (PEP 562)."""
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
