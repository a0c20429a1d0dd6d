"""Tagged sentences from TensorFlow Datasets."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow_datasets as tfds

from lmzoo.data.sentences import Opener, Sentence, make_sentence
from lmzoo.data.tfds import _builder, _fetch
from lmzoo.errors import DataError

# What data sets call the tags, the likeliest first.
_TAG_NAMES = ("ner", "tags", "ner_tags", "upos", "pos", "labels")


def read_tfds_tags(
    name: str, columns: Sequence[str | int] | None
) -> tuple[str, Mapping[str, Opener], list[str]]:
    """Finds words and tags of a data set, which is fetched if it is not there yet.

    Args:
        name: the data set, such as "conll2003".
        columns: the features of the words and of their tags, both sequences; None takes the only
            sequence of texts, and among sequences of classes the one called "ner", "tags" or so.

    Returns:
        What a report calls the sentences, a function to open each part, sentences for the report.

    Raises:
        DataError: no such data set, no such features, or no split for training.
    """
    builder = _builder(name)
    features = dict(builder.info.features.items())
    texts = [key for key, value in features.items() if _is_sequence(value) and _is_text(value)]
    classes = [key for key, value in features.items() if _is_sequence(value) and _names(value)]
    if columns is None:
        named = [key for key in _TAG_NAMES if key in classes] or classes
        words, tags = (texts or [""])[0], (named or [""])[0]
    else:
        words, tags = (str(column) for column in columns)
    if words not in texts or tags not in texts + classes or (columns is None and len(texts) > 1):
        raise DataError(
            f"tfds:{name} has the sequences of texts {', '.join(texts) or 'none'} and of classes "
            f"{', '.join(classes) or 'none'}: say which are words and tags, columns=(words, tags)"
        )
    openers = {
        part: _open(builder, split, (words, tags), _names(features[tags]))
        for part, split in _fetch(builder).items()
    }
    return f"tfds:{name}", openers, [f"features read: {words}, {tags}"]


def _is_sequence(feature: Any) -> bool:
    return isinstance(feature, tfds.features.Sequence) and getattr(feature, "shape", None) == (
        None,
    )


def _is_text(sequence: Any) -> bool:
    return sequence.feature.np_dtype in (object, str, bytes)


def _names(sequence: Any) -> list[str]:
    """The names of the classes of a sequence; none if it holds no classes."""
    return list(getattr(getattr(sequence, "feature", None), "names", None) or [])


def _open(builder: Any, split: str, keys: tuple[str, str], names: list[str]) -> Opener:
    """Reads the split in its stored order."""

    def read() -> Iterator[Sentence]:
        examples = builder.as_dataset(split=split, shuffle_files=False)
        columns = examples.map(lambda example: (example[keys[0]], example[keys[1]])).prefetch(64)
        for number, (words, tags) in enumerate(columns.as_numpy_iterator()):
            place = f"tfds:{builder.name}, {split} {number:,}"
            found = [names[tag] if names else _decode(tag, place) for tag in tags]
            yield make_sentence([_decode(word, place) for word in words], found, place)

    return read


def _decode(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place} holds a word that is not UTF-8 ({error}): {data[:40]!r}"
        ) from error
