"""The vocabulary of a tagger: ids of words, characters, tags and intents, saved in one file."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lmzoo.data.batching.widths import round_up
from lmzoo.data.tags.schemes import forbidden_transitions
from lmzoo.errors import ArgumentError, DataError, LmzooError
from lmzoo.files import read_json, reading, write_json
from lmzoo.tokenizers.char import CharTokenizer
from lmzoo.tokenizers.cleaning import lower, normalized
from lmzoo.tokenizers.word import FIRST, WhitespaceTokenizer

FORMAT, VERSION = "lmzoo tagging vocabulary", 1


@dataclass
class TaggingVocabulary:
    """Words to ids, and ids of tags and intents to their names.

    Args:
        tokenizer, characters: ids of words and of their characters; None: no characters.
        tags, intents: names in the order of their ids; None: no intents.
        scheme: of tags that mark spans; None: they mark none.
        max_word_length: most characters of a word; a longer one loses its middle.
        normalize_digits: whether every digit of a word becomes 0 (but not in its characters).

    Example:
        >>> words = WhitespaceTokenizer(["ann", "slept"], lowercase=True)
        >>> TaggingVocabulary(words, None, ["O", "B-PER"], "IOB2").inputs([["Ann", "slept"]])
        array([[5, 6, 0, 0]], dtype=int32)
    """

    tokenizer: WhitespaceTokenizer
    characters: CharTokenizer | None
    tags: list[str]
    scheme: str | None
    intents: list[str] | None = None
    max_word_length: int = 20
    normalize_digits: bool = False

    @property
    def vocab_size(self) -> int:
        """Number of ids of words."""
        return self.tokenizer.vocab_size

    @property
    def num_characters(self) -> int | None:
        """Number of ids of characters; None: no characters."""
        return None if self.characters is None else self.characters.vocab_size

    @property
    def num_tags(self) -> int:
        """Number of tags."""
        return len(self.tags)

    @property
    def num_intents(self) -> int | None:
        """Number of intents; None: no intents."""
        return None if self.intents is None else len(self.intents)

    @property
    def has_spans(self) -> bool:
        """Whether tags mark spans, such as entities, unlike parts of speech."""
        return self.scheme is not None

    @property
    def forbidden(self) -> list[list[int]]:
        """Pairs of tags that the scheme forbids; see `forbidden_transitions`."""
        return forbidden_transitions(self.tags, self.scheme)

    @property
    def sizes(self) -> dict[str, Any]:
        """Counts for a report."""
        sizes: dict[str, Any] = {"words": self.vocab_size, "characters": self.num_characters or 0}
        sizes |= {"tags": self.num_tags, "scheme": self.scheme or "none"}
        return sizes if self.intents is None else {**sizes, "intents": len(self.intents)}

    def word_ids(self, words: Sequence[str]) -> np.ndarray:
        """Ids of words, int32 (words,)."""
        keys = [word_key(word, self.normalize_digits) for word in words]
        return np.concatenate([np.zeros(0, np.int32), *self.tokenizer.encode_batch(keys)])

    def character_ids(self, words: Sequence[str]) -> np.ndarray:
        """Ids of the characters of words, int32 (words, max_word_length), padded with 0."""
        ids = np.zeros((len(words), self.max_word_length), np.int32)
        if self.characters is not None:
            cut = [cut_middle(normal_form(word), self.max_word_length) for word in words]
            for row, word in zip(ids, self.characters.encode_batch(cut), strict=True):
                row[: len(word)] = word
        return ids

    def inputs(self, sentences: Sequence[Sequence[str]]) -> Any:
        """Encodes sentences as padded inputs of a tagger, as in `TaggingData`."""
        lengths = [len(words) for words in sentences]
        if not lengths or not min(lengths):
            problem = f"sentence {lengths.index(0)} has no word" if lengths else "no sentence"
            raise ArgumentError(f"{problem}: give sentences of at least one word")
        real = np.arange(round_up(max(lengths))) < np.array(lengths)[:, None]
        flat = [word for words in sentences for word in words]
        ids = np.zeros(real.shape, np.int32)
        ids[real] = self.word_ids(flat)
        if self.characters is None:
            return ids
        of_words = self.character_ids(flat)
        width = character_width((of_words > 0).sum(axis=1).max(), self.max_word_length)
        characters = np.zeros((*real.shape, width), np.int32)
        characters[real] = of_words[:, :width]
        return ids, characters

    def tag_names(self, ids: np.ndarray, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The names of the tags of each word, from ids (sentences, time) with any padding."""
        rows = np.asarray(ids)
        longest = max(map(len, sentences), default=0)
        if rows.ndim != 2 or len(rows) != len(sentences) or rows.shape[1] < longest:
            raise ArgumentError(
                f"ids of shape {rows.shape} for {len(sentences)} sentences of up to {longest} words"
            )
        return [
            [self.tags[int(tag)] for tag in row[: len(words)]]
            for row, words in zip(rows, sentences, strict=True)
        ]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything to one file, whole or not at all; makes its folder."""
        names = range(FIRST + 1, self.tokenizer.vocab_size)
        characters = self.characters
        record = {
            "format": FORMAT,
            "version": VERSION,
            "words": [self.tokenizer.id_to_token(index) for index in names],
            "lowercase": self.tokenizer.lowercase,
            "normalize_digits": self.normalize_digits,
            "characters": characters and "".join(
                characters.id_to_token(index) for index in range(FIRST, characters.vocab_size)
            ),
            "max_word_length": self.max_word_length,
            "tags": self.tags,
            "scheme": self.scheme,
            "intents": self.intents,
        }  # fmt: skip
        write_json(path, record)


def load_tagging_vocabulary(path: str | os.PathLike[str]) -> TaggingVocabulary:
    """Loads a vocabulary that `TaggingVocabulary.save` wrote.

    Args:
        path: the file; DataError if there is none, or one of another kind.

    Returns:
        An equal vocabulary.

    Example:
        >>> TaggingVocabulary(WhitespaceTokenizer(["ann"]), None, ["O"], None).save("words.json")
        >>> load_tagging_vocabulary("words.json").tags
        ['O']
    """
    try:
        with reading(path):
            record = read_json(path)
        if (record["format"], record["version"]) != (FORMAT, VERSION):
            raise DataError(f"{path} is no {FORMAT} of version {VERSION}")
        return TaggingVocabulary(
            WhitespaceTokenizer(record["words"], lowercase=record["lowercase"]),
            CharTokenizer(record["characters"]) if record["characters"] else None,
            record["tags"],
            record["scheme"],
            record["intents"],
            record["max_word_length"],
            record["normalize_digits"],
        )
    except LmzooError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataError(f"{path} is no whole {FORMAT} ({error!r}); save it again") from error


def normal_form(word: str) -> str:
    """A word as tokenizers normalize it; itself, if nothing would be left."""
    return normalized(word) or word


def word_key(word: str, normalize_digits: bool, lowercase: bool = False) -> str:
    """The entry of a word in the vocabulary: normalized, and white space inside becomes "_"."""
    key = re.sub(r"\s+", "_", normal_form(word))
    if normalize_digits:
        key = re.sub(r"\d", "0", key)
    return lower(key) if lowercase else key


def cut_middle(word: str, longest: int) -> str:
    """A word without its middle if it is too long."""
    if len(word) <= longest:
        return word
    return word[: (longest + 1) // 2] + word[len(word) - longest // 2 :]


def character_width(longest: int, most: int) -> int:
    """The padded length of the longest word: a multiple of 4, at most `most`."""
    return min(round_up(int(longest)), most)
