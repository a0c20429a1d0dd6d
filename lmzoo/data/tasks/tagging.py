"""Tagging: from tagged sentences to batches of (words, tags, weights), with intents too."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lmzoo.data.batching.batches import Batches
from lmzoo.data.batching.checks import check_at_least, check_sizes
from lmzoo.data.batching.orders import width_groups
from lmzoo.data.batching.token_store import Sequences
from lmzoo.data.batching.widths import padded_widths
from lmzoo.data.corpus import Corpus, Record
from lmzoo.data.prepared import PreparedData
from lmzoo.data.saved_task import SavedTask
from lmzoo.data.sources import read_tagged
from lmzoo.data.splits import SPLITS, split_by_hash
from lmzoo.data.tags.schemes import OUTSIDE, detect_scheme
from lmzoo.data.tags.settling import PLAIN, in_scheme
from lmzoo.data.tags.vocabulary import TaggingVocabulary, character_width, normal_form, word_key
from lmzoo.errors import ArgumentError, DataError
from lmzoo.special_ids import EOS_ID, UNK_ID
from lmzoo.tokenizers.char import CharTokenizer
from lmzoo.tokenizers.texts import MOST_ENTRIES
from lmzoo.tokenizers.word import FIRST, UNKNOWN, WhitespaceTokenizer

# A tagger with a CRF takes long to compile, and does so for each width.
MAX_WIDTHS = 3
LONGEST_WORD = 1000  # characters that a table has room for
_MAX_FORMS = 1 << 31


def _of_vocabulary(name: str) -> Any:
    doc = f"See `TaggingVocabulary.{name}`."
    return property(lambda data: getattr(data.vocabulary, name), doc=doc)


@dataclass
class TaggingData(PreparedData):
    """Batches of tagged sentences of similar length, and what was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (inputs, tags, weights): words int32 (batch, time),
    or with characters a tuple of these and int32 (batch, time, characters); tags int32 and
    weights float32 (batch, time); weight 0 marks padding. With intents they are of (inputs,
    (intents int32 (batch,), tags), (float32 (batch,), float32 (batch, time))).

    Args:
        report, batches, saved_task, settings: see `PreparedData`.
        corpus: {"tokens", "tags"[, "intent"]} by split, tags in the vocabulary's scheme.
        vocabulary: words, characters, tags and intents.
        word_counts: occurrences of each word id in training, (vocab_size,).
        class_counts: words of each tag that training has, in the order of the tags' ids.
    """

    vocabulary: TaggingVocabulary
    word_counts: np.ndarray = field(repr=False)
    class_counts: dict[str, int]

    num_characters = _of_vocabulary("num_characters")
    tags = _of_vocabulary("tags")
    num_tags = _of_vocabulary("num_tags")
    has_spans = _of_vocabulary("has_spans")
    intents = _of_vocabulary("intents")
    num_intents = _of_vocabulary("num_intents")
    forbidden = _of_vocabulary("forbidden")

    def words(self, split: str) -> list[list[str]]:
        """The words of each sentence of a split, without empty ones, with those too long."""
        return [record["tokens"] for record in self.corpus.read(split) if record["tokens"]]

    def tag_lists(self, split: str) -> list[list[str]]:
        """The true tags of each sentence of `words(split)`."""
        return [record["tags"] for record in self.corpus.read(split) if record["tokens"]]

    def intent_list(self, split: str) -> list[str]:
        """The true intent of each sentence of `words(split)`."""
        return [record["intent"] for record in self.corpus.read(split) if record["tokens"]]


def prepare_tagging(
    source: Any,
    *,
    columns: Sequence[str | int] | None = None,
    scheme: str | None = None,
    vocab_size: int | None = None,
    min_count: int = 1,
    lowercase: bool = True,
    normalize_digits: bool = False,
    characters: bool = True,
    max_word_length: int = 20,
    max_length: int | None = None,
    batch_size: int = 32,
    valid_fraction: float = 0.1,
    grammar_size: int = 20_000,
    seed: int = 0,
) -> TaggingData:
    """Reads, encodes and batches tagged sentences.

    A tag or an intent that only validation or test have gets an id after the others: it counts,
    in the report too, though the model never learns it.

    Args:
        source, columns, grammar_size: see `read_tagged`, which also repairs tags.
        scheme: to train on, "IOB2" or "IOBES"; "plain": no spans; None: the source's, not IOB1.
        vocab_size: most ids of words, 5 special ones included; None: 20,005, or fewer.
        min_count: words that occur less often in training have no id of their own. With 1 the
            unknown id is only learned with `forget_rare_words`.
        lowercase, normalize_digits: whether words, not their characters, lose case and digits.
        characters: whether the characters of each word are inputs too.
        max_word_length: most characters of a word, at least 2; a longer one loses its middle.
        max_length: a sentence of more words is dropped and counted; None: none.
        batch_size: sentences in a batch.
        valid_fraction: of the different sentences, where the source offers no validation.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the vocabulary and the counts.

    Raises:
        DataError: sentences that cannot be used: see `read_tagged`; none left in a split.

    Example:
        >>> data = prepare_tagging([(["Ann", "slept"], ["B-PER", "O"])], valid_fraction=0.0)
        >>> (words, characters), tags, weights = next(iter(data.train))
        >>> words.shape.as_list(), characters.shape.as_list(), data.tags
        ([32, 4], [32, 4, 8], ['O', 'B-PER'])
    """
    check_sizes({"batch_size": batch_size})
    check_at_least(1, {"min_count": min_count, "max_length": max_length})
    check_at_least(2, {"max_word_length": max_word_length})
    if max_word_length > LONGEST_WORD:
        raise ArgumentError(
            f"max_word_length is {max_word_length:,}; it must be at most {LONGEST_WORD:,}"
        )
    check_at_least(FIRST + 2, {"vocab_size": vocab_size})
    plain, wanted = (scheme, None) if scheme == PLAIN else (None, scheme)
    corpus = read_tagged(
        source, columns=columns, scheme=plain, grammar_size=grammar_size, seed=seed
    )
    found = None if plain else detect_scheme(sentence["tags"] for sentence in corpus.read())
    corpus, target = in_scheme(corpus, found, wanted)
    corpus = split_by_hash(
        corpus, valid_fraction, key=lambda sentence: " ".join(sentence["tokens"]), seed=seed
    )
    counts = {split: _count(corpus.read(split)) for split in SPLITS if split in corpus.splits}
    words = counts["train"]["words"]
    if not words:
        raise DataError(f"{corpus.name} holds no word for training; check the source")
    keys: Counter[str] = Counter()
    for word, count in words.items():
        keys[word_key(word, normalize_digits, lowercase)] += count
    keys.pop(UNKNOWN, None)
    kept = sorted((key for key in keys if keys[key] >= min_count), key=lambda k: (-keys[k], k))
    if not kept:
        raise ArgumentError(f"no word of training occurs {min_count} times: lower min_count")
    most = MOST_ENTRIES if vocab_size is None else vocab_size - FIRST - 1
    vocabulary = TaggingVocabulary(
        WhitespaceTokenizer(kept[:most], lowercase=lowercase),
        CharTokenizer.train(map(normal_form, words)) if characters else None,
        _names(counts, "tags"),
        target,
        _names(counts, "intents") or None,
        max_word_length,
        normalize_digits,
    )
    return _batch(corpus, vocabulary, counts, max_length, batch_size, seed)


def _count(sentences: Iterable[Record]) -> dict[str, Counter[str]]:
    """Occurrences of words, tags and intents in a split."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in ("words", "tags", "intents")}
    for sentence in sentences:
        counts["words"].update(sentence["tokens"])
        counts["tags"].update(sentence["tags"])
        counts["intents"].update([sentence["intent"]] if "intent" in sentence else ())
    return counts


