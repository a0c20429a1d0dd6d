"""From tagged sentences to batches for models that tag words, in one call."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmzoo.data.batched import BatchedData
from lmzoo.data.intents import Intents
from lmzoo.data.sentences import Opener, Sentence
from lmzoo.data.tag_batches import Forms, FormTable, TagBatches, encode_tagged
from lmzoo.data.tagged import Tagged, TaggedSource, in_scheme, read_tagged, split_tagged
from lmzoo.data.tagging_vocabulary import TaggingVocabulary, word_key
from lmzoo.data.tags import OUTSIDE
from lmzoo.errors import ArgumentError, DataError
from lmzoo.tokenizers.char import CharTokenizer
from lmzoo.tokenizers.word import FIRST, UNKNOWN, WhitespaceTokenizer


@dataclass
class TaggingData(BatchedData):
    """Batches of tagged sentences, and everything that was counted on the way to them.

    `train`, `valid` and `test` are Datasets of (inputs, tags, weights): words int32 (batch, time),
    or with characters a tuple of these and int32 (batch, time, characters); tags int32 and
    weights float32 (batch, time); weight 0 marks padding. With intents they are of (inputs,
    (intents int32 (batch,), tags), (float32 (batch,), float32 (batch, time))). A batch holds
    sentences of similar length.

    Args:
        vocabulary: words, characters, tags and intents; save it beside the model.
        tagged: the sentences, with the tags of the vocabulary's scheme.
        word_counts: how often each id of a word occurs in training, (vocab_size,).
        class_counts: for each tag that training has, in the order of ids, how many words have it.
        report: counts of everything; `describe()` prints them.
        batches: the batches of each part.
    """

    vocabulary: TaggingVocabulary
    tagged: Tagged
    word_counts: np.ndarray
    class_counts: dict[str, int]
    report: dict[str, Any]
    batches: dict[str, TagBatches] = field(repr=False)

    @property
    def tokenizer(self) -> WhitespaceTokenizer:
        """Turns words into ids."""
        return self.vocabulary.tokenizer

    @property
    def vocab_size(self) -> int:
        """Number of ids of words."""
        return self.vocabulary.vocab_size

    @property
    def num_characters(self) -> int | None:
        """Number of ids of characters; None if they are not read."""
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
    def scheme(self) -> str | None:
        """By which scheme the tags mark spans; None: they mark none."""
        return self.vocabulary.scheme

    @property
    def has_spans(self) -> bool:
        """Whether tags mark spans, such as entities."""
        return self.vocabulary.has_spans

    @property
    def intents(self) -> list[str] | None:
        """Names of the intents; None if there are none."""
        return self.vocabulary.intents

    @property
    def num_intents(self) -> int | None:
        """Number of intents; None if there are none."""
        return self.vocabulary.num_intents

    @property
    def forbidden(self) -> list[list[int]]:
        """The pairs of tags that the scheme forbids; see `forbidden_transitions`."""
        return self.vocabulary.forbidden

    def words(self, part: str) -> list[list[str]]:
        """The words of each sentence of a part, too long ones too, but no empty ones."""
        return [found.words for found in self._read(part)]

    def tag_lists(self, part: str) -> list[list[str]]:
        """The true tags of each sentence of `words(part)`."""
        return [found.tags for found in self._read(part)]

    def intent_list(self, part: str) -> list[str]:
        """The true intent of each sentence of `words(part)`."""
        return [found.intent for found in self._read(part)]

    def inputs(self, sentences: Sequence[Sequence[str]]) -> Any:
        """What a model reads of sentences; see `TaggingVocabulary.inputs`."""
        return self.vocabulary.inputs(sentences)

    def _read(self, part: str) -> list[Sentence]:
        return [found for found in self.tagged.openers[part]() if found.words]

    def describe(self) -> str:
        """The report as lines of text."""
        lines = [("source", self.report["source"])]
        for name in ("vocabulary", "train", "valid", "test"):
            if name in self.report:
                shown = (f"{k} {_show(v)}" for k, v in self.report[name].items())
                lines.append((name, ", ".join(shown)))
        lines += [("note", note) for note in self.report["notes"]]
        return "\n".join(f"{name:10}  {text}" for name, text in lines)


def prepare_tagging(
    source: TaggedSource,
    *,
    columns: Sequence[str | int] | None = None,
    scheme: str | None = None,
    repair: bool = False,
    vocab_size: int | None = None,
    min_count: int = 1,
    lowercase: bool = True,
    normalize_digits: bool = False,
    characters: bool = True,
    max_word_length: int = 20,
    max_length: int | None = None,
    batch_size: int = 32,
    valid_fraction: float = 0.1,
    seed: int = 0,
) -> TaggingData:
    """Reads, numbers and batches tagged sentences.

    Words are taken as they are split. A tag or an intent that validation or test have and
    training lacks gets an id behind the others: the model can name it, never learns it, and so
    gets it wrong, which is how it counts; the report says how many there are.

    Args:
        source: files, folders, lists, "tfds:NAME", "grammar": see `read_tagged`, whose answer may
            be given too, as may that of `read_intents`.
        columns: of the word and of its tag: see `read_tagged`.
        scheme: to train on, "IOB2" or "IOBES"; None: that of the source, IOB2 if it is IOB1.
        repair: whether tags that break their scheme are mended and counted: see `read_tagged`.
        vocab_size: most ids of words, 5 special ones included; None: as many as there are.
        min_count: words that occur less often in training have no id of their own. With 1 no word
            of training is unknown, so what unknown words mean is only learned if some are
            forgotten in training.
        lowercase: whether words are lower-cased, not their characters.
        normalize_digits: whether digits of words become 0, not those of their characters.
        characters: whether the characters of each word are given too.
        max_word_length: most characters of a word, at least 2; a longer one loses its middle, and
            is counted.
        max_length: a sentence of more words is left out of the batches and counted; None: none.
        batch_size: sentences in a batch.
        valid_fraction: share of the sentences for validation where the source offers none;
            sentences of equal words stand on one side.
        seed: of split, order and the grammar's sample.

    Returns:
        The batches, the vocabulary and the counts.

    Raises:
        DataError: sentences that cannot be used: see `read_tagged`; none left in a part.
        ArgumentError: an argument outside its range.

    Example:
        >>> sentences = [(["Ann", "slept"], ["B-PER", "O"]), (["Bob", "ran"], ["B-PER", "O"])]
        >>> data = prepare_tagging(sentences, valid_fraction=0.0)
        >>> (words, letters), tags, weights = next(iter(data.train))
        >>> words.shape, letters.shape, tags.shape, data.tags
        (TensorShape([32, 4]), TensorShape([32, 4, 8]), TensorShape([32, 4]), ['O', 'B-PER'])
    """
    for name, value, least in (
        ("batch_size", batch_size, 1), ("min_count", min_count, 1), ("max_length", max_length, 1),
        ("max_word_length", max_word_length, 2), ("vocab_size", vocab_size, FIRST + 2),
    ):  # fmt: skip
        if value is not None and value < least:
            raise ArgumentError(f"{name} is {value}; it must be at least {least}")
    if isinstance(source, Tagged) and (columns is not None or repair):
        raise ArgumentError("columns and repair are for a source that is yet to be read: say them "
                            "to read_tagged or read_intents")  # fmt: skip
    tagged = read_tagged(source, columns=columns, repair=repair, seed=seed)
    tagged = split_tagged(in_scheme(tagged, scheme), valid_fraction, seed)
    counts = {part: _count(opener) for part, opener in tagged.openers.items()}
    if not counts["train"].words:
        raise DataError(f"{tagged.name} holds no word for training; check the source")
    kept = _choose_words(counts["train"].words, vocab_size, min_count, normalize_digits, lowercase)
    vocabulary = TaggingVocabulary(
        WhitespaceTokenizer(kept, lowercase=lowercase),
        CharTokenizer.train(counts["train"].words) if characters else None,
        _names({part: found.tags for part, found in counts.items()}),
        tagged.scheme,
        _names({part: found.intents for part, found in counts.items()})
        if isinstance(tagged, Intents)
        else None,
        max_word_length,
        normalize_digits,
    )
    return _batch(tagged, vocabulary, counts, max_length, batch_size, seed)


@dataclass
class _Counts:
    """How often words, tags and intents occur in a part."""

    words: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)


def _count(opener: Opener) -> _Counts:
    counts = _Counts()
    for sentence in opener():
        counts.words.update(sentence.words)
        counts.tags.update(sentence.tags)
        counts.intents[sentence.intent] += 1
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


def _names(counts: Mapping[str, Counter[str]]) -> list[str]:
    """Names in the order of their ids: "O", then those of training, then those of other parts."""
    seen = counts["train"]
    unseen = {name for part in counts.values() for name in part if name not in seen}
    first = [OUTSIDE] if OUTSIDE in seen else []
    return first + sorted(seen.keys() - {OUTSIDE}) + sorted(unseen)


def _batch(
    tagged: Tagged,
    vocabulary: TaggingVocabulary,
    counts: Mapping[str, _Counts],
    max_length: int | None,
    batch_size: int,
    seed: int,
) -> TaggingData:
    """Numbers the sentences of all parts, batches them, and makes the report."""
    forms, report = Forms(), _begin_report(tagged, vocabulary)
    encoded = {
        part: encode_tagged(opener(), forms, vocabulary, max_length)
        for part, opener in tagged.openers.items()
    }
    table = FormTable(forms, vocabulary)
    batches = {}
    for part, found in encoded.items():
        if part == "valid" and not found.counts["sentences"]:
            raise DataError(
                f"{tagged.name} has too few different sentences to set some aside for validation: "
                "give sentences for it, or valid_fraction=0"
            )
        if len(found.edges) < 2:
            raise DataError(
                f"{tagged.name} holds no usable sentence for {part}: of "
                f"{found.counts['sentences']:,} {found.counts['empty']:,} are empty and "
                f"{found.counts['too_long']:,} are longer than {max_length} words"
            )
        batches[part] = TagBatches(found, table, batch_size, seed if part == "train" else None)
        words = found.forms.ids
        report[part] = {
            **found.counts,
            "unknown_words": int(np.count_nonzero(table.word_ids[words] == 1)),
            "words_cut": int(np.count_nonzero(table.is_cut[words])),
            "batches": batches[part].steps,
        }
        report["notes"] += _unseen(part, counts)
    train = encoded["train"]
    word_counts = np.bincount(table.word_ids[train.forms.ids], minlength=vocabulary.vocab_size)
    found_tags = counts["train"].tags
    classes = {tag: found_tags[tag] for tag in vocabulary.tags if tag in found_tags}
    return TaggingData(vocabulary, tagged, word_counts, classes, report, batches)


def _begin_report(tagged: Tagged, vocabulary: TaggingVocabulary) -> dict[str, Any]:
    sizes: dict[str, Any] = {"words": vocabulary.vocab_size}
    sizes |= {"characters": vocabulary.num_characters or 0, "tags": vocabulary.num_tags}
    sizes["scheme"] = vocabulary.scheme or "none"
    if vocabulary.intents is not None:
        sizes["intents"] = len(vocabulary.intents)
    return {"source": tagged.name, "notes": list(tagged.notes), "vocabulary": sizes}


def _unseen(part: str, counts: Mapping[str, _Counts]) -> list[str]:
    """Sentences about tags and intents of a part that training lacks."""
    notes = []
    for what, known, found in (
        ("tags", counts["train"].tags, counts[part].tags),
        ("intents", counts["train"].intents, counts[part].intents),
    ):
        unseen = sorted(name for name in found if name not in known)
        if unseen:
            total = sum(found[name] for name in unseen)
            units = "words" if what == "tags" else "sentences"
            notes.append(
                f"{part}: {total:,} {units} have {what} that training lacks, and will count as "
                f"wrong: {', '.join(unseen[:8])}"
            )
    return notes


def _show(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
