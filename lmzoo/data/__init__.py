"""From texts to batches: sources, cleaning, tokenizers, the embedded grammar, tf.data pipelines.

Names are imported when they are first used: `import lmzoo.data` loads no large library.
"""

import importlib
from typing import Any

_HOMES = {
    "ClassificationData": "tasks.classification",
    "Corpus": "corpus",
    "LMData": "tasks.language_modeling",
    "SavedTask": "saved_task",
    "Seq2SeqData": "tasks.seq2seq",
    "TaggingData": "tasks.tagging",
    "TaggingVocabulary": "tags.vocabulary",
    "Tokenizer": "lmzoo.tokenizers",
    "align_tags": "tags.alignment",
    "blank_words": "transforms.noise",
    "choose_rules": "text.cleaning",
    "class_weights": "transforms.class_balance",
    "clean_text": "text.cleaning",
    "convert_tags": "tags.schemes",
    "delete_words": "transforms.noise",
    "detect_scheme": "tags.schemes",
    "dialogue_context": "readers.dialogues",
    "dialogue_pairs": "readers.dialogues",
    "drop_duplicates": "text.duplicates",
    "drop_words": "transforms.noise",
    "encode_texts": "tasks.classification",
    "folds": "splits",
    "forbidden_transitions": "tags.schemes",
    "forget_rare_words": "transforms.noise",
    "imbalanced": "transforms.class_balance",
    "load_tagging_vocabulary": "tags.vocabulary",
    "load_task": "saved_task",
    "load_tokenizer": "lmzoo.tokenizers",
    "next_word_windows": "batching.windows",
    "over_sample": "transforms.class_balance",
    "pool_words": "tags.alignment",
    "prepare_classification": "tasks.classification",
    "prepare_lm": "tasks.language_modeling",
    "prepare_seq2seq": "tasks.seq2seq",
    "prepare_tagging": "tasks.tagging",
    "rare_words": "transforms.noise",
    "read_conll": "readers.conll",
    "read_dialogues": "sources",
    "read_labeled": "sources",
    "read_pairs": "sources",
    "read_tagged": "sources",
    "read_texts": "sources",
    "repair_tags": "tags.schemes",
    "spans_of": "tags.schemes",
    "stratified_split": "splits",
    "swap_words": "transforms.noise",
    "tags_of": "tags.schemes",
    "train_tokenizer": "lmzoo.tokenizers",
    "under_sample": "transforms.class_balance",
    "weigh_classes": "transforms.class_balance",
}

__all__ = [
    "ClassificationData",
    "Corpus",
    "LMData",
    "SavedTask",
    "Seq2SeqData",
    "TaggingData",
    "TaggingVocabulary",
    "Tokenizer",
    "align_tags",
    "blank_words",
    "choose_rules",
    "class_weights",
    "clean_text",
    "convert_tags",
    "delete_words",
    "detect_scheme",
    "dialogue_context",
    "dialogue_pairs",
    "drop_duplicates",
    "drop_words",
    "encode_texts",
    "folds",
    "forbidden_transitions",
    "forget_rare_words",
    "imbalanced",
    "load_tagging_vocabulary",
    "load_task",
    "load_tokenizer",
    "next_word_windows",
    "over_sample",
    "pool_words",
    "prepare_classification",
    "prepare_lm",
    "prepare_seq2seq",
    "prepare_tagging",
    "rare_words",
    "read_conll",
    "read_dialogues",
    "read_labeled",
    "read_pairs",
    "read_tagged",
    "read_texts",
    "repair_tags",
    "spans_of",
    "stratified_split",
    "swap_words",
    "tags_of",
    "train_tokenizer",
    "under_sample",
    "weigh_classes",
]


def __getattr__(name: str) -> Any:
    """Imports a public name at its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES[name]
    module = home if home.startswith("lmzoo.") else f"{__name__}.{home}"
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, for completion."""
    return sorted(__all__)