def _names(counts: Mapping[str, Mapping[str, Counter[str]]], what: str) -> list[str]:
    """Names in the order of their ids: "O", then those of training, then those of other splits."""
    known = counts["train"][what]
    unseen = {name for split in counts.values() for name in split[what] if name not in known}
    first = [OUTSIDE] if OUTSIDE in known else []
    return first + sorted(known.keys() - {OUTSIDE}) + sorted(unseen)


def _batch(
    corpus: Corpus,
    vocabulary: TaggingVocabulary,
    counts: Mapping[str, Mapping[str, Counter[str]]],
    max_length: int | None,
    batch_size: int,
    seed: int,
) -> TaggingData:
    """Encodes and batches the sentences of all splits, and makes the report."""
    forms: dict[str, int] = {}
    encoded = {
        split: encode_tagged(corpus.read(split), forms, vocabulary, max_length) for split in counts
    }
    table = FormTable(list(forms), vocabulary)
    notes, batches = list(corpus.notes), {}
    report: dict[str, Any] = {"source": corpus.name, "notes": notes}
    report["vocabulary"] = vocabulary.sizes
    for split, each in encoded.items():
        if split == "valid" and not each.counts["sentences"]:
            raise DataError(
                f"{corpus.name} has too few different sentences to set some aside for validation: "
                "give sentences for it, or valid_fraction=0"
            )
        if not each.counts["words"]:
            raise DataError(
                f"{corpus.name} holds no usable sentence for {split}: of "
                f"{each.counts['sentences']:,} {each.counts['empty']:,} are empty and "
                f"{each.counts['too_long']:,} are longer than {max_length} words"
            )
        batches[split] = each.batches(table, batch_size, seed if split == "train" else None)
        ids = each.forms.store.ids
        report[split] = {
            **each.counts,
            "unknown_words": int(np.count_nonzero(table.word_ids[ids] == UNK_ID)),
            "words_cut": int(np.count_nonzero(table.is_cut[ids])),
            "batches": batches[split].steps,
        }
        notes += _unseen(split, counts)
    train = table.word_ids[encoded["train"].forms.store.ids]
    tags, words = counts["train"]["tags"], vocabulary.tokenizer
    task = {"max_length": max_length, "lowercase": words.lowercase}
    saved = SavedTask("tagger", task, words, vocabulary=vocabulary)
    sizes = {"max_length": max_length, "max_word_length": vocabulary.max_word_length}
    settings = {"seed": seed, "batch_size": batch_size, **sizes, **vocabulary.sizes}
    word_counts = np.bincount(train, minlength=vocabulary.vocab_size)
    class_counts = {tag: tags[tag] for tag in vocabulary.tags if tag in tags}
    prepared = (report, corpus, batches, saved, settings)
    return TaggingData(*prepared, vocabulary, word_counts, class_counts)


