"""From texts to batches: sources, cleaning, tokenizers, the embedded grammar, tf.data pipelines.

Names are imported when they are first used: `import lmzoo.data` loads no large library.
"""

import importlib
from typing import Any

_NAMES = {
    "batching.windows": ("next_word_windows",),
    "corpus": ("Corpus",),
    "lmzoo.tokenizers.cleaning": ("choose_rules", "clean_text"),
    "lmzoo.tokenizers": ("Tokenizer", "load_tokenizer", "train_tokenizer"),
    "readers.conll": ("read_conll",),
    "lmzoo.dialogue_format": ("dialogue_context",),
    "readers.dialogues": ("dialogue_pairs",),
    "saved_task": ("SavedTask", "load_task"),
    "sources": ("read_dialogues", "read_labeled", "read_pairs", "read_tagged", "read_texts"),
    "splits": ("folds", "stratified_split"),
    "tags.alignment": ("align_tags", "pool_words"),
    "tags.schemes": (
        "convert_tags",
        "detect_scheme",
        "forbidden_transitions",
        "repair_tags",
        "spans_of",
        "tags_of",
    ),
    "tags.vocabulary": ("TaggingVocabulary", "load_tagging_vocabulary"),
    "tasks.classification": ("ClassificationData", "encode_texts", "prepare_classification"),
    "tasks.language_modeling": ("LMData", "prepare_lm"),
    "tasks.seq2seq": ("Seq2SeqData", "prepare_seq2seq"),
    "tasks.tagging": ("TaggingData", "prepare_tagging"),
    "text.duplicates": ("drop_duplicates",),
    "transforms.class_balance": (
        "class_weights",
        "imbalanced",
        "over_sample",
        "under_sample",
        "weigh_classes",
    ),
    "transforms.noise": (
        "blank_words",
        "delete_words",
        "drop_words",
        "forget_rare_words",
        "rare_words",
        "swap_words",
    ),
    "transforms.segmentation": ("sample_subwords",),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _HOMES[name] if _HOMES[name].startswith("lmzoo.") else f"{__name__}.{_HOMES[name]}"
    globals()[name] = getattr(importlib.import_module(module), name)
    return globals()[name]


def __dir__() -> list[str]:
    """The public names, for completion."""
    return __all__
