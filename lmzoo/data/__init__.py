"""From texts to batches: sources, cleaning, tokenizers, the embedded grammar, tf.data pipelines.

Names are imported when they are first used: `import lmzoo.data` loads no large library.
"""

import importlib
from typing import Any

_HOMES = {
    "LMData": "language_modeling",
    "Pairs": "pairs",
    "Seq2SeqData": "seq2seq",
    "Texts": "sources",
    "Tokenizer": "tokenizers",
    "blank_words": "augment",
    "choose_rules": "clean",
    "clean_text": "clean",
    "Dialogue": "dialogue",
    "delete_words": "augment",
    "drop_duplicates": "deduplicate",
    "drop_words": "augment",
    "join_pairs": "pairs",
    "load_tokenizer": "tokenizers",
    "next_word_windows": "batch",
    "prepare_lm": "language_modeling",
    "prepare_seq2seq": "seq2seq",
    "read_dialogues": "dialogue",
    "read_pairs": "pairs",
    "read_texts": "sources",
    "swap_words": "augment",
    "train_tokenizer": "tokenizers",
}
_MODULES = ("grammar", "tokenizers")

__all__ = [
    "Dialogue",
    "LMData",
    "Pairs",
    "Seq2SeqData",
    "Texts",
    "Tokenizer",
    "blank_words",
    "choose_rules",
    "clean_text",
    "delete_words",
    "drop_duplicates",
    "drop_words",
    "grammar",
    "join_pairs",
    "load_tokenizer",
    "next_word_windows",
    "prepare_lm",
    "prepare_seq2seq",
    "read_dialogues",
    "read_pairs",
    "read_texts",
    "swap_words",
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