def _unseen(split: str, counts: Mapping[str, Mapping[str, Counter[str]]]) -> list[str]:
    """Notes on tags and intents of a split that training lacks."""
    notes = []
    for what, units in (("tags", "words"), ("intents", "sentences")):
        found = counts[split][what]
        if unseen := sorted(found.keys() - counts["train"][what].keys()):
            notes.append(
                f"{split}: {sum(found[name] for name in unseen):,} {units} have {what} that "
                f"training lacks, and will count as wrong: {', '.join(unseen[:8])}"
            )
    return notes


class FormTable:
    """The ids of each word as it is written (form), numbered from 1; form 0 is padding."""

    def __init__(self, forms: Sequence[str], vocabulary: TaggingVocabulary) -> None:
        self.most = vocabulary.max_word_length
        lengths = np.array([0, *(len(normal_form(form)) for form in forms)], np.int32)
        self.lengths, self.is_cut = np.minimum(lengths, self.most), lengths > self.most
        self.word_ids = np.concatenate([np.zeros(1, np.int32), vocabulary.word_ids(forms)])
        self.characters: np.ndarray | None = None
        if vocabulary.characters is not None:
            ids = vocabulary.character_ids(forms)
            self.characters = np.concatenate([np.zeros((1, self.most), np.int32), ids])


@dataclass
class EncodedTags:
    """Tagged sentences of one split: forms, ids of tags and of intents int32 (sentences,)."""

    forms: Sequences
    tags: Sequences
    intents: np.ndarray | None
    counts: Counter[str]

    def batches(self, table: FormTable, size: int, seed: int | None) -> Batches:
        """Batches of so many sentences of similar length."""
        widths = padded_widths(self.forms.lengths, MAX_WIDTHS)
        characters = character_width(table.lengths[self.forms.store.ids].max(), table.most)
        both = np.stack([widths, np.full_like(widths, characters)])  # (2, sentences)
        order = width_groups(both, lambda widths: size, seed)
        return Batches(order, partial(self._collate, table))

    def _collate(
        self, table: FormTable, rows: np.ndarray, widths: tuple[int, ...], epoch: int
    ) -> Any:
        """Pads sentences; a missing one has the end token as its only word, and weight 0."""
        missing = rows < 0
        forms, real = self.forms.gather(rows, widths[0])
        tags, _ = self.tags.gather(rows, widths[0])
        words, weights = table.word_ids[forms], real.astype(np.float32)
        words[missing, 0] = EOS_ID
        inputs: Any = words
        if table.characters is not None:
            inputs = words, table.characters[:, : widths[1]][forms]
        if self.intents is None:
            return inputs, tags, weights
        intents = np.where(missing, 0, self.intents[rows])
        return inputs, (intents, tags), ((~missing).astype(np.float32), weights)


def encode_tagged(
    sentences: Iterable[Record],
    forms: dict[str, int],
    vocabulary: TaggingVocabulary,
    max_length: int | None,
) -> EncodedTags:
    """Encodes sentences, and numbers new forms; drops and counts those too long or empty."""
    tag_ids = {tag: index for index, tag in enumerate(vocabulary.tags)}
    intent_ids = {intent: index for index, intent in enumerate(vocabulary.intents or [])}
    words, tags, intents = Sequences(_MAX_FORMS), Sequences(max(len(tag_ids), 1)), []
    counts: Counter[str] = Counter(sentences=0, words=0, empty=0, too_long=0)
    for sentence in sentences:
        tokens = sentence["tokens"]
        counts["sentences"] += 1
        if not tokens:
            counts["empty"] += 1
        elif max_length is not None and len(tokens) > max_length:
            counts["too_long"] += 1
        else:
            words.append(np.array([forms.setdefault(word, len(forms) + 1) for word in tokens]))
            tags.append(np.array([tag_ids[tag] for tag in sentence["tags"]]))
            if intent_ids:
                intents.append(intent_ids[sentence["intent"]])
    counts["words"] = words.store.size
    return EncodedTags(words, tags, np.array(intents, np.int32) if intent_ids else None, counts)
