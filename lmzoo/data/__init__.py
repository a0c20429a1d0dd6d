"""From texts to batches: sources, cleaning, tokenizers, the embedded grammar, tf.data pipelines.

Names are imported when they are first used: `import lmzoo.data` loads no large library.
"""

import importlib
from typing import Any

_HOMES = {
    "ClassificationData": "classification",
    "Dialogue": "dialogue",
    "Intents": "intents",
    "LMData": "language_modeling",
    "Labeled": "labeled",
    "Pairs": "pairs",
    "Seq2SeqData": "seq2seq",
    "Tagged": "tagged",
    "TaggingData": "tagging",
    "TaggingVocabulary": "tagging_vocabulary",
    "Texts": "sources",
    "Tokenizer": "lmzoo.tokenizers",
    "align_tags": "alignment",
    "blank_words": "augment",
    "choose_rules": "text.cleaning",
    "class_weights": "balance",
    "clean_text": "text.cleaning",
    "convert_tags": "tags",
    "delete_words": "augment",
    "detect_scheme": "tags",
    "drop_duplicates": "deduplicate",
    "drop_words": "augment",
    "encode_texts": "text_batches",
    "folds": "cross_validation",
    "forbidden_transitions": "tags",
    "forget_rare_words": "augment",
    "imbalanced": "balance",
    "join_pairs": "pairs",
    "load_tagging_vocabulary": "tagging_vocabulary",
    "load_tokenizer": "lmzoo.tokenizers",
    "next_word_windows": "batch",
    "over_sample": "balance",
    "pool_words": "alignment",
    "prepare_classification": "classification",
    "prepare_lm": "language_modeling",
    "prepare_seq2seq": "seq2seq",
    "prepare_tagging": "tagging",
    "rare_words": "augment",
    "read_conll": "conll",
    "read_dialogues": "dialogue",
    "read_intents": "intents",
    "read_labeled": "labeled",
    "read_pairs": "pairs",
    "read_tagged": "tagged",
    "read_texts": "sources",
    "repair_tags": "tags",
    "spans_of": "tags",
    "stratified_split": "cross_validation",
    "swap_words": "augment",
    "tags_of": "tags",
    "train_tokenizer": "lmzoo.tokenizers",
    "under_sample": "balance",
    "weigh_classes": "balance",
}

__all__ = [
    "ClassificationData",
    "Dialogue",
    "Intents",
    "LMData",
    "Labeled",
    "Pairs",
    "Seq2SeqData",
    "Tagged",
    "TaggingData",
    "TaggingVocabulary",
    "Texts",
    "Tokenizer",
    "align_tags",
    "blank_words",
    "choose_rules",
    "class_weights",
    "clean_text",
    "convert_tags",
    "delete_words",
    "detect_scheme",
    "drop_duplicates",
    "drop_words",
    "encode_texts",
    "folds",
    "forbidden_transitions",
    "forget_rare_words",
    "imbalanced",
    "join_pairs",
    "load_tagging_vocabulary",
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
    "read_intents",
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
