"""Tagging: from tagged sentences to batches of (words, tags, weights), with intents too."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from lmzoo.data.batching.batches import Batches
from lmzoo.data.batching.checks import check_at_least
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
from lmzoo.data.tags.vocabulary import TaggingVocabulary, character_width, word_key
from lmzoo.errors import ArgumentError, DataError
from lmzoo.special_ids import EOS_ID, UNK_ID
from lmzoo.tokenizers.char import CharTokenizer
from lmzoo.tokenizers.word import FIRST, UNKNOWN, WhitespaceTokenizer

# A tagger with a CRF takes long to compile, and does so for each width.
MAX_WIDTHS = 3
_MAX_FORMS = 1 << 31


@dataclass
class TaggingData(PreparedData):
    """Batches of tagged sentences, and everything that was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (inputs, tags, weights): words int32 (batch, time),
    or with characters a tuple of these and int32 (batch, time, characters); tags int32 and
    weights float32 (batch, time); weight 0 marks padding. With intents they are of (inputs,
    (intents int32 (batch,), tags), (float32 (batch,), float32 (batch, time))). A batch holds
    sentences of similar length.

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

    @property
    def num_characters(self) -> int | None:
        """Number of ids of characters; None: no characters."""
        return self.vocabulary.num_characters

    @property
    def tags(self) -> list[str]:
        """Names of the tags, "O" first; those that training lacks are the last ones."""
        return self.vocabulary.tags

    @property
    def num_tags(self) -> int:
        """Number of tags."""
        return self.vocabulary.num_tags

    @property
    def has_spans(self) -> bool:
        """Whether tags mark spans, such as entities."""
        return self.vocabulary.has_spans

    @property
    def intents(self) -> list[str] | None:
        """Names of the intents; None: no intents."""
        return self.vocabulary.intents

    @property
    def num_intents(self) -> int | None:
        """Number of intents; None: no intents."""
        return self.vocabulary.num_intents

    @property
    def forbidden(self) -> list[list[int]]:
        """Pairs of tags that the scheme forbids; see `forbidden_transitions`."""
        return self.vocabulary.forbidden

    def words(self, split: str) -> list[list[str]]:
        """The words of each sentence of a split, without empty ones, with those too long."""
        return self._values(split, "tokens")

    def tag_lists(self, split: str) -> list[list[str]]:
        """The true tags of each sentence of `words(split)`."""
        return self._values(split, "tags")

    def intent_list(self, split: str) -> list[str]:
        """The true intent of each sentence of `words(split)`."""
        return self._values(split, "intent")

    def _values(self, split: str, key: str) -> list[Any]:
        return [record[key] for record in self.corpus.read(split) if record["tokens"]]


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

    A tag or an intent that only validation or test have gets an id after the others: the model
    never learns it, and so gets it wrong, which is how it counts; the report says how many.

    Args:
        source: see `read_tagged`, which also repairs tags.
        columns: see `read_tagged`.
        scheme: to train on, "IOB2" or "IOBES"; "plain": tags mark no spans; None: that of the
            source, IOB2 if it is IOB1.
        vocab_size: most ids of words, 5 special ones included; None: as many as there are.
        min_count: words that occur less often in training have no id of their own. With 1 no word
            of training is unknown, so that the unknown id is only learned with
            `forget_rare_words`.
        lowercase: whether words are lower-cased, not their characters.
        normalize_digits: whether digits of words become 0, not those of their characters.
        characters: whether the characters of each word are inputs too.
        max_word_length: most characters of a word, at least 2; a longer one loses its middle, and
            is counted.
        max_length: a sentence of more words is dropped and counted; None: none.
        batch_size: sentences in a batch.
        valid_fraction: fraction of the sentences for validation where the source offers none;
            sentences of equal words stand on one side.
        grammar_size: sentences of the grammar's training sample.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the vocabulary and the counts.

    Raises:
        DataError: sentences that cannot be used: see `read_tagged`; none left in a split.
        ArgumentError: an argument outside its range.

    Example:
        >>> sentences = [(["Ann", "slept"], ["B-PER", "O"]), (["Bob", "ran"], ["B-PER", "O"])]
        >>> data = prepare_tagging(sentences, valid_fraction=0.0)
        >>> (words, characters), tags, weights = next(iter(data.train))
        >>> words.shape, characters.shape, tags.shape, data.tags
        (TensorShape([32, 4]), TensorShape([32, 4, 8]), TensorShape([32, 4]), ['O', 'B-PER'])
    """
    check_at_least(1, {"batch_size": batch_size, "min_count": min_count, "max_length": max_length})
    check_at_least(2, {"max_word_length": max_word_length})
    check_at_least(FIRST + 2, {"vocab_size": vocab_size})
    plain = PLAIN if scheme == PLAIN else None
    corpus = read_tagged(
        source, columns=columns, scheme=plain, grammar_size=grammar_size, seed=seed
    )
    found = None if plain else detect_scheme(sentence["tags"] for sentence in corpus.read())
    corpus, target = in_scheme(corpus, found, None if plain else scheme)
    corpus = split_by_hash(
        corpus, valid_fraction, key=lambda sentence: " ".join(sentence["tokens"]), seed=seed
    )
    counts = {split: _count(corpus.read(split)) for split in SPLITS if split in corpus.splits}
    words = counts["train"]["words"]
    if not words:
        raise DataError(f"{corpus.name} holds no word for training; check the source")
    kept = _choose_words(words, vocab_size, min_count, normalize_digits, lowercase)
    vocabulary = TaggingVocabulary(
        WhitespaceTokenizer(kept, lowercase=lowercase),
        CharTokenizer.train(words) if characters else None,
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


def _choose_words(
    counts: Counter[str],
    vocab_size: int | None,
    min_count: int,
    normalize_digits: bool,
    lowercase: bool,
) -> list[str]:
    """The words with an id of their own, the most frequent first."""
    keys: Counter[str] = Counter()
    for word, count in counts.items():
        keys[word_key(word, normalize_digits, lowercase)] += count
    keys.pop(UNKNOWN, None)
    ranked = sorted((key for key in keys if keys[key] >= min_count), key=lambda k: (-keys[k], k))
    if not ranked:
        raise ArgumentError(f"no word of training occurs {min_count} times: lower min_count")
    return ranked if vocab_size is None else ranked[: vocab_size - FIRST - 1]


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
        _check_sentences(corpus.name, split, each.counts, max_length)
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
    tags = counts["train"]["tags"]
    words = vocabulary.tokenizer
    task = {"max_length": max_length, "lowercase": words.lowercase}
    sizes = {"max_length": max_length, "max_word_length": vocabulary.max_word_length}
    return TaggingData(
        report,
        corpus,
        batches,
        SavedTask("tagger", task, words, vocabulary=vocabulary),
        {"seed": seed, "batch_size": batch_size, **sizes, **vocabulary.sizes},
        vocabulary,
        np.bincount(train, minlength=vocabulary.vocab_size),
        {tag: tags[tag] for tag in vocabulary.tags if tag in tags},
    )


def _check_sentences(
    name: str, split: str, counts: Mapping[str, int], max_length: int | None
) -> None:
    """Refuses a split without usable sentences."""
    if split == "valid" and not counts["sentences"]:
        raise DataError(
            f"{name} has too few different sentences to set some aside for validation: "
            "give sentences for it, or valid_fraction=0"
        )
    if not counts["words"]:
        raise DataError(
            f"{name} holds no usable sentence for {split}: of {counts['sentences']:,} "
            f"{counts['empty']:,} are empty and {counts['too_long']:,} are longer than "
            f"{max_length} words"
        )


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
        lengths = np.array([0, *map(len, forms)], np.int32)
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
    """Encodes words, tags and intents; drops and counts sentences that are too long or empty.

    `forms` numbers words as they are written, from 1; it takes new ones.
    """
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
    of_sentences = np.array(intents, np.int32) if intent_ids else None
    return EncodedTags(words, tags, of_sentences, counts)
